/* SPDX-License-Identifier: MIT */
/* import_output.h: a dataset that an import writes, and how several files appear together; for
 * src/data only. */
#ifndef RMX_DATA_IMPORT_OUTPUT_H
#define RMX_DATA_IMPORT_OUTPUT_H

#include "data/table_columns.h"

#define RMX_IMPORT_BLOCK 1024 /* rows that are handed to the writer at a time */

typedef struct rmx_output {
    const char *path;
    const rmx_schema *schema;
    rmx_writer *writer;
    rmx_block block;
    rmx_column_counts counts;
    int64_t held, rows; /* in the block; in all */
} rmx_output;

/* Opens the writer and stores the tables. schema and path are borrowed. */
RMX_NODISCARD rmx_status rmx_output_open(rmx_output *out, const char *path,
                                         const rmx_schema *schema, const rmx_columns *columns,
                                         rmx_error *error);
/* Removes what was not put in place; zeros are fine. */
void rmx_output_free(rmx_output *output);
/* Adds the row that was read last. */
RMX_NODISCARD rmx_status rmx_output_add(rmx_output *output, rmx_columns *columns,
                                        char *const *value, int64_t row, bool statistics,
                                        rmx_error *error);
/* Hands the rows that are held to the writer. */
RMX_NODISCARD rmx_status rmx_output_flush(rmx_output *output, rmx_error *error);

/* Files that appear together: all of them or none. An older file under the name of one of them is
 * kept under a second name until all are in place, and brought back where one fails. */
typedef struct rmx_move {
    const char *path; /* where the file is to appear */
    char *kept;       /* second name of the older file; NULL: there was none, or no second name */
    bool fresh;       /* no file was there before */
} rmx_move;

/* Before the file is put in place. Where no second name can be given (a file system without hard
 * links), nothing can be brought back. RMX_OK or RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_move_begin(rmx_move *move, const char *path, rmx_error *error);
/* Whether the file has been put in place or not. Where the older one cannot be brought back it
 * keeps its second name, which is added to the error's text. */
void rmx_move_undo(rmx_move *move, rmx_error *error);
void rmx_move_end(rmx_move *move); /* all is in place; zeros are fine */

#endif /* RMX_DATA_IMPORT_OUTPUT_H */
