/* SPDX-License-Identifier: MIT */
/* dataset_file.h: an open dataset whose structure was checked; for src/data only. */
#ifndef RMX_DATA_DATASET_FILE_H
#define RMX_DATA_DATASET_FILE_H

#include <hdf5.h>
#include <stddef.h>

#include "core/error.h"
#include "data/schema.h"

enum { RMX_SET_LABEL, RMX_SET_DENSE, RMX_SET_SPARSE, RMX_SET_GROUP, RMX_SETS };

/* Rows in memory, row-major; pointers of absent datasets are NULL. */
typedef struct rmx_rows {
    uint8_t *label;
    float *dense;
    uint32_t *sparse;
    uint64_t *group;
} rmx_rows;

/* ---- What the four datasets are (dataset_rows.c) ------------------------------------------ */

const char *rmx_set_name(int set);                          /* "/label", ... */
int64_t rmx_set_columns(const rmx_schema *schema, int set); /* 0: absent */
int64_t rmx_set_value_bytes(int set);
void *rmx_rows_pointer(const rmx_rows *rows, int set);

/* 64-byte aligned memory for `count` rows. */
RMX_NODISCARD rmx_status rmx_rows_alloc(rmx_rows *out, const rmx_schema *schema, int64_t count,
                                        rmx_error *error);
void rmx_rows_free(rmx_rows *rows);
/* to[to_row .. ] = from[from_row .. + count - 1] */
void rmx_rows_copy(const rmx_schema *schema, const rmx_rows *to, int64_t to_row,
                   const rmx_rows *from, int64_t from_row, int64_t count);
/* Labels 0 or 1, ids below the vocabulary, finite values. first: number in the file of row 0. */
RMX_NODISCARD rmx_status rmx_rows_check(const rmx_schema *schema, const char *path, int64_t first,
                                        const rmx_rows *rows, int64_t count, rmx_error *error);

/* ---- The fingerprint (fingerprint.c) ------------------------------------------------------ */

/* XXH3 of each dataset's bytes in row order, however they are chunked. */
typedef struct rmx_rows_hash rmx_rows_hash;
RMX_NODISCARD rmx_status rmx_rows_hash_create(rmx_rows_hash **out, rmx_error *error);
void rmx_rows_hash_destroy(rmx_rows_hash *hash);
void rmx_rows_hash_add(rmx_rows_hash *hash, const rmx_schema *schema, const rmx_rows *rows,
                       int64_t count);
void rmx_rows_hash_read(const rmx_rows_hash *hash, uint64_t out[RMX_SETS]);

/* Of everything in the schema but rows and fingerprint. */
RMX_NODISCARD rmx_status rmx_schema_hash(const rmx_schema *schema, uint64_t *out,
                                         rmx_error *error);
uint64_t rmx_fingerprint(uint64_t schema_hash, const uint64_t rows_hash[RMX_SETS], int64_t rows);

/* ---- Attributes (dataset_attributes.c); between rmx_h5_begin and rmx_h5_end ---------------- */

RMX_NODISCARD rmx_status rmx_attributes_write(hid_t file, const char *path,
                                              const rmx_schema *schema,
                                              const uint64_t rows_hash[RMX_SETS],
                                              rmx_error *error);
/* Reads, checks and compares with the stored hashes. rows is set from the file's attribute. */
RMX_NODISCARD rmx_status rmx_attributes_read(hid_t file, const char *path, rmx_schema *out,
                                             uint64_t rows_hash[RMX_SETS], rmx_error *error);

/* ---- The file (dataset_file.c) ------------------------------------------------------------ */

typedef struct rmx_dataset_file {
    char *path;
    hid_t file;
    hid_t set[RMX_SETS]; /* -1: absent */
    int64_t chunk_rows;
    rmx_schema schema;
    uint64_t rows_hash[RMX_SETS]; /* as stored */
} rmx_dataset_file;

/* These take the HDF5 mutex themselves. */
RMX_NODISCARD rmx_status rmx_dataset_file_open(const char *path, rmx_dataset_file *out,
                                               rmx_error *error);
void rmx_dataset_file_close(rmx_dataset_file *file);
/* rows[at ..] = the file's rows first .. first + count - 1, checked. */
RMX_NODISCARD rmx_status rmx_dataset_file_read(const rmx_dataset_file *file, int64_t first,
                                               int64_t count, const rmx_rows *rows, int64_t at,
                                               rmx_error *error);

hid_t rmx_set_type(int set); /* in the file */

/* A one-dimensional u64 dataset, checked as the others are; between begin and end. */
RMX_NODISCARD rmx_status rmx_table_read(hid_t file, const char *path, const char *name,
                                        uint64_t **out, int64_t *count, rmx_error *error);
/* Chunked, fletcher32, and filled with bytes that no check lets pass. chunk_rows <= rows of the
 * chunk, rank 1 where columns is 0. H5I_INVALID_HID on failure. */
hid_t rmx_set_create(hid_t file, const char *name, hid_t type, int64_t columns,
                     int64_t chunk_rows);

#endif /* RMX_DATA_DATASET_FILE_H */
