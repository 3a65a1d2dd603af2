/* SPDX-License-Identifier: MIT */
/* import_parts.h: what the files of an import share; for src/data/import*.c only. */
#ifndef RMX_DATA_IMPORT_PARTS_H
#define RMX_DATA_IMPORT_PARTS_H

#include "data/import.h"
#include "data/import_split.h"
#include "data/table_columns.h"
#include "data/table_rows.h"

#define RMX_IMPORT_BLOCK 1024 /* rows that are handed to the writer at a time */

typedef struct rmx_output {
    const char *path;
    const rmx_schema *schema;
    rmx_writer *writer;
    rmx_block block;
    int64_t held, rows; /* in the block; in all */
} rmx_output;

/* An import while it goes on. */
typedef struct rmx_importing {
    const rmx_import_options *options;
    rmx_import_result *result; /* may be NULL */
    rmx_spec spec, stored;     /* stored: in the set to go by */
    rmx_schema fitted;         /* of the set to go by */
    rmx_table_options table_options;
    rmx_table table;
    rmx_columns columns;
    rmx_split split;
    rmx_bad_rows bad;
    rmx_schema schema;
    rmx_output out[2];
    int32_t outputs;
    int64_t rows;                    /* data rows of the passes so far; -1: none yet */
    int64_t bytes_before, bytes_all; /* for the progress */
    bool all_seen;                   /* a pass over all rows is complete */
    bool written;                    /* so is the pass that writes */
    bool told;                       /* the result has been filled */
} rmx_importing;

/* ---- Datasets (import_output.c) ------------------------------------------------------------- */

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

/* ---- Files that appear together (import_output.c) -------------------------------------------
 *
 * All of them appear, or none. An older file under the name of one of them has a second name until
 * all are in place, and is brought back where one fails. */

typedef struct rmx_move {
    const char *path; /* where the file is to appear */
    char *kept;       /* second name of the older file; NULL: there was none, or no second name */
    bool fresh;       /* no file was there before */
} rmx_move;

/* Call it before the file is put in place. Where the file system has no hard links there is no
 * second name, and nothing can be brought back. RMX_OK or RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_move_begin(rmx_move *move, const char *path, rmx_error *error);
/* Brings the older file back, whether or not the new one is in place. If that fails, the older
 * file keeps its second name, and the error's text says so. */
void rmx_move_undo(rmx_move *move, rmx_error *error);
void rmx_move_end(rmx_move *move); /* all is in place; zeros are fine */

/* ---- The result (import_result.c) ----------------------------------------------------------- */

/* Fills the result with what the import knows so far. Does nothing where there is no result or it
 * was filled before. RMX_OK or RMX_ERR_MEMORY: then parts of it are missing. */
rmx_status rmx_import_result_fill(rmx_importing *import, rmx_error *error);

#endif /* RMX_DATA_IMPORT_PARTS_H */
