/* SPDX-License-Identifier: MIT */
/* import_report.c: see import_report.h. */
#include "data/import_report.h"

#include <stdio.h>
#include <string.h>

#include "data/tool.h"

#define MOST_REASONS 24 /* lines of the table of bad rows */

static double percent(int64_t part, int64_t all)
{
    return all > 0 ? 100.0 * (double)part / (double)all : 0.0;
}

/* ---- stderr --------------------------------------------------------------------------------- */

static void bad_table(const rmx_import_result *r)
{
    const char *left_out = r->rows > 0 ? " and left out" : "";
    int width = 6;
    for (int32_t i = 0; i < r->reasons && i < MOST_REASONS; i++) {
        const int n = (int)strlen(r->reason[i].column);
        if (n > width) width = n > 32 ? 32 : n;
    }
    fprintf(stderr, "rmx-data: %lld of %lld rows are bad%s (%.3g %%):\n", (long long)r->bad_rows,
            (long long)r->data_rows, left_out, percent(r->bad_rows, r->data_rows));
    fprintf(stderr, "%12s  %-17s  %-*s  %s\n", "rows", "reason", width, "column", "the first");
    for (int32_t i = 0; i < r->reasons && i < MOST_REASONS; i++) {
        const rmx_bad_reason *reason = &r->reason[i];
        const bool named = reason->column[0] != '\0';
        fprintf(stderr, "%12lld  %-17s  %-*s  %s%s%s%s\n", (long long)reason->rows,
                rmx_bad_kind_words(reason->kind), width, named ? reason->column : "-",
                reason->first, named ? ": '" : "", reason->value, named ? "'" : "");
    }
    if (r->reasons > MOST_REASONS)
        fprintf(stderr, "%12s  and %d more reasons\n", "...", (int)(r->reasons - MOST_REASONS));
}

void rmx_import_warn(const rmx_import_options *o, const rmx_import_result *r)
{
    if (r->bad_rows > 0) bad_table(r);
    if (r->rows > 0 && r->no_labels && r->tasks > 0 && !o->unlabelled)
        rmx_tool_say(
            "rmx-data: the table has no label columns: its rows are for rmx-predict only");
    if (r->rows > 0 && r->no_labels && !o->fitted_on)
        rmx_tool_say("rmx-data: warning: a set without labels has ids of its own: rows to be "
                     "scored need --vocab-from and the training set");
    if (r->padded_rows > 0)
        rmx_tool_say("rmx-data: pad = yes filled %lld values at the end of %lld rows",
                     (long long)r->padded_values, (long long)r->padded_rows);
    for (int32_t i = 0; i < r->warnings; i++) rmx_tool_say("rmx-data: warning: %s", r->warning[i]);
}

/* ---- stdout --------------------------------------------------------------------------------- */

void rmx_labels_print(const rmx_label_count *n)
{
    const int64_t known = n->positive + n->negative;
    printf("%lld positive (%.4g %%), %lld negative", (long long)n->positive,
           percent(n->positive, known), (long long)n->negative);
    if (n->masked > 0) printf(", %lld without a label", (long long)n->masked);
    putchar('\n');
}

static void report_output(const char *path, const rmx_import_result *r,
                          const rmx_import_output *out)
{
    printf("%s: %lld rows\n", path, (long long)out->rows);
    for (int32_t i = 0; i < r->tasks && !r->no_labels; i++) {
        printf("  label %s: ", r->task[i]);
        rmx_labels_print(&out->label[i]);
    }
    if (r->no_labels) printf("  no labels\n");
    if (r->has_group) printf("  rows without a group: %lld\n", (long long)out->rows_without_group);
    if (out->sparse_values > 0) {
        printf("  unknown ids (id 0): %lld of %lld values (%.3g %%)",
               (long long)out->unknown_values, (long long)out->sparse_values,
               percent(out->unknown_values, out->sparse_values));
        if (out->worst[0])
            printf(", worst column %s with %.3g %%", out->worst,
                   percent(out->worst_unknown, out->worst_values));
        putchar('\n');
    }
    printf("  missing numbers and times: %lld\n", (long long)out->missing_values);
}

void rmx_import_report(const rmx_import_options *o, const rmx_import_result *r)
{
    report_output(o->output, r, &r->output[0]);
    if (o->split_output) report_output(o->split_output, r, &r->output[1]);
    printf("bad rows left out: %lld of %lld%s%s\n", (long long)r->bad_rows,
           (long long)r->data_rows, r->bad_rows ? ", the first: " : "", r->first_bad);
    if (o->bad_output) printf("%s: %lld bad rows\n", o->bad_output, (long long)r->bad_rows);
    if (r->padded_rows > 0)
        printf("rows filled by pad = yes: %lld (%lld values)\n", (long long)r->padded_rows,
               (long long)r->padded_values);
}
