/* SPDX-License-Identifier: MIT */
/* dataset_file.c: opening a dataset and believing nothing in it.
 *
 * What is asked of each HDF5 dataset, before a byte of it is read:
 *   - a hard link to a dataset: no soft or external links;
 *   - the exact type, not committed; the exact rank and size, rows equal in all;
 *   - chunked by rows, all with the same rows a chunk: so neither virtual nor in external files;
 *   - one filter, fletcher32, and it is not optional;
 *   - as much storage as its chunks need, no less: HDF5 reads a chunk that was never written as
 *     fill values, without an error; and no more than the file has.
 * Allocations follow the sizes above, so none is larger than the file by more than a chunk. */
#include "data/dataset_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/dataset.h"
#include "data/h5.h"

#define CHUNK_ROWS_MAX (1 << 20)
#define CHUNK_BYTES_MAX ((int64_t)1 << 30)
#define FLETCHER_BYTES 4 /* appended to each chunk */

/* What one dataset has to be, and where it is. */
typedef struct expectation {
    const char *path, *name;
    hid_t type;
    int64_t rows;    /* < 0: any */
    int64_t columns; /* 0: rank 1 */
    int64_t value_bytes;
    int64_t file_bytes;
} expectation;

static rmx_status refuse(const expectation *e, const char *why, rmx_error *error)
{
    return rmx_h5_fail(error, RMX_ERR_DATA,
                       "%.400s: %s %s; the file is damaged or was not written by rmx-data: write "
                       "it anew",
                       e->path, e->name, why);
}

hid_t rmx_set_type(int set)
{
    switch (set) {
    case RMX_SET_LABEL: return H5T_STD_U8LE;
    case RMX_SET_DENSE: return H5T_IEEE_F32LE;
    case RMX_SET_SPARSE: return H5T_STD_U32LE;
    default: return H5T_STD_U64LE;
    }
}

/* ---- Creating ----------------------------------------------------------------------------- */

hid_t rmx_set_create(hid_t file, const char *name, hid_t type, int64_t columns, int64_t chunk_rows)
{
    const int rank = columns > 0 ? 2 : 1;
    const hsize_t dims[2] = {0, (hsize_t)columns};
    const hsize_t most[2] = {H5S_UNLIMITED, (hsize_t)columns};
    const hsize_t chunk[2] = {(hsize_t)chunk_rows, (hsize_t)columns};
    const uint64_t ones = UINT64_MAX; /* in any type: no label, no id, not a number */
    hid_t set = H5I_INVALID_HID;
    const hid_t space = H5Screate_simple(rank, dims, most);
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE), access = H5Pcreate(H5P_DATASET_ACCESS);
    if (space >= 0 && how >= 0 && access >= 0 && H5Pset_chunk(how, rank, chunk) >= 0 &&
        H5Pset_fletcher32(how) >= 0 && H5Pset_fill_value(how, type, &ones) >= 0 &&
        H5Pset_fill_time(how, H5D_FILL_TIME_NEVER) >= 0 &&
        H5Pset_chunk_cache(access, 1, 0, 1.0) >= 0)
        set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, how, access);
    if (access >= 0) (void)H5Pclose(access);
    if (how >= 0) (void)H5Pclose(how);
    if (space >= 0) (void)H5Sclose(space);
    return set;
}

/* ---- Checks ------------------------------------------------------------------------------- */

static rmx_status check_type(hid_t set, const expectation *e, rmx_error *error)
{
    const hid_t type = H5Dget_type(set);
    const bool good = type >= 0 && H5Tcommitted(type) == 0 && H5Tequal(type, e->type) > 0;
    if (type >= 0) (void)H5Tclose(type);
    return good ? RMX_OK : refuse(e, "has another type than it should", error);
}

static rmx_status check_shape(hid_t set, const expectation *e, int64_t *rows, rmx_error *error)
{
    const int rank = e->columns > 0 ? 2 : 1;
    hsize_t dims[2] = {0, 0};
    const hid_t space = H5Dget_space(set);
    const bool ranked = space >= 0 && H5Sget_simple_extent_ndims(space) == rank &&
                        H5Sget_simple_extent_dims(space, dims, NULL) == rank;
    if (space >= 0) (void)H5Sclose(space);
    if (!ranked) return refuse(e, "has another rank than it should", error);
    if ((rank == 2 && dims[1] != (hsize_t)e->columns) ||
        (e->rows >= 0 && dims[0] != (hsize_t)e->rows) || dims[0] > (hsize_t)1 << 48)
        return refuse(e, "has another size than the attributes say", error);
    *rows = (int64_t)dims[0];
    return RMX_OK;
}

/* Layout, filter and storage: see the head of the file. */
static rmx_status check_storage(hid_t set, hid_t how, const expectation *e, int64_t rows,
                                int64_t *chunk_rows, rmx_error *error)
{
    const int rank = e->columns > 0 ? 2 : 1;
    hsize_t chunk[2] = {0, 0};
    if (H5Pget_layout(how) != H5D_CHUNKED || H5Pget_chunk(how, rank, chunk) != rank)
        return refuse(e, "is not chunked", error);
    if (H5Pget_external_count(how) != 0) return refuse(e, "lies in another file", error);
    unsigned flags = 0;
    size_t values = 0;
    if (H5Pget_nfilters(how) != 1 ||
        H5Pget_filter2(how, 0, &flags, &values, NULL, 0, NULL, NULL) != H5Z_FILTER_FLETCHER32 ||
        (flags & H5Z_FLAG_OPTIONAL) != 0)
        return refuse(e, "has other filters than fletcher32", error);
    int64_t bytes = e->value_bytes * (rank == 2 ? e->columns : 1);
    if (chunk[0] < 1 || chunk[0] > CHUNK_ROWS_MAX ||
        (rank == 2 && chunk[1] != (hsize_t)e->columns) ||
        __builtin_mul_overflow(bytes, (int64_t)chunk[0], &bytes) || bytes > CHUNK_BYTES_MAX)
        return refuse(e, "has chunks of a size it should not have", error);
    const int64_t chunks = (rows + (int64_t)chunk[0] - 1) / (int64_t)chunk[0];
    int64_t needed;
    if (__builtin_mul_overflow(bytes + FLETCHER_BYTES, chunks, &needed) || needed > e->file_bytes)
        return refuse(e, "claims more rows than the file has bytes for", error);
    if (H5Dget_storage_size(set) != (hsize_t)needed)
        return refuse(e, "lacks some of its chunks", error);
    *chunk_rows = (int64_t)chunk[0];
    return RMX_OK;
}

static rmx_status open_set(hid_t file, const expectation *e, hid_t *out, int64_t *rows,
                           int64_t *chunk_rows, rmx_error *error)
{
    H5L_info_t link;
    if (H5Lexists(file, e->name, H5P_DEFAULT) <= 0) return refuse(e, "is missing", error);
    if (H5Lget_info(file, e->name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return refuse(e, "is a link to somewhere else", error);

    const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    hid_t set = H5I_INVALID_HID, how = H5I_INVALID_HID;
    /* no chunk cache: whole chunks are read, each once */
    if (access >= 0 && H5Pset_chunk_cache(access, 1, 0, 1.0) >= 0)
        set = H5Dopen2(file, e->name, access);
    if (access >= 0) (void)H5Pclose(access);
    if (set < 0) return refuse(e, "cannot be opened", error);

    rmx_status status = check_type(set, e, error);
    if (status == RMX_OK) status = check_shape(set, e, rows, error);
    if (status == RMX_OK && (how = H5Dget_create_plist(set)) < 0)
        status = refuse(e, "cannot be opened", error);
    if (status == RMX_OK) status = check_storage(set, how, e, *rows, chunk_rows, error);
    if (how >= 0) (void)H5Pclose(how);
    if (status == RMX_OK)
        *out = set;
    else
        (void)H5Dclose(set);
    return status;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static rmx_status open_file(const char *path, hid_t *out, int64_t *file_bytes, rmx_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: cannot open the dataset: %s", path,
                        strerror(errno));
    if (!S_ISREG(info.st_mode))
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: is no regular file; name a dataset", path);
    *file_bytes = (int64_t)info.st_size;
    *out = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (*out < 0)
        return rmx_h5_fail(error, RMX_ERR_DATA,
                           "%.400s: is no HDF5 file or is damaged; make one with rmx-data import",
                           path);
    return RMX_OK;
}

static rmx_status open_sets(rmx_dataset_file *f, int64_t file_bytes, rmx_error *error)
{
    f->chunk_rows = 0;
    for (int s = 0; s < RMX_SETS; s++) {
        const int64_t columns = rmx_set_columns(&f->schema, s);
        if (columns == 0) continue;
        const expectation e = {f->path,
                               rmx_set_name(s),
                               rmx_set_type(s),
                               f->schema.rows,
                               s == RMX_SET_GROUP ? 0 : columns,
                               rmx_set_value_bytes(s),
                               file_bytes};
        int64_t rows, chunk_rows;
        const rmx_status status = open_set(f->file, &e, &f->set[s], &rows, &chunk_rows, error);
        if (status != RMX_OK) return status;
        if (f->chunk_rows != 0 && chunk_rows != f->chunk_rows)
            return refuse(&e, "has other chunks than /label", error);
        f->chunk_rows = chunk_rows;
    }
    return RMX_OK;
}

rmx_status rmx_dataset_file_open(const char *path, rmx_dataset_file *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->file = H5I_INVALID_HID;
    for (int s = 0; s < RMX_SETS; s++) out->set[s] = H5I_INVALID_HID;
    int64_t file_bytes = 0;
    out->path = strdup(path);
    if (!out->path) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a file name");
    rmx_h5_begin();
    rmx_status status = open_file(path, &out->file, &file_bytes, error);
    if (status == RMX_OK)
        status = rmx_attributes_read(out->file, path, &out->schema, out->rows_hash, error);
    if (status == RMX_OK) status = open_sets(out, file_bytes, error);
    rmx_h5_end();
    if (status != RMX_OK) rmx_dataset_file_close(out);
    return status;
}

void rmx_dataset_file_close(rmx_dataset_file *f)
{
    if (f->file >= 0) {
        rmx_h5_begin();
        for (int s = 0; s < RMX_SETS; s++)
            if (f->set[s] >= 0) (void)H5Dclose(f->set[s]);
        (void)H5Fclose(f->file);
        (void)H5Eclear2(H5E_DEFAULT);
        rmx_h5_end();
    }
    rmx_schema_free(&f->schema);
    free(f->path);
    memset(f, 0, sizeof *f);
    f->file = H5I_INVALID_HID;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static bool read_set(hid_t set, hid_t type, int64_t columns, int64_t first, int64_t count,
                     void *out)
{
    const int rank = columns > 0 ? 2 : 1;
    const hsize_t start[2] = {(hsize_t)first, 0};
    const hsize_t size[2] = {(hsize_t)count, (hsize_t)columns};
    const hid_t there = H5Dget_space(set), here = H5Screate_simple(rank, size, NULL);
    const bool good = there >= 0 && here >= 0 &&
                      H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
                      H5Dread(set, type, here, there, H5P_DEFAULT, out) >= 0;
    if (there >= 0) (void)H5Sclose(there);
    if (here >= 0) (void)H5Sclose(here);
    return good;
}

rmx_status rmx_dataset_file_read(const rmx_dataset_file *f, int64_t first, int64_t count,
                                 const rmx_rows *rows, int64_t at, rmx_error *error)
{
    rmx_status status = RMX_OK;
    rmx_rows part = {NULL, NULL, NULL, NULL};
    rmx_h5_begin();
    for (int s = 0; s < RMX_SETS && status == RMX_OK; s++) {
        const int64_t columns = rmx_set_columns(&f->schema, s);
        if (columns == 0) continue;
        char *to = (char *)rmx_rows_pointer(rows, s) + at * columns * rmx_set_value_bytes(s);
        if (s == RMX_SET_LABEL) part.label = (uint8_t *)to;
        if (s == RMX_SET_DENSE) part.dense = (float *)(void *)to;
        if (s == RMX_SET_SPARSE) part.sparse = (uint32_t *)(void *)to;
        if (s == RMX_SET_GROUP) part.group = (uint64_t *)(void *)to;
        if (!read_set(f->set[s], rmx_set_type(s), s == RMX_SET_GROUP ? 0 : columns, first, count,
                      to))
            status = rmx_h5_fail(error, RMX_ERR_DATA,
                                 "%.400s: cannot read %s, rows %lld to %lld; the file is damaged: "
                                 "copy or write it anew",
                                 f->path, rmx_set_name(s), (long long)first,
                                 (long long)(first + count - 1));
    }
    rmx_h5_end();
    if (status == RMX_OK) status = rmx_rows_check(&f->schema, f->path, first, &part, count, error);
    return status;
}

rmx_status rmx_table_read(hid_t file, const char *path, const char *name, uint64_t **out,
                          int64_t *count, rmx_error *error)
{
    hsize_t bytes = 0;
    (void)H5Fget_filesize(file, &bytes);
    const expectation e = {path, name, H5T_STD_U64LE, -1, 0, 8, (int64_t)bytes};
    hid_t set;
    int64_t rows = 0, chunk_rows = 0;
    rmx_status status = open_set(file, &e, &set, &rows, &chunk_rows, error);
    if (status != RMX_OK) return status;
    *out = malloc((size_t)rows * sizeof **out + 1);
    if (!*out)
        status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for %s", name);
    else if (rows > 0 && !read_set(set, H5T_STD_U64LE, 0, 0, rows, *out))
        status = refuse(&e, "cannot be read", error);
    (void)H5Dclose(set);
    if (status != RMX_OK) {
        free(*out);
        *out = NULL;
    }
    *count = rows;
    return status;
}
