/* SPDX-License-Identifier: MIT */
/* metrics_summary.c: the list of figures, means over tasks, reasons, and the best evaluation. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/metrics.h"

const rmx_metrics rmx_metrics_none = {.auc = NAN,
                                      .auc_low = NAN,
                                      .auc_high = NAN,
                                      .logloss = NAN,
                                      .normalized_entropy = NAN,
                                      .mean_prediction = NAN,
                                      .calibration = NAN,
                                      .gauc = NAN};

#define FIGURE(name, averaged, reported)                           \
    {                                                              \
#name, offsetof(rmx_metrics, name), (averaged), (reported) \
    }
const rmx_metrics_figure rmx_metrics_figures[RMX_METRICS_FIGURES] = {
    FIGURE(auc, true, true),
    FIGURE(auc_low, false, true),
    FIGURE(auc_high, false, true),
    FIGURE(logloss, true, true),
    FIGURE(normalized_entropy, true, true),
    FIGURE(gauc, true, true),
    FIGURE(mean_prediction, true, false),
    FIGURE(calibration, true, true),
};

double rmx_metrics_value(const rmx_metrics *m, const rmx_metrics_figure *figure)
{
    double value;
    memcpy(&value, (const char *)m + figure->offset, sizeof value);
    return value;
}

static double mean_of(const rmx_metrics *of_task, int32_t tasks, const rmx_metrics_figure *figure)
{
    double sum = 0;
    int32_t defined = 0;
    for (int32_t t = 0; t < tasks; t++) {
        const double value = rmx_metrics_value(&of_task[t], figure);
        if (isnan(value)) continue;
        sum += value;
        defined++;
    }
    return defined ? sum / defined : NAN;
}

rmx_metrics rmx_metrics_mean(const rmx_metrics *of_task, int32_t tasks)
{
    rmx_metrics mean = of_task[0];
    if (tasks == 1) return mean;
    mean.examples += mean.masked;
    mean.positives = mean.masked = mean.groups = mean.without_group = 0;
    for (int f = 0; f < RMX_METRICS_FIGURES; f++) {
        const rmx_metrics_figure *figure = &rmx_metrics_figures[f];
        const double value = figure->averaged ? mean_of(of_task, tasks, figure) : NAN;
        memcpy((char *)&mean + figure->offset, &value, sizeof value);
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
