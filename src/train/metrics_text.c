/* SPDX-License-Identifier: MIT */
/* metrics_text.c: see metrics_text.h. */
#include "train/metrics_text.h"

#include <math.h>
#include <stdio.h>

/* "auc 0.8012 +-0.0038" or "auc undefined (all 120 labels of task 'click' are 0)". */
static void auc_text(const rmx_metrics *m, const char *name, char *out, size_t bytes)
{
    char why[400];
    if (isnan(m->auc))
        snprintf(out, bytes, "auc undefined (%s)", rmx_metrics_why(m, name, why, sizeof why));
    else if (isnan(m->auc_low))
        snprintf(out, bytes, "auc %.4f", m->auc);
    else
        snprintf(out, bytes, "auc %.4f +-%.4f", m->auc, 0.5 * (m->auc_high - m->auc_low));
}

static void gauc_text(const rmx_metrics *m, char *out, size_t bytes)
{
    out[0] = '\0';
    if (isnan(m->gauc)) return;
    const int used = snprintf(out, bytes, "  gauc %.4f", m->gauc);
    if (m->without_group > 0)
        snprintf(out + used, bytes - (size_t)used, " (%lld rows have no group)",
                 (long long)m->without_group);
}

/* A number, or "-" where it is not defined. */
static const char *number(double value, int digits, char out[32])
{
    if (isnan(value))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "%.*f", digits, value);
    return out;
}

/* Undefined figures are left out, except for the AUC, for which the reason is given. */
static void say_line(rmx_progress *progress, const char *head, const rmx_metrics *m,
                     const char *name, double ceiling)
{
    char loss[32], auc[480], gauc[80], best[48] = "", entropy[40] = "", calibration[48] = "";
    auc_text(m, name, auc, sizeof auc);
    gauc_text(m, gauc, sizeof gauc);
    if (!isnan(ceiling)) snprintf(best, sizeof best, "  (ceiling %.4f)", ceiling);
    if (!isnan(m->normalized_entropy))
        snprintf(entropy, sizeof entropy, "  ne %.4f", m->normalized_entropy);
    if (!isnan(m->calibration))
        snprintf(calibration, sizeof calibration, "  calibration %.3f", m->calibration);
    rmx_progress_say(progress, "%slogloss %s%s  %s%s%s%s", head, number(m->logloss, 5, loss),
                     entropy, auc, best, gauc, calibration);
}

void rmx_metrics_say(rmx_progress *progress, const char *role, int64_t step,
                     const rmx_metrics_set *set, double ceiling)
{
    char head[RMX_SCHEMA_NAME_MAX + 64];
    snprintf(head, sizeof head, "%-7s step %lld  ", role, (long long)step);
    say_line(progress, head, &set->mean, rmx_metrics_only(set), ceiling);
    for (int32_t t = 0; set->tasks > 1 && t < set->tasks; t++) {
        snprintf(head, sizeof head, "        %s  ", set->names[t]);
        say_line(progress, head, &set->of_task[t], set->names[t], NAN);
    }
}

static void say_row(rmx_progress *progress, const char *name, const rmx_metrics *m)
{
    char auc[32], low[32], high[32], loss[32], entropy[32], gauc[32], calibration[32];
    rmx_progress_say(progress, "  %-20s %10lld %10lld %9s %9s %9s %9s %9s %9s %9s", name,
                     (long long)m->examples, (long long)m->positives, number(m->auc, 4, auc),
                     number(m->auc_low, 4, low), number(m->auc_high, 4, high),
                     number(m->logloss, 5, loss), number(m->normalized_entropy, 4, entropy),
                     number(m->gauc, 4, gauc), number(m->calibration, 3, calibration));
    if (m->masked > 0)
        rmx_progress_say(progress, "  %-20s %lld more rows have no label for it (masked)", "",
                         (long long)m->masked);
    if (m->grouped)
        rmx_progress_say(progress,
                         "  %-20s %lld groups have both classes; %lld rows have no group", "",
                         (long long)m->groups, (long long)m->without_group);
}

static void say_bins(rmx_progress *progress, const char *name,
                     const rmx_metrics_bin bins[RMX_METRICS_BINS])
{
    rmx_progress_say(progress, "calibration of '%s' by decile of its prediction", name);
    rmx_progress_say(progress, "  %10s %12s %12s %9s", "rows", "prediction", "label", "ratio");
    for (int b = 0; b < RMX_METRICS_BINS; b++) {
        char ratio[32];
        const double of =
            bins[b].mean_label > 0 ? bins[b].mean_prediction / bins[b].mean_label : NAN;
        if (bins[b].count)
            rmx_progress_say(progress, "  %10lld %12.6f %12.6f %9s", (long long)bins[b].count,
                             bins[b].mean_prediction, bins[b].mean_label, number(of, 3, ratio));
    }
}

void rmx_metrics_say_table(rmx_progress *progress, const rmx_metrics_set *set,
                           rmx_metrics_bin (*bins)[RMX_METRICS_BINS])
{
    rmx_progress_say(progress, "  %-20s %10s %10s %9s %9s %9s %9s %9s %9s %9s", "task", "rows",
                     "positives", "auc", "95 % low", "high", "logloss", "ne", "gauc", "calibr.");
    for (int32_t t = 0; t < set->tasks; t++) say_row(progress, set->names[t], &set->of_task[t]);
    for (int32_t t = 0; t < set->tasks; t++) say_bins(progress, set->names[t], bins[t]);
}

void rmx_metrics_warn_undefined(rmx_progress *progress, const char *path,
                                const rmx_metrics_set *set)
{
    char why[400];
    for (int32_t t = 0; t < set->tasks; t++) {
        const rmx_metrics *m = &set->of_task[t];
        if (isnan(m->auc))
            rmx_progress_warn(progress, "%s: AUC is undefined: %s", path,
                              rmx_metrics_why(m, set->names[t], why, sizeof why));
        else if (m->grouped && isnan(m->gauc))
            rmx_progress_warn(progress, "%s: GAUC is undefined: %s", path,
                              rmx_metrics_why_gauc(m, set->names[t], why, sizeof why));
    }
}
