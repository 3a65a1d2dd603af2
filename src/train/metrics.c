/* SPDX-License-Identifier: MIT */
/* metrics.c: see metrics.h. AUC is counted over sorted keys. A key holds the bits of a score,
 * changed so that they sort like the score, and the label in its lowest bit. */
#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double rmx_metrics_probability(double logit)
{
    if (logit >= 0) return 1.0 / (1.0 + exp(-logit));
    const double e = exp(logit);
    return e / (1.0 + e);
}

double rmx_metrics_logloss(double logit, uint8_t label)
{
    const double z = label ? -logit : logit; /* softplus(z) */
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

rmx_metrics_term rmx_metrics_term_of(float logit, uint8_t label)
{
    return (rmx_metrics_term){.probability = rmx_metrics_probability((double)logit),
                              .logloss = rmx_metrics_logloss((double)logit, label)};
}

/* The part of one task of arrays [n, stride]. */
typedef struct columns {
    int64_t n;
    int32_t stride;
    const float *logits;
    const uint8_t *labels;
} columns;

/* Maps floats to unsigned integers of the same order. -0 equals +0. */
static uint32_t ordered(float score)
{
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* Sorts by the 33 bits of a key in 3 passes of 11 bits. The number of passes is odd, so the sorted
 * keys end in spare. */
static void sort_keys(uint64_t *keys, uint64_t *spare, int64_t n)
{
    enum { BITS = 11, SIZE = 1 << BITS, PASSES = 3 };
    for (int pass = 0; pass < PASSES; pass++) {
        const int shift = pass * BITS;
        int64_t place[SIZE] = {0}, sum = 0;
        for (int64_t i = 0; i < n; i++) place[(keys[i] >> shift) & (SIZE - 1)]++;
        for (int d = 0; d < SIZE; d++) {
            const int64_t count = place[d];
            place[d] = sum;
            sum += count;
        }
        for (int64_t i = 0; i < n; i++) spare[place[(keys[i] >> shift) & (SIZE - 1)]++] = keys[i];
        uint64_t *swap = keys;
        keys = spare;
        spare = swap;
    }
}

/* Counts the rows that have the score of keys[*i], by label, and moves *i behind them. */
typedef struct ties {
    uint64_t negatives, positives;
} ties;

static ties next_ties(int64_t n, const uint64_t *keys, int64_t *i)
{
    uint64_t run[2] = {0, 0};
    const uint64_t score = keys[*i] >> 1;
    for (; *i < n && keys[*i] >> 1 == score; ++*i) run[keys[*i] & 1]++;
    return (ties){run[0], run[1]};
}

/* AUC of rows with ascending keys. The positives of a run of equal scores beat all negatives before
 * it and tie with its own. Half pairs are counted; n^2 / 2 fits for n below 4e9. */
static double auc_of_sorted(int64_t n, const uint64_t *keys)
{
    uint64_t half_pairs = 0, negatives = 0, positives = 0;
    for (int64_t i = 0; i < n;) {
        const ties run = next_ties(n, keys, &i);
        half_pairs += run.positives * (2 * negatives + run.negatives);
        negatives += run.negatives;
        positives += run.positives;
    }
    if (!negatives || !positives) return NAN;
    return (double)half_pairs / (2.0 * (double)negatives * (double)positives);
}

/* Sets DeLong's interval around m->auc from the same keys. */
static void set_interval(int64_t n, const uint64_t *keys, rmx_metrics *m)
{
    const uint64_t positives = (uint64_t)m->positives, negatives = (uint64_t)n - positives;
    uint64_t above = positives,
             below = 0; /* of the run: positives with higher scores, negatives with lower ones */
    double s10 = 0, s01 = 0;
    if (positives < 2 || negatives < 2) return;
    for (int64_t i = 0; i < n;) {
        const ties run = next_ties(n, keys, &i);
        above -= run.positives;
        const double beats = (double)(2 * below + run.negatives) / (2.0 * (double)negatives);
        const double beaten = (double)(2 * above + run.positives) / (2.0 * (double)positives);
        s10 += (double)run.positives * (beats - m->auc) * (beats - m->auc);
        s01 += (double)run.negatives * (beaten - m->auc) * (beaten - m->auc);
        below += run.negatives;
    }
    const double p = (double)positives, q = (double)negatives;
    const double wide = 1.959963984540054 * sqrt(s10 / (p - 1) / p + s01 / (q - 1) / q);
    m->auc_low = fmax(m->auc - wide, 0.0);
    m->auc_high = fmin(m->auc + wide, 1.0);
}

typedef struct grouped {
    uint64_t group, key;
} grouped;

static int by_group_and_key(const void *left, const void *right)
{
    const grouped *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    return a->key < b->key ? -1 : a->key > b->key;
}

/* keys [rows with a label]: in the order of the rows. rows gets those that have a group. */
static int64_t take_grouped(const columns *in, const uint64_t *keys, const uint64_t *groups,
                            grouped *rows)
{
    int64_t count = 0, key = 0;
    for (int64_t i = 0; i < in->n; i++) {
        if (in->labels[i * in->stride] == RMX_METRICS_MASKED) continue;
        if (groups[i]) rows[count++] = (grouped){groups[i], keys[key]};
        key++;
    }
    return count;
}

static rmx_status grouped_auc(const columns *in, const uint64_t *keys, const uint64_t *groups,
                              rmx_metrics *out, rmx_error *error)
{
    grouped *rows = malloc((size_t)out->examples * sizeof *rows + 1);
    uint64_t *run = malloc((size_t)out->examples * sizeof *run + 1);
    double sum = 0, weight = 0;
    if (!rows || !run) {
        free(rows);
        free(run);
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the GAUC of %lld rows",
                        (long long)out->examples);
    }
    const int64_t n = take_grouped(in, keys, groups, rows);
    out->without_group = out->examples - n;
    qsort(rows, (size_t)n, sizeof *rows, by_group_and_key);
    for (int64_t i = 0; i < n;) {
        const uint64_t group = rows[i].group;
        int64_t count = 0;
        for (; i < n && rows[i].group == group; i++) run[count++] = rows[i].key;
        const double auc = auc_of_sorted(count, run);
        if (isnan(auc)) continue;
        sum += auc * (double)count;
        weight += (double)count;
        out->groups++;
    }
    if (weight > 0) out->gauc = sum / weight;
    free(rows);
    free(run);
    return RMX_OK;
}

static rmx_status check_row(int64_t i, float logit, uint8_t label, rmx_error *error)
{
    if (isnan(logit))
        return rmx_fail(error, RMX_ERR_NUMERIC, "the logit of row %lld is NaN", (long long)i);
    if (label > 1)
        return rmx_fail(error, RMX_ERR_DATA, "the label of row %lld is %d, not 0 or 1",
                        (long long)i, label);
    return RMX_OK;
}

/* Takes the key of every row that has a label, in their order; counts rows and sums terms. */
static rmx_status take_rows(const columns *in, const rmx_metrics_term *terms, uint64_t *keys,
                            rmx_metrics *m, rmx_metrics_term *sums, rmx_error *error)
{
    for (int64_t i = 0; i < in->n; i++) {
        const float logit = in->logits[i * in->stride];
        const uint8_t label = in->labels[i * in->stride];
        if (label == RMX_METRICS_MASKED) {
            m->masked++;
            continue;
        }
        const rmx_status status = check_row(i, logit, label, error);
        if (status != RMX_OK) return status;
        keys[m->examples++] = (uint64_t)ordered(logit) << 1 | label;
        m->positives += label;
        if (!sums) continue;
        const rmx_metrics_term term =
            terms ? terms[i * in->stride] : rmx_metrics_term_of(logit, label);
        sums->logloss += term.logloss;
        sums->probability += term.probability;
    }
    return RMX_OK;
}

static void set_means(const rmx_metrics_term *sums, rmx_metrics *m)
{
    const double n = (double)m->examples, rate = (double)m->positives / n;
    if (m->examples == 0) return;
    m->logloss = sums->logloss / n;
    m->mean_prediction = sums->probability / n;
    if (m->positives) m->calibration = sums->probability / (double)m->positives;
    if (m->positives && m->positives < m->examples)
        m->normalized_entropy = m->logloss / -(rate * log(rate) + (1 - rate) * log1p(-rate));
}

typedef struct buffers {
    uint64_t *keys, *spare; /* after the sort the keys are in spare */
} buffers;

static rmx_status allocate(int64_t n, buffers *out, rmx_error *error)
{
    out->keys = malloc((size_t)n * sizeof(uint64_t) + 1);
    out->spare = malloc((size_t)n * sizeof(uint64_t) + 1);
    if (out->keys && out->spare) return RMX_OK;
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the metrics of %lld rows",
                    (long long)n);
}

rmx_status rmx_metrics_compute(int64_t n, int32_t stride, const float *logits,
                               const uint8_t *labels, const rmx_metrics_term *terms,
                               const uint64_t *groups, rmx_metrics *out, rmx_error *error)
{
    const columns in = {n, stride, logits, labels};
    rmx_metrics m = rmx_metrics_none;
    rmx_metrics_term sums = {0, 0};
    buffers b;
    m.grouped = groups != NULL;
    rmx_status status = allocate(n, &b, error);
    if (status == RMX_OK) status = take_rows(&in, terms, b.keys, &m, &sums, error);
    if (status == RMX_OK && groups) status = grouped_auc(&in, b.keys, groups, &m, error);
    if (status == RMX_OK) {
        set_means(&sums, &m);
        sort_keys(b.keys, b.spare, m.examples);
        m.auc = auc_of_sorted(m.examples, b.spare);
        set_interval(m.examples, b.spare, &m);
        *out = m;
    }
    free(b.keys);
    free(b.spare);
    return status;
}

/* ---- calibration by decile ---------------------------------------------------------------- */

static double probability_of_key(uint64_t key)
{
    const uint32_t order = (uint32_t)(key >> 1);
    const uint32_t bits = order & 0x80000000u ? order & 0x7fffffffu : ~order;
    float logit;
    memcpy(&logit, &bits, sizeof logit);
    return rmx_metrics_probability((double)logit);
}

/* Different logits can give equal predictions, as the sigmoid is 0 or 1 far from 0. */
static void fill_bins(int64_t n, const uint64_t *keys, rmx_metrics_bin out[RMX_METRICS_BINS])
{
    rmx_metrics_bin *bin = out;
    double before = NAN;
    for (int b = 0; b < RMX_METRICS_BINS; b++) out[b] = (rmx_metrics_bin){.count = 0};
    for (int64_t i = 0; i < n; i++) {
        const double prediction = probability_of_key(keys[i]);
        if (!(prediction == before)) bin = &out[i * RMX_METRICS_BINS / n];
        before = prediction;
        bin->count++;
        bin->mean_prediction += prediction;
        bin->mean_label += (double)(keys[i] & 1);
    }
    for (int b = 0; b < RMX_METRICS_BINS; b++) {
        out[b].mean_prediction /= (double)out[b].count; /* NaN where it is empty */
        out[b].mean_label /= (double)out[b].count;
    }
}

rmx_status rmx_metrics_bins(int64_t n, int32_t stride, const float *logits, const uint8_t *labels,
                            rmx_metrics_bin out[RMX_METRICS_BINS], rmx_error *error)
{
    const columns in = {n, stride, logits, labels};
    rmx_metrics counts = {.examples = 0};
    buffers b;
    rmx_status status = allocate(n, &b, error);
    if (status == RMX_OK) status = take_rows(&in, NULL, b.keys, &counts, NULL, error);
    if (status == RMX_OK) {
        sort_keys(b.keys, b.spare, counts.examples);
        fill_bins(counts.examples, b.spare, out);
    }
    free(b.keys);
    free(b.spare);
    return status;
}
