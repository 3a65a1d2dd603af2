/* SPDX-License-Identifier: MIT */
/* table_rows.h: from the rows of text files to data rows: headers, widths, where each column is. */
#ifndef RMX_DATA_TABLE_ROWS_H
#define RMX_DATA_TABLE_ROWS_H

#include "data/bad_rows.h"
#include "data/spec.h"
#include "data/text_rows.h"

#define RMX_WIDTH_ROWS 1000 /* of each file, by which its width is judged */

typedef struct rmx_table_options {
    const char *const *input; /* [inputs] */
    int32_t inputs;
    bool may_lack_labels; /* a header without the label columns is fine */
    bool unlabelled;      /* labels are not wanted; without a header their columns are absent */
    bool strict;          /* a padded row is an error */
    bool any_width;       /* a file of another width is no error: its rows are bad ones */
} rmx_table_options;

typedef struct rmx_table {
    const rmx_table_options *options;
    rmx_spec *spec;
    const char *spec_name;
    rmx_text_rows *text;
    rmx_text_row row; /* the row as text */
    char **value;     /* [columns] the row in the spec's order; NULL: the table has no such */
    rmx_bad bad;      /* kind RMX_BAD_NONE: the row could be cut and has the right width */
    int64_t number;   /* of the data row, over all files, from 0 */
    int64_t rows;     /* data rows so far */
    int64_t padded_rows, padded_values;
    bool labelled;     /* the label columns are there and wanted; fixed by the first file */
    int32_t *place;    /* [columns] column of the text; -1: absent */
    int32_t width;     /* columns of the text */
    rmx_texts header;  /* names in the first file's header */
    bool mixed;        /* headers with other names or another order were seen */
    char *header_line; /* of the current file as it stands; NULL: none */
    bool started;      /* a row of this pass was seen */
    int32_t file;      /* the current one, and what is known of its width: */
    const char *path;
    int64_t judged, odd; /* rows looked at, rows of another width */
    int32_t odd_width;
} rmx_table;

/* Opens the files and looks at the first row. Where the spec has a header, resolves the spec's
 * patterns by it. spec_name: for errors about the spec. */
RMX_NODISCARD rmx_status rmx_table_open(rmx_table *out, const rmx_table_options *options,
                                        rmx_spec *spec, const char *spec_name, rmx_error *error);
void rmx_table_close(rmx_table *table); /* zeros are fine */
/* Back to the first row. */
RMX_NODISCARD rmx_status rmx_table_rewind(rmx_table *table, rmx_error *error);
/* The next data row, good or bad; *more false: there is none. RMX_ERR_DATA: a header that lacks a
 * column or has one twice, a file of another width, names of columns among the data. */
RMX_NODISCARD rmx_status rmx_table_next(rmx_table *table, bool *more, rmx_error *error);

#endif /* RMX_DATA_TABLE_ROWS_H */
