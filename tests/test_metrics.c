/* SPDX-License-Identifier: MIT */
/* Metrics against their definitions, pair by pair. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "train/metrics.h"

static uint64_t random_state = 88172645463325252u;
static uint32_t word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* The share of (positive, negative) pairs in the right order, ties one half. */
static double pairs_auc(int64_t n, int32_t stride, const float *logits, const uint8_t *labels)
{
    double right = 0, pairs = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            if (!labels[i * stride] || labels[j * stride]) continue;
            const float a = logits[i * stride], b = logits[j * stride];
            right += a > b ? 1.0 : a == b ? 0.5 : 0.0;
            pairs += 1;
        }
    return pairs > 0 ? right / pairs : NAN;
}

static rmx_metrics measure(int64_t n, int32_t stride, const float *logits, const uint8_t *labels,
                           const uint64_t *groups)
{
    rmx_metrics m;
    rmx_error error;
    cr_assert_eq(rmx_metrics_compute(n, stride, logits, labels, NULL, groups, &m, &error), RMX_OK);
    return m;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

Test(metrics, auc_is_the_pairs_share)
{
    enum { MOST = 300 };
    float logits[MOST];
    uint8_t labels[MOST];
    for (int round = 0; round < 400; round++) {
        const int64_t n = word() % MOST;
        const uint32_t levels = 1 + word() % (round % 2 ? 5 : 100000); /* many ties, or few */
        for (int64_t i = 0; i < n; i++) {
            logits[i] = (float)((int32_t)(word() % levels) - (int32_t)levels / 2) * 0.1f;
            if (word() % 16 == 0) logits[i] = -logits[i]; /* -0 too */
            labels[i] = word() % 3 == 0;
        }
        if (round % 7 == 0 && n > 2) {
            logits[0] = INFINITY;
            logits[1] = -INFINITY;
        }
        for (int32_t stride = 1; stride <= 2; stride++) {
            const double is = measure(n / stride, stride, logits, labels, NULL).auc;
            const double should = pairs_auc(n / stride, stride, logits, labels);
            cr_assert(same(is, should), "n %d: %.17g, not %.17g", (int)n, is, should);
        }
    }
}

Test(metrics, known_values)
{
    const float logits[] = {2.0f, 1.0f, 0.0f, -1.0f};
    const uint8_t labels[] = {1, 0, 1, 0};
    const rmx_metrics m = measure(4, 1, logits, labels, NULL);
    cr_expect_eq(m.auc, 0.75);
    cr_expect_eq(m.examples, 4);
    cr_expect_eq(m.positives, 2);
    cr_expect_float_eq(m.logloss, (log1p(exp(-2)) + log1p(exp(1)) + log(2) + log1p(exp(-1))) / 4,
                       1e-15);
    cr_expect_float_eq(m.mean_prediction,
                       (1 / (1 + exp(-2)) + 1 / (1 + exp(-1)) + 0.5 + 1 / (1 + exp(1))) / 4,
                       1e-15);
    cr_expect_float_eq(m.calibration, m.mean_prediction / 0.5, 1e-15);
    cr_expect(isnan(m.gauc));
}

Test(metrics, one_class_or_none_has_no_auc)
{
    const float logits[] = {1.0f, 2.0f};
    const uint8_t ones[] = {1, 1}, zeros[] = {0, 0};
    cr_expect(isnan(measure(2, 1, logits, ones, NULL).auc));
    cr_expect(isnan(measure(2, 1, logits, zeros, NULL).auc));
    cr_expect(isnan(measure(2, 1, logits, zeros, NULL).calibration));
    cr_expect(isnan(measure(0, 1, logits, zeros, NULL).auc));
    cr_expect(isnan(measure(0, 1, logits, zeros, NULL).logloss));
}

Test(metrics, logloss_of_extreme_logits)
{
    cr_expect_eq(rmx_metrics_logloss(1000, 1), 0);
    cr_expect_eq(rmx_metrics_logloss(1000, 0), 1000);
    cr_expect_eq(rmx_metrics_logloss(-1000, 1), 1000);
    cr_expect_float_eq(rmx_metrics_logloss(-40, 0), exp(-40), 1e-32);
    cr_expect_eq(rmx_metrics_probability(1000), 1);
    cr_expect_eq(rmx_metrics_probability(-1000), 0);
}

Test(metrics, gauc_is_the_weighted_auc_of_groups)
{
    enum { N = 500, GROUPS = 40 };
    float logits[N];
    uint8_t labels[N];
    uint64_t groups[N];
    double sum = 0, weight = 0;
    int64_t mixed = 0;
    for (int i = 0; i < N; i++) {
        logits[i] = (float)(word() % 20);
        labels[i] = word() % 4 == 0;
        groups[i] = (uint64_t)(word() % GROUPS) << 40;
    }
    for (uint64_t g = 0; g < GROUPS; g++) {
        float of_group[N];
        uint8_t its_labels[N];
        int64_t n = 0;
        for (int i = 0; i < N; i++)
            if (groups[i] == g << 40) {
                of_group[n] = logits[i];
                its_labels[n++] = labels[i];
            }
        const double auc = pairs_auc(n, 1, of_group, its_labels);
        if (isnan(auc)) continue;
        sum += auc * (double)n;
        weight += (double)n;
        mixed++;
    }
    const rmx_metrics m = measure(N, 1, logits, labels, groups);
    cr_expect_float_eq(m.gauc, sum / weight, 1e-14);
    cr_expect_eq(m.groups, mixed);
}

Test(metrics, refuses_what_is_no_score_or_label)
{
    const float good[] = {1.0f, 2.0f}, bad[] = {1.0f, NAN};
    const uint8_t labels[] = {1, 0}, wrong[] = {1, 2};
    rmx_metrics m = {.examples = -1};
    rmx_error error;
    cr_expect_eq(rmx_metrics_compute(2, 1, bad, labels, NULL, NULL, &m, &error), RMX_ERR_NUMERIC);
    cr_expect_str_eq(error.text, "the logit of row 1 is NaN");
    cr_expect_eq(rmx_metrics_compute(2, 1, good, wrong, NULL, NULL, &m, &error), RMX_ERR_DATA);
    cr_expect_str_eq(error.text, "the label of row 1 is 2, not 0 or 1");
    cr_expect_eq(m.examples, -1); /* nothing is written */
}
