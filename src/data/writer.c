/* SPDX-License-Identifier: MIT */
/* writer.c: rows into a dataset, a chunk at a time.
 *
 * On a full disk HDF5 says so in H5Dwrite and H5Dclose but not in H5Fclose, so every result
 * counts, and the finished file is opened and checked before it takes its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"
#include "data/dataset_file.h"
#include "data/h5.h"
#include "data/whole_file.h"

struct rmx_writer {
    char *path, *temporary;
    rmx_schema schema; /* rows: appended so far */
    int64_t chunk_rows;
    int64_t held; /* rows in chunk, not written yet */
    rmx_rows chunk;
    rmx_rows_hash *hash;
    hid_t file, set[RMX_SETS], tables;
};

static rmx_status create_file(rmx_writer *w, rmx_error *error)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) >= 0)
        w->file = H5Fcreate(w->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (access >= 0) (void)H5Pclose(access);
    if (w->file < 0) return rmx_h5_fail(error, RMX_ERR_DATA, "%.400s: cannot be created", w->path);
    for (int s = 0; s < RMX_SETS; s++) {
        const int64_t columns = rmx_set_columns(&w->schema, s);
        if (columns == 0) continue;
        w->set[s] = rmx_set_create(w->file, rmx_set_name(s), rmx_set_type(s),
                                   s == RMX_SET_GROUP ? 0 : columns, w->chunk_rows);
        if (w->set[s] < 0)
            return rmx_h5_fail(error, RMX_ERR_DATA, "%.400s: cannot create %s", w->path,
                               rmx_set_name(s));
    }
    return RMX_OK;
}

rmx_status rmx_writer_open(const char *path, const rmx_schema *schema, int64_t chunk_rows,
                           rmx_writer **out, rmx_error *error)
{
    *out = NULL;
    rmx_status status = rmx_schema_check(schema, error);
    if (status != RMX_OK) return status;
    if (chunk_rows < 0 || chunk_rows > 1 << 20)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%lld rows a chunk: use 1 .. 2^20, or 0",
                        (long long)chunk_rows);
    rmx_writer *w = calloc(1, sizeof *w);
    if (!w) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a writer");
    w->file = w->tables = H5I_INVALID_HID;
    for (int s = 0; s < RMX_SETS; s++) w->set[s] = H5I_INVALID_HID;
    w->chunk_rows = chunk_rows ? chunk_rows : RMX_DATASET_CHUNK_ROWS;
    w->path = strdup(path);
    w->temporary = rmx_temporary_name(path);
    status = w->path && w->temporary ? RMX_OK
                                     : rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    if (status == RMX_OK) status = rmx_schema_copy(&w->schema, schema, error);
    w->schema.rows = 0;
    if (status == RMX_OK) status = rmx_rows_alloc(&w->chunk, &w->schema, w->chunk_rows, error);
    if (status == RMX_OK) status = rmx_rows_hash_create(&w->hash, error);
    if (status == RMX_OK) status = rmx_make_folder_of(path, error);
    if (status == RMX_OK) {
        rmx_h5_begin();
        status = create_file(w, error);
        rmx_h5_end();
    }
    if (status == RMX_OK)
        *out = w;
    else
        rmx_writer_discard(w);
    return status;
}

/* ---- Appending ---------------------------------------------------------------------------- */

static bool extend_and_write(hid_t set, hid_t type, int64_t columns, int64_t first, int64_t count,
                             const void *values)
{
    const int rank = columns > 0 ? 2 : 1;
    const hsize_t whole[2] = {(hsize_t)(first + count), (hsize_t)columns};
    const hsize_t start[2] = {(hsize_t)first, 0};
    const hsize_t size[2] = {(hsize_t)count, (hsize_t)columns};
    if (H5Dset_extent(set, whole) < 0) return false;
    const hid_t there = H5Dget_space(set), here = H5Screate_simple(rank, size, NULL);
    const bool good = there >= 0 && here >= 0 &&
                      H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
                      H5Dwrite(set, type, here, there, H5P_DEFAULT, values) >= 0;
    if (here >= 0) (void)H5Sclose(here);
    if (there >= 0) (void)H5Sclose(there);
    return good;
}

static rmx_status write_failed(const rmx_writer *w, const char *what, rmx_error *error)
{
    return rmx_h5_fail(error, RMX_ERR_DATA,
                       "%.400s: cannot write %s; is the disk full? nothing was left behind",
                       w->path, what);
}

static rmx_status write_chunk(rmx_writer *w, rmx_error *error)
{
    rmx_status status = RMX_OK;
    rmx_h5_begin();
    for (int s = 0; s < RMX_SETS && status == RMX_OK; s++) {
        const int64_t columns = rmx_set_columns(&w->schema, s);
        if (columns > 0 &&
            !extend_and_write(w->set[s], rmx_set_type(s), s == RMX_SET_GROUP ? 0 : columns,
                              w->schema.rows - w->held, w->held, rmx_rows_pointer(&w->chunk, s)))
            status = write_failed(w, rmx_set_name(s), error);
    }
    rmx_h5_end();
    rmx_rows_hash_add(w->hash, &w->schema, &w->chunk, w->held);
    w->held = 0;
    return status;
}

rmx_status rmx_writer_append(rmx_writer *w, int64_t rows, const uint8_t *label, const float *dense,
                             const uint32_t *sparse, const uint64_t *group, rmx_error *error)
{
    /* never written through: rmx_rows is one type for reading and writing */
    const rmx_rows from = {(uint8_t *)(uintptr_t)label, (float *)(uintptr_t)dense,
                           (uint32_t *)(uintptr_t)sparse, (uint64_t *)(uintptr_t)group};
    for (int s = 0; s < RMX_SETS; s++)
        if (rows > 0 && rmx_set_columns(&w->schema, s) > 0 && !rmx_rows_pointer(&from, s))
            return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: no values given for %s", w->path,
                            rmx_set_name(s));
    rmx_status status = rmx_rows_check(&w->schema, w->path, w->schema.rows, &from, rows, error);
    for (int64_t at = 0; at < rows && status == RMX_OK;) {
        const int64_t space = w->chunk_rows - w->held;
        const int64_t count = rows - at < space ? rows - at : space;
        rmx_rows_copy(&w->schema, &w->chunk, w->held, &from, at, count);
        w->held += count;
        w->schema.rows += count;
        at += count;
        if (w->held == w->chunk_rows) status = write_chunk(w, error);
    }
    return status;
}

rmx_status rmx_writer_table(rmx_writer *w, int32_t sparse_field, const uint64_t *table,
                            int64_t count, rmx_error *error)
{
    if (sparse_field < 0 || sparse_field >= w->schema.sparse_fields || count < 0)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: a table of %lld values for field %d",
                        w->path, (long long)count, (int)sparse_field);
    char name[32];
    snprintf(name, sizeof name, "/table/%d", (int)sparse_field);
    rmx_h5_begin();
    if (w->tables < 0)
        w->tables = H5Gcreate2(w->file, "/table", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t set = w->tables < 0 ? H5I_INVALID_HID
                                    : rmx_set_create(w->file, name, H5T_STD_U64LE, 0,
                                                     count < 1       ? 1
                                                     : count < 65536 ? count
                                                                     : 65536);
    bool good = set >= 0;
    if (good && count > 0) good = extend_and_write(set, H5T_STD_U64LE, 0, 0, count, table);
    if (set >= 0 && H5Dclose(set) < 0) good = false;
    const rmx_status status = good ? RMX_OK : write_failed(w, name, error);
    rmx_h5_end();
    return status;
}

void rmx_writer_set_ceiling(rmx_writer *w, double auc) { w->schema.ceiling_auc = auc; }

int64_t rmx_writer_rows(const rmx_writer *w) { return w->schema.rows; }

/* ---- Finishing ---------------------------------------------------------------------------- */

/* Every handle is closed whatever happens; false where one of them had something to say. */
static bool close_file(rmx_writer *w)
{
    bool good = true;
    for (int s = 0; s < RMX_SETS; s++) {
        if (w->set[s] >= 0 && H5Dclose(w->set[s]) < 0) good = false;
        w->set[s] = H5I_INVALID_HID;
    }
    if (w->tables >= 0 && H5Gclose(w->tables) < 0) good = false;
    if (w->file >= 0 && H5Fclose(w->file) < 0) good = false;
    w->tables = w->file = H5I_INVALID_HID;
    return good;
}

static rmx_status write_end(rmx_writer *w, rmx_error *error)
{
    uint64_t rows_hash[RMX_SETS], schema_hash;
    rmx_rows_hash_read(w->hash, rows_hash);
    rmx_status status = rmx_schema_hash(&w->schema, &schema_hash, error);
    if (status != RMX_OK) return status;
    w->schema.fingerprint = rmx_fingerprint(schema_hash, rows_hash, w->schema.rows);
    rmx_h5_begin();
    status = rmx_attributes_write(w->file, w->path, &w->schema, rows_hash, error);
    if (status == RMX_OK && H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0)
        status = write_failed(w, "its end", error);
    if (status == RMX_OK && !close_file(w)) status = write_failed(w, "its end", error);
    rmx_h5_end();
    return status;
}

/* Opens what was written as a reader would. */
static rmx_status look_again(const rmx_writer *w, rmx_error *error)
{
    rmx_dataset_file file;
    rmx_status status = rmx_dataset_file_open(w->temporary, &file, error);
    if (status != RMX_OK) return status;
    rmx_dataset_file_close(&file);
    return RMX_OK;
}

rmx_status rmx_writer_finish(rmx_writer *w, uint64_t *fingerprint, rmx_error *error)
{
    rmx_status status = RMX_OK;
    if (w->schema.rows < 1)
        status = rmx_fail(error, RMX_ERR_DATA, "%.400s: no row to write", w->path);
    if (status == RMX_OK && w->held > 0) status = write_chunk(w, error);
    if (status == RMX_OK) status = write_end(w, error);
    if (status == RMX_OK) status = look_again(w, error);
    if (status == RMX_OK) status = rmx_put_in_place(w->temporary, w->path, error);
    if (status == RMX_OK && fingerprint) *fingerprint = w->schema.fingerprint;
    rmx_writer_discard(w); /* after the rename there is nothing left to remove */
    return status;
}

void rmx_writer_discard(rmx_writer *w)
{
    if (!w) return;
    const bool created = w->hash != NULL;
    rmx_h5_begin();
    (void)close_file(w);
    (void)H5Eclear2(H5E_DEFAULT);
    rmx_h5_end();
    if (created && w->temporary) (void)unlink(w->temporary);
    rmx_rows_hash_destroy(w->hash);
    rmx_rows_free(&w->chunk);
    rmx_schema_free(&w->schema);
    free(w->temporary);
    free(w->path);
    free(w);
}
