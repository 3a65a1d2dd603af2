/* SPDX-License-Identifier: MIT */
/* metrics_json.h: metrics as JSON. All programs use the same names. */
#ifndef RMX_TRAIN_METRICS_JSON_H
#define RMX_TRAIN_METRICS_JSON_H

#include <stdio.h>

#include "train/metrics.h"

/* ,"auc":...,"auc_low":... and so on: every figure. An undefined figure is null, and
 * "auc_undefined" and "gauc_undefined" give the reason. name: of the task; NULL: the mean of
 * several. */
void rmx_json_metrics(FILE *out, const rmx_metrics *metrics, const char *name);
/* ,"ROLE_auc":...,"ROLE_auc_low":... and so on: the figures in the results of a run.
 * "ROLE_auc_undefined" says why there is no AUC, unless there are no rows at all. */
void rmx_json_result(FILE *out, const char *role, const rmx_metrics *metrics, const char *name);
/* "examples":...,"positives":... and so on: the counts of one task, without a leading comma. */
void rmx_json_counts(FILE *out, const rmx_metrics *metrics);
/* ,"deciles":[{"count":...,"mean_prediction":...,"mean_label":...},...] without empty bins. */
void rmx_json_bins(FILE *out, const rmx_metrics_bin bins[RMX_METRICS_BINS]);

#endif /* RMX_TRAIN_METRICS_JSON_H */
