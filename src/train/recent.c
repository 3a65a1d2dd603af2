/* SPDX-License-Identifier: MIT */
/* recent.c: see recent.h. */
#include "train/recent.h"

#include <stdlib.h>
#include <string.h>

rmx_status rmx_recent_init(rmx_recent *recent, int32_t tasks, rmx_error *error)
{
    const size_t values = (size_t)RMX_RECENT_EXAMPLES * (size_t)tasks;
    *recent = (rmx_recent){.tasks = tasks,
                           .logits = calloc(values, sizeof(float)),
                           .labels = calloc(values, sizeof(float)),
                           .terms = calloc(values, sizeof *recent->terms),
                           .bytes = malloc(values),
                           .of_task = calloc((size_t)tasks, sizeof *recent->of_task)};
    if (recent->logits && recent->labels && recent->terms && recent->bytes && recent->of_task)
        return RMX_OK;
    rmx_recent_free(recent);
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the latest examples");
}

void rmx_recent_free(rmx_recent *recent)
{
    free(recent->logits);
    free(recent->labels);
    free(recent->terms);
    free(recent->bytes);
    free(recent->of_task);
    memset(recent, 0, sizeof *recent);
}

/* A label as it lies in a checkpoint: 0, 1 or, where it is masked, 255. */
static uint8_t label_of(float stored)
{
    return stored > 1.5f ? RMX_METRICS_MASKED : stored > 0.5f;
}

void rmx_recent_loaded(rmx_recent *recent)
{
    for (int64_t i = 0; i < RMX_RECENT_EXAMPLES * (int64_t)recent->tasks; i++)
        recent->terms[i] = rmx_metrics_term_of(recent->logits[i], label_of(recent->labels[i]));
}

void rmx_recent_add(rmx_recent *recent, int64_t seen, int64_t samples, const float *logits,
                    const uint8_t *labels)
{
    const int64_t tasks = recent->tasks;
    for (int64_t i = 0; i < samples; i++) {
        const int64_t row = (int64_t)(((uint64_t)seen + (uint64_t)i) % RMX_RECENT_EXAMPLES);
        for (int64_t t = 0; t < tasks; t++) {
            recent->logits[row * tasks + t] = logits[i * tasks + t];
            recent->labels[row * tasks + t] = (float)labels[i * tasks + t];
            recent->terms[row * tasks + t] =
                rmx_metrics_term_of(logits[i * tasks + t], labels[i * tasks + t]);
        }
    }
}

rmx_status rmx_recent_metrics(const rmx_recent *recent, int64_t seen, rmx_metrics *out,
                              rmx_error *error)
{
    const int64_t rows = seen < RMX_RECENT_EXAMPLES ? seen : RMX_RECENT_EXAMPLES;
    const int32_t tasks = recent->tasks;
    rmx_status status = RMX_OK;
    for (int64_t i = 0; i < rows * tasks; i++) recent->bytes[i] = label_of(recent->labels[i]);
    for (int32_t t = 0; status == RMX_OK && t < tasks; t++)
        status = rmx_metrics_compute(rows, tasks, recent->logits + t, recent->bytes + t,
                                     recent->terms + t, NULL, &recent->of_task[t], error);
    if (status == RMX_OK) *out = rmx_metrics_mean(recent->of_task, tasks);
    return status;
}
