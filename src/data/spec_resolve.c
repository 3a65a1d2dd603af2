/* SPDX-License-Identifier: MIT */
/* spec_resolve.c: patterns become columns for the names of a header. */
#include <stdlib.h>
#include <string.h>

#include "data/spec_parts.h"
#include "data/utf8.h"

/* ---- Patterns ------------------------------------------------------------------------------- */

/* '*' is any text, '?' one character. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;
    while (*name) {
        const size_t n = rmx_utf8_length(name, RMX_UTF8_MAX);
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern == '?') {
            pattern++;
            name += n ? n : 1;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

typedef struct resolver {
    const rmx_spec *spec;
    const char *name;
    char *const *header;
    int32_t count;
    rmx_error *error;
    const char **known; /* [knowns] names of the columns that are no patterns, sorted */
    int32_t *pattern;   /* [patterns] places of the others */
    int32_t knowns, patterns;
    int32_t *owner; /* [count] the pattern of each name, -1: it has a line of its own */
    bool *used;     /* [columns] the pattern matches a name, even one with its own line */
} resolver;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static rmx_status find_owner(resolver *r, int32_t i)
{
    const char *name = r->header[i];
    const bool known = r->knowns > 0 && bsearch(&name, r->known, (size_t)r->knowns,
                                                sizeof *r->known, by_text) != NULL;
    r->owner[i] = -1;
    for (int32_t p = 0; p < r->patterns; p++) {
        const int32_t k = r->pattern[p];
        if (r->used[k] && (known || r->owner[i] >= 0)) continue;
        if (!matches(r->spec->column[k].name, name)) continue;
        r->used[k] = true;
        if (r->owner[i] < 0 && !known) r->owner[i] = k;
    }
    if (known || r->owner[i] >= 0) return RMX_OK;
    return rmx_spec_fail(r->error,
                         "%.200s: no line of [columns] is for column %d of the header, '%.130s': "
                         "name it, or write \"* = skip\" as the last line to leave the rest out",
                         r->name, (int)i + 1, name);
}

static bool leaves_out(const rmx_column *c)
{
    return c->kind == RMX_COLUMN_SKIP && !c->group && !c->key;
}

static rmx_status find_owners(resolver *r)
{
    for (int32_t i = 0; i < r->spec->columns; i++)
        if (r->spec->column[i].pattern)
            r->pattern[r->patterns++] = i;
        else
            r->known[r->knowns++] = r->spec->column[i].name;
    if (r->knowns > 0) qsort(r->known, (size_t)r->knowns, sizeof *r->known, by_text);
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < r->count && status == RMX_OK; i++) status = find_owner(r, i);
    for (int32_t p = 0; p < r->patterns && status == RMX_OK; p++) {
        const rmx_column *c = &r->spec->column[r->pattern[p]];
        if (!r->used[r->pattern[p]] && !leaves_out(c))
            status = rmx_spec_fail(r->error,
                                   "%.200s: '%.130s' matches none of the %d names of the header: "
                                   "mend it or leave it out",
                                   r->name, c->name, (int)r->count);
    }
    return status;
}

/* Adds a column for each name that pattern k has. A pattern that leaves its names out adds none:
 * the columns of a header are found by name. */
static rmx_status expand(const resolver *r, int32_t k, rmx_spec *out, size_t *bytes)
{
    const rmx_column *c = &r->spec->column[k];
    const size_t value_bytes = rmx_column_size(c);
    if (value_bytes == 0) return rmx_spec_no_memory(r->error);
    for (int32_t i = 0; i < r->count && !leaves_out(c); i++) {
        if (r->owner[i] != k) continue;
        const char *why = rmx_spec_name_fault(r->header[i], "");
        if (!why && out->columns == RMX_SPEC_COLUMNS_MAX) why = "more than 65536 columns";
        *bytes += strlen(r->header[i]) + value_bytes;
        if (!why && *bytes > RMX_SPEC_TEXT_MAX) why = "the columns written out are too long";
        if (why)
            return rmx_spec_fail(
                r->error,
                "%.200s: column %d of the header, '%.130s', which '%.130s' stands "
                "for: %s",
                r->name, (int)i + 1, r->header[i], c->name, why);
        if (!rmx_column_copy(&out->column[out->columns], c, r->header[i]))
            return rmx_spec_no_memory(r->error);
        out->column[out->columns++].pattern = false;
    }
    return RMX_OK;
}

/* Copies the columns of the spec and replaces the patterns. */
static rmx_status build(const resolver *r, rmx_spec *out)
{
    size_t bytes = 0;
    rmx_status status = RMX_OK;
    for (int32_t k = 0; k < r->spec->columns && status == RMX_OK; k++) {
        const rmx_column *c = &r->spec->column[k];
        if (c->pattern)
            status = expand(r, k, out, &bytes);
        else if (out->columns == RMX_SPEC_COLUMNS_MAX)
            status = rmx_spec_fail(r->error, "%.200s: more than %d columns", r->name,
                                   RMX_SPEC_COLUMNS_MAX);
        else if (!rmx_column_copy(&out->column[out->columns], c, c->name))
            status = rmx_spec_no_memory(r->error);
        else
            out->columns++;
    }
    return status == RMX_OK ? rmx_spec_check(out, r->name, NULL, r->error) : status;
}

static bool has_patterns(const rmx_spec *spec)
{
    for (int32_t i = 0; i < spec->columns; i++)
        if (spec->column[i].pattern) return true;
    return false;
}

static void free_columns(rmx_column *column, int32_t columns)
{
    for (int32_t i = 0; i < columns; i++) rmx_column_free(&column[i]);
    free(column);
}

rmx_status rmx_spec_resolve(rmx_spec *spec, const char *name, char *const *header, int32_t count,
                            rmx_error *error)
{
    if (!has_patterns(spec)) return RMX_OK;
    const size_t n = (size_t)spec->columns, most = n + (size_t)count;
    resolver r = {.spec = spec, .name = name, .header = header, .count = count, .error = error};
    rmx_spec out = *spec; /* all but the columns is borrowed */
    out.columns = 0;
    out.column = malloc(most * sizeof *out.column);
    r.known = malloc(n * sizeof *r.known);
    r.pattern = malloc(n * sizeof *r.pattern);
    r.owner = malloc((size_t)count * sizeof *r.owner + 1);
    r.used = calloc(n, sizeof *r.used);
    rmx_status status = out.column && r.known && r.pattern && r.owner && r.used
                            ? find_owners(&r)
                            : rmx_spec_no_memory(error);
    if (status == RMX_OK) status = build(&r, &out);
    if (status == RMX_OK) {
        free_columns(spec->column, spec->columns);
        *spec = out;
    } else {
        free_columns(out.column, out.columns);
    }
    free(r.known);
    free(r.pattern);
    free(r.owner);
    free(r.used);
    return status;
}
