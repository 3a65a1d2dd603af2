/* SPDX-License-Identifier: MIT */
/* bad_rows.c: see bad_rows.h. */
#include "data/bad_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/list.h"
#include "data/text_rows.h"
#include "data/utf8.h"
#include "data/whole_file.h"

const char *rmx_bad_kind_words(rmx_bad_kind kind)
{
    static const char *const words[RMX_BAD_KINDS] = {
        "",        "cannot be cut", "number of columns", "no number",   "too large",
        "no time", "unknown label", "label missing",     "key too long"};
    return kind < RMX_BAD_KINDS ? words[kind] : "";
}

rmx_bad rmx_bad_of(rmx_bad_kind kind, int32_t column, const char *name, const char *value,
                   const char *why)
{
    rmx_bad bad = {.kind = kind, .column = column, .name = name, .value = value};
    snprintf(bad.why, sizeof bad.why, "%s", why);
    return bad;
}

/* Copies as much of text as has room, up to the end of a character. What cannot be printed becomes
 * '?'. */
static void copy_printable(char *out, size_t room, const char *text)
{
    size_t n = strnlen(text, room - 1);
    for (int i = 0; i < 3 && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; i++) n--;
    memcpy(out, text, n);
    out[n] = '\0';
    rmx_utf8_mend(out, true);
}

rmx_status rmx_bad_rows_create(rmx_bad_rows *out, int32_t columns, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->columns = columns;
    out->place = calloc(((size_t)columns + 1) * RMX_BAD_KINDS, sizeof *out->place);
    if (out->place) return RMX_OK;
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the counts of bad rows");
}

void rmx_bad_rows_free(rmx_bad_rows *rows)
{
    if (rows->file) fclose(rows->file);
    if (rows->temporary) (void)unlink(rows->temporary);
    free(rows->temporary);
    free(rows->path);
    free(rows->header);
    free(rows->reason);
    free(rows->place);
    memset(rows, 0, sizeof *rows);
}

void rmx_bad_rows_forget(rmx_bad_rows *rows)
{
    rows->rows = 0;
    rows->reasons = 0;
    rows->first[0] = '\0';
    memset(rows->place, 0, ((size_t)rows->columns + 1) * RMX_BAD_KINDS * sizeof *rows->place);
}

/* The entry of the reason; a new one where there is none yet. NULL: out of memory. */
static rmx_bad_reason *entry(rmx_bad_rows *rows, const rmx_bad *bad)
{
    int32_t *place = &rows->place[(bad->column + 1) * RMX_BAD_KINDS + (int32_t)bad->kind];
    if (*place > 0) return &rows->reason[*place - 1];
    rmx_bad_reason *grown = rmx_list_grow(rows->reason, rows->reasons, sizeof *grown);
    if (!grown) return NULL;
    rows->reason = grown;
    rmx_bad_reason *reason = &rows->reason[rows->reasons++];
    memset(reason, 0, sizeof *reason);
    *place = rows->reasons;
    return reason;
}

rmx_status rmx_bad_rows_add(rmx_bad_rows *rows, const rmx_bad *bad, const char *path, int64_t line,
                            rmx_error *error)
{
    rmx_bad_reason *reason = entry(rows, bad);
    if (!reason) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for bad rows");
    if (reason->rows++ == 0) {
        reason->kind = bad->kind;
        copy_printable(reason->column, sizeof reason->column, bad->name);
        copy_printable(reason->value, sizeof reason->value, bad->value);
        snprintf(reason->first, sizeof reason->first, "%.230s:%lld", path, (long long)line);
    }
    if (rows->rows++ == 0) {
        if (bad->column >= 0)
            snprintf(rows->first, sizeof rows->first, "%.200s:%lld: column '%.60s': '%.60s' %s",
                     path, (long long)line, reason->column, reason->value, bad->why);
        else
            snprintf(rows->first, sizeof rows->first, "%.200s:%lld: %s", path, (long long)line,
                     bad->why);
    }
    return RMX_OK;
}

/* ---- The file ------------------------------------------------------------------------------- */

static rmx_status cannot_write(const rmx_bad_rows *rows, rmx_error *error)
{
    return rmx_fail_system(error, errno, "%.400s: the bad rows cannot be written", rows->path);
}

rmx_status rmx_bad_rows_open(rmx_bad_rows *rows, const char *path, int64_t skip_lines,
                             rmx_error *error)
{
    rows->path = strdup(path);
    char *temporary = rmx_temporary_name(path);
    if (!rows->path || !temporary) {
        free(temporary);
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    }
    rows->file = fopen(temporary, "wbe");
    if (!rows->file) {
        free(temporary);
        return cannot_write(rows, error);
    }
    rows->temporary = temporary;
    for (int64_t i = 0; i < skip_lines; i++)
        if (fputs("(left out by skip_lines)\n", rows->file) < 0) return cannot_write(rows, error);
    return RMX_OK;
}

rmx_status rmx_bad_rows_keep(rmx_bad_rows *rows, const char *header, const char *raw, size_t bytes,
                             rmx_error *error)
{
    if (bytes >= RMX_TEXT_LINE_MAX)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.300s: cannot keep a row of more than 1 MiB: take it out of the table, "
                        "or leave out --bad",
                        rows->path);
    if (header && !rows->header) {
        rows->header = strdup(header);
        if (!rows->header) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a header");
        if (fprintf(rows->file, "%s\n", header) < 0) return cannot_write(rows, error);
    }
    if (header && strcmp(rows->header, header) != 0)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.300s: cannot keep bad rows of files whose headers differ: import "
                        "these files one at a time, or leave out --bad",
                        rows->path);
    if (fwrite(raw, 1, bytes, rows->file) == bytes && putc('\n', rows->file) != EOF) return RMX_OK;
    return cannot_write(rows, error);
}

rmx_status rmx_bad_rows_complete(rmx_bad_rows *rows, rmx_error *error)
{
    FILE *file = rows->file;
    rows->file = NULL;
    const bool good = fflush(file) == 0;
    const int number = errno;
    if (fclose(file) == 0 && good) return RMX_OK;
    if (!good) errno = number;
    return cannot_write(rows, error);
}
