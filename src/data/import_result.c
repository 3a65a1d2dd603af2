/* SPDX-License-Identifier: MIT */
/* import_result.c: what an import tells about itself; see import.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/import_parts.h"
#include "data/list.h"

typedef struct filler {
    rmx_import_result *out;
    const rmx_importing *from;
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

/* Zeroed memory; *failed where there is none. */
static void *alloc(filler *f, int32_t count, size_t bytes)
{
    void *memory = calloc((size_t)count + 1, bytes);
    f->failed = f->failed || !memory;
    return memory;
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
    const rmx_bad_rows *bad = &f->from->bad;
    rmx_import_result *out = f->out;
    out->bad_rows = bad->rows;
    memcpy(out->first_bad, bad->first, sizeof out->first_bad);
    if (bad->reasons == 0) return;
    out->reason = alloc(f, bad->reasons, sizeof *out->reason);
    if (!out->reason) return;
    memcpy(out->reason, bad->reason, (size_t)bad->reasons * sizeof *bad->reason);
    out->reasons = bad->reasons;
    qsort(out->reason, (size_t)bad->reasons, sizeof *bad->reason, commonest_first);
}

static void fill_unknown(rmx_import_output *out, const rmx_output *from)
{
    const rmx_schema *schema = from->schema;
    for (int32_t i = 0; i < schema->sparse_fields; i++) {
        const int64_t unknown = from->block.unknown[i];
        if (strncmp(schema->encoding[i].transform, "table", 5) != 0) continue;
        out->sparse_values += out->rows;
        out->unknown_values += unknown;
        if (unknown <= out->worst_unknown) continue;
        out->worst_unknown = unknown;
        out->worst_values = out->rows;
        snprintf(out->worst, sizeof out->worst, "%s", schema->names[i]);
    }
}

static void fill_output(filler *f, int32_t i)
{
    const rmx_output *from = &f->from->out[i];
    const rmx_schema *counted = rmx_writer_schema(from->writer);
    rmx_import_output *out = &f->out->output[i];
    out->rows = from->rows;
    out->rows_without_group = counted->rows_without_group;
    out->missing_values = from->block.missing;
    fill_unknown(out, from);
    out->label = alloc(f, counted->tasks, sizeof *out->label);
    if (out->label)
        memcpy(out->label, counted->label_count, (size_t)counted->tasks * sizeof *out->label);
    f->out->unknown_values += out->unknown_values;
    f->out->missing_values += out->missing_values;
}

static void fill_tasks(filler *f)
{
    const rmx_schema *schema = &f->from->schema;
    f->out->task = alloc(f, schema->tasks, sizeof *f->out->task);
    for (; !f->failed && f->out->tasks < schema->tasks; f->out->tasks++) {
        char *name = strdup(schema->task_names[f->out->tasks]);
        f->out->task[f->out->tasks] = name;
        f->failed = !name;
    }
}

/* ---- Warnings ------------------------------------------------------------------------------- */

/* Takes the text over; NULL is passed over. */
static void warn(filler *f, char *text)
{
    if (!text) return;
    char **grown = rmx_list_grow(f->out->warning, f->out->warnings, sizeof *grown);
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
    const rmx_columns *columns = &f->from->columns;
    for (int32_t i = 0; columns->labelled && i < columns->spec->columns; i++)
        if (columns->spec->column[i].kind == RMX_COLUMN_LABEL)
            warn(f, rmx_label_warning(&columns->fit[i].label, &f->failed));
}

/* A task of one class in an output. */
static void warn_class(filler *f, int32_t output, int32_t task)
{
    const char *path = f->from->out[output].path, *name = f->from->schema.task_names[task];
    if (!f->out->output[output].label) return;
    const rmx_label_count *n = &f->out->output[output].label[task];
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
    const rmx_columns *columns = &f->from->columns;
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        if (rmx_column_dense_fields(c) > 0)
            warn(f, rmx_stats_warning(&columns->fit[i].stats, c->name, c->zscore, c->log,
                                      &f->failed));
    }
}

rmx_status rmx_import_result_fill(rmx_importing *m, rmx_error *error)
{
    if (!m->result || m->told) return RMX_OK;
    filler f = {m->result, m, false};
    m->told = true;
    m->result->data_rows = m->table.rows;
    m->result->padded_rows = m->table.padded_rows;
    m->result->padded_values = m->table.padded_values;
    fill_bad(&f);
    if (m->all_seen) warn_labels(&f);
    if (m->written) {
        fill_tasks(&f);
        for (int32_t i = 0; i < m->outputs; i++) fill_output(&f, i);
        for (int32_t i = 0; i < m->outputs && m->schema.has_label; i++)
            for (int32_t task = 0; task < m->schema.tasks; task++) warn_class(&f, i, task);
        warn_numbers(&f);
        m->result->rows = m->out[0].rows;
        m->result->split_rows = m->out[1].rows;
        m->result->no_labels = !m->schema.has_label;
        m->result->has_group = m->schema.has_group;
    }
    return f.failed ? rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the report") : RMX_OK;
}
