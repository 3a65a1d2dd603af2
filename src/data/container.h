/* SPDX-License-Identifier: MIT */
/* container.h: named arrays and a JSON text in one file. Other programs read it as HDF5.
 *
 * A file from outside can make libhdf5 crash, hang or take gigabytes: its checksums do not stop
 * somebody who computes them anew. So libhdf5 writes the structure of a file here and never reads
 * one. A reader needs the head (the first 512 bytes) and the index (a JSON text), whose checksums
 * cover every byte of the file. docs/formats.md describes both. */
#ifndef RMX_DATA_CONTAINER_H
#define RMX_DATA_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define RMX_CONTAINER_HEAD 512
#define RMX_CONTAINER_NAME 47 /* bytes of an array's name, with its '/' */

typedef enum rmx_array_type {
    RMX_ARRAY_U8,
    RMX_ARRAY_U32,
    RMX_ARRAY_U64,
    RMX_ARRAY_F32,
    RMX_ARRAY_BF16, /* in HDF5 u16 */
    RMX_ARRAY_TEXT, /* [rows]: a record of texts of fixed widths, zero-padded; HDF5 compound */
    RMX_ARRAY_TYPES
} rmx_array_type;

typedef struct rmx_array {
    char name[RMX_CONTAINER_NAME + 1];
    rmx_array_type type;
    int32_t dims; /* 1 .. 4 */
    int64_t shape[4];
    int32_t record_bytes; /* of RMX_ARRAY_TEXT; else 0 */
    uint64_t xxh3;        /* of its bytes */
    int64_t offset;       /* in the file; writing fills it in */
} rmx_array;

/* Bytes of an array; -1 where a size is negative or the product does not fit. */
int64_t rmx_array_bytes(const rmx_array *array);

/* ---- Writing -------------------------------------------------------------------------------- */

/* Where the bytes of an array come from. */
typedef struct rmx_array_data {
    const void *memory; /* else */
    int fd;             /* from its start */
    /* of RMX_ARRAY_TEXT: names and widths of the record's texts */
    char *const *text_names;
    const int32_t *text_bytes;
    int32_t texts;
} rmx_array_data;

/* Writes a whole file to `path`, which is a temporary name: HDF5 structure, arrays, index, head.
 * Brings it to the disk, opens it again and compares every checksum. array[i].xxh3 must be set.
 * about: the owner's part of the index. name: the final name, for errors. After a failure the file
 * may be there. Returns RMX_OK, RMX_ERR_DATA (the file system), RMX_ERR_MEMORY,
 * RMX_ERR_INTERNAL. */
RMX_NODISCARD rmx_status rmx_container_write(const char *path, const char *name, const char *kind,
                                             int version, rmx_array *array,
                                             const rmx_array_data *data, int32_t arrays,
                                             const json_t *about, rmx_error *error);

/* ---- Reading -------------------------------------------------------------------------------- */

typedef struct rmx_container {
    char *path;
    int fd;
    int64_t bytes;
    rmx_array *array;
    int32_t arrays;
    json_t *index;
} rmx_container;

/* Checks head, index, every extent and the checksum of the rest. It reads no array. A file of
 * another kind or version is refused with `fix`, the way to make it. Returns RMX_OK, RMX_ERR_DATA,
 * RMX_ERR_MEMORY; on failure *out holds nothing. */
RMX_NODISCARD rmx_status rmx_container_open(const char *path, const char *kind, int version,
                                            const char *fix, rmx_container *out, rmx_error *error);
/* RMX_ERR_DATA where "requires" of the index is not empty: this version knows no such word. */
RMX_NODISCARD rmx_status rmx_container_requires(const rmx_container *container, rmx_error *error);
void rmx_container_close(rmx_container *container); /* zeros with fd -1, or twice, are fine */

/* The array of this name, type and number of dimensions; NULL if there is none. */
const rmx_array *rmx_container_find(const rmx_container *container, const char *name,
                                    rmx_array_type type, int32_t dims);
/* Bytes at .. at + bytes - 1 of an array, without a comparison. Safe for several threads. */
RMX_NODISCARD rmx_status rmx_container_read(const rmx_container *container, const rmx_array *array,
                                            int64_t at, int64_t bytes, void *out,
                                            rmx_error *error);
/* The whole array; out NULL: only compares its checksum. */
RMX_NODISCARD rmx_status rmx_container_load(const rmx_container *container, const rmx_array *array,
                                            void *out, rmx_error *error);
/* The whole array of bytes as a text with an end; to be freed. Zero bytes in it are refused. */
RMX_NODISCARD rmx_status rmx_container_text(const rmx_container *container, const rmx_array *array,
                                            char **out, rmx_error *error);
/* RMX_ERR_DATA: "PATH: WHAT; the file is damaged: FIX". */
rmx_status rmx_container_refuse(const rmx_container *container, rmx_error *error,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Values of an object; false where it has none of this name and type in this range. */
bool rmx_json_get_int(const json_t *object, const char *key, int64_t low, int64_t high,
                      int64_t *out);
bool rmx_json_get_hash(const json_t *object, const char *key, uint64_t *out); /* 16 hex digits */
bool rmx_json_get_text(const json_t *object, const char *key, const char **out); /* borrowed */
bool rmx_json_get_bool(const json_t *object, const char *key, bool *out);
bool rmx_json_get_real(const json_t *object, const char *key, double *out); /* null: NaN */
void rmx_hash_text(uint64_t value, char out[17]);                           /* as 16 hex digits */
/* 0, or -1: out of memory, or a text that is no UTF-8. */
int rmx_json_set_hash(json_t *object, const char *key, uint64_t value);
int rmx_json_set_real(json_t *object, const char *key, double value); /* NaN: null */
/* A string; bytes that are no UTF-8 become '?'. NULL: out of memory. */
json_t *rmx_json_text_of(const char *text);

#endif /* RMX_DATA_CONTAINER_H */
