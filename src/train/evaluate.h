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

/* Reads the whole set in its order, from the start, and fills out[0 .. tasks-1]. A stop signal
 * ends it early: then *stopped is true and nothing is written to out.
 * Memory: 5 bytes a row and task, 8 more with groups, then what rmx_metrics_compute needs. */
RMX_NODISCARD rmx_status rmx_evaluate(rmx_context *ctx, rmx_model *model, rmx_reader *reader,
                                      rmx_evaluate_progress progress, void *user, rmx_metrics *out,
                                      bool *stopped, rmx_error *error);

/* The mean over tasks of every figure; counts are those of the first. */
rmx_metrics rmx_metrics_mean(const rmx_metrics *of_task, int32_t tasks);

#endif /* RMX_TRAIN_EVALUATE_H */
