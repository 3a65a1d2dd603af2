/* SPDX-License-Identifier: MIT */
/* metrics_text.h: prints metrics for people, on stderr. */
#ifndef RMX_TRAIN_METRICS_TEXT_H
#define RMX_TRAIN_METRICS_TEXT_H

#include "train/metrics.h"
#include "train/describe.h"

/* Prints "valid   step 20  logloss ...", and with several tasks a line for each. ceiling NaN:
 * none. */
void rmx_metrics_say(rmx_progress *progress, const char *role, int64_t step,
                     const rmx_metrics_set *set, double ceiling);
/* Prints a table of the tasks, then the calibration of each by decile. */
void rmx_metrics_say_table(rmx_progress *progress, const rmx_metrics_set *set,
                           rmx_metrics_bin (*bins)[RMX_METRICS_BINS]);
/* Prints a warning with the reason for each task of the set at path that has no AUC or, where the
 * set has groups, no GAUC. */
void rmx_metrics_warn_undefined(rmx_progress *progress, const char *path,
                                const rmx_metrics_set *set);

#endif /* RMX_TRAIN_METRICS_TEXT_H */
