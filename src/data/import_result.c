/* SPDX-License-Identifier: MIT */
/* import_result.c: see import_result.h. */
#include "data/import_result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct filler {
    rmx_import_result *out;
    const rmx_import_state *from;
    bool failed; /* out of memory */
} filler;

void rmx_import_result_free(rmx_import_result *result)
{
    for (int32_t i = 0; result->task && i < result->tasks; i++) free(result->task[i]);
    for (int32_t i = 0; i < result->warnings; i++) free(result->warning[i]);
    for (int i = 0; i < 2; i++) free(result->output[i].label);
    free(result->task);
    free(result->warning);
    free(result->reason);
    memset(result, 0, sizeof *result);
}

/* ---- Counts --------------------------------------------------------------------------------- */

static int commonest_first(const void *a, const void *b)
{
    const rmx_bad_reason *x = a, *y = b;
    if (x->rows != y->rows) return x->rows > y->rows ? -1 : 1;
    return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind)
                              : strcmp(x->column, y->column);
}

static void fill_bad(filler *f)
{
    const rmx_bad_rows *bad = f->from->bad;
    f->out->bad_rows = bad->rows;
    memcpy(f->out->first_bad, bad->first, sizeof f->out->first_bad);
    if (bad->reasons == 0) return;
    f->out->reason = malloc((size_t)bad->reasons * sizeof *f->out->reason);
    if (!f->out->reason) {
        f->failed = true;
        return;
    }
    memcpy(f->out->reason, bad->reason, (size_t)bad->reasons * sizeof *bad->reason);
    f->out->reasons = bad->reasons;
    qsort(f->out->reason, (size_t)bad->reasons, sizeof *bad->reason, commonest_first);
}

static void fill_unknown(rmx_import_output *out, const rmx_output *from, const rmx_schema *schema)
{
    const int64_t rows = out->rows;
    for (int32_t i = 0; i < schema->sparse_fields; i++) {
        const int64_t unknown = from->counts.unknown[i];
        if (strncmp(schema->encoding[i].transform, "table", 5) != 0) continue;
        out->sparse_values += rows;
        out->unknown_values += unknown;
        if (unknown <= out->worst_unknown) continue;
        out->worst_unknown = unknown;
        out->worst_values = rows;
        snprintf(out->worst, sizeof out->worst, "%s", schema->names[i]);
    }
}

static void fill_output(filler *f, int32_t i)
{
    const rmx_output *from = &f->from->output[i];
    const rmx_schema *schema = f->from->schema;
    rmx_import_output *out = &f->out->output[i];
    out->rows = from->rows;
    out->rows_without_group = from->counts.rows_without_group;
    out->missing_values = from->counts.missing;
    fill_unknown(out, from, schema);
    out->label = calloc((size_t)schema->tasks + 1, sizeof *out->label);
    if (!out->label) f->failed = true;
    if (out->label && schema->has_label)
        memcpy(out->label, from->counts.label, (size_t)schema->tasks * sizeof *out->label);
    f->out->unknown_values += out->unknown_values;
    f->out->missing_values += out->missing_values;
}

static void fill_tasks(filler *f)
{
    const rmx_schema *schema = f->from->schema;
    f->out->task = calloc((size_t)schema->tasks + 1, sizeof *f->out->task);
    if (!f->out->task) {
        f->failed = true;
        return;
    }
    for (; f->out->tasks < schema->tasks; f->out->tasks++)
        if (!(f->out->task[f->out->tasks] = strdup(schema->task_names[f->out->tasks]))) {
            f->failed = true;
            return;
        }
}

/* ---- Warnings ------------------------------------------------------------------------------- */

/* Takes the text over; NULL is passed over. */
static void warn(filler *f, char *text)
{
    if (!text) return;
    char **grown =
        realloc(f->out->warning, ((size_t)f->out->warnings + 1) * sizeof *f->out->warning);
    if (!grown) {
        free(text);
        f->failed = true;
        return;
    }
    f->out->warning = grown;
    grown[f->out->warnings++] = text;
}

static void warn_labels(filler *f)
{
    const rmx_columns *columns = f->from->columns;
    for (int32_t i = 0; columns->labelled && i < columns->spec->columns; i++)
        if (columns->spec->column[i].kind == RMX_COLUMN_LABEL)
            warn(f, rmx_label_warning(&columns->fit[i].label, &f->failed));
}

/* A task of one class in an output. */
static void warn_class(filler *f, int32_t output, int32_t task)
{
    const char *path = f->from->output[output].path;
    const rmx_label_count *n = &f->from->output[output].counts.label[task];
    const char *name = f->from->schema->task_names[task];
    char *text = NULL;
    if (n->positive > 0 && n->negative > 0) return;
    const int64_t known = n->positive + n->negative;
    const int done =
        known == 0
            ? asprintf(&text, "label '%s': no row of %s has one", name, path)
            : asprintf(&text, "label '%s': all %lld of %s are %s; AUC is undefined there", name,
                       (long long)known, path, n->positive > 0 ? "positive" : "negative");
    if (done < 0)
        f->failed = true;
    else
        warn(f, text);
}

static void warn_numbers(filler *f)
{
    const rmx_columns *columns = f->from->columns;
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        if (c->kind == RMX_COLUMN_DENSE || c->kind == RMX_COLUMN_TIME)
            warn(f, rmx_stats_warning(&columns->fit[i].stats, c->name, c->zscore, c->log,
                                      &f->failed));
    }
}

rmx_status rmx_import_result_fill(rmx_import_result *out, const rmx_import_state *state,
                                  rmx_error *error)
{
    filler f = {out, state, false};
    const rmx_schema *schema = state->schema;
    if (state->table) {
        out->data_rows = state->table->rows;
        out->padded_rows = state->table->padded_rows;
        out->padded_values = state->table->padded_values;
    }
    if (state->bad) fill_bad(&f);
    if (state->columns && state->all_seen) warn_labels(&f);
    if (state->written) {
        fill_tasks(&f);
        for (int32_t i = 0; i < state->outputs; i++) fill_output(&f, i);
        for (int32_t i = 0; i < state->outputs && schema->has_label; i++)
            for (int32_t task = 0; task < schema->tasks; task++) warn_class(&f, i, task);
        warn_numbers(&f);
        out->rows = out->output[0].rows;
        out->split_rows = state->outputs == 2 ? out->output[1].rows : 0;
        out->no_labels = !schema->has_label;
        out->has_group = schema->has_group;
    }
    return f.failed ? rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the report") : RMX_OK;
}
