/* SPDX-License-Identifier: MIT */
/* metrics_json.c: see metrics_json.h. */
#include "train/metrics_json.h"

#include "train/json.h"

static void put_reason(FILE *out, const char *key, const char *why)
{
    if (*why) rmx_json_text(out, key, why);
}

void rmx_json_metrics(FILE *out, const rmx_metrics *m, const char *name)
{
    char why[400];
    for (int f = 0; f < RMX_METRICS_FIGURES; f++) {
        const rmx_metrics_figure *figure = &rmx_metrics_figures[f];
        rmx_json_number(out, figure->name, rmx_metrics_value(m, figure));
        if (figure->offset == offsetof(rmx_metrics, auc))
            put_reason(out, "auc_undefined", rmx_metrics_why(m, name, why, sizeof why));
        if (figure->offset == offsetof(rmx_metrics, gauc))
            put_reason(out, "gauc_undefined", rmx_metrics_why_gauc(m, name, why, sizeof why));
    }
}

void rmx_json_result(FILE *out, const char *role, const rmx_metrics *m, const char *name)
{
    char key[64], why[400];
    for (int f = 0; f < RMX_METRICS_FIGURES; f++) {
        const rmx_metrics_figure *figure = &rmx_metrics_figures[f];
        snprintf(key, sizeof key, "%s_%s", role, figure->name);
        if (figure->reported) rmx_json_number(out, key, rmx_metrics_value(m, figure));
    }
    if (m->examples + m->masked == 0) return;
    snprintf(key, sizeof key, "%s_auc_undefined", role);
    put_reason(out, key, rmx_metrics_why(m, name, why, sizeof why));
}

void rmx_json_counts(FILE *out, const rmx_metrics *m)
{
    fprintf(out, "\"examples\":%lld", (long long)m->examples);
    rmx_json_integer(out, "positives", m->positives);
    rmx_json_integer(out, "masked", m->masked);
    if (!m->grouped) return;
    rmx_json_integer(out, "groups", m->groups);
    rmx_json_integer(out, "without_group", m->without_group);
}

void rmx_json_bins(FILE *out, const rmx_metrics_bin bins[RMX_METRICS_BINS])
{
    const char *separator = "";
    fputs(",\"deciles\":[", out);
    for (int b = 0; b < RMX_METRICS_BINS; b++) {
        if (bins[b].count == 0) continue;
        fprintf(out, "%s{\"count\":%lld", separator, (long long)bins[b].count);
        rmx_json_number(out, "mean_prediction", bins[b].mean_prediction);
        rmx_json_number(out, "mean_label", bins[b].mean_label);
        fputc('}', out);
        separator = ",";
    }
    fputc(']', out);
}
