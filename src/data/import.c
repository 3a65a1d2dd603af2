/* SPDX-License-Identifier: MIT */
/* import.c: see import.h. A pass is a walk over all rows of the input:
 *   count  only where the last rows are to be split off: how many there are
 *   fit    ids, centres and factors, from the rows that are not split off; not with fitted_on
 *   write  rows to the output, or to the output of the split */
#include "data/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/table_columns.h"
#include "data/text_rows.h"

#define BLOCK_ROWS 1024
#define TEXT_COLUMNS_MAX 65536

typedef struct output {
    rmx_writer *writer;
    rmx_rows block;
    int64_t held;
} output;

typedef struct import {
    const rmx_import_options *options;
    rmx_import_result result;
    rmx_spec spec;
    rmx_columns columns;
    rmx_schema schema;
    rmx_text_rows rows;
    char **text;                     /* [TEXT_COLUMNS_MAX] values of the line */
    char **value;                    /* [spec.columns] the same in the spec's order */
    int32_t *place;                  /* [spec.columns] column of the text */
    int32_t width;                   /* columns of the text */
    int64_t row;                     /* number of the data line, over all files */
    int64_t tail;                    /* the first row that is split off, with split_tail */
    int64_t bytes_before, bytes_all; /* for the progress */
    output out[2];
} import;

typedef rmx_status (*row_handler)(import *m, rmx_error *error);

/* ---- Rows ----------------------------------------------------------------------------------- */

static rmx_status bad_row(import *m, const char *why, rmx_error *error)
{
    const char *path = m->rows.paths[m->rows.current];
    if (m->options->strict)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.400s:%lld: %.300s; mend the row or leave out "
                        "--strict",
                        path, (long long)m->rows.number, why);
    if (m->result.bad_rows++ == 0)
        snprintf(m->result.first_bad, sizeof m->result.first_bad, "%.200s:%lld: %.200s", path,
                 (long long)m->rows.number, why);
    return RMX_OK;
}

/* Where each column of the spec is, from the names in the first line of a file. */
static rmx_status read_header(import *m, int32_t n, rmx_error *error)
{
    for (int32_t i = 0; i < m->spec.columns; i++) {
        m->place[i] = -1;
        for (int32_t j = 0; j < n && m->place[i] < 0; j++)
            if (strcmp(m->text[j], m->spec.column[i].name) == 0) m->place[i] = j;
        if (m->place[i] < 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "%.400s:1: the header has no column '%.100s'; are separator and spec "
                            "right?",
                            m->rows.paths[m->rows.current], m->spec.column[i].name);
    }
    m->width = n;
    return RMX_OK;
}

static rmx_status one_line(import *m, row_handler handle, rmx_error *error)
{
    static char empty[] = "";
    rmx_text_rows *rows = &m->rows;
    int32_t n = rows->bad ? 0
                          : rmx_text_split(rows->line, rows->length, m->spec.separator,
                                           m->spec.trim, m->text, TEXT_COLUMNS_MAX);
    if (m->spec.header && rows->number == 1) {
        if (rows->bad || n < 1 || n > TEXT_COLUMNS_MAX)
            return rmx_fail(error, RMX_ERR_DATA, "%.400s:1: the header cannot be read",
                            rows->paths[rows->current]);
        return read_header(m, n, error);
    }
    if (m->spec.pad && n > 1)
        while (n < m->width) m->text[n++] = empty;
    rmx_status status;
    char why[160];
    if (rows->bad) {
        status = bad_row(m, rows->bad, error);
    } else if (n != m->width) {
        if (n < 0)
            snprintf(why, sizeof why, "a quote has no end");
        else
            snprintf(why, sizeof why, "%d columns instead of %d", (int)n, (int)m->width);
        status = bad_row(m, why, error);
    } else {
        for (int32_t i = 0; i < m->spec.columns; i++) m->value[i] = m->text[m->place[i]];
        status = rmx_columns_good(&m->columns, m->value) ? handle(m, error)
                                                         : bad_row(m, m->columns.why, error);
    }
    m->row++;
    return status;
}

static rmx_status walk(import *m, row_handler handle, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    bool more = true;
    m->row = 0;
    m->result.bad_rows = 0;
    rmx_status status = rmx_text_open(&m->rows, o->input, o->inputs, error);
    while (status == RMX_OK) {
        status = rmx_text_next(&m->rows, &more, error);
        if (status != RMX_OK || !more) break;
        status = one_line(m, handle, error);
        if (status == RMX_OK && o->progress && m->row % 4096 == 0 &&
            !o->progress(o->user, m->bytes_before + m->rows.bytes, m->bytes_all))
            status = rmx_fail(error, RMX_ERR_DATA, "stopped");
    }
    m->bytes_before += m->rows.bytes;
    rmx_text_close(&m->rows);
    return status;
}

/* ---- Handlers ------------------------------------------------------------------------------- */

static bool split_off(const import *m)
{
    const rmx_import_options *o = m->options;
    if (!o->split_output) return false;
    if (o->split_tail) return m->row >= m->tail;
    const uint64_t words[2] = {(uint64_t)m->row, o->split_seed};
    return (double)(XXH3_64bits(words, sizeof words) >> 11) * 0x1p-53 < o->split_fraction;
}

static rmx_status handle_count(import *m, rmx_error *error)
{
    (void)m;
    (void)error;
    return RMX_OK;
}

static rmx_status handle_fit(import *m, rmx_error *error)
{
    if (split_off(m) || rmx_columns_observe(&m->columns, m->value)) return RMX_OK;
    return rmx_fail(error, RMX_ERR_MEMORY, "%s", m->columns.why);
}

static rmx_status flush(output *out, rmx_error *error)
{
    const rmx_rows *b = &out->block;
    const int64_t count = out->held;
    out->held = 0;
    return rmx_writer_append(out->writer, count, b->label, b->dense, b->sparse, b->group, error);
}

static rmx_status handle_write(import *m, rmx_error *error)
{
    output *out = &m->out[split_off(m) ? 1 : 0];
    rmx_columns_convert(&m->columns, m->value, &m->schema, &out->block, out->held);
    return ++out->held == BLOCK_ROWS ? flush(out, error) : RMX_OK;
}

/* ---- Passes --------------------------------------------------------------------------------- */

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
    if (o->split_output && strcmp(o->split_output, o->output) == 0)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "both outputs are %.400s", o->output);
    return RMX_OK;
}

/* The spec from its file, the preset or the set to go by; fitted numbers from the latter. */
static rmx_status load_spec(import *m, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    rmx_spec stored;
    memset(&stored, 0, sizeof stored);
    rmx_status status = RMX_OK;
    if (o->fitted_on) {
        rmx_schema schema;
        char name[256];
        snprintf(name, sizeof name, "the spec stored in %.200s", o->fitted_on);
        status = rmx_dataset_schema(o->fitted_on, &schema, error);
        if (status == RMX_OK) status = rmx_spec_parse(name, schema.transform, &stored, error);
        if (status == RMX_ERR_ARGUMENT) status = RMX_ERR_DATA;
        rmx_schema_free(&schema);
    }
    if (status != RMX_OK) return status;
    const char *preset = rmx_spec_preset(o->format);
    if (o->spec)
        status = rmx_spec_load(o->spec, &m->spec, error);
    else if (preset)
        status = rmx_spec_parse(o->format, preset, &m->spec, error);
    else {
        m->spec = stored; /* handed over */
        return RMX_OK;
    }
    if (status == RMX_OK && o->fitted_on)
        status = rmx_spec_adopt(&m->spec, &stored, o->fitted_on, error);
    rmx_spec_free(&stored);
    return status;
}

static rmx_status prepare(import *m, rmx_error *error)
{
    rmx_status status = check_options(m->options, error);
    if (status == RMX_OK) status = load_spec(m, error);
    if (status == RMX_OK) status = rmx_columns_create(&m->columns, &m->spec, error);
    if (status != RMX_OK) return status;
    m->text = malloc(TEXT_COLUMNS_MAX * sizeof *m->text);
    m->value = calloc((size_t)m->spec.columns, sizeof *m->value);
    m->place = calloc((size_t)m->spec.columns, sizeof *m->place);
    if (!m->text || !m->value || !m->place)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a row");
    for (int32_t i = 0; i < m->spec.columns; i++) m->place[i] = i;
    m->width = m->spec.columns;
    status = rmx_text_open(&m->rows, m->options->input, m->options->inputs, error);
    const bool tail = m->options->split_output && m->options->split_tail;
    m->bytes_all = m->rows.total * (1 + (tail ? 1 : 0) + (m->options->fitted_on ? 0 : 1));
    rmx_text_close(&m->rows);
    return status;
}

static rmx_status open_output(import *m, output *out, const char *path, rmx_error *error)
{
    rmx_status status = rmx_rows_alloc(&out->block, &m->schema, BLOCK_ROWS, error);
    if (status == RMX_OK) status = rmx_writer_open(path, &m->schema, 0, &out->writer, error);
    for (int32_t i = 0, field = 0; i < m->spec.columns && status == RMX_OK; i++) {
        if (m->spec.column[i].kind != RMX_COLUMN_SPARSE) continue;
        const rmx_column_fit *fit = &m->columns.fit[i];
        if (m->spec.column[i].buckets == 0)
            status = rmx_writer_table(out->writer, field, fit->list, fit->listed, error);
        field++;
    }
    return status;
}

static rmx_status write_all(import *m, rmx_error *error)
{
    const rmx_import_options *o = m->options;
    const int32_t outputs = o->split_output ? 2 : 1;
    rmx_status status = rmx_columns_schema(&m->columns, &m->schema, error);
    char source[512];
    snprintf(source, sizeof source, "import --format %s, %d file%s from %.300s", o->format,
             (int)o->inputs, o->inputs == 1 ? "" : "s", o->input[0]);
    if (status == RMX_OK) status = rmx_schema_set(&m->schema.source, source, error);
    for (int32_t i = 0; i < outputs && status == RMX_OK; i++)
        status = open_output(m, &m->out[i], i == 0 ? o->output : o->split_output, error);
    if (status == RMX_OK) status = walk(m, handle_write, error);
    for (int32_t i = 0; i < outputs && status == RMX_OK; i++) status = flush(&m->out[i], error);
    if (status == RMX_OK) {
        m->result.rows = rmx_writer_rows(m->out[0].writer);
        m->result.split_rows = outputs == 2 ? rmx_writer_rows(m->out[1].writer) : 0;
        m->result.unknown_values = m->columns.unknown;
        m->result.missing_values = m->columns.missing;
        if (m->result.rows < 1 || (outputs == 2 && m->result.split_rows < 1))
            status = rmx_fail(error, RMX_ERR_DATA,
                              "%.200s: %lld good rows (%lld split off), %lld bad ones%s%.400s: "
                              "nothing is written",
                              o->input[0], (long long)m->result.rows,
                              (long long)m->result.split_rows, (long long)m->result.bad_rows,
                              m->result.bad_rows ? ", the first: " : "", m->result.first_bad);
    }
    for (int32_t i = outputs - 1; i >= 0 && status == RMX_OK; i--) {
        status = rmx_writer_finish(m->out[i].writer, NULL, error);
        m->out[i].writer = NULL;
        if (status != RMX_OK && i == 0 && outputs == 2) (void)remove(o->split_output);
    }
    return status;
}

rmx_status rmx_import(const rmx_import_options *options, rmx_import_result *result,
                      rmx_error *error)
{
import m;
    memset(&m, 0, sizeof m);
    m.options = options;
    rmx_status status = prepare(&m, error);
    if (status == RMX_OK && options->split_output && options->split_tail) {
        status = walk(&m, handle_count, error);
        m.tail = m.row - (int64_t)((double)m.row * options->split_fraction);
    }
    if (status == RMX_OK && options->fitted_on) {
        status = rmx_columns_load(&m.columns, options->fitted_on, error);
    } else if (status == RMX_OK) {
        status = walk(&m, handle_fit, error);
        if (status == RMX_OK) status = rmx_columns_fit(&m.columns, error);
    }
    if (status == RMX_OK) status = write_all(&m, error);
    if (status == RMX_OK && result) *result = m.result;
    for (int i = 0; i < 2; i++) {
        rmx_writer_discard(m.out[i].writer);
        rmx_rows_free(&m.out[i].block);
    }
    rmx_columns_free(&m.columns);
    rmx_schema_free(&m.schema);
    free(m.text);
    free(m.value);
    free(m.place);
    rmx_spec_free(&m.spec);
    return status;
}
