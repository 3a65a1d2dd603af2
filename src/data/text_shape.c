/* SPDX-License-Identifier: MIT */
/* text_shape.c: rmx_text_shape of text_parts.h: formats of text that are no tables. */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "data/text_parts.h"

#define LINES_MAX 16 /* looked at */
#define LINES_MIN 3  /* that must have a shape, unless there are fewer */

typedef struct line {
    const char *at, *end;
} line;

typedef struct lines {
    line line[LINES_MAX];
    int count;
    bool separated; /* the separator is in one of them */
} lines;

static bool begins(line l, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(l.end - l.at) >= n && strncasecmp(l.at, text, n) == 0;
}

static line trimmed(line l)
{
    while (l.at < l.end && (*l.at == ' ' || *l.at == '\t')) l.at++;
    while (l.end > l.at && (l.end[-1] == ' ' || l.end[-1] == '\t')) l.end--;
    return l;
}

/* The first lines that are not blank. A line that the head cuts off does not count. */
static lines first_lines(const char *head, size_t bytes, bool whole, const rmx_text_format *format)
{
    lines all = {.count = 0};
    const char *at = head, *const end = head + bytes;
    const size_t comment = strlen(format->comment), separator = strlen(format->separator);
    int64_t number = 0;
    while (at < end && all.count < LINES_MAX) {
        const char *stop = at;
        while (stop < end && *stop != '\n' && *stop != '\r') stop++;
        if (stop == end && !whole) break;
        const line l = {at, stop};
        at = stop + (stop < end);
        if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n') at++;
        if (number++ < format->skip_lines) continue;
        const line t = trimmed(l);
        if (t.at == t.end || (comment > 0 && begins(l, format->comment))) continue;
        all.line[all.count++] = t;
        if (memmem(l.at, (size_t)(l.end - l.at), format->separator, separator))
            all.separated = true;
    }
    return all;
}

static const char *digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at;
}

/* The end of the decimal number that begins at `at`; `at` where there is none. */
static const char *number(const char *at, const char *end)
{
    const char *from = at + (at < end && (*at == '-' || *at == '+'));
    const char *p = digits(from, end);
    int64_t n = p - from;
    if (p < end && *p == '.') {
        const char *q = digits(p + 1, end);
        n += q - p - 1;
        p = q;
    }
    if (n == 0) return at;
    if (p + 1 < end && (*p == 'e' || *p == 'E')) {
        const char *exponent = p + 1 + (p[1] == '-' || p[1] == '+');
        const char *q = digits(exponent, end);
        if (q > exponent) p = q;
    }
    return p;
}

/* ---- libsvm: label [qid:n] index:value ...; libffm: label field:index:value ... ------------- */
typedef struct sparse_row {
    int parts; /* of each entry: 2 or 3; 0: none seen; -1: no such row */
    int entries;
} sparse_row;

static bool between(const char *at, const char *end)
{
    return at == end || *at == ' ' || *at == '\t';
}

/* The end of the entry that begins at `at`; `at` where there is none. *parts: how many numbers it
 * has. */
static const char *entry(const char *at, const char *end, int *parts)
{
    const char *p = at;
    *parts = 1;
    for (;;) {
        const char *q = digits(p, end);
        if (q > p && q < end && *q == ':' && *parts < 3) {
            p = q + 1;
            ++*parts;
            continue;
        }
        q = number(p, end);
        return *parts > 1 && q > p && between(q, end) ? q : at;
    }
}

static sparse_row sparse_row_of(line l)
{
    const sparse_row none = {-1, 0};
    sparse_row row = {0, 0};
    const char *p = number(l.at, l.end);
    while (p > l.at && p < l.end && *p == ',') { /* labels of several tasks */
        const char *q = number(p + 1, l.end);
        if (q == p + 1) return none;
        p = q;
    }
    if (p == l.at || !between(p, l.end)) return none;
    while (p < l.end) {
        while (p < l.end && between(p, l.end)) p++;
        if (p == l.end || *p == '#') break;
        if (row.entries == 0 && l.end - p > 4 && memcmp(p, "qid:", 4) == 0) {
            p = digits(p + 4, l.end);
            if (between(p, l.end)) continue;
            return none;
        }
        int parts;
        const char *q = entry(p, l.end, &parts);
        if (q == p || (row.parts && row.parts != parts)) return none;
        row.parts = parts;
        row.entries++;
        p = q;
    }
    return row;
}

/* 2: libsvm, 3: libffm, 0: neither. Rows with the separator in them could be a table with columns
 * such as 12:30. Then they must have different numbers of entries, which rows of a table have
 * not. */
static int sparse_rows(const lines *all)
{
    int parts = 0, least = INT32_MAX, most = 0;
    for (int i = 0; i < all->count; i++) {
        const sparse_row row = sparse_row_of(all->line[i]);
        if (row.parts < 0 || (parts && row.parts && row.parts != parts)) return 0;
        if (row.parts) parts = row.parts;
        if (row.entries < least) least = row.entries;
        if (row.entries > most) most = row.entries;
    }
    return all->separated && (least == most || all->count < LINES_MIN) ? 0 : parts;
}

/* ---- Others --------------------------------------------------------------------------------- */
/* One object a line. JSON has commas, but no other separator. */
static bool json_rows(const lines *all, const rmx_text_format *format)
{
    if (all->separated && strcmp(format->separator, ",") != 0) return false;
    for (int i = 0; i < all->count; i++) {
        const line l = all->line[i];
        line inner = {l.at + 1, l.end};
        inner = trimmed(inner);
        if (*l.at != '{' || l.end[-1] != '}' || inner.at == inner.end ||
            (*inner.at != '"' && *inner.at != '}'))
            return false;
    }
    return true;
}

static bool json_document(const lines *all, const rmx_text_format *format)
{
    if (all->separated && strcmp(format->separator, ",") != 0) return false;
    const line first = all->line[0];
    if (*first.at != '[' && *first.at != '{') return false;
    line rest = {first.at + 1, first.end};
    rest = trimmed(rest);
    if (rest.at < rest.end) return *first.at == '[' && *rest.at == '{';
    return all->count > 1 && *all->line[1].at == (*first.at == '[' ? '{' : '"');
}

/* Vowpal Wabbit: numbers and a tag, then |namespace feature feature ... */
static bool vowpal_rows(const lines *all)
{
    if (all->separated) return false;
    for (int i = 0; i < all->count; i++) {
        const line l = all->line[i];
        const char *bar = memchr(l.at, '|', (size_t)(l.end - l.at));
        const char *p = number(l.at, l.end);
        if (!bar || (p == l.at && p != bar) || !(p == bar || between(p, l.end))) return false;
    }
    return true;
}

const rmx_text_kind *rmx_text_shape(const char *head, size_t bytes, bool whole,
                                    const rmx_text_format *format)
{
    static const rmx_text_kind svm = {
        "a file of libsvm rows (label index:value ...)",
        "write one column for each index first, with a separator between them"};
    static const rmx_text_kind ffm = {
        "a file of libffm rows (label field:index:value ...)",
        "write one column for each field first, with a separator between them"};
    static const rmx_text_kind json = {
        "JSON", "write it as CSV first, for example with jq -r '[.a, .b] | @csv' FILE | ... -"};
    static const rmx_text_kind vowpal = {
        "a file of Vowpal Wabbit rows (label |namespace feature ...)",
        "write one column for each feature first, with a separator between them"};
    static const rmx_text_kind page = {"a web page (HTML) or XML",
                                       "look into the file: a download may have failed"};
    static const rmx_text_kind arff = {
        "an ARFF file", "skip its head: set skip_lines to the number of the line @data"};
    const lines all = first_lines(head, bytes, whole, format);
    if (all.count == 0) return NULL;
    if (begins(all.line[0], "<!doctype html") || begins(all.line[0], "<html") ||
        begins(all.line[0], "<?xml"))
        return &page;
    for (int i = 0; i < all.count; i++) {
        if (begins(all.line[i], "@relation ")) return &arff;
        if (*all.line[i].at != '%') break;
    }
    if (json_document(&all, format)) return &json;
    if (all.count < LINES_MIN && !whole) return NULL;
    if (json_rows(&all, format)) return &json;
    if (vowpal_rows(&all)) return &vowpal;
    const int parts = sparse_rows(&all);
    return parts == 2 ? &svm : parts == 3 ? &ffm : NULL;
}
