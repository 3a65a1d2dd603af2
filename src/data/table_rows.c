/* SPDX-License-Identifier: MIT */
/* table_rows.c: see table_rows.h. */
#include "data/table_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/decimal.h"
#include "data/missing.h"

static rmx_status out_of_memory(rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a row");
}

/* A skipped column that is neither group nor key need not be there. */
static bool needed(const rmx_column *c)
{
    return c->kind != RMX_COLUMN_SKIP || c->group || c->key;
}

/* ---- Headers -------------------------------------------------------------------------------- */

typedef struct named {
    const char *name;
    int32_t place;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static int by_name_and_place(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int order = by_name(a, b);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* The names of a header in order, to be freed; NULL: out of memory. */
static named *sorted_names(char *const *value, int32_t count)
{
    named *list = malloc(((size_t)count + 1) * sizeof *list);
    for (int32_t i = 0; list && i < count; i++) list[i] = (named){value[i], i};
    if (list) qsort(list, (size_t)count, sizeof *list, by_name_and_place);
    return list;
}

static int32_t place_of(const named *list, int32_t count, const char *name)
{
    const named key = {name, 0}, *found = bsearch(&key, list, (size_t)count, sizeof key, by_name);
    return found ? found->place : -1;
}

static rmx_status absent(const rmx_table *t, const rmx_column *c, rmx_error *error)
{
    char names[200] = "";
    for (int32_t i = 0; i < t->row.values && strlen(names) < 120; i++) {
        const size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%.60s", i ? ", " : "", t->row.value[i]);
    }
    return rmx_fail(
        error, RMX_ERR_DATA,
        "%.300s:%lld: the header has no column '%.100s'%s; are separator and spec "
        "right? It has %d columns: %s",
        t->row.path, (long long)t->row.line, c->name,
        c->kind == RMX_COLUMN_LABEL ? " (with --unlabelled rows are imported without labels)" : "",
        (int)t->row.values, names);
}

static rmx_status find_columns(rmx_table *t, const named *list, rmx_error *error)
{
    const rmx_spec *spec = t->spec;
    const rmx_column *no_label = NULL;
    int32_t found = 0;
    for (int32_t i = 0; i < spec->columns; i++) {
        const rmx_column *c = &spec->column[i];
        const int32_t place = place_of(list, t->row.values, c->name);
        const bool label = c->kind == RMX_COLUMN_LABEL, there = place >= 0;
        t->place[i] = place;
        found += label && there;
        if (!there && label) no_label = c;
        if (!there && !label && needed(c)) return absent(t, c, error);
    }
    if (t->header.count == 0) /* the first file decides; the others must be like it */
        t->labelled = found > 0 && !no_label && !t->options->unlabelled;
    if (!no_label || t->options->unlabelled ||
        (t->options->may_lack_labels && found == 0 && !t->labelled))
        return RMX_OK;
    return absent(t, no_label, error);
}

static bool equals_header(const rmx_table *t)
{
    bool same = t->row.values == t->header.count;
    for (int32_t i = 0; same && i < t->header.count; i++)
        same = strcmp(t->row.value[i], t->header.text[i]) == 0;
    return same;
}

static rmx_status keep_header(rmx_table *t, rmx_error *error)
{
    t->mixed = t->mixed || (t->header.count > 0 && !equals_header(t));
    for (int32_t i = t->header.count; i < t->row.values && !t->mixed; i++)
        if (!rmx_texts_add(&t->header, strdup(t->row.value[i]))) return out_of_memory(error);
    free(t->header_line);
    t->header_line = strndup(t->row.raw, t->row.raw_bytes);
    return t->header_line ? RMX_OK : out_of_memory(error);
}

/* Makes room for the columns, whose number is final once the first header has resolved the
 * patterns. */
static rmx_status fix_columns(rmx_table *t, rmx_error *error)
{
    const rmx_status status =
        t->spec->header == RMX_HEADER_NO
            ? RMX_OK
            : rmx_spec_resolve(t->spec, t->spec_name, t->row.value, t->row.values, error);
    if (status != RMX_OK) return status;
    t->value = calloc((size_t)t->spec->columns + 1, sizeof *t->value);
    t->place = calloc((size_t)t->spec->columns + 1, sizeof *t->place);
    return t->value && t->place ? RMX_OK : out_of_memory(error);
}

static rmx_status refuse_twice(const rmx_table *t, const named *list, rmx_error *error)
{
    for (int32_t i = 1; i < t->row.values; i++)
        if (list[i].name[0] && strcmp(list[i].name, list[i - 1].name) == 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "%.300s:%lld: the header has the column '%.100s' twice (columns %d "
                            "and %d): rename one, or name the columns in the spec with header = "
                            "no and skip_lines = 1",
                            t->row.path, (long long)t->row.line, list[i].name,
                            (int)list[i - 1].place + 1, (int)list[i].place + 1);
    return RMX_OK;
}

static rmx_status read_header(rmx_table *t, rmx_error *error)
{
    if (t->row.bad)
        return rmx_fail(error, RMX_ERR_DATA, "%.300s:%lld: the header cannot be read: %.300s",
                        t->row.path, (long long)t->row.line, t->row.bad);
    named *list = sorted_names(t->row.value, t->row.values);
    if (!list) return out_of_memory(error);
    rmx_status status = refuse_twice(t, list, error);
    if (status == RMX_OK && !t->place) status = fix_columns(t, error);
    if (status == RMX_OK) status = find_columns(t, list, error);
    free(list);
    t->width = t->row.values;
    return status == RMX_OK ? keep_header(t, error) : status;
}

/* Whether the first row of a later file is its header: it is where it names at least half of the
 * columns. A column that it lacks is an error then. */
static rmx_status names_columns(const rmx_table *t, bool *out, rmx_error *error)
{
    int32_t wanted = 0, found = 0;
    *out = false;
    if (t->row.bad) return RMX_OK;
    named *list = sorted_names(t->row.value, t->row.values);
    if (!list) return out_of_memory(error);
    for (int32_t i = 0; i < t->spec->columns; i++) {
        if (!needed(&t->spec->column[i])) continue;
        wanted++;
        found += place_of(list, t->row.values, t->spec->column[i].name) >= 0;
    }
    free(list);
    *out = found * 2 >= wanted;
    return RMX_OK;
}

static rmx_status refuse_order(const rmx_table *t, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.300s:%lld: the file has no header, and the headers of the files before "
                    "differ: nobody can tell the order of its columns; give it a header",
                    t->row.path, (long long)t->row.line);
}

/* *header: the row is a header, which was read. */
static rmx_status take_header(rmx_table *t, bool *header, rmx_error *error)
{
    *header = false;
    if (t->spec->header == RMX_HEADER_NO || !t->row.first) return RMX_OK;
    if (t->header.count > 0) {
        if (t->spec->header == RMX_HEADER_FIRST) return RMX_OK;
        const rmx_status status = names_columns(t, header, error);
        if (status != RMX_OK) return status;
        if (!*header) return t->mixed ? refuse_order(t, error) : RMX_OK;
    }
    *header = true;
    return read_header(t, error);
}

/* ---- Names among the data ------------------------------------------------------------------- */

static rmx_status refuse_names(const rmx_table *t, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA, "%.300s:%lld: the row holds the names of the columns; %s",
                    t->row.path, (long long)t->row.line,
                    t->spec->header == RMX_HEADER_NO && t->row.first
                        ? "write header = yes in [file] of the spec"
                    : t->spec->header == RMX_HEADER_FIRST && t->row.first
                        ? "write header = yes in [file] of the spec, as each file has a header"
                        : "take the row out, or make each part a file of its own");
}

/* A row that equals the header, or the names of the spec where there is none. */
static bool equals_names(const rmx_table *t)
{
    if (t->header.count > 0) return equals_header(t);
    int32_t compared = 0;
    for (int32_t i = 0; i < t->spec->columns; i++) {
        if (!needed(&t->spec->column[i]) || !t->value[i]) continue;
        if (strcasecmp(t->value[i], t->spec->column[i].name) != 0) return false;
        compared++;
    }
    return compared > 0;
}

/* In the first row of a file without headers, a number, a time or a label that equals the name of
 * its column cannot be data. */
static bool names_itself(const rmx_table *t)
{
    double x;
    for (int32_t i = 0; i < t->spec->columns; i++) {
        const rmx_column *c = &t->spec->column[i];
        const char *value = t->value[i];
        if (!value || c->kind == RMX_COLUMN_SPARSE || c->kind == RMX_COLUMN_SKIP ||
            strcasecmp(value, c->name) != 0 || rmx_decimal_parse(value, false, &x) ||
            rmx_missing(t->spec, value) || rmx_texts_have(&c->positive, value) ||
            rmx_texts_have(&c->negative, value))
            continue;
        return true;
    }
    return false;
}

static rmx_status look_for_names(const rmx_table *t, rmx_error *error)
{
    if (equals_names(t)) return refuse_names(t, error);
    if (t->spec->header == RMX_HEADER_NO && t->row.first && names_itself(t))
        return refuse_names(t, error);
    return RMX_OK;
}

/* ---- Widths --------------------------------------------------------------------------------- */

static rmx_status judge_file(const rmx_table *t, rmx_error *error)
{
    if (t->judged == 0 || t->odd * 2 <= t->judged) return RMX_OK;
    if (!t->spec->pad && (t->judged < 2 || t->options->any_width)) return RMX_OK;
    int32_t labels = 0;
    for (int32_t i = 0; i < t->spec->columns; i++)
        labels += t->spec->column[i].kind == RMX_COLUMN_LABEL;
    const char *hint = "are separator and spec right?";
    if (t->spec->header == RMX_HEADER_NO && labels > 0) {
        if (t->labelled && t->odd_width == t->width - labels)
            hint = "if the label columns are absent, import it with --unlabelled";
        if (!t->labelled && t->odd_width == t->width + labels)
            hint = "if the label columns are there, leave out --unlabelled";
    }
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.300s: %lld of its first %lld rows do not have %d columns (the last of them "
                    "has %d): it is a table of another width; %s",
                    t->path, (long long)t->odd, (long long)t->judged, (int)t->width,
                    (int)t->odd_width, hint);
}

/* Counts the row's width for the file; the file is judged at row 1000, or at its end. */
static rmx_status count_width(rmx_table *t, rmx_error *error)
{
    if (t->judged == RMX_WIDTH_ROWS) return RMX_OK;
    t->judged++;
    if (!t->row.bad && t->row.values != t->width) {
        t->odd++;
        t->odd_width = t->row.values;
    }
    return t->judged == RMX_WIDTH_ROWS ? judge_file(t, error) : RMX_OK;
}

static rmx_status begin_file(rmx_table *t, rmx_error *error)
{
    const rmx_status status = t->judged < RMX_WIDTH_ROWS ? judge_file(t, error) : RMX_OK;
    t->file = t->row.file;
    t->path = t->row.path;
    t->judged = t->odd = 0;
    return status;
}

static rmx_status pad(rmx_table *t, int32_t have, rmx_error *error)
{
    if (t->options->strict)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.400s:%lld: %d columns instead of %d, which pad = yes would fill; mend "
                        "the row or leave out --strict",
                        t->row.path, (long long)t->row.line, (int)have, (int)t->width);
    t->padded_rows++;
    t->padded_values += t->width - have;
    return RMX_OK;
}

/* Puts the values in the spec's order. */
static rmx_status place_values(rmx_table *t, rmx_error *error)
{
    static char empty[] = "";
    const int32_t have = t->row.values;
    char why[80];
    t->bad.kind = RMX_BAD_NONE;
    if (t->row.bad) {
        t->bad = rmx_bad_of(RMX_BAD_TEXT, -1, "", "", t->row.bad);
        return RMX_OK;
    }
    const bool fill = t->spec->pad && have > 1 && have < t->width;
    if (have != t->width && !fill) {
        snprintf(why, sizeof why, "%d columns instead of %d", (int)have, (int)t->width);
        t->bad = rmx_bad_of(RMX_BAD_WIDTH, -1, "", "", why);
        return RMX_OK;
    }
    for (int32_t i = 0; i < t->spec->columns; i++) {
        const int32_t place = t->place[i];
        t->value[i] = place < 0 ? NULL : place < have ? t->row.value[place] : empty;
    }
    return fill ? pad(t, have, error) : look_for_names(t, error);
}

/* ---- Rows ----------------------------------------------------------------------------------- */

rmx_status rmx_table_next(rmx_table *t, bool *more, rmx_error *error)
{
    for (;;) {
        bool header;
        rmx_status status = rmx_text_next(t->text, &t->row, more, error);
        if (status != RMX_OK) return status;
        if (!*more) return t->judged < RMX_WIDTH_ROWS ? judge_file(t, error) : RMX_OK;
        if (!t->started || t->row.file != t->file) status = begin_file(t, error);
        t->started = true;
        if (status == RMX_OK) status = take_header(t, &header, error);
        if (status != RMX_OK) return status;
        if (header) continue;
        t->number = t->rows++;
        status = place_values(t, error);
        return status == RMX_OK ? count_width(t, error) : status;
    }
}

static void forget_headers(rmx_table *t)
{
    rmx_texts_free(&t->header);
    free(t->header_line);
    t->header_line = NULL;
}

rmx_status rmx_table_rewind(rmx_table *t, rmx_error *error)
{
    forget_headers(t);
    t->started = t->mixed = false;
    t->judged = t->odd = 0;
    t->rows = t->padded_rows = t->padded_values = 0;
    return rmx_text_rewind(t->text, error);
}

/* Without a header the columns stand as in the spec. */
static rmx_status place_in_order(rmx_table *t, rmx_error *error)
{
    const rmx_status status = fix_columns(t, error);
    int32_t labels = 0;
    for (int32_t i = 0; status == RMX_OK && i < t->spec->columns; i++) {
        const bool label = t->spec->column[i].kind == RMX_COLUMN_LABEL;
        labels += label;
        t->place[i] = label && t->options->unlabelled ? -1 : t->width++;
    }
    t->labelled = labels > 0 && !t->options->unlabelled;
    return status;
}

rmx_status rmx_table_open(rmx_table *out, const rmx_table_options *options, rmx_spec *spec,
                          const char *spec_name, rmx_error *error)
{
    *out = (rmx_table){.options = options, .spec = spec, .spec_name = spec_name};
    const rmx_text_format format = {.separator = spec->separator,
                                    .quotes = spec->quotes,
                                    .trim = spec->trim,
                                    .comment = spec->comment,
                                    .skip_lines = spec->skip_lines};
    bool more = false;
    rmx_status status = rmx_text_open(options->input, options->inputs, &format, &out->text, error);
    if (status == RMX_OK) status = rmx_text_next(out->text, &out->row, &more, error);
    if (status == RMX_OK && !more)
        status = rmx_fail(error, RMX_ERR_DATA, "%.400s: there are 0 good rows: the table is empty",
                          options->input[0]);
    if (status == RMX_OK)
        status =
            spec->header == RMX_HEADER_NO ? place_in_order(out, error) : read_header(out, error);
    if (status == RMX_OK) status = rmx_table_rewind(out, error);
    if (status != RMX_OK) rmx_table_close(out);
    return status;
}

void rmx_table_close(rmx_table *t)
{
    rmx_text_close(t->text);
    forget_headers(t);
    free(t->value);
    free(t->place);
    memset(t, 0, sizeof *t);
}
