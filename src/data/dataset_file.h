/* SPDX-License-Identifier: MIT */
/* dataset_file.h: an open dataset whose structure was checked; for src/data only. */
#ifndef RMX_DATA_DATASET_FILE_H
#define RMX_DATA_DATASET_FILE_H

#include <stddef.h>

#include "core/error.h"
#include "data/container.h"
#include "data/schema.h"

/* The arrays that hold one entry a row. */
enum {
    RMX_SET_LABEL,
    RMX_SET_DENSE,
    RMX_SET_SPARSE,
    RMX_SET_GROUP,
    RMX_SET_ROW,
    RMX_SET_TEXT,
    RMX_SETS
};

#define RMX_DATASET_FIX "make it with rmx-data import (or generate)"

/* Rows in memory, row-major; pointers of absent arrays are NULL. */
typedef struct rmx_rows {
    uint8_t *label;
    float *dense;
    uint32_t *sparse;
    uint64_t *group;
    uint64_t *row;
    char *text; /* the text columns of a row one after the other, zero-padded */
} rmx_rows;

/* ---- What the arrays are (dataset_rows.c) --------------------------------------------------- */

typedef struct rmx_set {
    const char *name; /* "/label" */
    rmx_array_type type;
    int32_t dims, value_bytes;
} rmx_set;
extern const rmx_set rmx_sets[RMX_SETS];
static inline const char *rmx_set_name(int set) { return rmx_sets[set].name; }
int64_t rmx_set_columns(const rmx_schema *schema, int set); /* 0: absent */
/* Bytes of the columns of a row. */
int64_t rmx_set_row_bytes(const rmx_schema *schema, int set);
void *rmx_rows_pointer(const rmx_rows *rows, int set);

/* 64-byte aligned memory for `count` rows. */
RMX_NODISCARD rmx_status rmx_rows_alloc(rmx_rows *out, const rmx_schema *schema, int64_t count,
                                        rmx_error *error);
void rmx_rows_free(rmx_rows *rows);
/* The rows from row `at` on. */
rmx_rows rmx_rows_at(const rmx_schema *schema, const rmx_rows *rows, int64_t at);
/* to[to_row .. ] = from[from_row .. + count - 1]; arrays that either lacks are left out. */
void rmx_rows_copy(const rmx_schema *schema, const rmx_rows *to, int64_t to_row,
                   const rmx_rows *from, int64_t from_row, int64_t count);
/* Labels 0, 1 or masked where that is allowed, ids below the vocabulary, finite values; arrays that
 * the schema or the rows lack are left out. first: number in the file of row 0. */
RMX_NODISCARD rmx_status rmx_rows_check(const rmx_schema *schema, const char *path, int64_t first,
                                        const rmx_rows *rows, int64_t count, rmx_error *error);
/* Adds the rows' labels to label [tasks] and counts the rows without a group. Arrays that the
 * schema or the rows lack are left out. */
void rmx_rows_count(const rmx_schema *schema, const rmx_rows *rows, int64_t count,
                    rmx_label_count *label, int64_t *without_group);

/* ---- The fingerprint (dataset_file.c) -----------------------------------------------------
 *
 *   rows hash    XXH3-64 of each array's little-endian bytes, row after row
 *   schema hash  XXH3-64 over 8-byte words: what there is, the encoding hash, task names, keys
 *   fingerprint  XXH3-64 of {schema hash, the six rows hashes (of no bytes where absent), rows}
 *
 * Equal content has an equal fingerprint, whatever the source, blocks and way of writing. */

/* The hash of all content of the schema: all but source and fingerprint. */
uint64_t rmx_schema_hash(const rmx_schema *schema);
/* rows_hash: XXH3-64 of each array's bytes in row order; of no bytes where it is absent. */
uint64_t rmx_fingerprint(uint64_t schema_hash, const uint64_t rows_hash[RMX_SETS], int64_t rows);

/* ---- The file (dataset_file.c) -------------------------------------------------------------- */

typedef struct rmx_dataset_file {
    rmx_container container;
    const rmx_array *set[RMX_SETS]; /* NULL: absent */
    int64_t block_rows;
    uint64_t *block_hash[RMX_SETS]; /* XXH3-64 of each block of rows */
    rmx_schema schema;
} rmx_dataset_file;

RMX_NODISCARD rmx_status rmx_dataset_file_open(const char *path, rmx_dataset_file *out,
                                               rmx_error *error);
void rmx_dataset_file_close(rmx_dataset_file *file);
int64_t rmx_dataset_file_blocks(const rmx_dataset_file *file);
/* rows[at ..] = the rows of block `block`, each compared with its checksum and checked. Arrays
 * whose pointer in rows is NULL are not read. */
RMX_NODISCARD rmx_status rmx_dataset_file_read(const rmx_dataset_file *file, int64_t block,
                                               const rmx_rows *rows, int64_t at, rmx_error *error);

/* The table of a sparse field, as rmx_dataset_table gives it. */
RMX_NODISCARD rmx_status rmx_dataset_file_table(const rmx_dataset_file *file, int32_t field,
                                                uint64_t **out, int64_t *count, rmx_error *error);

/* "/xxh3/label", ... */
void rmx_block_hash_name(int set, char out[RMX_CONTAINER_NAME + 1]);

#endif /* RMX_DATA_DATASET_FILE_H */
