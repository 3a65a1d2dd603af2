/* SPDX-License-Identifier: MIT */
/* spec_parts.h: what the files of the spec language share; for src/data/spec*.c only. */
#ifndef RMX_DATA_SPEC_PARTS_H
#define RMX_DATA_SPEC_PARTS_H

#include <stddef.h>

#include "data/spec.h"

/* ---- Errors (spec_line.c) ------------------------------------------------------------------- */

/* RMX_ERR_ARGUMENT. Names and values come from outside, so control characters and bytes that are
 * no UTF-8 become '?' in the text. */
rmx_status rmx_spec_fail(rmx_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
rmx_status rmx_spec_no_memory(rmx_error *error);

/* "a, b and c" of `known`; last: " and ". */
void rmx_spec_join(char *out, size_t bytes, const char *const *known, int32_t count,
                   const char *last);
/* "; did you mean 'dense'?" where `written` looks like a known word with a typing error, else "".
 * quotes: the two characters around the word. */
#define RMX_SPEC_HINT 48
const char *rmx_spec_hint(char out[RMX_SPEC_HINT], const char *written, const char *const *known,
                          int32_t count, const char *quotes);

/* ---- A line, read from left to right (spec_line.c) ------------------------------------------
 *
 *   line    = name blanks "=" blanks value [blanks ";" comment]
 *   text    = quoted | characters without blanks and quotes
 *   texts   = text { "|" text }
 *
 * What a person could have meant in two ways is refused with what to write instead. */

typedef struct rmx_spec_line {
    const char *source; /* the spec, for errors */
    int32_t number;
    const char *key;      /* the name, for errors; NULL before it is known */
    const char *at, *end; /* what is left of it */
    rmx_error *error;
} rmx_spec_line;

typedef struct rmx_spec_word {
    char text[64]; /* longer ones are cut: none of ours is as long */
    bool equals;   /* "=" follows, and was passed */
} rmx_spec_word;

/* RMX_ERR_ARGUMENT with "source:number: 'key': ". */
rmx_status rmx_spec_line_fail(const rmx_spec_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Refuses control characters other than tabs, which are blanks. */
RMX_NODISCARD rmx_status rmx_spec_line_check(const rmx_spec_line *line);
/* Passes the name and "=". *name is the caller's to free; in quotes it is no range or pattern. */
RMX_NODISCARD rmx_status rmx_spec_line_name(rmx_spec_line *line, char **name, bool *quoted);
/* Passes blanks. */
void rmx_spec_line_blanks(rmx_spec_line *line);
/* Passes blanks; false at the end of the line or at a comment. */
bool rmx_spec_line_more(rmx_spec_line *line);
RMX_NODISCARD rmx_status rmx_spec_line_end(rmx_spec_line *line);
RMX_NODISCARD rmx_status rmx_spec_line_word(rmx_spec_line *line, rmx_spec_word *out);
/* A whole number of digits only. */
RMX_NODISCARD rmx_status rmx_spec_line_number(rmx_spec_line *line, int64_t low, int64_t high,
                                              int64_t *out);
/* bar: the text ends at '|', too. */
RMX_NODISCARD rmx_status rmx_spec_line_text(rmx_spec_line *line, bool bar, char **out,
                                            bool *quoted);
/* Adds to out, which the caller frees in any case. */
RMX_NODISCARD rmx_status rmx_spec_line_texts(rmx_spec_line *line, rmx_texts *out);

/* ---- [file] (spec_file.c) ------------------------------------------------------------------- */

#define RMX_SPEC_FILE_KEYS 9

typedef struct rmx_spec_file {
    int32_t line[RMX_SPEC_FILE_KEYS]; /* where each key stands; 0: nowhere */
    bool quotes_known;                /* not auto */
} rmx_spec_file;

/* Takes the value of line->key into out. */
RMX_NODISCARD rmx_status rmx_spec_file_read(rmx_spec_line *line, rmx_spec_file *file,
                                            rmx_spec *out);
/* Resolves quotes = auto and refuses keys that do not go together. line: source and error. */
RMX_NODISCARD rmx_status rmx_spec_file_complete(rmx_spec_line line, const rmx_spec_file *file,
                                                rmx_spec *out);
/* "tab" for "\t" and so on, else NULL. */
const char *rmx_spec_separator_word(const char *separator);

/* ---- [columns] (spec_column.c) -------------------------------------------------------------- */

typedef enum rmx_spec_type {
    RMX_SPEC_NONE,
    RMX_SPEC_FLAG,
    RMX_SPEC_NUMBER,
    RMX_SPEC_TEXTS,
    RMX_SPEC_UNIT
} rmx_spec_type;

/* An option of a column, as it is read and printed. */
typedef struct rmx_spec_option {
    const char *name, *shown;
    int kinds; /* bit k: columns of kind k may have it */
    rmx_spec_type type;
    size_t offset;          /* in rmx_column */
    int64_t high, standard; /* numbers are 1 .. high; without the option: standard */
} rmx_spec_option;

#define RMX_SPEC_OPTIONS 17
extern const rmx_spec_option rmx_spec_options[RMX_SPEC_OPTIONS];
extern const char *const rmx_spec_kinds[]; /* the words of rmx_column_kind, "group" and "key" */

/* I1..I13 or C01..C26. */
typedef struct rmx_spec_range {
    int prefix;          /* bytes of the name before the number */
    int width;           /* digits with leading zeros; 0: as many as the number has */
    int64_t first, last; /* first > last: no range */
} rmx_spec_range;

/* What a name without quotes stands for: several columns, a pattern, itself. */
RMX_NODISCARD rmx_status rmx_spec_range_read(const rmx_spec_line *line, const char *name,
                                             rmx_spec_range *out);
bool rmx_spec_is_pattern(const char *name);
/* Reads the value; out has no name. The caller frees it in any case. */
RMX_NODISCARD rmx_status rmx_spec_column_read(rmx_spec_line *line, rmx_column *out);

/* ---- Columns and lists of texts (spec.c) ---------------------------------------------------- */

/* False: out of memory; then out holds nothing. */
bool rmx_column_copy(rmx_column *out, const rmx_column *from, const char *name);
void rmx_column_free(rmx_column *column);

/* ---- Sizes (spec_print.c) ------------------------------------------------------------------- */

/* Bytes of a column's value as printed, 0: out of memory. */
size_t rmx_column_size(const rmx_column *column);
/* Bytes that rmx_spec_print can write once all is fitted, 0: out of memory. */
size_t rmx_spec_size(const rmx_spec *spec);

/* ---- All columns together (spec_check.c) ---------------------------------------------------- */

/* NULL, or why this cannot be the name of a column or of the field NAME plus suffix. */
const char *rmx_spec_name_fault(const char *name, const char *suffix);
/* Names of columns and fields are unique; there is one group at most, a feature at least; counts
 * and sizes are in range. line: of each column in the spec, or NULL. */
RMX_NODISCARD rmx_status rmx_spec_check(const rmx_spec *spec, const char *name,
                                        const int32_t *line, rmx_error *error);

#endif /* RMX_DATA_SPEC_PARTS_H */
