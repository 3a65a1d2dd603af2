/* SPDX-License-Identifier: MIT */
/* import.c: see import.h. A pass is a walk over all rows of the input:
 *   count  only where the last or latest rows are to be split off
 *   fit    ids, centres and factors, from the rows that are not split off; not with fitted_on
 *   write  rows to the output, or to the output of the split */
#include "data/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/import_parts.h"
#include "data/same_file.h"
#include "data/whole_file.h"

typedef enum pass { PASS_COUNT, PASS_FIT, PASS_WRITE } pass;

/* ---- Passes --------------------------------------------------------------------------------- */

static rmx_status bad_row(rmx_importing *m, pass p, const rmx_bad *bad, rmx_error *error)
{
    const rmx_text_row *row = &m->table.row;
    rmx_status status = rmx_bad_rows_add(&m->bad, bad, row->path, row->line, error);
    if (status != RMX_OK) return status;
    if (m->options->strict)
        return rmx_fail(error, RMX_ERR_DATA, "%.700s; mend the row or leave out --strict",
                        m->bad.first);
    if (p != PASS_WRITE || !m->bad.file) return RMX_OK;
    return rmx_bad_rows_keep(&m->bad, m->table.header_line, row->raw, row->raw_bytes, error);
}

static rmx_status one_row(rmx_importing *m, pass p, rmx_error *error)
{
    rmx_table *t = &m->table;
    rmx_bad *bad = &t->bad;
    bool away;
    if (p == PASS_COUNT) return rmx_split_count(&m->split, bad->kind ? NULL : t->value, error);
    if (bad->kind || !rmx_columns_read(&m->columns, t->value, bad) ||
        !rmx_split_place(&m->split, t->number, t->value, &away, bad))
        return bad_row(m, p, bad, error);
    if (p == PASS_FIT) return away ? RMX_OK : rmx_columns_observe(&m->columns, t->value, error);
    return rmx_output_add(&m->out[away ? 1 : 0], &m->columns, t->value, t->number, !away, error);
}

static rmx_status walk(rmx_importing *m, pass p, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    bool more = true;
    m->all_seen = false;
    rmx_bad_rows_forget(&m->bad);
    rmx_columns_forget_labels(&m->columns);
    rmx_status status = rmx_table_rewind(&m->table, error);
    while (status == RMX_OK) {
        status = rmx_table_next(&m->table, &more, error);
        if (status != RMX_OK || !more) break;
        status = one_row(m, p, error);
        if (status == RMX_OK && o->progress && m->table.rows % 4096 == 0 &&
            !o->progress(o->user, m->bytes_before + rmx_text_bytes(m->table.text), m->bytes_all))
            status = rmx_fail(error, RMX_ERR_DATA, "stopped");
    }
    if (status != RMX_OK) return status;
    m->bytes_before += rmx_text_bytes(m->table.text);
    if (m->rows >= 0 && m->rows != m->table.rows)
        return rmx_fail(
            error, RMX_ERR_DATA,
            "%.300s: changed while it was read: %lld rows at first, %lld later; import "
            "a copy that nobody writes to",
            o->input[0], (long long)m->rows, (long long)m->table.rows);
    m->rows = m->table.rows;
    m->all_seen = p != PASS_COUNT;
    return RMX_OK;
}

/* Refuses a table with too many bad rows. */
static rmx_status check_bad(const rmx_importing *m, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    const double most = o->max_bad == 0.0 ? RMX_MAX_BAD : o->max_bad < 0.0 ? 0.0 : o->max_bad;
    const double share = m->rows > 0 ? (double)m->bad.rows / (double)m->rows : 0.0;
    if (m->bad.rows >= m->rows)
        return rmx_fail(
            error, RMX_ERR_DATA, "%.200s: 0 good rows, %lld bad ones%s%.400s: nothing is written",
            o->input[0], (long long)m->bad.rows, m->bad.rows ? ", the first: " : "", m->bad.first);
    if (share <= most) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.200s: %lld of %lld rows are bad (%.3g %%), more than the %.3g %% of "
                    "--max-bad; the first: %.400s: nothing is written. Mend the spec or the "
                    "table, or let more pass with --max-bad",
                    o->input[0], (long long)m->bad.rows, (long long)m->rows, share * 100.0,
                    most * 100.0, m->bad.first);
}

/* ---- Preparing ------------------------------------------------------------------------------ */

static rmx_status check_files(const rmx_import_options *o, rmx_error *error)
{
    const char *const output[3] = {o->output, o->split_output, o->bad_output};
    const char *const other[2] = {o->spec, o->fitted_on};
    const rmx_status status = rmx_outputs_check(output, 3, other, 2, error);
    return status == RMX_OK ? rmx_outputs_check(output, 3, o->input, o->inputs, error) : status;
}

static rmx_status check_options(const rmx_import_options *o, rmx_error *error)
{
    if (o->inputs < 1) return rmx_fail(error, RMX_ERR_ARGUMENT, "no input file given");
    if (!o->output) return rmx_fail(error, RMX_ERR_ARGUMENT, "no output file given: use -o");
    if (strcmp(o->format, "csv") != 0 && !rmx_spec_preset(o->format))
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "unknown format '%.100s': there are csv, criteo and avazu", o->format);
    if (strcmp(o->format, "csv") == 0 && !o->spec && !o->fitted_on)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "format csv needs a column spec (--spec) or a set to take it from "
                        "(--vocab-from)");
    if (o->split_output && !(o->split_fraction > 0.0 && o->split_fraction < 1.0))
        return rmx_fail(error, RMX_ERR_ARGUMENT, "split fraction %g is not between 0 and 1",
                        o->split_fraction);
    if (!(o->max_bad <= 1.0))
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "largest share of bad rows %g is not between 0 and 1", o->max_bad);
    return check_files(o, error);
}

static rmx_status load_stored(rmx_importing *m, rmx_error *error)
{
    const char *path = m->options->fitted_on;
    char name[256];
    rmx_status status = rmx_dataset_schema(path, &m->fitted, error);
    if (status != RMX_OK) return status;
    if (!m->fitted.spec[0])
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.400s: has no column spec, as it was not written by rmx-data import: "
                        "nothing can be imported by it",
                        path);
    snprintf(name, sizeof name, "the spec stored in %.200s", path);
    status = rmx_spec_parse(name, m->fitted.spec, &m->stored, error);
    return status == RMX_ERR_ARGUMENT ? RMX_ERR_DATA : status;
}

/* The spec from its file, the preset or the set to go by. */
static rmx_status load_spec(rmx_importing *m, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    const char *preset = rmx_spec_preset(o->format);
    rmx_status status = o->fitted_on ? load_stored(m, error) : RMX_OK;
    if (status != RMX_OK) return status;
    if (o->spec) return rmx_spec_load(o->spec, &m->spec, error);
    if (preset) return rmx_spec_parse(o->format, preset, &m->spec, error);
    return rmx_spec_parse("the stored spec", m->fitted.spec, &m->spec, error);
}

static rmx_status need_split_column(const rmx_importing *m, rmx_error *error)
{
    const int32_t column = m->split.column;
    if (column < 0 || m->table.place[column] >= 0) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA, "%.300s: has no column '%.100s' to split by",
                    m->options->input[0], m->spec.column[column].name);
}

static rmx_status prepare(rmx_importing *m, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    const char *spec_name = o->spec ? o->spec : o->format;
    m->rows = -1;
    m->outputs = o->split_output ? 2 : 1;
    rmx_status status = check_options(o, error);
    if (status == RMX_OK) status = load_spec(m, error);
    if (status != RMX_OK) return status;
    m->table_options = (rmx_table_options){.input = o->input,
                                           .inputs = o->inputs,
                                           .may_lack_labels = o->fitted_on != NULL,
                                           .unlabelled = o->unlabelled,
                                           .strict = o->strict,
                                           .any_width = o->max_bad >= 1.0};
    status = rmx_table_open(&m->table, &m->table_options, &m->spec, spec_name, error);
    if (status == RMX_OK && o->fitted_on)
        status = rmx_spec_adopt(&m->spec, &m->stored, o->fitted_on, error);
    if (status == RMX_OK)
        status = rmx_columns_create(&m->columns, &m->spec, m->table.labelled, error);
    if (status == RMX_OK) status = rmx_bad_rows_create(&m->bad, m->spec.columns, error);
    if (status == RMX_OK) status = rmx_split_create(&m->split, o, &m->spec, error);
    if (status == RMX_OK) status = need_split_column(m, error);
    if (status != RMX_OK) return status;
    m->bytes_all = rmx_text_total(m->table.text) *
                   (1 + (rmx_split_counts(&m->split) ? 1 : 0) + (o->fitted_on ? 0 : 1));
    return RMX_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static rmx_status open_outputs(rmx_importing *m, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    char source[512];
    rmx_status status = rmx_columns_schema(&m->columns, &m->schema, error);
    snprintf(source, sizeof source, "import --format %s, %d file%s from %.300s", o->format,
             (int)o->inputs, o->inputs == 1 ? "" : "s", o->input[0]);
    if (status == RMX_OK) status = rmx_schema_set(&m->schema.source, source, error);
    for (int32_t i = 0; i < m->outputs && status == RMX_OK; i++)
        status = rmx_output_open(&m->out[i], i == 0 ? o->output : o->split_output, &m->schema,
                                 &m->columns, error);
    if (status == RMX_OK && o->bad_output)
        status = rmx_bad_rows_open(&m->bad, o->bad_output, m->spec.skip_lines, error);
    return status;
}

static rmx_status check_rows(const rmx_importing *m, rmx_error *error)
{
    const long long rows = (long long)m->out[0].rows;
    const long long split = m->outputs == 2 ? (long long)m->out[1].rows : 1;
    rmx_status status = check_bad(m, error);
    if (status == RMX_OK && (rows < 1 || split < 1))
        status = rmx_fail(error, RMX_ERR_DATA,
                          "%.200s: %lld good rows for %.200s and %lld for %.200s: both need one; "
                          "nothing is written",
                          m->options->input[0], rows, m->options->output, split,
                          m->outputs == 2 ? m->options->split_output : "nothing");
    return status;
}

/* All files are complete under their temporary names. Here all of them get their names, or
 * none. */
static rmx_status put_in_place(rmx_importing *m, rmx_error *error)
{
    const bool bad = m->bad.temporary != NULL;
    rmx_move move[3] = {{NULL, NULL, false}, {NULL, NULL, false}, {NULL, NULL, false}};
    const char *const path[3] = {m->out[0].path, m->outputs == 2 ? m->out[1].path : NULL,
                                 bad ? m->bad.path : NULL};
    rmx_status status = RMX_OK;
    for (int i = 0; i < 3 && status == RMX_OK; i++)
        if (path[i]) status = rmx_move_begin(&move[i], path[i], error);
    if (status == RMX_OK && bad) status = rmx_put_in_place(m->bad.temporary, m->bad.path, error);
    for (int32_t i = m->outputs - 1; i >= 0 && status == RMX_OK; i--) {
        status = rmx_writer_finish(m->out[i].writer, NULL, error);
        m->out[i].writer = NULL;
    }
    for (int i = 0; i < 3; i++) {
        if (!move[i].path) continue;
        if (status != RMX_OK)
            rmx_move_undo(&move[i], error);
        else
            rmx_move_end(&move[i]);
    }
    return status;
}

static rmx_status write_all(rmx_importing *m, rmx_error *error)
{
    rmx_status status = open_outputs(m, error);
    if (status == RMX_OK) status = walk(m, PASS_WRITE, error);
    for (int32_t i = 0; i < m->outputs && status == RMX_OK; i++)
        status = rmx_output_flush(&m->out[i], error);
    if (status == RMX_OK) status = check_rows(m, error);
    if (status != RMX_OK) return status;
    m->written = true;
    for (int32_t i = 0; i < m->outputs && status == RMX_OK; i++)
        status = rmx_writer_complete(m->out[i].writer, error);
    if (status == RMX_OK && m->bad.file) status = rmx_bad_rows_complete(&m->bad, error);
    if (status == RMX_OK) status = rmx_import_result_fill(m, error);
    return status == RMX_OK ? put_in_place(m, error) : status;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static rmx_status run(rmx_importing *m, rmx_error *error)
{
    rmx_status status = prepare(m, error);
    if (status == RMX_OK && rmx_split_counts(&m->split)) {
        status = walk(m, PASS_COUNT, error);
        if (status == RMX_OK) rmx_split_settle(&m->split, m->rows);
    }
    if (status == RMX_OK && m->options->fitted_on) {
        status = rmx_columns_load(&m->columns, m->options->fitted_on, error);
    } else if (status == RMX_OK) {
        status = walk(m, PASS_FIT, error);
        if (status == RMX_OK) status = check_bad(m, error);
        if (status == RMX_OK) status = rmx_columns_fit(&m->columns, error);
    }
    return status == RMX_OK ? write_all(m, error) : status;
}

rmx_status rmx_import(const rmx_import_options *options, rmx_import_result *result,
                      rmx_error *error)
{
    rmx_importing *m = calloc(1, sizeof *m);
    if (result) memset(result, 0, sizeof *result);
    if (!m) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for an import");
    m->options = options;
    m->result = result;
    const rmx_status status = run(m, error);
    (void)rmx_import_result_fill(m, NULL); /* after a failure: as far as memory goes */
    for (int i = 0; i < 2; i++) rmx_output_free(&m->out[i]);
    rmx_bad_rows_free(&m->bad);
    rmx_split_free(&m->split);
    rmx_columns_free(&m->columns);
    rmx_table_close(&m->table);
    rmx_schema_free(&m->schema);
    rmx_schema_free(&m->fitted);
    rmx_spec_free(&m->spec);
    rmx_spec_free(&m->stored);
    free(m);
    return status;
}
