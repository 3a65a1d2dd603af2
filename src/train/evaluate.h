/* SPDX-License-Identifier: MIT */
/* evaluate.h: computes a model's metrics on a data set. */
#ifndef RMX_TRAIN_EVALUATE_H
#define RMX_TRAIN_EVALUATE_H

#include <stdbool.h>

#include "data/dataset.h"
#include "data/progress_line.h"
#include "rankmixer/model.h"
#include "train/metrics.h"

/* Scores the whole set in its order, from the start, and shows the work on the progress line. Fills
 * out[0 .. tasks-1] and, where bins is not NULL, bins[0 .. tasks-1]. A stop signal ends it early:
 * *stopped is true then, and out is not written. Memory: 5 bytes a row and task, 8 more a row with
 * groups, and what rmx_metrics_compute needs. Returns RMX_OK; RMX_ERR_NUMERIC (a score is not
 * finite, see score_batch.h); RMX_ERR_DATA (e.g. a set without labels); RMX_ERR_MEMORY;
 * RMX_ERR_DEVICE. */
RMX_NODISCARD rmx_status rmx_evaluate(rmx_context *ctx, rmx_model *model, rmx_reader *reader,
                                      rmx_progress *progress, rmx_metrics *out,
                                      rmx_metrics_bin (*bins)[RMX_METRICS_BINS], bool *stopped,
                                      rmx_error *error);

#endif /* RMX_TRAIN_EVALUATE_H */
