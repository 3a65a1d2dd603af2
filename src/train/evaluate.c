/* SPDX-License-Identifier: MIT */
/* evaluate.c: see evaluate.h. */
#include "train/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "train/stop.h"

typedef struct scores {
    float *logits;    /* [rows, tasks] */
    uint8_t *labels;  /* [rows, tasks] */
    uint64_t *groups; /* [rows] or NULL */
    int64_t rows;
} scores;

static rmx_status collect(rmx_context *ctx, rmx_model *model, rmx_reader *reader, scores *s,
                          rmx_evaluate_progress progress, void *user, bool *stopped,
                          rmx_error *error)
{
    const rmx_schema *schema = rmx_reader_schema(reader);
    const int64_t tasks = schema->tasks;
    rmx_reader_view view;
    rmx_status status = rmx_reader_seek(reader, 0, 0, error);
    while (status == RMX_OK) {
        if ((*stopped = rmx_stop_requested())) return RMX_OK;
        if ((status = rmx_reader_next(reader, &view, error)) != RMX_OK) break;
        if (view.samples == 0 || s->rows + view.samples > schema->rows) break;
        const rmx_batch batch = rmx_reader_batch(&view);
        rmx_status step = rmx_model_load(model, &batch);
        if (step == RMX_OK) step = rmx_model_forward(model);
        if (step == RMX_OK) step = rmx_model_logits(model, s->logits + s->rows * tasks);
        if (step != RMX_OK) return rmx_fail(error, step, "%s", rmx_last_error(ctx));
        memcpy(s->labels + s->rows * tasks, view.labels, (size_t)(view.samples * tasks));
        if (s->groups)
            memcpy(s->groups + s->rows, view.group, (size_t)view.samples * sizeof(uint64_t));
        s->rows += view.samples;
        if (progress) progress(user, s->rows, schema->rows);
    }
    return status;
}

rmx_status rmx_evaluate(rmx_context *ctx, rmx_model *model, rmx_reader *reader,
                        rmx_evaluate_progress progress, void *user, rmx_metrics *out,
                        bool *stopped, rmx_error *error)
{
    const rmx_schema *schema = rmx_reader_schema(reader);
    const size_t values = (size_t)schema->rows * (size_t)schema->tasks;
    rmx_status status;
    scores s = {.logits = malloc(values * sizeof(float) + 1), .labels = malloc(values + 1)};
    if (schema->has_group) s.groups = malloc((size_t)schema->rows * sizeof(uint64_t) + 1);
    if (!s.logits || !s.labels || (schema->has_group && !s.groups)) {
        status = rmx_fail(error, RMX_ERR_MEMORY, "%s: out of memory for the scores of %lld rows",
                          rmx_reader_path(reader), (long long)schema->rows);
        goto cleanup;
    }
    *stopped = false;
    status = collect(ctx, model, reader, &s, progress, user, stopped, error);
    for (int32_t t = 0; status == RMX_OK && !*stopped && t < schema->tasks; t++)
        status = rmx_metrics_compute(s.rows, schema->tasks, s.logits + t, s.labels + t, NULL,
                                     s.groups, &out[t], error);
cleanup:
    free(s.logits);
    free(s.labels);
    free(s.groups);
    return status;
}

rmx_metrics rmx_metrics_mean(const rmx_metrics *of_task, int32_t tasks)
{
    rmx_metrics mean = of_task[0];
    for (int32_t t = 1; t < tasks; t++) {
        mean.auc += of_task[t].auc;
        mean.logloss += of_task[t].logloss;
        mean.mean_prediction += of_task[t].mean_prediction;
        mean.calibration += of_task[t].calibration;
        mean.gauc += of_task[t].gauc;
    }
    mean.auc /= tasks;
    mean.logloss /= tasks;
    mean.mean_prediction /= tasks;
    mean.calibration /= tasks;
    mean.gauc /= tasks;
    return mean;
}
