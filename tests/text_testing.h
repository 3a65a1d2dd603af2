/* SPDX-License-Identifier: MIT */
/* text_testing.h: what the tests of text tables share: rows printed as text. */
#ifndef RMX_TEXT_TESTING_H
#define RMX_TEXT_TESTING_H

#include <criterion/criterion.h>

#include "data/text_rows.h"
#include "data_testing.h"

static const rmx_text_format csv = {.separator = ",", .quotes = true, .trim = true, .comment = ""};
static const rmx_text_format tsv = {.separator = "\t", .comment = ""};
#define UTF16_LE "\xff\xfe"
#define UTF16_BE "\xfe\xff"

/* Bytes within others, without a zero after them. */
static inline void put(char *to, const char *from, size_t count) { memcpy(to, from, count); }

/* All rows as text: "*" before the first row of a file, then "LINE[value][value]\n", or
 * "LINE!why\n" where the row is bad. Reads the table twice and wants the same both times. */
typedef struct reading {
    rmx_status status;
    rmx_error error;
    char *text;
    int64_t total;
} reading;

static inline rmx_status print_rows(rmx_text_rows *rows, char **text, rmx_error *error)
{
    size_t size;
    FILE *out = open_memstream(text, &size);
    rmx_status status = RMX_OK;
    for (bool more = true; status == RMX_OK && more;) {
        rmx_text_row row;
        status = rmx_text_next(rows, &row, &more, error);
        if (status != RMX_OK || !more) break;
        fprintf(out, "%s%lld", row.first ? "*" : "", (long long)row.line);
        if (row.bad) fprintf(out, "!%s", row.bad);
        cr_assert(!row.bad || row.values == 0);
        for (int32_t i = 0; i < row.values; i++) fprintf(out, "[%s]", row.value[i]);
        fputc('\n', out);
    }
    cr_assert_eq(fclose(out), 0);
    return status;
}

static inline reading read_files(const char *const *paths, int32_t count,
                                 const rmx_text_format *format)
{
    reading r = {.status = RMX_OK, .text = NULL};
    rmx_text_rows *rows;
    r.status = rmx_text_open(paths, count, format, &rows, &r.error);
    if (r.status != RMX_OK) {
        cr_assert_null(rows);
        return r;
    }
    char *first = NULL;
    r.total = rmx_text_total(rows);
    r.status = print_rows(rows, &first, &r.error);
    if (r.status == RMX_OK) {
        cr_assert_eq(rmx_text_bytes(rows), r.total);
        r.status = rmx_text_rewind(rows, &r.error);
        cr_assert_eq(rmx_text_bytes(rows), 0);
    }
    if (r.status == RMX_OK) {
        r.status = print_rows(rows, &r.text, &r.error);
        cr_assert_str_eq(r.text, first);
    }
    free(first);
    rmx_text_close(rows);
    return r;
}

static inline void expect_file(const char *path, const rmx_text_format *format, const char *want)
{
    reading r = read_files(&path, 1, format);
    cr_assert_eq(r.status, RMX_OK, "%s", r.error.text);
    cr_assert_str_eq(r.text, want, "got\n%s\nfor\n%s", r.text, want);
    free(r.text);
}

static inline void expect_bytes(const void *bytes, size_t count, const rmx_text_format *format,
                                const char *want)
{
    expect_file(write_bytes("t", bytes, count), format, want);
}
#define EXPECT(text, format, want) expect_bytes(text, sizeof(text) - 1, format, want)

/* Refused, with all of `words` (divided by '|') in the error. */
static inline void refused_file(const char *path, const rmx_text_format *format, const char *words)
{
    reading r = read_files(&path, 1, format);
    cr_assert_eq(r.status, RMX_ERR_DATA, "%s: not refused for %s", path, words);
    char all[256];
    snprintf(all, sizeof all, "%s", words);
    for (char *rest = all, *word; (word = strsep(&rest, "|"));)
        cr_assert(strstr(r.error.text, word), "'%s' is not in: %s", word, r.error.text);
    free(r.text);
}
#define REFUSED(text, format, words) \
    refused_file(write_bytes("t", text, sizeof(text) - 1), format, words)

#endif /* RMX_TEXT_TESTING_H */
