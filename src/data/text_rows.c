/* SPDX-License-Identifier: MIT */
/* text_rows.c: see text_rows.h. */
#include "data/text_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static rmx_status open_current(rmx_text_rows *rows, rmx_error *error)
{
    const char *path = rows->paths[rows->current];
    rows->number = 0;
    rows->file = fopen(path, "rb");
    if (rows->file) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA, "%.400s: cannot open the table: %s", path,
                    strerror(errno));
}

rmx_status rmx_text_open(rmx_text_rows *out, const char *const *paths, int32_t inputs,
                         rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->paths = paths;
    out->inputs = inputs;
    for (int32_t i = 0; i < inputs; i++) {
        struct stat info;
        if (stat(paths[i], &info) != 0)
            return rmx_fail(error, RMX_ERR_DATA, "%.400s: cannot open the table: %s", paths[i],
                            strerror(errno));
        if (!S_ISREG(info.st_mode)) /* two passes: a pipe would be empty the second time */
            return rmx_fail(
                error, RMX_ERR_DATA,
                "%.400s: is no regular file; it is read more than once, so write it to "
                "a file first",
                paths[i]);
        out->total += (int64_t)info.st_size;
    }
    out->line = malloc(RMX_TEXT_LINE_MAX + 2);
    if (!out->line) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a line");
    const rmx_status status = open_current(out, error);
    if (status != RMX_OK) rmx_text_close(out);
    return status;
}

void rmx_text_close(rmx_text_rows *rows)
{
    if (rows->file) fclose(rows->file);
    free(rows->line);
    rows->file = NULL;
    rows->line = NULL;
}

/* fgets cannot tell a zero byte from the end, and reading by character is slow: so getline's idea
 * with a bound. Returns false at the end of the file. */
static bool read_line(rmx_text_rows *rows)
{
    size_t n = 0;
    int c;
    bool zero = false, over = false, any = false;
    while ((c = getc_unlocked(rows->file)) != EOF) {
        any = true;
        rows->bytes++;
        if (c == '\n') break;
        if (c == 0) zero = true;
        if (n < RMX_TEXT_LINE_MAX)
            rows->line[n++] = (char)c;
        else
            over = true;
    }
    if (n > 0 && rows->line[n - 1] == '\r') n--;
    rows->line[n] = '\0';
    rows->length = n;
    rows->bad = over ? "the line is longer than 1 MiB" : zero ? "the line has a zero byte" : NULL;
    rows->number++;
    return any;
}

static bool blank(const rmx_text_rows *rows)
{
    return !rows->bad && strspn(rows->line, " ") == rows->length;
}

rmx_status rmx_text_next(rmx_text_rows *rows, bool *more, rmx_error *error)
{
    *more = true;
    for (;;) {
        if (read_line(rows)) {
            if (!blank(rows)) return RMX_OK;
            continue;
        }
        if (ferror(rows->file))
            return rmx_fail(error, RMX_ERR_DATA, "%.400s: reading failed after line %lld: %s",
                            rows->paths[rows->current], (long long)rows->number - 1,
                            strerror(errno));
        fclose(rows->file);
        rows->file = NULL;
        if (++rows->current == rows->inputs) {
            *more = false;
            return RMX_OK;
        }
        const rmx_status status = open_current(rows, error);
        if (status != RMX_OK) return status;
    }
}

/* The value in quotes that begins at *at, unquoted in place; *at moves to what follows it. */
static char *unquote(char **at, const char *end)
{
    char *from = *at + 1, *start = from, *to = from;
    while (from < end) {
        if (*from == '"') {
            if (from + 1 < end && from[1] == '"')
                from++;
            else
                break;
        }
        *to++ = *from++;
    }
    if (from >= end) return NULL;
    *to = '\0';
    *at = from + 1;
    return start;
}

static char *trimmed(char *value, char *end)
{
    while (*value == ' ' || *value == '\t') value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) end--;
    *end = '\0';
    return value;
}

int32_t rmx_text_split(char *line, size_t length, char separator, bool trim, char **value,
                       int32_t most)
{
    char *at = line, *end = line + length;
    const bool quotes = separator == ',' || separator == ';';
    for (int32_t n = 0;; n++) {
        if (n == most) return most + 1;
        char *start = at;
        if (trim)
            while (start < end && (*start == ' ' || *start == '\t') && *start != separator)
                start++;
        if (quotes && start < end && *start == '"') {
            at = start;
            value[n] = unquote(&at, end);
            if (!value[n]) return -1;
            while (at < end && *at == ' ') at++;
            if (at < end && *at != separator) return -1;
        } else {
            at = memchr(start, separator, (size_t)(end - start));
            if (!at) at = end;
            value[n] = start;
        }
        const bool last = at >= end;
        char *stop = at;
        *stop = '\0';
        if (trim && value[n] == start) value[n] = trimmed(start, stop);
        if (last) return n + 1;
        at++;
    }
}
