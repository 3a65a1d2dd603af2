/* SPDX-License-Identifier: MIT */
/* latest_scores.h: the scores of the latest examples that were trained on. A checkpoint holds them,
 * so a resumed run prints the same figures of training. */
#ifndef RMX_TRAIN_LATEST_SCORES_H
#define RMX_TRAIN_LATEST_SCORES_H

#include <stdint.h>

#include "train/metrics.h"

#define RMX_LATEST_EXAMPLES 16384

typedef struct rmx_latest_scores {
    int32_t tasks;
    float *logits,
        *labels; /* [RMX_LATEST_EXAMPLES, tasks]; example i is in row i % RMX_LATEST_EXAMPLES */
    rmx_metrics_term *terms; /* kept, so that a line of metrics need not compute them again */
    uint8_t *bytes;          /* scratch */
    rmx_metrics *of_task;    /* [tasks], from the last call of rmx_latest_scores_metrics */
} rmx_latest_scores;

RMX_NODISCARD rmx_status rmx_latest_scores_init(rmx_latest_scores *latest, int32_t tasks,
                                                rmx_error *error);
void rmx_latest_scores_free(rmx_latest_scores *latest);
/* Call this after logits and labels were read from a checkpoint. */
void rmx_latest_scores_loaded(rmx_latest_scores *latest);
/* seen: the number of examples before these. */
void rmx_latest_scores_add(rmx_latest_scores *latest, int64_t seen, int64_t samples,
                           const float *logits, const uint8_t *labels);
/* Computes the metrics of the latest min(seen, RMX_LATEST_EXAMPLES) examples: of each task into
 * latest->of_task, their mean into *out. */
RMX_NODISCARD rmx_status rmx_latest_scores_metrics(const rmx_latest_scores *latest, int64_t seen,
                                                   rmx_metrics *out, rmx_error *error);

#endif /* RMX_TRAIN_LATEST_SCORES_H */
