/* SPDX-License-Identifier: MIT */
/* spec_check.c: what has to hold for all columns of a spec together; see spec_parts.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "data/spec_parts.h"
#include "data/utf8.h"

/* The name of a column, or of a field: the column's name and a suffix. */
typedef struct entry {
    const char *name, *suffix;
    int32_t column;
    bool pattern;
} entry;

typedef struct checker {
    const rmx_spec *spec;
    const char *name;
    const int32_t *line;
    rmx_error *error;
    entry *entry;
    int32_t entries;
} checker;

static rmx_status fail(const checker *c, int32_t column, const char *what, const char *other,
                       const char *more)
{
    char line[16] = "";
    if (c->line) snprintf(line, sizeof line, ":%d", (int)c->line[column]);
    return rmx_spec_fail(c->error, "%.200s%s: '%.130s': %s%.140s%s", c->name, line,
                         c->spec->column[column].name, what, other, more);
}

/* ---- Names ---------------------------------------------------------------------------------- */

const char *rmx_spec_name_fault(const char *name, const char *suffix)
{
    if (!*name) return "the name is empty";
    for (const char *at = name; *at;) {
        uint32_t character;
        const size_t n = rmx_utf8_character(at, &character);
        if (n == 0) return "the name is not valid UTF-8: save the text as UTF-8";
        if (rmx_utf8_control(character)) return "the name has a control character";
        at += n;
    }
    if (strlen(name) + strlen(suffix) <= RMX_SCHEMA_NAME_MAX) return NULL;
    return *suffix ? "the names of its fields have more than 127 bytes: shorten it"
                   : "the name has more than 127 bytes: shorten it";
}

/* As strcmp of the names with their suffixes. */
static int compare_names(const entry *a, const entry *b)
{
    const char *p = a->name, *q = b->name, *p_next = a->suffix, *q_next = b->suffix;
    for (;; p++, q++) {
        if (!*p) {
            p = p_next;
            p_next = "";
        }
        if (!*q) {
            q = q_next;
            q_next = "";
        }
        if (*p != *q || !*p) return (unsigned char)*p - (unsigned char)*q;
    }
}

static int compare(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    if (a->pattern != b->pattern) return a->pattern ? 1 : -1;
    const int order = compare_names(a, b);
    if (order != 0) return order;
    return a->column < b->column ? -1 : a->column > b->column;
}

static void add(checker *c, int32_t column, const char *suffix)
{
    const rmx_column *of = &c->spec->column[column];
    c->entry[c->entries++] = (entry){of->name, suffix, column, of->pattern};
}

static void add_fields(checker *c, int32_t column)
{
    const rmx_column *of = &c->spec->column[column];
    if (of->kind == RMX_COLUMN_DENSE || of->kind == RMX_COLUMN_SPARSE) add(c, column, "");
    if (of->kind == RMX_COLUMN_DENSE && of->flag) add(c, column, "_missing");
    if (of->kind != RMX_COLUMN_TIME) return;
    if (of->hour) add(c, column, "_hour");
    if (of->weekday) add(c, column, "_weekday");
    if (of->seconds) add(c, column, "_seconds");
}

/* The first entry, in the order of the spec, whose name an earlier column has. *first: that
 * column's entry. */
static const entry *find_second(checker *c, const entry **first)
{
    const entry *found = NULL;
    if (c->entries > 1) qsort(c->entry, (size_t)c->entries, sizeof *c->entry, compare);
    for (int32_t i = 1; i < c->entries; i++) {
        const entry *a = &c->entry[i - 1], *b = &c->entry[i];
        if (a->pattern != b->pattern || compare_names(a, b) != 0) continue;
        if (found && found->column <= b->column) continue;
        found = b;
        *first = a;
    }
    return found;
}

static rmx_status check_columns(checker *c)
{
    const entry *first = NULL;
    c->entries = 0;
    for (int32_t i = 0; i < c->spec->columns; i++) add(c, i, "");
    const entry *second = find_second(c, &first);
    if (!second) return RMX_OK;
    if (!c->line)
        return fail(c, second->column, "the column is there twice: rename one in the header", "",
                    "");
    const rmx_column *a = &c->spec->column[first->column], *b = &c->spec->column[second->column];
    return rmx_spec_fail(
        c->error, "%.200s:%d: '%.130s': the column is there twice, first in line %d%s", c->name,
        (int)c->line[second->column], second->name, (int)c->line[first->column],
        a->group || a->key || b->group || b->key
            ? "; one line can hold both, as in: sparse group key"
            : "");
}

static rmx_status check_fields(checker *c)
{
    const entry *first = NULL;
    c->entries = 0;
    for (int32_t i = 0; i < c->spec->columns; i++) {
        const int32_t before = c->entries;
        if (!c->spec->column[i].pattern) add_fields(c, i);
        for (int32_t k = before; k < c->entries; k++) {
            const char *why = rmx_spec_name_fault(c->entry[k].name, c->entry[k].suffix);
            if (why) return fail(c, i, why, "", "");
        }
    }
    const entry *second = find_second(c, &first);
    if (!second) return RMX_OK;
    return fail(c, second->column, "becomes a field that '", first->name,
                "' becomes, too (NAME_missing, NAME_hour, ...): rename one or leave the option "
                "out");
}

/* ---- Counts --------------------------------------------------------------------------------- */

static rmx_status check_group(checker *c)
{
    int32_t first = -1, texts = 0;
    for (int32_t i = 0; i < c->spec->columns; i++) {
        const rmx_column *of = &c->spec->column[i];
        texts += of->group || of->key;
        if (texts > RMX_SCHEMA_TEXT_COLUMNS_MAX)
            return fail(c, i, "more than 64 columns are group or key", "", "");
        if (of->group && first >= 0)
            return fail(c, i, "a second group column, after '", c->spec->column[first].name,
                        "': there can be one at most");
        if (of->group) first = i;
    }
    return RMX_OK;
}

static rmx_status check_counts(checker *c)
{
    int64_t sparse = 0, dense = 0, features = 0;
    for (int32_t i = 0; i < c->spec->columns; i++) {
        const rmx_column *of = &c->spec->column[i];
        features += rmx_column_is_feature(of);
        sparse += rmx_column_sparse_fields(of);
        dense += rmx_column_dense_fields(of);
        if (sparse > RMX_SCHEMA_FIELDS_MAX || dense > RMX_SCHEMA_FIELDS_MAX)
            return fail(c, i, "more than 65536 sparse or dense fields", "", "");
        if (of->pattern && c->spec->header == RMX_HEADER_NO)
            return fail(c, i,
                        "a pattern needs the names of a header: write header = yes or "
                        "first, or the name in quotes if it is one",
                        "", "");
    }
    if (features > 0) return RMX_OK;
    return rmx_spec_fail(c->error,
                         "%.200s: 0 dense or sparse or time columns among %d: need at least one",
                         c->name, (int)c->spec->columns);
}

rmx_status rmx_spec_check(const rmx_spec *spec, const char *name, const int32_t *line,
                          rmx_error *error)
{
    checker c = {spec, name, line, error, NULL, 0};
    c.entry = malloc(3 * (size_t)spec->columns * sizeof *c.entry + 1);
    if (!c.entry) return rmx_spec_no_memory(error);
    rmx_status status = check_columns(&c);
    if (status == RMX_OK) status = check_counts(&c);
    if (status == RMX_OK) status = check_group(&c);
    if (status == RMX_OK) status = check_fields(&c);
    free(c.entry);
    const size_t bytes = status == RMX_OK ? rmx_spec_size(spec) : 1;
    if (bytes == 0) return rmx_spec_no_memory(error);
    if (bytes > RMX_SPEC_TEXT_MAX)
        status =
            rmx_spec_fail(error,
                          "%.200s: with all ranges and patterns written out and what is to be "
                          "fitted the spec has %zu bytes, which is more than %d: shorten names "
                          "or values, or leave columns out",
                          name, bytes, RMX_SPEC_TEXT_MAX);
    return status;
}
