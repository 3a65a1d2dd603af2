/* SPDX-License-Identifier: MIT */
/* evaluate.h: a model's metrics on a data set. */
#ifndef RMX_TRAIN_EVALUATE_H
#define RMX_TRAIN_EVALUATE_H

#include <stdbool.h>

#include "data/dataset.h"
#include "rankmixer/model.h"
#include "train/metrics.h"

/* Told of every batch: rows done of all. May be NULL. */
typedef void (*rmx_evaluate_progress)(void *user, int64_t done, int64_t total);

/* Reads the whole set in its order, from the start, and fills out[0 .. tasks-1] and, unless that is
 * NULL, bins[0 .. tasks-1]. A stop signal ends it early: then *stopped is true and nothing is
 * written to out. RMX_ERR_NUMERIC: a score is not finite (scoring.h); RMX_ERR_DATA: a set without
 * labels. Memory: 5 bytes a row and task, 8 more with groups, then what rmx_metrics_compute
 * needs. */
RMX_NODISCARD rmx_status rmx_evaluate(rmx_context *ctx, rmx_model *model, rmx_reader *reader,
                                      rmx_evaluate_progress progress, void *user, rmx_metrics *out,
                                      rmx_metrics_bin (*bins)[RMX_METRICS_BINS], bool *stopped,
                                      rmx_error *error);

#endif /* RMX_TRAIN_EVALUATE_H */
