/* SPDX-License-Identifier: MIT */
/* latest_scores.c: see latest_scores.h. */
#include "train/latest_scores.h"

#include <stdlib.h>
#include <string.h>

rmx_status rmx_latest_scores_init(rmx_latest_scores *latest, int32_t tasks, rmx_error *error)
{
    const size_t values = (size_t)RMX_LATEST_EXAMPLES * (size_t)tasks;
    *latest = (rmx_latest_scores){.tasks = tasks,
                                  .logits = calloc(values, sizeof(float)),
                                  .labels = calloc(values, sizeof(float)),
                                  .terms = calloc(values, sizeof *latest->terms),
                                  .bytes = malloc(values),
                                  .of_task = calloc((size_t)tasks, sizeof *latest->of_task)};
    if (latest->logits && latest->labels && latest->terms && latest->bytes && latest->of_task)
        return RMX_OK;
    rmx_latest_scores_free(latest);
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the latest examples");
}

void rmx_latest_scores_free(rmx_latest_scores *latest)
{
    free(latest->logits);
    free(latest->labels);
    free(latest->terms);
    free(latest->bytes);
    free(latest->of_task);
    memset(latest, 0, sizeof *latest);
}

/* A label of a checkpoint: 0, 1 or, where it is masked, 255. */
static uint8_t label_of(float stored)
{
    return stored > 1.5f ? RMX_METRICS_MASKED : stored > 0.5f;
}

void rmx_latest_scores_loaded(rmx_latest_scores *latest)
{
    for (int64_t i = 0; i < RMX_LATEST_EXAMPLES * (int64_t)latest->tasks; i++)
        latest->terms[i] = rmx_metrics_term_of(latest->logits[i], label_of(latest->labels[i]));
}

void rmx_latest_scores_add(rmx_latest_scores *latest, int64_t seen, int64_t samples,
                           const float *logits, const uint8_t *labels)
{
    const int64_t tasks = latest->tasks;
    for (int64_t i = 0; i < samples; i++) {
        const int64_t row = (int64_t)(((uint64_t)seen + (uint64_t)i) % RMX_LATEST_EXAMPLES);
        for (int64_t t = 0; t < tasks; t++) {
            latest->logits[row * tasks + t] = logits[i * tasks + t];
            latest->labels[row * tasks + t] = (float)labels[i * tasks + t];
            latest->terms[row * tasks + t] =
                rmx_metrics_term_of(logits[i * tasks + t], labels[i * tasks + t]);
        }
    }
}

rmx_status rmx_latest_scores_metrics(const rmx_latest_scores *latest, int64_t seen,
                                     rmx_metrics *out, rmx_error *error)
{
    const int64_t rows = seen < RMX_LATEST_EXAMPLES ? seen : RMX_LATEST_EXAMPLES;
    const int32_t tasks = latest->tasks;
    rmx_status status = RMX_OK;
    for (int64_t i = 0; i < rows * tasks; i++) latest->bytes[i] = label_of(latest->labels[i]);
    for (int32_t t = 0; status == RMX_OK && t < tasks; t++)
        status = rmx_metrics_compute(rows, tasks, latest->logits + t, latest->bytes + t,
                                     latest->terms + t, NULL, &latest->of_task[t], error);
    if (status == RMX_OK) *out = rmx_metrics_mean(latest->of_task, tasks);
    return status;
}
