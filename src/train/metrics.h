/* SPDX-License-Identifier: MIT */
/* metrics.h: how well scores rank and how well they are calibrated. Plain functions over host
 * arrays; nothing depends on the order of equal scores. */
#ifndef RMX_TRAIN_METRICS_H
#define RMX_TRAIN_METRICS_H

#include <stdint.h>

#include "core/error.h"
#include "rankmixer/status.h"

typedef struct rmx_metrics {
    int64_t examples, positives;
    double auc;             /* NaN where one class is missing */
    double logloss;         /* mean of -log p(label), natural logarithm */
    double mean_prediction; /* mean of sigmoid(logit) */
    double calibration;     /* mean prediction / mean label; NaN without positives */
    double gauc;            /* NaN without groups, or where no group has both classes */
    int64_t groups;         /* groups with both classes */
} rmx_metrics;

/* What an example adds to the sums: sigmoid and -log p(label) in double, stable for any logit. */
typedef struct rmx_metrics_term {
    double probability, logloss;
} rmx_metrics_term;

/* All of the above for one task.
 *
 *   in  logits [n]  finite or infinite, not NaN; element i is logits[i * stride]
 *   in  labels [n]  0 or 1;                      element i is labels[i * stride]
 *   in  terms  [n]  those of rmx_metrics_term_of, terms[i * stride], or NULL: they are computed
 *   in  groups [n]  or NULL
 *
 * AUC:     the share of (positive, negative) pairs that are in the right order, ties counting
 *          one half; exact: an integer count, divided once.
 * GAUC:    the AUC of each group that has both classes, weighted by its number of rows.
 * Memory:  16 bytes a row, 24 with groups, for the time of the call.
 * Returns: RMX_OK; RMX_ERR_MEMORY; RMX_ERR_NUMERIC (a NaN, with its row); RMX_ERR_DATA (a label
 *          above 1, with its row).
 * Source:  Fawcett 2006 (AUC); Zhu et al. 2017, arXiv:1708.00504 and Zhou et al. 2018,
 *          arXiv:1706.06978 (GAUC). */
RMX_NODISCARD rmx_status rmx_metrics_compute(int64_t n, int32_t stride, const float *logits,
                                             const uint8_t *labels, const rmx_metrics_term *terms,
                                             const uint64_t *groups, rmx_metrics *out,
                                             rmx_error *error);

rmx_metrics_term rmx_metrics_term_of(float logit, uint8_t label);
double rmx_metrics_probability(double logit);
double rmx_metrics_logloss(double logit, uint8_t label);

#endif /* RMX_TRAIN_METRICS_H */
