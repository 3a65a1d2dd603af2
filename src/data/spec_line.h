/* SPDX-License-Identifier: MIT */
/* spec_line.h: a line of a column spec, read from left to right; for src/data/spec*.c only.
 *
 *   line    = name blanks "=" blanks value [blanks ";" comment]
 *   text    = quoted | characters without blanks and quotes
 *   texts   = text { "|" text }
 *
 * What a person could have meant in two ways is refused with what to write instead. */
#ifndef RMX_DATA_SPEC_LINE_H
#define RMX_DATA_SPEC_LINE_H

#include "data/spec.h"

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
/* Control characters have no place in a line; tabs are blanks. */
RMX_NODISCARD rmx_status rmx_spec_line_check(const rmx_spec_line *line);
/* Passes the name and "=". *name is the caller's to free; in quotes it is no range or pattern. */
RMX_NODISCARD rmx_status rmx_spec_line_name(rmx_spec_line *line, char **name, bool *quoted);
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

#endif /* RMX_DATA_SPEC_LINE_H */
