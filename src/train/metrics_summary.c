/* SPDX-License-Identifier: MIT */
/* metrics_summary.c: means over tasks, reasons, and which evaluation is the best. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/metrics.h"

static const size_t figures[] = {
    offsetof(rmx_metrics, auc),
    offsetof(rmx_metrics, logloss),
    offsetof(rmx_metrics, normalized_entropy),
    offsetof(rmx_metrics, mean_prediction),
    offsetof(rmx_metrics, calibration),
    offsetof(rmx_metrics, gauc),
};

static double *figure(rmx_metrics *m, size_t offset) { return (double *)((char *)m + offset); }

rmx_metrics rmx_metrics_mean(const rmx_metrics *of_task, int32_t tasks)
{
    rmx_metrics mean = of_task[0];
    if (tasks == 1) return mean;
    mean.auc_low = mean.auc_high = NAN;
    mean.examples += mean.masked;
    mean.positives = mean.masked = mean.groups = mean.without_group = 0;
    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
        double sum = 0;
        int32_t defined = 0;
        for (int32_t t = 0; t < tasks; t++) {
            rmx_metrics m = of_task[t];
            const double value = *figure(&m, figures[f]);
            if (isnan(value)) continue;
            sum += value;
            defined++;
        }
        *figure(&mean, figures[f]) = defined ? sum / defined : NAN;
    }
    return mean;
}

rmx_metrics_set rmx_metrics_set_of(const rmx_metrics *of_task, char *const *names, int32_t tasks)
{
    return (rmx_metrics_set){rmx_metrics_mean(of_task, tasks), of_task, names, tasks};
}

const char *rmx_metrics_only(const rmx_metrics_set *set)
{
    return set->tasks == 1 ? set->names[0] : NULL;
}

const char *rmx_metrics_why(const rmx_metrics *m, const char *name, char *out, size_t bytes)
{
    const int64_t rows = m->examples ? m->examples : m->masked;
    const char *what = m->examples == 0 ? "masked" : m->positives ? "1" : "0";
    out[0] = '\0';
    if (!isnan(m->auc)) return out;
    if (!name)
        snprintf(out, bytes, "no task has labels of both classes");
    else if (rows == 0)
        snprintf(out, bytes, "there are no rows");
    else if (rows == 1)
        snprintf(out, bytes, "the 1 label of task '%s' is %s", name, what);
    else
        snprintf(out, bytes, "all %lld labels of task '%s' are %s", (long long)rows, name, what);
    return out;
}

const char *rmx_metrics_why_gauc(const rmx_metrics *m, const char *name, char *out, size_t bytes)
{
    out[0] = '\0';
    if (!isnan(m->gauc)) return out;
    if (!m->grouped)
        snprintf(out, bytes, "the set has no groups");
    else if (!name)
        snprintf(out, bytes, "no task has a group with labels of both classes");
    else if (isnan(m->auc))
        (void)rmx_metrics_why(m, name, out, bytes);
    else if (m->without_group == m->examples)
        snprintf(out, bytes, "none of the %lld rows has a group", (long long)m->examples);
    else
        snprintf(out, bytes, "no group has labels of both classes of task '%s'", name);
    return out;
}

bool rmx_metrics_better(const rmx_metrics *m, const rmx_metrics_best *best)
{
    const bool ranked = !isnan(m->auc), was_ranked = !isnan(best->auc);
    if (best->step == 0) return ranked || !isnan(m->logloss);
    if (ranked != was_ranked) return ranked;
    return ranked ? m->auc > best->auc : m->logloss < best->logloss;
}
