/* SPDX-License-Identifier: MIT */
/* Metrics against their definitions, pair by pair. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/json.h"
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
        groups[i] = (uint64_t)(1 + word() % GROUPS) << 40;
    }
    for (uint64_t g = 1; g <= GROUPS; g++) {
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
    cr_expect_eq(m.without_group, 0);
}

/* Rows of group 0 have no group: GAUC is that of the others, and they are counted. */
Test(metrics, rows_without_a_group_stay_out_of_gauc)
{
    const float logits[] = {1, 2, 3, 4, 9, 8, 7};
    const uint8_t labels[] = {0, 1, 1, 0, 0, 1, 1};
    const uint64_t groups[] = {5, 5, 6, 6, 0, 0, 0};
    const uint64_t none[7] = {0};
    char why[200];
    rmx_metrics m = measure(7, 1, logits, labels, groups);
    cr_expect_eq(m.gauc, 0.5); /* 1 and 0 */
    cr_expect_eq(m.groups, 2);
    cr_expect_eq(m.without_group, 3);
    cr_expect_eq(m.examples, 7);
    cr_expect_str_eq(rmx_metrics_why_gauc(&m, "click", why, sizeof why), "");
    m = measure(7, 1, logits, labels, none);
    cr_expect(isnan(m.gauc));
    cr_expect_eq(m.without_group, 7);
    cr_expect_str_eq(rmx_metrics_why_gauc(&m, "click", why, sizeof why),
                     "none of the 7 rows has a group");
    m = measure(1, 1, logits, labels, groups);
    cr_expect_str_eq(rmx_metrics_why_gauc(&m, "click", why, sizeof why),
                     "the 1 label of task 'click' is 0");
    m = measure(5, 1, logits + 2, labels + 2, groups + 2);
    m.gauc = NAN;
    cr_expect_str_eq(rmx_metrics_why_gauc(&m, "click", why, sizeof why),
                     "no group has labels of both classes of task 'click'");
    m = measure(7, 1, logits, labels, NULL);
    cr_expect_str_eq(rmx_metrics_why_gauc(&m, "click", why, sizeof why), "the set has no groups");
}

/* Masking rows gives the figures of the rows that stay, whatever the others' scores. */
Test(metrics, masked_rows_are_left_out)
{
    enum { N = 200 };
    float logits[N], kept[N];
    uint8_t labels[N], kept_labels[N];
    uint64_t groups[N], kept_groups[N];
    int64_t n = 0;
    for (int i = 0; i < N; i++) {
        logits[i] = (float)(word() % 50) * 0.1f;
        labels[i] = word() % 3 == 0 ? RMX_METRICS_MASKED : word() % 2;
        groups[i] = word() % 9;
        if (labels[i] == RMX_METRICS_MASKED) continue;
        kept[n] = logits[i];
        kept_labels[n] = labels[i];
        kept_groups[n++] = groups[i];
    }
    rmx_metrics_bin bins[RMX_METRICS_BINS], kept_bins[RMX_METRICS_BINS];
    const rmx_metrics should = measure(n, 1, kept, kept_labels, kept_groups);
    for (int i = 0; i < N; i++)
        if (labels[i] == RMX_METRICS_MASKED) logits[i] = NAN;
    rmx_metrics is = measure(N, 1, logits, labels, groups);
    cr_expect_eq(is.masked, N - n);
    is.masked = 0;
    cr_expect_eq(is.examples, n);
    cr_expect_eq(is.auc, should.auc);
    cr_expect_eq(is.auc_low, should.auc_low);
    cr_expect_eq(is.logloss, should.logloss);
    cr_expect_eq(is.normalized_entropy, should.normalized_entropy);
    cr_expect_eq(is.gauc, should.gauc);
    cr_expect_eq(is.without_group, should.without_group);
    cr_expect_eq(is.calibration, should.calibration);
    cr_assert_eq(rmx_metrics_bins(N, 1, logits, labels, bins, NULL), RMX_OK);
    cr_assert_eq(rmx_metrics_bins(n, 1, kept, kept_labels, kept_bins, NULL), RMX_OK);
    cr_expect_arr_eq(bins, kept_bins, sizeof bins);
}

/* Sample variances of what each positive beats and each negative is beaten by, pair by pair. */
static double pairs_deviation(int64_t n, const float *logits, const uint8_t *labels)
{
    double of[2] = {0, 0}, mean[2], sum[2] = {0, 0}, count[2] = {0, 0};
    for (int64_t i = 0; i < n; i++) count[labels[i]]++;
    mean[0] = mean[1] = pairs_auc(n, 1, logits, labels);
    for (int64_t i = 0; i < n; i++) {
        double right = 0;
        for (int64_t j = 0; j < n; j++) {
            if (labels[i] == labels[j]) continue;
            const float a = labels[i] ? logits[i] : logits[j];
            const float b = labels[i] ? logits[j] : logits[i];
            right += a > b ? 1.0 : a == b ? 0.5 : 0.0;
        }
        const int k = labels[i];
        const double away = right / count[!k] - mean[k];
        sum[k] += away * away;
    }
    for (int k = 0; k < 2; k++) of[k] = sum[k] / (count[k] - 1) / count[k];
    return sqrt(of[0] + of[1]);
}

Test(metrics, interval_is_delongs)
{
    enum { N = 120 };
    float logits[N];
    uint8_t labels[N];
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < N; i++) {
            labels[i] = i < 2 ? 1 : i < 4 ? 0 : word() % 3 == 0;
            logits[i] = (float)(word() % (round % 2 ? 7 : 1000)) + 3.0f * labels[i];
        }
        const rmx_metrics m = measure(N, 1, logits, labels, NULL);
        const double wide = 1.959963984540054 * pairs_deviation(N, logits, labels);
        cr_expect_float_eq(m.auc_low, fmax(m.auc - wide, 0), 1e-12);
        cr_expect_float_eq(m.auc_high, fmin(m.auc + wide, 1), 1e-12);
    }
    /* By hand: positives beat 2/2, 2/2, 1/2 and 0/2 negatives, negatives are beaten by 3/4, 2/4;
     * AUC 5/8, S10 = (9 + 9 + 1 + 25) / 64 / 3, S01 = 2 (1 / 8)^2. */
    const float six[] = {5, 4, 2, 0, 1, 3};
    const uint8_t six_labels[] = {1, 1, 1, 1, 0, 0};
    const rmx_metrics m = measure(6, 1, six, six_labels, NULL);
    const double error = sqrt(44.0 / 64 / 3 / 4 + 1.0 / 32 / 2);
    cr_expect_float_eq(m.auc, 0.625, 1e-15);
    cr_expect_float_eq(m.auc_low, 0.625 - 1.959963984540054 * error, 1e-15);
    cr_expect_eq(m.auc_high, 1);
    /* No variance of one row. */
    cr_expect(isnan(measure(5, 1, six, six_labels, NULL).auc_low));
    cr_expect_eq(measure(5, 1, six, six_labels, NULL).auc, 0.75);
}

Test(metrics, normalized_entropy_of_known_values)
{
    const uint8_t labels[] = {1, 0, 0, 0};
    const float base = -1.0986122886681098f; /* log(1/3) */
    const float rate[] = {base, base, base, base}, good[] = {3, -3, -3, -3};
    const double entropy = -(0.25 * log(0.25) + 0.75 * log(0.75));
    cr_expect_float_eq(measure(4, 1, rate, labels, NULL).normalized_entropy, 1, 1e-7);
    cr_expect_float_eq(measure(4, 1, good, labels, NULL).normalized_entropy,
                       log1p(exp(-3)) / entropy, 1e-15);
    cr_expect(isnan(measure(1, 1, good, labels, NULL).normalized_entropy));
}

/* Equal counts where predictions differ; equal predictions in one bin, that of the first. */
Test(metrics, bins_are_tenths_of_the_rows)
{
    enum { N = 1000 };
    float logits[N];
    uint8_t labels[N];
    rmx_metrics_bin bins[RMX_METRICS_BINS];
    for (int i = 0; i < N; i++) {
        const int rank = i * 7 % N; /* a permutation */
        logits[i] = (float)(rank - N / 2) * 0.01f;
        labels[i] = rank % 100 < rank / 100; /* b per cent in bin b */
    }
    cr_assert_eq(rmx_metrics_bins(N, 1, logits, labels, bins, NULL), RMX_OK);
    for (int b = 0; b < RMX_METRICS_BINS; b++) {
        double mean = 0;
        for (int r = 0; r < 100; r++)
            mean += rmx_metrics_probability((double)((float)(100 * b + r - N / 2) * 0.01f)) / 100;
        cr_expect_eq(bins[b].count, 100);
        cr_expect_float_eq(bins[b].mean_prediction, mean, 1e-14);
        cr_expect_float_eq(bins[b].mean_label, b / 100.0, 1e-15);
    }
    /* 150 rows of -1, 700 of 0, 150 of 800 and 900, both of which predict 1: bins 0, 1 and 8. */
    for (int i = 0; i < N; i++)
        logits[i] = i < 150 ? -1.0f : i < 850 ? 0.0f : 800.0f + (float)(i % 2);
    cr_assert_eq(rmx_metrics_bins(N, 1, logits, labels, bins, NULL), RMX_OK);
    for (int b = 0; b < RMX_METRICS_BINS; b++) {
        const int64_t should = b == 0 ? 150 : b == 1 ? 700 : b == 8 ? 150 : 0;
        cr_expect_eq(bins[b].count, should, "bin %d has %d", b, (int)bins[b].count);
    }
    cr_expect_eq(bins[1].mean_prediction, 0.5);
    cr_expect_eq(bins[8].mean_prediction, 1);
    cr_expect(isnan(bins[2].mean_prediction));
    cr_assert_eq(rmx_metrics_bins(0, 1, logits, labels, bins, NULL), RMX_OK);
    cr_expect_eq(bins[0].count, 0);
}

Test(metrics, what_is_undefined_says_why)
{
    const float logits[120] = {0};
    uint8_t labels[120] = {0};
    char why[200];
    rmx_metrics m = measure(120, 1, logits, labels, NULL);
    cr_expect_str_eq(rmx_metrics_why(&m, "click", why, sizeof why),
                     "all 120 labels of task 'click' are 0");
    memset(labels, 1, sizeof labels);
    labels[0] = RMX_METRICS_MASKED;
    m = measure(120, 1, logits, labels, NULL);
    cr_expect_str_eq(rmx_metrics_why(&m, "click", why, sizeof why),
                     "all 119 labels of task 'click' are 1");
    m = measure(0, 1, logits, labels, NULL);
    cr_expect_str_eq(rmx_metrics_why(&m, "click", why, sizeof why), "there are no rows");
    m = measure(1, 1, logits, labels, NULL);
    cr_expect_str_eq(rmx_metrics_why(&m, "click", why, sizeof why),
                     "the 1 label of task 'click' is masked");
    labels[1] = 0;
    m = measure(120, 1, logits, labels, NULL);
    cr_expect_str_eq(rmx_metrics_why(&m, "click", why, sizeof why), "");
}

/* Means are over the tasks where a figure is defined. */
Test(metrics, means_leave_out_what_is_undefined)
{
    const float logits[] = {1, 1, 2, 0, 0, 2, 3, 3};       /* [4, 2] */
    const uint8_t labels[] = {0, 0, 1, 255, 0, 0, 1, 255}; /* task 1: zeros and masked */
    char why[200];
    rmx_metrics of_task[2], mean;
    for (int t = 0; t < 2; t++) of_task[t] = measure(4, 2, logits + t, labels + t, NULL);
    mean = rmx_metrics_mean(of_task, 2);
    cr_expect_eq(mean.auc, 1);
    cr_expect_eq(mean.logloss, (of_task[0].logloss + of_task[1].logloss) / 2);
    cr_expect_eq(mean.normalized_entropy, of_task[0].normalized_entropy);
    cr_expect(isnan(mean.gauc));
    cr_expect(isnan(mean.auc_low));
    cr_expect_eq(mean.examples, 4);
    cr_expect_str_eq(rmx_metrics_why(&mean, NULL, why, sizeof why), "");
    mean = rmx_metrics_mean(of_task + 1, 1);
    cr_expect(isnan(mean.auc));
    cr_expect_eq(mean.masked, 2);
    of_task[0] = of_task[1];
    mean = rmx_metrics_mean(of_task, 2);
    cr_expect(isnan(mean.auc));
    cr_expect_str_eq(rmx_metrics_why(&mean, NULL, why, sizeof why),
                     "no task has labels of both classes");
}

Test(metrics, the_best_is_by_auc_or_else_by_logloss)
{
    const rmx_metrics_best none = {.step = 0}, by_auc = {10, 0.7, 0.5},
                           by_logloss = {10, NAN, 0.5};
    const rmx_metrics ranked = {.auc = 0.71, .logloss = 0.9}, equal = {.auc = 0.7, .logloss = 0.1},
                      plain = {.auc = NAN, .logloss = 0.4}, worse = {.auc = NAN, .logloss = 0.5},
                      nothing = {.auc = NAN, .logloss = NAN}, zero = {.auc = 0, .logloss = 1};
    cr_expect(rmx_metrics_better(&ranked, &none));
    cr_expect(rmx_metrics_better(&zero, &none));
    cr_expect(rmx_metrics_better(&plain, &none));
    cr_expect_not(rmx_metrics_better(&nothing, &none));
    cr_expect(rmx_metrics_better(&ranked, &by_auc));
    cr_expect_not(rmx_metrics_better(&equal, &by_auc));
    cr_expect_not(rmx_metrics_better(&plain, &by_auc));
    cr_expect(rmx_metrics_better(&zero, &by_logloss));
    cr_expect(rmx_metrics_better(&plain, &by_logloss));
    cr_expect_not(rmx_metrics_better(&worse, &by_logloss));
    cr_expect_not(rmx_metrics_better(&nothing, &by_logloss));
}

static const char *json_of(const char *text)
{
    static char out[256];
    FILE *file = fmemopen(out, sizeof out, "w");
    rmx_json_string(file, text);
    cr_assert_eq(fclose(file), 0);
    return out;
}

/* One U+FFFD for each bad sequence, as Unicode recommends. */
Test(metrics, json_strings_are_valid_whatever_goes_in)
{
    cr_expect_str_eq(json_of("a\"b\\c\n\x01\x7f"), "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\"");
    cr_expect_str_eq(json_of("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
                     "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
    cr_expect_str_eq(json_of("\xE9t\xE9"), "\"\xEF\xBF\xBDt\xEF\xBF\xBD\"");
    cr_expect_str_eq(json_of("\xE2\x82"), "\"\xEF\xBF\xBD\"");             /* cut off */
    cr_expect_str_eq(json_of("\xE2\x82x"), "\"\xEF\xBF\xBDx\"");           /* by another one */
    cr_expect_str_eq(json_of("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""); /* overlong */
    cr_expect_str_eq(json_of("\xED\xA0\x80"),                              /* a surrogate */
                     "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    cr_expect_str_eq(json_of("\xF4\x90\x80\x80"), /* above U+10FFFF */
                     "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    cr_expect_str_eq(json_of("\xFF\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
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
