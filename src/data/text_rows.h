/* SPDX-License-Identifier: MIT */
/* text_rows.h: lines of text files, one file after the other, cut into values. */
#ifndef RMX_DATA_TEXT_ROWS_H
#define RMX_DATA_TEXT_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"

#define RMX_TEXT_LINE_MAX (1 << 20)

typedef struct rmx_text_rows {
    const char *const *paths;
    int32_t inputs, current;
    FILE *file;
    char *line;      /* of RMX_TEXT_LINE_MAX + 2 bytes */
    size_t length;   /* of the line, without its end */
    int64_t number;  /* of the line in its file, from 1 */
    int64_t bytes;   /* read so far, over all files */
    int64_t total;   /* of all files; -1 where one is no regular file */
    const char *bad; /* why the line is no text line, or NULL */
} rmx_text_rows;

RMX_NODISCARD rmx_status rmx_text_open(rmx_text_rows *out, const char *const *paths,
                                       int32_t inputs, rmx_error *error);
void rmx_text_close(rmx_text_rows *rows);
/* The next line that is not blank; *more false: there is none. A line too long or with a zero
 * byte has `bad` set. */
RMX_NODISCARD rmx_status rmx_text_next(rmx_text_rows *rows, bool *more, rmx_error *error);

/* Cuts line[0 .. length - 1] at the separator, in place; value[i] are zero-terminated. With ',' and
 * ';' a value may stand in double quotes, "" for a quote in it. Returns the number of values, most
 * + 1 if there are more than `most`, -1 where a quote has no end. */
int32_t rmx_text_split(char *line, size_t length, char separator, bool trim, char **value,
                       int32_t most);

#endif /* RMX_DATA_TEXT_ROWS_H */
