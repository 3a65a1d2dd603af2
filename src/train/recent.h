/* SPDX-License-Identifier: MIT */
/* recent.h: the scores of the latest examples trained on. They are part of a checkpoint, so that
 * the figures of training go on after a resume as well. */
#ifndef RMX_TRAIN_RECENT_H
#define RMX_TRAIN_RECENT_H

#include <stdint.h>

#include "train/metrics.h"

#define RMX_RECENT_EXAMPLES 16384

typedef struct rmx_recent {
    int32_t tasks;
    float *logits, *labels;  /* [RMX_RECENT_EXAMPLES, tasks], example i in row i % that */
    rmx_metrics_term *terms; /* of each, so that a line of metrics need not compute them all */
    uint8_t *bytes;          /* scratch */
    rmx_metrics *of_task;    /* [tasks], of the last rmx_recent_metrics */
} rmx_recent;

RMX_NODISCARD rmx_status rmx_recent_init(rmx_recent *recent, int32_t tasks, rmx_error *error);
void rmx_recent_free(rmx_recent *recent);
/* After logits and labels were written from elsewhere. */
void rmx_recent_loaded(rmx_recent *recent);
/* seen: examples before these. */
void rmx_recent_add(rmx_recent *recent, int64_t seen, int64_t samples, const float *logits,
                    const uint8_t *labels);
/* Over the latest min(seen, RMX_RECENT_EXAMPLES) examples: of each task into recent->of_task, their
 * mean into *out. */
RMX_NODISCARD rmx_status rmx_recent_metrics(const rmx_recent *recent, int64_t seen,
                                            rmx_metrics *out, rmx_error *error);

#endif /* RMX_TRAIN_RECENT_H */
