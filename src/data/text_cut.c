/* SPDX-License-Identifier: MIT */
/* text_cut.c: see text_parts.h. Values are cut in a copy of the row, because errors show the row
 * itself. */
#include "data/text_parts.h"

#include <stdlib.h>
#include <string.h>

#define WORD 8 /* bytes looked at together, also after the row's end */

rmx_status rmx_text_cutter_open(const rmx_text_format *format, rmx_text_cutter *out,
                                rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->separator_bytes = strlen(format->separator);
    if (out->separator_bytes < 1 || out->separator_bytes > sizeof out->separator ||
        strpbrk(format->separator, format->quotes ? "\r\n\"" : "\r\n"))
        return rmx_fail(error, RMX_ERR_DATA,
                        "a separator is 1 to 8 bytes without a line end%s, not \"%.20s\"",
                        format->quotes ? " or quote" : "", format->separator);
    memcpy(out->separator, format->separator, out->separator_bytes);
    out->quotes = format->quotes;
    out->trim = format->trim;
    out->text = malloc(RMX_TEXT_LINE_MAX + RMX_TEXT_CUT_EXTRA + WORD + 1);
    out->value = malloc(RMX_TEXT_COLUMNS_MAX * sizeof *out->value);
    if (out->text && out->value) return RMX_OK;
    rmx_text_cutter_close(out);
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a row of text");
}

void rmx_text_cutter_close(rmx_text_cutter *cutter)
{
    free(cutter->text);
    free(cutter->value);
    cutter->text = NULL;
    cutter->value = NULL;
}

static bool at_separator(const rmx_text_cutter *c, const char *at, const char *end)
{
    return at < end && *at == c->separator[0] &&
           (c->separator_bytes == 1 || ((size_t)(end - at) >= c->separator_bytes &&
                                        memcmp(at, c->separator, c->separator_bytes) == 0));
}

static void add_value(rmx_text_cutter *c, char *value)
{
    if (c->values < RMX_TEXT_COLUMNS_MAX) c->value[c->values] = value;
    if (c->values <= RMX_TEXT_COLUMNS_MAX) c->values++;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* ---- Rows without quotes -------------------------------------------------------------------- */
static uint64_t eight_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Looks at eight bytes at a time for all separators in them. Values are short, 3 to 8 bytes in
 * click logs, so a memchr for each would cost more. */
static void cut_at_bytes(rmx_text_cutter *c, char *text, size_t bytes)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    const uint64_t separators = UINT64_C(0x0101010101010101) * (unsigned char)c->separator[0];
    int32_t n = c->values;
    for (size_t i = 0; i < bytes; i += WORD) {
        const uint64_t word = eight_bytes(text + i) ^ separators;
        uint64_t hits = ~(((word & low) + low) | word | low); /* 0x80 where a byte is 0 */
        for (; hits; hits &= hits - 1) {
            char *at = text + i + (unsigned)__builtin_ctzll(hits) / 8;
            *at = '\0';
            if (n < RMX_TEXT_COLUMNS_MAX) c->value[n] = at + 1;
            n += n <= RMX_TEXT_COLUMNS_MAX;
        }
    }
    c->values = n;
}

static void cut_at_texts(rmx_text_cutter *c, char *text, char *end)
{
    for (char *at; (at = memmem(text, (size_t)(end - text), c->separator, c->separator_bytes));) {
        *at = '\0';
        text = at + c->separator_bytes;
        add_value(c, text);
    }
}

static void trim_values(rmx_text_cutter *c, char *end_of_text)
{
    const int32_t n = c->values <= RMX_TEXT_COLUMNS_MAX ? c->values : 0;
    for (int32_t i = 0; i < n; i++) {
        char *value = c->value[i];
        char *end = i + 1 < n ? c->value[i + 1] - c->separator_bytes : end_of_text;
        while (value < end && blank(*value)) value++;
        while (end > value && blank(end[-1])) end--;
        *end = '\0';
        c->value[i] = value;
    }
}

void rmx_text_cut_plain(rmx_text_cutter *cutter, const char *row, size_t bytes)
{
    char *text = cutter->text;
    memcpy(text, row, bytes);
    memset(text + bytes, 0, WORD);
    cutter->value[0] = text;
    cutter->values = 1;
    if (cutter->separator_bytes == 1)
        cut_at_bytes(cutter, text, bytes);
    else
        cut_at_texts(cutter, text, text + bytes);
    if (cutter->trim) trim_values(cutter, text + bytes);
}

/* ---- Rows with quotes ----------------------------------------------------------------------- */
typedef struct place {
    const char *at, *end;
    bool last;
    char *out; /* where the next byte of a value goes */
} place;

/* Whether the next `bytes` bytes are needed and have not been read yet. */
static bool too_near(const place *p, size_t bytes)
{
    return !p->last && (size_t)(p->end - p->at) < bytes;
}

static void skip_blanks(const rmx_text_cutter *c, place *p, bool tabs)
{
    while (p->at < p->end && (*p->at == ' ' || (tabs && *p->at == '\t')) &&
           !at_separator(c, p->at, p->end))
        p->at++;
}

/* Takes the rest of a value after its first quote, the last quote, and the blanks after it. */
static rmx_text_cut take_quoted(const rmx_text_cutter *c, place *p)
{
    for (;;) {
        const char *quote = memchr(p->at, '"', (size_t)(p->end - p->at));
        if (!quote) return p->last ? RMX_TEXT_NO_END : RMX_TEXT_MORE;
        memcpy(p->out, p->at, (size_t)(quote - p->at));
        p->out += quote - p->at;
        p->at = quote + 1;
        if (too_near(p, 1)) return RMX_TEXT_MORE;
        if (p->at == p->end || *p->at != '"') break;
        *p->out++ = '"';
        p->at++;
    }
    skip_blanks(c, p, c->trim);
    if (too_near(p, sizeof c->separator)) return RMX_TEXT_MORE;
    if (p->at == p->end || *p->at == '\n' || *p->at == '\r' || at_separator(c, p->at, p->end))
        return RMX_TEXT_CUT;
    return RMX_TEXT_AFTER_END;
}

static rmx_text_cut take_unquoted(const rmx_text_cutter *c, place *p)
{
    char *start = p->out;
    while (p->at < p->end && *p->at != '\n' && *p->at != '\r' && !at_separator(c, p->at, p->end)) {
        if (*p->at == c->separator[0] && too_near(p, c->separator_bytes)) return RMX_TEXT_MORE;
        *p->out++ = *p->at++;
    }
    if (p->at == p->end && !p->last) return RMX_TEXT_MORE;
    if (c->trim)
        while (p->out > start && blank(p->out[-1])) p->out--;
    return RMX_TEXT_CUT;
}

rmx_text_cut rmx_text_cut_quoted(rmx_text_cutter *cutter, const char *row, size_t bytes, bool last,
                                 size_t *used)
{
    place p = {.at = row, .end = row + bytes, .last = last, .out = cutter->text};
    cutter->values = 0;
    for (;;) {
        if (cutter->trim) skip_blanks(cutter, &p, true);
        if (too_near(&p, sizeof cutter->separator)) return RMX_TEXT_MORE;
        add_value(cutter, p.out);
        rmx_text_cut result;
        if (cutter->quotes && p.at < p.end && *p.at == '"') {
            p.at++;
            result = take_quoted(cutter, &p);
        } else {
            result = take_unquoted(cutter, &p);
        }
        *used = (size_t)(p.at - row);
        if (result != RMX_TEXT_CUT) return result;
        *p.out++ = '\0';
        if (!at_separator(cutter, p.at, p.end)) return RMX_TEXT_CUT;
        p.at += cutter->separator_bytes;
    }
}
