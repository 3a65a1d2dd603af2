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
    rmx_json_number(out, "auc", m->auc);
    put_reason(out, "auc_undefined", rmx_metrics_why(m, name, why, sizeof why));
    rmx_json_number(out, "auc_low", m->auc_low);
    rmx_json_number(out, "auc_high", m->auc_high);
    rmx_json_number(out, "logloss", m->logloss);
    rmx_json_number(out, "normalized_entropy", m->normalized_entropy);
    rmx_json_number(out, "gauc", m->gauc);
    put_reason(out, "gauc_undefined", rmx_metrics_why_gauc(m, name, why, sizeof why));
    rmx_json_number(out, "mean_prediction", m->mean_prediction);
    rmx_json_number(out, "calibration", m->calibration);
}

void rmx_json_counts(FILE *out, const rmx_metrics *m)
{
    fprintf(out, "\"examples\":%lld,\"positives\":%lld,\"masked\":%lld", (long long)m->examples,
            (long long)m->positives, (long long)m->masked);
    if (m->grouped)
        fprintf(out, ",\"groups\":%lld,\"without_group\":%lld", (long long)m->groups,
                (long long)m->without_group);
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
