/* SPDX-License-Identifier: MIT */
/* dataset.c: looking at a whole dataset: its schema, its check, its tables. */
#include "data/dataset.h"

#include <stdio.h>
#include <string.h>

#include "data/dataset_file.h"
#include "data/h5.h"

rmx_status rmx_dataset_schema(const char *path, rmx_schema *out, rmx_error *error)
{
    rmx_dataset_file file;
    memset(out, 0, sizeof *out);
    const rmx_status status = rmx_dataset_file_open(path, &file, error);
    if (status != RMX_OK) return status;
    *out = file.schema; /* handed over */
    memset(&file.schema, 0, sizeof file.schema);
    rmx_dataset_file_close(&file);
    return RMX_OK;
}

static rmx_status compare_hashes(const rmx_dataset_file *file, const uint64_t hash[RMX_SETS],
                                 rmx_error *error)
{
    for (int set = 0; set < RMX_SETS; set++)
        if (hash[set] != file->rows_hash[set])
            return rmx_fail(error, RMX_ERR_DATA,
                            "%.400s: the rows of %s do not match their checksum; the file was "
                            "changed: write it anew",
                            file->path, rmx_set_name(set));
    return RMX_OK;
}

rmx_status rmx_dataset_check(const char *path, rmx_progress_callback progress, void *user,
                             rmx_error *error)
{
    rmx_dataset_file file;
    rmx_rows rows = {NULL, NULL, NULL, NULL};
    rmx_rows_hash *hash = NULL;
    rmx_status status = rmx_dataset_file_open(path, &file, error);
    if (status != RMX_OK) return status;
    const int64_t total = file.schema.rows;
    const int64_t step = file.chunk_rows < total ? file.chunk_rows : total;
    status = rmx_rows_alloc(&rows, &file.schema, step, error);
    if (status == RMX_OK) status = rmx_rows_hash_create(&hash, error);
    for (int64_t first = 0; first < total && status == RMX_OK; first += step) {
        const int64_t count = total - first < step ? total - first : step;
        status = rmx_dataset_file_read(&file, first, count, &rows, 0, error);
        if (status == RMX_OK) rmx_rows_hash_add(hash, &file.schema, &rows, count);
        if (status == RMX_OK && progress && !progress(user, first + count, total))
            status = rmx_fail(error, RMX_ERR_DATA, "stopped");
    }
    if (status == RMX_OK) {
        uint64_t found[RMX_SETS];
        rmx_rows_hash_read(hash, found);
        status = compare_hashes(&file, found, error);
    }
    rmx_rows_hash_destroy(hash);
    rmx_rows_free(&rows);
    rmx_dataset_file_close(&file);
    return status;
}

rmx_status rmx_dataset_table(const char *path, const char *field, uint64_t **out, int64_t *count,
                             rmx_error *error)
{
    rmx_dataset_file file;
    *out = NULL;
    *count = 0;
    rmx_status status = rmx_dataset_file_open(path, &file, error);
    if (status != RMX_OK) return status;
    const int32_t number = rmx_schema_find(&file.schema, field);
    if (number < 0 || number >= file.schema.sparse_fields) {
        status =
            rmx_fail(error, RMX_ERR_DATA, "%.400s: has no sparse field '%.100s'", path, field);
    } else {
        char name[32];
        snprintf(name, sizeof name, "/table/%d", (int)number);
        rmx_h5_begin();
        /* an external link here would lead HDF5 into another file */
        H5L_info_t link;
        if (H5Lexists(file.file, "/table", H5P_DEFAULT) > 0 &&
            H5Lget_info(file.file, "/table", &link, H5P_DEFAULT) >= 0 &&
            link.type == H5L_TYPE_HARD && H5Lexists(file.file, name, H5P_DEFAULT) > 0)
            status = rmx_table_read(file.file, path, name, out, count, error);
        rmx_h5_end();
    }
    rmx_dataset_file_close(&file);
    return status;
}
