/* SPDX-License-Identifier: MIT */
/* metrics.h: how well scores rank, and how well they are calibrated. The functions work on host
 * arrays. No result depends on the order of equal scores. An undefined figure is NaN, and
 * rmx_metrics_why gives the reason. */
#ifndef RMX_TRAIN_METRICS_H
#define RMX_TRAIN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "rankmixer/status.h"

#define RMX_METRICS_MASKED 255 /* an unknown label, as RMX_LABEL_MASKED of a dataset */

typedef struct rmx_metrics {
    int64_t examples, positives; /* rows with a label; those with label 1 */
    int64_t masked;              /* rows without a label: no figure counts them */
    double auc;                  /* NaN where one class is missing */
    double auc_low, auc_high;    /* 95 % confidence; NaN with fewer than 2 rows of a class */
    double logloss;              /* mean of -log p(label), natural logarithm */
    double normalized_entropy;   /* logloss / entropy of the base rate; NaN with one class */
    double mean_prediction;      /* mean of sigmoid(logit) */
    double calibration;          /* mean prediction / mean label; NaN without positives */
    double gauc;                 /* NaN without groups, or where no group has both classes */
    int64_t groups;              /* groups with both classes */
    bool grouped;                /* groups were given */
    int64_t without_group;       /* rows with a label but of group 0: GAUC does not count them */
} rmx_metrics;

extern const rmx_metrics rmx_metrics_none; /* of no rows: all figures are NaN */

/* The figures of rmx_metrics, in the order in which all files list them. */
typedef struct rmx_metrics_figure {
    const char *name;
    size_t offset; /* of a double in rmx_metrics */
    bool averaged; /* several tasks have a mean of it */
    bool reported; /* in the results of a run and, if averaged, in TensorBoard */
} rmx_metrics_figure;

enum { RMX_METRICS_FIGURES = 8 };
extern const rmx_metrics_figure rmx_metrics_figures[RMX_METRICS_FIGURES];
double rmx_metrics_value(const rmx_metrics *metrics, const rmx_metrics_figure *figure);

/* What an example adds to the sums: sigmoid and -log p(label) in double, accurate for any logit. */
typedef struct rmx_metrics_term {
    double probability, logloss;
} rmx_metrics_term;

/* All of the above for one task.
 *
 *   in  logits [n]  finite or infinite, not NaN; element i is logits[i * stride]
 *   in  labels [n]  0, 1 or RMX_METRICS_MASKED;  element i is labels[i * stride]
 *   in  terms  [n]  those of rmx_metrics_term_of, terms[i * stride], or NULL: they are computed
 *   in  groups [n]  0: the row has none; or NULL
 *
 * A masked row is left out of everything but its count, whatever its logit.
 *
 * AUC:     the share of (positive, negative) pairs that are in the right order, ties counting
 *          one half; exact: an integer count, divided once.
 * Interval: AUC +- 1.959964 standard errors, cut to 0 .. 1. The variance is DeLong's, computed
 *          exactly: S10 / positives + S01 / negatives, with S10 the sample variance of the share
 *          of negatives that each positive beats, S01 that of the positives that beat each
 *          negative. One pass over the sorted scores gives both, so O(n log n) in all. Where all
 *          pairs are in the right order the interval has no width.
 * Entropy: with base rate p of the same rows, -(p log p + (1 - p) log(1 - p)). A normalised
 *          entropy of 1 is that of the base rate as the only prediction; lower is better.
 * GAUC:    the AUC of each group that has both classes, weighted by its number of rows; rows of
 *          group 0 have no group.
 * Memory:  16 bytes a row, 24 with groups, for the time of the call.
 * Returns: RMX_OK; RMX_ERR_MEMORY; RMX_ERR_NUMERIC (a NaN, with its row); RMX_ERR_DATA (another
 *          label, with its row).
 * Source:  Fawcett 2006 (AUC); DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44(3), and Sun
 *          and Xu 2014, IEEE Signal Processing Letters 21(11) (its variance from sorted ranks); He
 *          et al. 2014, ADKDD (normalised entropy); Zhu et al. 2017, arXiv:1708.00504 and Zhou et
 *          al. 2018, arXiv:1706.06978 (GAUC). */
RMX_NODISCARD rmx_status rmx_metrics_compute(int64_t n, int32_t stride, const float *logits,
                                             const uint8_t *labels, const rmx_metrics_term *terms,
                                             const uint64_t *groups, rmx_metrics *out,
                                             rmx_error *error);

rmx_metrics_term rmx_metrics_term_of(float logit, uint8_t label);
double rmx_metrics_probability(double logit);
double rmx_metrics_logloss(double logit, uint8_t label);

/* ---- calibration by decile ---------------------------------------------------------------- */

#define RMX_METRICS_BINS 10

typedef struct rmx_metrics_bin {
    int64_t count;                      /* 0: no prediction begins in this tenth of the rows */
    double mean_prediction, mean_label; /* NaN where count is 0 */
} rmx_metrics_bin;

/* Sorts the rows by prediction and divides them into tenths of equal count. Rows of equal
 * predictions share the bin of the first of them. Arguments, masked rows and statuses are as above.
 * Memory: 16 bytes a row, for the time of the call. */
RMX_NODISCARD rmx_status rmx_metrics_bins(int64_t n, int32_t stride, const float *logits,
                                          const uint8_t *labels,
                                          rmx_metrics_bin out[RMX_METRICS_BINS], rmx_error *error);

/* ---- several tasks, reasons, the best ----------------------------------------------------- */

/* The mean of each figure over the tasks where it is defined; NaN where it is defined for none.
 * With several tasks, examples counts all rows, positives and masked are 0, and there is no
 * interval. */
rmx_metrics rmx_metrics_mean(const rmx_metrics *of_task, int32_t tasks);

/* The result of an evaluation. The arrays are borrowed. */
typedef struct rmx_metrics_set {
    rmx_metrics mean;
    const rmx_metrics *of_task; /* [tasks] */
    char *const *names;         /* [tasks] */
    int32_t tasks;
} rmx_metrics_set;

rmx_metrics_set rmx_metrics_set_of(const rmx_metrics *of_task, char *const *names, int32_t tasks);
/* The name of the task where there is one only, else NULL. */
const char *rmx_metrics_only(const rmx_metrics_set *set);

/* Why the AUC is undefined: "all 120 labels of task 'click' are 0"; "" where it is defined. name
 * NULL: for the mean over several tasks. */
const char *rmx_metrics_why(const rmx_metrics *metrics, const char *name, char *out, size_t bytes);
/* The same for GAUC. */
const char *rmx_metrics_why_gauc(const rmx_metrics *metrics, const char *name, char *out,
                                 size_t bytes);

/* The best evaluation so far. */
typedef struct rmx_metrics_best {
    int64_t step;   /* 0: none yet */
    double auc;     /* NaN: undefined; it is the best by logloss */
    double logloss; /* of that evaluation */
} rmx_metrics_best;

/* Whether these metrics are better than the best so far: a higher AUC or, where both are undefined,
 * a lower logloss. A defined AUC is better than an undefined one. Equal is not better. */
bool rmx_metrics_better(const rmx_metrics *metrics, const rmx_metrics_best *best);

#endif /* RMX_TRAIN_METRICS_H */
