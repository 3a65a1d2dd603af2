/* SPDX-License-Identifier: MIT */
/* text_rows.h: rows of text tables, one file after the other, cut into values.
 *
 * A file may be plain text, gzip or zstd, a pipe or "-" (standard input). It may be UTF-8 with or
 * without a byte order mark, or UTF-16 with one. Lines end in LF, CR LF or CR. A table is read
 * more than once, so a file that can be read once only is copied to a temporary file. */
#ifndef RMX_DATA_TEXT_ROWS_H
#define RMX_DATA_TEXT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define RMX_TEXT_LINE_MAX (1 << 20) /* bytes of a row, its line ends within quotes included */
#define RMX_TEXT_COLUMNS_MAX 65536

/* How text becomes rows; see spec.h. Plain data, borrowed. */
typedef struct rmx_text_format {
    const char *separator; /* 1 .. 8 bytes */
    bool quotes;           /* RFC 4180: "" is a quote within quotes, which may span lines */
    bool trim;
    const char *comment; /* lines that begin so are left out; "": none */
    int64_t skip_lines;  /* at the start of each file */
} rmx_text_format;

typedef struct rmx_text_rows rmx_text_rows;

typedef struct rmx_text_row {
    const char *path; /* of the file */
    int32_t file;     /* its place in the list */
    int64_t line;     /* in its file, from 1: where the row begins */
    bool first;       /* the first row of its file: where a header would be */
    char **value;     /* [values], each zero-terminated; valid until the next call */
    int32_t values;
    const char *raw; /* the row as it stands in the text (as UTF-8), without its line end */
    size_t raw_bytes;
    const char *bad; /* why it cannot be cut: too long, a zero byte, a quote without end, ...;
                          then values is 0; else NULL */
} rmx_text_row;

/* Looks at all files. A file that is no table (Parquet, zip, xz, bzip2, HDF5, libsvm and libffm
 * rows, UTF-16 without a mark, ...) is RMX_ERR_DATA; the text names the format and the way to go
 * on. Pipes, compressed files and UTF-16 are copied, as UTF-8, to one temporary file without a
 * name, in TMPDIR or /tmp. Paths and the format's texts are borrowed. RMX_OK, RMX_ERR_DATA,
 * RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_text_open(const char *const *paths, int32_t inputs,
                                       const rmx_text_format *format, rmx_text_rows **out,
                                       rmx_error *error);
void rmx_text_close(rmx_text_rows *rows); /* NULL is fine */
/* Back to the first row. RMX_ERR_DATA where a file has changed since it was opened. */
RMX_NODISCARD rmx_status rmx_text_rewind(rmx_text_rows *rows, rmx_error *error);
/* The next row that is not blank; *more false: there is none. At the end of each file its size,
 * time of change and inode are compared with those at its opening: "changed while it was read" is
 * RMX_ERR_DATA. */
RMX_NODISCARD rmx_status rmx_text_next(rmx_text_rows *rows, rmx_text_row *out, bool *more,
                                       rmx_error *error);
int64_t rmx_text_bytes(const rmx_text_rows *rows); /* read so far in this pass */
int64_t rmx_text_total(const rmx_text_rows *rows); /* of all files */

#endif /* RMX_DATA_TEXT_ROWS_H */
