/* SPDX-License-Identifier: MIT */
/* evaluate.c: see evaluate.h. */
#include "train/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "train/score_batch.h"
#include "train/stop_signal.h"

typedef struct scores {
    float *logits;    /* [rows, tasks] */
    uint8_t *labels;  /* [rows, tasks] */
    uint64_t *groups; /* [rows] or NULL */
    int64_t rows;
} scores;

static rmx_status collect(rmx_context *ctx, rmx_model *model, rmx_reader *reader, scores *s,
                          rmx_progress *progress, bool *stopped, rmx_error *error)
{
    const rmx_schema *schema = rmx_reader_schema(reader);
    const int64_t tasks = schema->tasks;
    rmx_reader_view view;
    rmx_status status = rmx_reader_seek(reader, 0, 0, error);
    while (status == RMX_OK) {
        if ((*stopped = rmx_stop_requested())) return RMX_OK;
        if ((status = rmx_reader_next(reader, &view, error)) != RMX_OK) break;
        if (view.samples == 0 || s->rows + view.samples > schema->rows) break;
        status = rmx_score(ctx, model, schema, reader, &view, s->logits + s->rows * tasks, error);
        if (status != RMX_OK) break;
        memcpy(s->labels + s->rows * tasks, view.labels, (size_t)(view.samples * tasks));
        if (s->groups)
            memcpy(s->groups + s->rows, view.group, (size_t)view.samples * sizeof(uint64_t));
        s->rows += view.samples;
        rmx_progress_work(progress, s->rows, schema->rows, "evaluating");
    }
    return status;
}

static rmx_status measure(const scores *s, int32_t tasks, rmx_metrics *out,
                          rmx_metrics_bin (*bins)[RMX_METRICS_BINS], rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int32_t t = 0; status == RMX_OK && t < tasks; t++) {
        status = rmx_metrics_compute(s->rows, tasks, s->logits + t, s->labels + t, NULL, s->groups,
                                     &out[t], error);
        if (status == RMX_OK && bins)
            status =
                rmx_metrics_bins(s->rows, tasks, s->logits + t, s->labels + t, bins[t], error);
    }
    return status;
}

rmx_status rmx_evaluate(rmx_context *ctx, rmx_model *model, rmx_reader *reader,
                        rmx_progress *progress, rmx_metrics *out,
                        rmx_metrics_bin (*bins)[RMX_METRICS_BINS], bool *stopped, rmx_error *error)
{
    const rmx_schema *schema = rmx_reader_schema(reader);
    const size_t values = (size_t)schema->rows * (size_t)schema->tasks;
    *stopped = false;
    rmx_status status = rmx_schema_need_labels(schema, rmx_reader_path(reader), error);
    if (status != RMX_OK) return status;
    scores s = {.logits = malloc(values * sizeof(float) + 1), .labels = malloc(values + 1)};
    if (schema->has_group) s.groups = malloc((size_t)schema->rows * sizeof(uint64_t) + 1);
    if (!s.logits || !s.labels || (schema->has_group && !s.groups))
        status = rmx_fail(error, RMX_ERR_MEMORY, "%s: out of memory for the scores of %lld rows",
                          rmx_reader_path(reader), (long long)schema->rows);
    if (status == RMX_OK) status = collect(ctx, model, reader, &s, progress, stopped, error);
    if (status == RMX_OK && !*stopped) status = measure(&s, schema->tasks, out, bins, error);
    free(s.logits);
    free(s.labels);
    free(s.groups);
    return status;
}
