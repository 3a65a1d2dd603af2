/* SPDX-License-Identifier: MIT */
/* run_log.h: writes the metrics of a run to metrics.jsonl and to a TensorBoard event file. */
#ifndef RMX_TRAIN_RUN_LOG_H
#define RMX_TRAIN_RUN_LOG_H

#include <stdint.h>
#include <stdio.h>

#include "core/error.h"
#include "train/metrics.h"

typedef struct rmx_run_log {
    FILE *lines, *events;
    char lines_path[4096];
} rmx_run_log;

typedef struct rmx_log_step {
    int64_t step, epoch, examples;
    double loss, lr, grad_norm, examples_per_s, seconds;
    rmx_metrics_set latest; /* of the latest examples trained on */
} rmx_log_step;

/* Opens FOLDER/metrics.jsonl and removes, in one move, what is later than the resumed step: lines
 * of training after `step`, lines of evaluation after `evaluated_step`. Starts an event file in
 * FOLDER/tensorboard. Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_run_log_open(const char *folder, int64_t step, int64_t evaluated_step,
                                          rmx_run_log *out, rmx_error *error);
RMX_NODISCARD rmx_status rmx_run_log_step(rmx_run_log *log, const rmx_log_step *values,
                                          rmx_error *error);
RMX_NODISCARD rmx_status rmx_run_log_valid(rmx_run_log *log, int64_t step, int64_t examples,
                                           const rmx_metrics_set *metrics, double seconds,
                                           rmx_error *error);
void rmx_run_log_close(rmx_run_log *log);

#endif /* RMX_TRAIN_RUN_LOG_H */
