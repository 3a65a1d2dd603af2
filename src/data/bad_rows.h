/* SPDX-License-Identifier: MIT */
/* bad_rows.h: rows that an import leaves out. They are counted by reason and column, and a file
 * keeps them for mending. */
#ifndef RMX_DATA_BAD_ROWS_H
#define RMX_DATA_BAD_ROWS_H

#include <stdint.h>
#include <stdio.h>

#include "core/error.h"

typedef enum rmx_bad_kind {
    RMX_BAD_NONE,
    RMX_BAD_TEXT,   /* cannot be cut into values */
    RMX_BAD_WIDTH,  /* another number of columns */
    RMX_BAD_NUMBER, /* no number */
    RMX_BAD_RANGE,  /* a number too large for a float */
    RMX_BAD_TIME,   /* no time */
    RMX_BAD_LABEL,  /* neither positive nor negative */
    RMX_BAD_NO_LABEL,
    RMX_BAD_KEY, /* longer than RMX_TEXT_VALUE_MAX */
    RMX_BAD_KINDS
} rmx_bad_kind;

/* What is wrong with a row: the first thing that was found. */
typedef struct rmx_bad {
    rmx_bad_kind kind; /* RMX_BAD_NONE: nothing */
    int32_t column;    /* of the spec; -1: no single one */
    const char *name;  /* of the column; "" */
    const char *value; /* as it stands in the row; "" */
    char why[160];     /* in words, without column and value */
} rmx_bad;

typedef struct rmx_bad_reason {
    rmx_bad_kind kind;
    char column[128];
    int64_t rows;
    char first[256]; /* FILE:LINE of the first row */
    char value[64];  /* its value, printable */
} rmx_bad_reason;

rmx_bad rmx_bad_of(rmx_bad_kind kind, int32_t column, const char *name, const char *value,
                   const char *why);
/* A few words for a table: "no number". */
const char *rmx_bad_kind_words(rmx_bad_kind kind);

typedef struct rmx_bad_rows {
    int64_t rows;
    rmx_bad_reason *reason;
    int32_t reasons;
    int32_t *place; /* [(columns + 1) * RMX_BAD_KINDS]: 1 + place in reason; 0: none yet */
    int32_t columns;
    char first[512];        /* "FILE:LINE: why" of the first bad row; "" */
    char *path, *temporary; /* of the file that keeps them; NULL: none */
    FILE *file;
    char *header; /* the header line that stands in the file; NULL: none yet */
} rmx_bad_rows;

RMX_NODISCARD rmx_status rmx_bad_rows_create(rmx_bad_rows *out, int32_t columns, rmx_error *error);
void rmx_bad_rows_free(rmx_bad_rows *rows);   /* removes an unfinished file; zeros are fine */
void rmx_bad_rows_forget(rmx_bad_rows *rows); /* starts to count anew */

RMX_NODISCARD rmx_status rmx_bad_rows_add(rmx_bad_rows *rows, const rmx_bad *bad, const char *path,
                                          int64_t line, rmx_error *error);

/* Opens PATH.tmp.PID, which is renamed later. It begins with skip_lines lines, so that the same
 * spec reads it. */
RMX_NODISCARD rmx_status rmx_bad_rows_open(rmx_bad_rows *rows, const char *path,
                                           int64_t skip_lines, rmx_error *error);
/* Writes a row as it stands. header: the header line of the row's file; NULL: it has none.
 * RMX_ERR_DATA where the file has a row under another header already, and where the row is longer
 * than RMX_TEXT_LINE_MAX, since its end is not in memory. */
RMX_NODISCARD rmx_status rmx_bad_rows_keep(rmx_bad_rows *rows, const char *header, const char *raw,
                                           size_t bytes, rmx_error *error);
/* Ends the file. It keeps its temporary name; rmx_put_in_place syncs it. */
RMX_NODISCARD rmx_status rmx_bad_rows_complete(rmx_bad_rows *rows, rmx_error *error);

#endif /* RMX_DATA_BAD_ROWS_H */
