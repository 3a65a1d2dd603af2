/* SPDX-License-Identifier: MIT */
/* spec.c: reads column specs; see spec.h.
 *
 *   spec_line.c     names, quotes and comments of a line
 *   spec_file.c     the keys of [file]
 *   spec_column.c   the kinds and options of [columns]
 *   spec_check.c    what has to hold for all columns together
 *   spec_resolve.c  patterns over the names of a header
 *   spec_adopt.c    whether two specs go together
 *   spec_print.c    the way back */
#include "data/spec_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/list.h"

enum { PATTERNS_MAX = 1024 };

/* ---- Columns and lists of texts ------------------------------------------------------------- */

bool rmx_texts_add(rmx_texts *texts, char *text)
{
    char **grown = text ? rmx_list_grow(texts->text, texts->count, sizeof *grown) : NULL;
    if (!grown) {
        free(text);
        return false;
    }
    texts->text = grown;
    grown[texts->count++] = text;
    return true;
}

void rmx_texts_free(rmx_texts *texts)
{
    for (int32_t i = 0; i < texts->count; i++) free(texts->text[i]);
    free(texts->text);
    *texts = (rmx_texts){NULL, 0};
}

bool rmx_texts_have(const rmx_texts *texts, const char *value)
{
    for (int32_t i = 0; i < texts->count; i++)
        if (strcmp(texts->text[i], value) == 0) return true;
    return false;
}

static bool copy_texts(rmx_texts *out, const rmx_texts *from)
{
    *out = (rmx_texts){NULL, 0};
    for (int32_t i = 0; i < from->count; i++)
        if (!rmx_texts_add(out, strdup(from->text[i]))) {
            rmx_texts_free(out);
            return false;
        }
    return true;
}

bool rmx_column_copy(rmx_column *out, const rmx_column *from, const char *name)
{
    *out = *from;
    out->positive = out->negative = (rmx_texts){NULL, 0};
    out->name = strdup(name);
    if (out->name && copy_texts(&out->positive, &from->positive) &&
        copy_texts(&out->negative, &from->negative))
        return true;
    rmx_column_free(out);
    return false;
}

void rmx_column_free(rmx_column *column)
{
    free(column->name);
    rmx_texts_free(&column->positive);
    rmx_texts_free(&column->negative);
    memset(column, 0, sizeof *column);
}

/* ---- The parser ----------------------------------------------------------------------------- */

typedef enum section { NOWHERE, FILE_KEYS, COLUMNS, FITTED } section;

typedef struct fitted {
    char *name;
    int32_t line;
    double centre, factor;
} fitted;

typedef struct parser {
    rmx_spec *spec;
    section section;
    rmx_spec_file file;
    int32_t *line_of; /* [columns] where each column stands */
    int32_t patterns;
    size_t bytes; /* of all columns as printed, about; a range multiplies a value */
    fitted *fitted;
    int32_t fitteds;
} parser;

/* ---- [columns] ------------------------------------------------------------------------------ */

static bool make_room(parser *p)
{
    const int32_t n = p->spec->columns;
    rmx_column *grown = rmx_list_grow(p->spec->column, n, sizeof *grown);
    if (grown) p->spec->column = grown;
    int32_t *lines = grown ? rmx_list_grow(p->line_of, n, sizeof *lines) : NULL;
    if (lines) p->line_of = lines;
    return lines != NULL;
}

static rmx_status add_column(parser *p, rmx_spec_line *line, const rmx_column *like,
                             const char *name, size_t value_bytes)
{
    const char *why = rmx_spec_name_fault(name, "");
    if (why) return rmx_spec_line_fail(line, "%s", why);
    if (p->spec->columns == RMX_SPEC_COLUMNS_MAX)
        return rmx_spec_line_fail(line, "more than %d columns", RMX_SPEC_COLUMNS_MAX);
    p->bytes += strlen(name) + value_bytes;
    if (p->bytes > RMX_SPEC_TEXT_MAX)
        return rmx_spec_line_fail(line,
                                  "the columns written out have more than %d bytes: shorten "
                                  "names or values",
                                  RMX_SPEC_TEXT_MAX);
    if (!make_room(p) || !rmx_column_copy(&p->spec->column[p->spec->columns], like, name))
        return rmx_spec_no_memory(line->error);
    p->line_of[p->spec->columns++] = line->number;
    return RMX_OK;
}

static rmx_status add_range(parser *p, rmx_spec_line *line, const rmx_column *like,
                            const rmx_spec_range *range, size_t value_bytes)
{
    const char *prefix = line->key;
    if (range->prefix > 127) return rmx_spec_line_fail(line, "the names have more than 127 bytes");
    rmx_status status = RMX_OK;
    for (int64_t i = range->first; i <= range->last && status == RMX_OK; i++) {
        char name[160];
        snprintf(name, sizeof name, "%.*s%0*lld", range->prefix, prefix, range->width,
                 (long long)i);
        status = add_column(p, line, like, name, value_bytes);
    }
    return status;
}

static rmx_status take_column(parser *p, rmx_spec_line *line, bool quoted)
{
    rmx_column like;
    rmx_spec_range range = {0, 0, 1, 0};
    rmx_status status = rmx_spec_column_read(line, &like);
    const size_t bytes = status == RMX_OK ? rmx_column_size(&like) : 1;
    if (bytes == 0) status = rmx_spec_no_memory(line->error);
    if (status == RMX_OK && !quoted) {
        status = rmx_spec_range_read(line, line->key, &range);
        like.pattern = rmx_spec_is_pattern(line->key);
    }
    if (status == RMX_OK && like.pattern && ++p->patterns > PATTERNS_MAX)
        status = rmx_spec_line_fail(line, "more than %d patterns", PATTERNS_MAX);
    if (status == RMX_OK && range.first <= range.last)
        status = add_range(p, line, &like, &range, bytes);
    else if (status == RMX_OK)
        status = add_column(p, line, &like, line->key, bytes);
    rmx_column_free(&like);
    return status;
}

/* ---- [fitted] ------------------------------------------------------------------------------- */

static rmx_status take_fitted(parser *p, rmx_spec_line *line)
{
    char text[128], *middle, *end;
    const size_t n = (size_t)(line->end - line->at);
    fitted f = {NULL, line->number, 0.0, 0.0};
    memcpy(text, line->at, n < sizeof text ? n : 0);
    text[n < sizeof text ? n : 0] = '\0';
    char *comment = strstr(text, " ;");
    if (comment) *comment = '\0';
    f.centre = strtod(text, &middle);
    f.factor = strtod(middle, &end);
    if (middle == text || end == middle || end[strspn(end, " \t")] != '\0' ||
        !isfinite(f.centre) || !isfinite(f.factor))
        return rmx_spec_line_fail(line, "needs two finite numbers: centre and factor");
    fitted *grown = rmx_list_grow(p->fitted, p->fitteds, sizeof *grown);
    if (!grown) return rmx_spec_no_memory(line->error);
    p->fitted = grown;
    f.name = strdup(line->key);
    if (!f.name) return rmx_spec_no_memory(line->error);
    p->fitted[p->fitteds++] = f;
    return RMX_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(rmx_column *const *)a)->name, (*(rmx_column *const *)b)->name);
}

static rmx_status apply_fitted(parser *p, rmx_column **sorted, rmx_spec_line line)
{
    for (int32_t i = 0; i < p->spec->columns; i++) sorted[i] = &p->spec->column[i];
    qsort(sorted, (size_t)p->spec->columns, sizeof *sorted, by_name);
    for (int32_t i = 0; i < p->fitteds; i++) {
        const fitted *f = &p->fitted[i];
        rmx_column key = {.name = f->name}, *wanted = &key;
        rmx_column **found =
            bsearch(&wanted, sorted, (size_t)p->spec->columns, sizeof *sorted, by_name);
        line.number = f->line;
        line.key = f->name;
        if (!found || (*found)->pattern)
            return rmx_spec_line_fail(&line, "[columns] has no such column");
        if (!(*found)->zscore)
            return rmx_spec_line_fail(&line, "the column has no zscore, so nothing is fitted");
        if ((*found)->fitted) return rmx_spec_line_fail(&line, "is there twice");
        (*found)->centre = f->centre;
        (*found)->factor = f->factor;
        (*found)->fitted = true;
    }
    return RMX_OK;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static rmx_status take_section(parser *p, rmx_spec_line *line)
{
    static const char *const names[] = {"file", "columns", "fitted"};
    char name[32] = "", hint[RMX_SPEC_HINT];
    const char *close = memchr(line->at, ']', (size_t)(line->end - line->at));
    if (!close)
        return rmx_spec_line_fail(line, "'[' without ']'; a name that begins so needs "
                                        "quotes");
    const size_t n = (size_t)(close - line->at) - 1;
    memcpy(name, line->at + 1, n < sizeof name - 1 ? n : sizeof name - 1);
    line->at = close + 1;
    int i = 0;
    while (i < 3 && strcmp(name, names[i]) != 0) i++;
    if (rmx_spec_line_more(line))
        return rmx_spec_line_fail(line,
                                  "text after ']'; a name that begins with '[' needs quotes");
    p->section = (section)(FILE_KEYS + i);
    if (i < 3) return RMX_OK;
    return rmx_spec_line_fail(line,
                              "unknown section [%s]; there are [file], [columns] and [fitted]%s",
                              name, rmx_spec_hint(hint, name, names, 3, "[]"));
}

static rmx_status take_entry(parser *p, rmx_spec_line *line)
{
    char *name = NULL;
    bool quoted = false;
    if (p->section == NOWHERE)
        return rmx_spec_line_fail(line, "text before the first section: write [file] or [columns] "
                                        "above it");
    rmx_status status = rmx_spec_line_name(line, &name, &quoted);
    if (status != RMX_OK) return status;
    line->key = name;
    if (p->section == FILE_KEYS) status = rmx_spec_file_read(line, &p->file, p->spec);
    if (p->section == COLUMNS) status = take_column(p, line, quoted);
    if (p->section == FITTED) status = take_fitted(p, line);
    line->key = NULL;
    free(name);
    return status;
}

static rmx_status take_line(parser *p, rmx_spec_line *line)
{
    const rmx_status status = rmx_spec_line_check(line);
    if (status != RMX_OK || line->at == line->end || *line->at == ';' || *line->at == '#')
        return status;
    if (*line->at == ' ' || *line->at == '\t') {
        rmx_spec_line_blanks(line);
        return line->at == line->end
                   ? RMX_OK
                   : rmx_spec_line_fail(line, "the line begins with a blank: move it to the left");
    }
    return *line->at == '[' ? take_section(p, line) : take_entry(p, line);
}

static rmx_status take_lines(parser *p, rmx_spec_line *line, const char *text)
{
    rmx_status status = RMX_OK;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    for (line->number = 1; *text && status == RMX_OK; line->number++) {
        const size_t n = strcspn(text, "\n");
        line->at = text;
        line->end = text + n - (n > 0 && text[n - 1] == '\r');
        status = take_line(p, line);
        text += n;
        if (*text) text++;
    }
    return status;
}

/* ---- Whole specs ---------------------------------------------------------------------------- */

static rmx_status finish(parser *p, const rmx_spec_line *line)
{
    rmx_status status = rmx_spec_file_complete(*line, &p->file, p->spec);
    if (status == RMX_OK) status = rmx_spec_check(p->spec, line->source, p->line_of, line->error);
    if (status != RMX_OK || p->fitteds == 0) return status;
    rmx_column **sorted = malloc((size_t)p->spec->columns * sizeof *sorted);
    if (!sorted) return rmx_spec_no_memory(line->error);
    status = apply_fitted(p, sorted, *line);
    free(sorted);
    return status;
}

rmx_status rmx_spec_parse(const char *name, const char *text, rmx_spec *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    parser p = {.spec = out};
    rmx_spec_line line = {.source = name, .error = error};
    out->trim = true;
    out->separator = strdup(",");
    out->comment = strdup("");
    rmx_status status = out->separator && out->comment ? RMX_OK : rmx_spec_no_memory(error);
    if (status == RMX_OK && strlen(text) > RMX_SPEC_TEXT_MAX)
        status = rmx_spec_fail(error, "%.200s: has more than %d bytes", name, RMX_SPEC_TEXT_MAX);
    if (status == RMX_OK) status = take_lines(&p, &line, text);
    if (status == RMX_OK) status = finish(&p, &line);
    for (int32_t i = 0; i < p.fitteds; i++) free(p.fitted[i].name);
    free(p.fitted);
    free(p.line_of);
    if (status != RMX_OK) rmx_spec_free(out);
    return status;
}

void rmx_spec_free(rmx_spec *spec)
{
    for (int32_t i = 0; i < spec->columns; i++) rmx_column_free(&spec->column[i]);
    rmx_texts_free(&spec->missing);
    free(spec->column);
    free(spec->separator);
    free(spec->comment);
    memset(spec, 0, sizeof *spec);
}

rmx_status rmx_spec_load(const char *path, rmx_spec *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    FILE *file = fopen(path, "rb");
    if (!file) return rmx_fail_system(error, errno, "%.400s: cannot open the column spec", path);
    char *text = malloc(RMX_SPEC_TEXT_MAX + 2);
    const size_t bytes = text ? fread(text, 1, RMX_SPEC_TEXT_MAX + 1, file) : 0;
    const int number = text && ferror(file) ? errno : 0;
    fclose(file);
    if (!text) return rmx_spec_no_memory(error);
    text[bytes] = '\0';
    rmx_status status;
    if (number)
        status = rmx_fail_system(error, number, "%.400s: cannot read the column spec", path);
    else if (bytes > RMX_SPEC_TEXT_MAX)
        status = rmx_spec_fail(error, "%.400s: has more than %d bytes: is it a column spec?", path,
                               RMX_SPEC_TEXT_MAX);
    else if (strlen(text) != bytes)
        status = rmx_spec_fail(
            error, "%.400s: has a zero byte: it is no text, or UTF-16; save it as UTF-8", path);
    else
        status = rmx_spec_parse(path, text, out, error);
    free(text);
    return status;
}
