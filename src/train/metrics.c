/* SPDX-License-Identifier: MIT */
/* metrics.c: see metrics.h. AUC is counted over sorted keys: a score's bits, made to order like
 * the score, with the label in the lowest bit. */
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

/* Unsigned integers in the order of the floats; -0 is +0's equal. */
static uint32_t ordered(float score)
{
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* Ascending by the 33 bits of the key, in 3 passes of 11 bits. An odd number: the sorted keys
 * are in spare afterwards. */
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

/* AUC of rows whose keys ascend: for each run of equal scores, its positives beat all negatives
 * before it and tie with its own. Counted in half pairs; n^2 / 2 fits for n below 4e9. */
static double auc_of_sorted(int64_t n, const uint64_t *keys)
{
    uint64_t half_pairs = 0, negatives = 0, positives = 0;
    for (int64_t i = 0; i < n;) {
        uint64_t run[2] = {0, 0};
        const uint64_t score = keys[i] >> 1;
        for (; i < n && keys[i] >> 1 == score; i++) run[keys[i] & 1]++;
        half_pairs += run[1] * (2 * negatives + run[0]);
        negatives += run[0];
        positives += run[1];
    }
    if (!negatives || !positives) return NAN;
    return (double)half_pairs / (2.0 * (double)negatives * (double)positives);
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

static rmx_status grouped_auc(int64_t n, const uint64_t *keys, const uint64_t *groups,
                              rmx_metrics *out, rmx_error *error)
{
    grouped *rows = malloc((size_t)n * sizeof *rows + 1);
    uint64_t *run = malloc((size_t)n * sizeof *run + 1);
    double sum = 0, weight = 0;
    if (!rows || !run) {
        free(rows);
        free(run);
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the GAUC of %lld rows",
                        (long long)n);
    }
    for (int64_t i = 0; i < n; i++) rows[i] = (grouped){groups[i], keys[i]};
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

rmx_status rmx_metrics_compute(int64_t n, int32_t stride, const float *logits,
                               const uint8_t *labels, const rmx_metrics_term *terms,
                               const uint64_t *groups, rmx_metrics *out, rmx_error *error)
{
    rmx_status status = RMX_OK;
    rmx_metrics m = {.examples = n, .auc = NAN, .calibration = NAN, .gauc = NAN};
    double loss = 0, prediction = 0;
    uint64_t *keys = malloc((size_t)n * sizeof *keys + 1);
    uint64_t *spare = malloc((size_t)n * sizeof *spare + 1);
    if (!keys || !spare) {
        status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the AUC of %lld rows",
                          (long long)n);
        goto cleanup;
    }
    for (int64_t i = 0; i < n; i++) {
        const float logit = logits[i * stride];
        const uint8_t label = labels[i * stride];
        if ((status = check_row(i, logit, label, error)) != RMX_OK) goto cleanup;
        const rmx_metrics_term term =
            terms ? terms[i * stride] : rmx_metrics_term_of(logit, label);
        loss += term.logloss;
        prediction += term.probability;
        m.positives += label;
        keys[i] = (uint64_t)ordered(logit) << 1 | label;
    }
    m.logloss = n ? loss / (double)n : NAN;
    m.mean_prediction = n ? prediction / (double)n : NAN;
    if (m.positives) m.calibration = prediction / (double)m.positives;
    if (groups && n) status = grouped_auc(n, keys, groups, &m, error);
    if (status != RMX_OK) goto cleanup;
    sort_keys(keys, spare, n); /* an odd number of passes: the result is in spare */
    m.auc = auc_of_sorted(n, spare);
    *out = m;
cleanup:
    free(keys);
    free(spare);
    return status;
}
