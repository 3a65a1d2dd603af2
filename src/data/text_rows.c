/* SPDX-License-Identifier: MIT */
/* text_rows.c: see text_rows.h. Files are read in blocks. A row is found in the block and cut in a
 * copy of its own. */
#include "data/text_rows.h"

#include <stdlib.h>
#include <string.h>

#include "data/text_parts.h"

#define BLOCK_BYTES (256 << 10) /* read at a time: small enough for a cache */
#define BUFFER_BYTES (RMX_TEXT_LINE_MAX + RMX_TEXT_CUT_EXTRA + BLOCK_BYTES)
/* The search for the end of a quote that has none may look at this many bytes, plus as many as the
 * file has so far. Then the file is refused; otherwise a hostile file would take too long. */
#define WASTE_MAX (INT64_C(1) << 30)
#define UNKNOWN SIZE_MAX

/* Where a byte stands next in the buffer. It is searched once, not for every row. */
typedef struct next_place {
    char byte;
    size_t at; /* `filled`: nowhere */
} next_place;

struct rmx_text_rows {
    rmx_text_sources sources;
    rmx_text_format format;
    size_t comment_bytes;
    rmx_text_cutter cutter;
    int32_t current;
    bool open;            /* the current source has begun */
    bool ended;           /* it has been read to its end */
    bool first;           /* no row of it was given yet */
    int64_t offset;       /* in it, after what is in the buffer */
    int64_t number;       /* lines before `at` */
    int64_t wasted;       /* bytes looked at for the end of quotes that have none */
    int64_t bytes_before; /* of sources before it */
    size_t at, filled;    /* in the buffer */
    next_place lf, cr, quote, zero;
    char buffer[BUFFER_BYTES];
};

/* A line in the buffer at `at`; all is zero at the end of the file. */
typedef struct line {
    size_t bytes;  /* without its end */
    size_t ending; /* 0 (the file's last line), 1 or 2 */
    bool there;
    bool over; /* longer than RMX_TEXT_LINE_MAX; bytes are its first ones */
} line;

rmx_status rmx_text_open(const char *const *paths, int32_t inputs, const rmx_text_format *format,
                         rmx_text_rows **out, rmx_error *error)
{
    *out = NULL;
    rmx_text_rows *rows = malloc(sizeof *rows);
    if (!rows) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for reading text");
    memset(rows, 0, offsetof(struct rmx_text_rows, buffer));
    rows->format = *format;
    rows->comment_bytes = strlen(format->comment);
    rows->lf.byte = '\n';
    rows->cr.byte = '\r';
    rows->quote.byte = '"';
    rmx_status status = rmx_text_cutter_open(format, &rows->cutter, error);
    if (status == RMX_OK) {
        status = rmx_text_sources_open(paths, inputs, format, &rows->sources, error);
        if (status != RMX_OK) rmx_text_cutter_close(&rows->cutter);
    }
    if (status == RMX_OK)
        *out = rows;
    else
        free(rows);
    return status;
}

void rmx_text_close(rmx_text_rows *rows)
{
    if (!rows) return;
    rmx_text_sources_close(&rows->sources);
    rmx_text_cutter_close(&rows->cutter);
    free(rows);
}

rmx_status rmx_text_rewind(rmx_text_rows *rows, rmx_error *error)
{
    rows->current = 0;
    rows->open = false;
    rows->bytes_before = 0;
    return rmx_text_sources_same(&rows->sources, error);
}

int64_t rmx_text_bytes(const rmx_text_rows *rows)
{
    if (!rows->open) return rows->bytes_before;
    const int64_t read = rows->offset - rows->sources.source[rows->current].begin;
    return rows->bytes_before + read - (int64_t)(rows->filled - rows->at);
}

int64_t rmx_text_total(const rmx_text_rows *rows)
{
    int64_t total = 0;
    for (int32_t i = 0; i < rows->sources.count; i++)
        total += rows->sources.source[i].end - rows->sources.source[i].begin;
    return total;
}

/* ---- The buffer ----------------------------------------------------------------------------- */
/* Moves what is left to the front and reads on. */
static rmx_status refill(rmx_text_rows *rows, rmx_error *error)
{
    memmove(rows->buffer, rows->buffer + rows->at, rows->filled - rows->at);
    rows->filled -= rows->at;
    rows->at = 0;
    rows->lf.at = rows->cr.at = rows->quote.at = rows->zero.at = UNKNOWN;
    const size_t room = BUFFER_BYTES - rows->filled;
    size_t got;
    const rmx_status status = rmx_text_source_read(
        &rows->sources, rows->current, rows->offset, rows->buffer + rows->filled,
        room < BLOCK_BYTES ? room : BLOCK_BYTES, &got, error);
    if (status != RMX_OK) return status;
    rows->filled += got;
    rows->offset += (int64_t)got;
    rows->ended = got == 0;
    return RMX_OK;
}

static size_t next_of(const rmx_text_rows *rows, next_place *place)
{
    if (place->at == UNKNOWN || place->at < rows->at) {
        const char *found = memchr(rows->buffer + rows->at, place->byte, rows->filled - rows->at);
        place->at = found ? (size_t)(found - rows->buffer) : rows->filled;
    }
    return place->at;
}

/* Where the line at `at` ends. False: the end is not in the buffer, or an LF may follow its CR. In
 * both cases the bytes before *end belong to the line. */
static bool line_end(rmx_text_rows *rows, size_t *end, size_t *ending)
{
    const size_t lf = next_of(rows, &rows->lf), cr = next_of(rows, &rows->cr);
    *end = lf < cr ? lf : cr;
    *ending = lf == cr + 1 && lf < rows->filled ? 2 : 1;
    return lf < cr || (cr < rows->filled && (cr + 1 < rows->filled || rows->ended));
}

/* Finds the line that begins at `at`, and reads all of it unless it is too long. */
static rmx_status find_line(rmx_text_rows *rows, line *out, rmx_error *error)
{
    *out = (line){.there = true};
    for (;;) {
        size_t end;
        const bool whole = line_end(rows, &end, &out->ending);
        out->bytes = end - rows->at;
        out->over = out->bytes > RMX_TEXT_LINE_MAX;
        if (out->over) out->bytes = RMX_TEXT_LINE_MAX;
        if (whole || out->over) return RMX_OK;
        if (rows->ended) {
            out->ending = 0;
            out->there = rows->at < rows->filled;
            return RMX_OK;
        }
        const rmx_status status = refill(rows, error);
        if (status != RMX_OK) return status;
    }
}

/* Goes on with the next line. */
static rmx_status leave_line(rmx_text_rows *rows, const line *l, rmx_error *error)
{
    rows->number++;
    if (!l->over) {
        rows->at += l->bytes + l->ending;
        return RMX_OK;
    }
    for (;;) {
        size_t ending;
        const bool whole = line_end(rows, &rows->at, &ending);
        if (whole) rows->at += ending;
        if (whole || rows->ended) return RMX_OK;
        const rmx_status status = refill(rows, error);
        if (status != RMX_OK) return status;
    }
}

/* ---- Rows ----------------------------------------------------------------------------------- */
static bool is_comment(const rmx_text_rows *rows, const line *l)
{
    return rows->comment_bytes > 0 && l->bytes >= rows->comment_bytes &&
           memcmp(rows->buffer + rows->at, rows->format.comment, rows->comment_bytes) == 0;
}

/* Whether the line holds blanks alone. A tab that separates values is no blank. */
static bool is_blank(const rmx_text_rows *rows, const line *l)
{
    const char *text = rows->buffer + rows->at;
    if (l->bytes > 0 && text[0] != ' ' && text[0] != '\t') return false;
    const bool tabs = !memchr(rows->cutter.separator, '\t', rows->cutter.separator_bytes);
    size_t n = 0;
    while (n < l->bytes && (text[n] == ' ' || (tabs && text[n] == '\t'))) n++;
    return n == l->bytes && !l->over;
}

static void give_bad(rmx_text_row *out, const char *why)
{
    out->values = 0;
    out->bad = why;
}

/* The number of lines that a row covers. */
static int64_t lines_in(const char *row, size_t bytes)
{
    int64_t lines = 1;
    for (size_t i = 0; i < bytes; i++)
        lines += row[i] == '\n' || (row[i] == '\r' && !(i + 1 < bytes && row[i + 1] == '\n'));
    return lines;
}

static const char *why_not_cut(rmx_text_cut result)
{
    return result == RMX_TEXT_AFTER_END ? "something follows the end of a quoted value"
           : result == RMX_TEXT_NO_END  ? "a quote has no end"
                                        : "a quote has no end within 1 MiB";
}

/* Takes the row at `at`, which may cover several lines: *l becomes the whole row. Where a quote
 * has no end, only its first line is left out, so that one quote does not take all rows after
 * it. */
static rmx_status take_quoted(rmx_text_rows *rows, line *l, rmx_text_row *out, rmx_error *error)
{
    const size_t most = RMX_TEXT_LINE_MAX + RMX_TEXT_CUT_EXTRA;
    rmx_text_cut result;
    size_t used, there;
    for (;;) {
        there = rows->filled - rows->at;
        const bool full = there >= most;
        if (full) there = most;
        result = rmx_text_cut_quoted(&rows->cutter, rows->buffer + rows->at, there,
                                     rows->ended && !full, &used);
        if (result != RMX_TEXT_MORE || full) break;
        const rmx_status status = refill(rows, error);
        if (status != RMX_OK) return status;
    }
    out->raw = rows->buffer + rows->at;
    if (result == RMX_TEXT_CUT && used <= RMX_TEXT_LINE_MAX) {
        const char *end = out->raw + used, *stop = rows->buffer + rows->filled;
        l->bytes = out->raw_bytes = used;
        l->ending = end == stop ? 0 : end + 1 < stop && end[0] == '\r' && end[1] == '\n' ? 2 : 1;
        rows->number += lines_in(out->raw, used) - 1;
        return RMX_OK;
    }
    give_bad(out, why_not_cut(result));
    rows->wasted += (int64_t)(result == RMX_TEXT_AFTER_END ? used : there);
    if (rows->wasted <= WASTE_MAX + rows->offset) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s:%lld: too many quotes have no end; write quotes = no if they are no "
                    "quotes around values",
                    out->path, (long long)out->line);
}

static rmx_status take_row(rmx_text_rows *rows, line *l, rmx_text_row *out, rmx_error *error)
{
    out->raw = rows->buffer + rows->at;
    out->raw_bytes = l->bytes;
    out->line = rows->number + 1;
    out->first = rows->first;
    rows->first = false;
    rmx_status status = RMX_OK;
    if (l->over) {
        give_bad(out, "the line is longer than 1 MiB");
        memcpy(rows->cutter.text, out->raw, out->raw_bytes); /* the buffer will move on */
        out->raw = rows->cutter.text;
    } else if (rows->cutter.quotes && next_of(rows, &rows->quote) < rows->at + l->bytes) {
        status = take_quoted(rows, l, out, error);
    } else {
        rmx_text_cut_plain(&rows->cutter, out->raw, l->bytes);
    }
    if (status == RMX_OK && !out->bad) {
        out->values = rows->cutter.values;
        if (next_of(rows, &rows->zero) < rows->at + l->bytes)
            give_bad(out, "there is a zero byte in the line");
        else if (out->values > RMX_TEXT_COLUMNS_MAX)
            give_bad(out, "the line has more than 65536 values");
    }
    return status == RMX_OK ? leave_line(rows, l, error) : status;
}

static rmx_status begin_file(rmx_text_rows *rows, rmx_error *error)
{
    const rmx_status status = rmx_text_source_begin(&rows->sources, rows->current, error);
    if (status != RMX_OK) return status;
    rows->open = true;
    rows->ended = false;
    rows->first = true;
    rows->offset = rows->sources.source[rows->current].begin;
    rows->number = rows->wasted = 0;
    rows->at = rows->filled = 0;
    rows->lf.at = rows->cr.at = rows->quote.at = rows->zero.at = UNKNOWN;
    return RMX_OK;
}

static rmx_status finish_file(rmx_text_rows *rows, rmx_error *error)
{
    const rmx_text_source *s = &rows->sources.source[rows->current];
    rows->bytes_before += s->end - s->begin;
    rows->open = false;
    return rmx_text_source_finish(&rows->sources, rows->current++, error);
}

rmx_status rmx_text_next(rmx_text_rows *rows, rmx_text_row *out, bool *more, rmx_error *error)
{
    rmx_status status = RMX_OK;
    *more = false;
    while (status == RMX_OK && rows->current < rows->sources.count) {
        line l;
        if (!rows->open) status = begin_file(rows, error);
        if (status == RMX_OK) status = find_line(rows, &l, error);
        if (status != RMX_OK) break;
        if (!l.there) {
            status = finish_file(rows, error);
        } else if (rows->number < rows->format.skip_lines || is_comment(rows, &l) ||
                   is_blank(rows, &l)) {
            status = leave_line(rows, &l, error);
        } else {
            *out = (rmx_text_row){.path = rows->sources.source[rows->current].name,
                                  .file = rows->current,
                                  .value = rows->cutter.value};
            status = take_row(rows, &l, out, error);
            *more = status == RMX_OK;
            break;
        }
    }
    return status;
}
