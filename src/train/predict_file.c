/* SPDX-License-Identifier: MIT */
/* predict_file.c: see predict_file.h. */
#include "train/predict_file.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/h5.h"

struct rmx_predict_file {
    char path[4096], temporary[4200];
    int32_t tasks;
    bool groups;
    int64_t rows, written;
    FILE *text;                    /* .csv, else */
    hid_t file, row, score, group; /* .h5 */
};

static bool ends_with(const char *path, const char *end)
{
    const size_t a = strlen(path), b = strlen(end);
    return a > b && !strcmp(path + a - b, end);
}

static void open_csv(rmx_predict_file *f, const rmx_schema *schema)
{
    f->text = fopen(f->temporary, "w");
    if (!f->text) return;
    fputs(f->groups ? "row,group" : "row", f->text);
    for (int32_t t = 0; t < f->tasks; t++) fprintf(f->text, ",%s", schema->task_names[t]);
    fputc('\n', f->text);
}

static hid_t create(hid_t file, const char *name, hid_t type, int dims, int64_t rows, int64_t cols)
{
    const hsize_t shape[2] = {(hsize_t)rows, (hsize_t)cols};
    hsize_t chunk[2] = {rows < 4096 ? (hsize_t)rows : 4096, (hsize_t)cols};
    const hid_t space = H5Screate_simple(dims, shape, NULL);
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(layout, dims, chunk);
    H5Pset_fletcher32(layout);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    H5Pclose(layout);
    H5Sclose(space);
    return dataset;
}

static bool open_h5(rmx_predict_file *f)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    f->file = H5Fcreate(f->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (f->file < 0) return false;
    f->row = create(f->file, "/row", H5T_STD_U64LE, 1, f->rows, 1);
    f->score = create(f->file, "/score", H5T_IEEE_F32LE, 2, f->rows, f->tasks);
    if (f->groups) f->group = create(f->file, "/group", H5T_STD_U64LE, 1, f->rows, 1);
    return f->row >= 0 && f->score >= 0 && (!f->groups || f->group >= 0);
}

rmx_status rmx_predict_file_open(const char *path, const rmx_schema *schema, int64_t rows,
                                 rmx_predict_file **out, rmx_error *error)
{
    const bool csv = ends_with(path, ".csv");
    *out = NULL;
    if ((!csv && !ends_with(path, ".h5")) || strlen(path) >= 4096)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%.200s: the output's name ends in .h5 or .csv",
                        path);
    rmx_predict_file *f = calloc(1, sizeof *f);
    if (!f) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    snprintf(f->path, sizeof f->path, "%s", path);
    snprintf(f->temporary, sizeof f->temporary, "%s.tmp.%ld", path, (long)getpid());
    f->tasks = schema->tasks;
    f->groups = schema->has_group;
    f->rows = rows;
    f->file = f->row = f->score = f->group = -1;
    bool fine;
    rmx_h5_begin();
    if (csv) open_csv(f, schema);
    fine = csv ? f->text != NULL : open_h5(f);
    rmx_status status =
        fine ? RMX_OK
             : rmx_h5_fail(error, RMX_ERR_DATA, "%s: cannot write: %s", path, strerror(errno));
    rmx_h5_end();
    if (fine)
        *out = f;
    else
        rmx_predict_file_discard(f);
    return status;
}

static void write_csv(rmx_predict_file *f, const rmx_reader_view *view, const float *score)
{
    for (int64_t i = 0; i < view->samples; i++) {
        fprintf(f->text, "%llu", (unsigned long long)view->rows[i]);
        if (f->groups) fprintf(f->text, ",%llu", (unsigned long long)view->group[i]);
        for (int32_t t = 0; t < f->tasks; t++)
            fprintf(f->text, ",%.9g", (double)score[i * f->tasks + t]);
        fputc('\n', f->text);
    }
}

static herr_t write_rows(hid_t dataset, hid_t type, int64_t first, int64_t rows, int64_t cols,
                         int dims, const void *data)
{
    const hsize_t start[2] = {(hsize_t)first, 0}, count[2] = {(hsize_t)rows, (hsize_t)cols};
    const hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(dims, count, NULL);
    herr_t result = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (result >= 0) result = H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, data);
    H5Sclose(memory);
    H5Sclose(space);
    return result;
}

rmx_status rmx_predict_file_write(rmx_predict_file *f, const rmx_reader_view *view,
                                  const float *score, rmx_error *error)
{
    rmx_status status = RMX_OK;
    herr_t result = 0;
    if (f->written + view->samples > f->rows)
        return rmx_fail(error, RMX_ERR_INTERNAL, "%s: more rows than announced", f->path);
    rmx_h5_begin();
    if (f->text)
        write_csv(f, view, score);
    else {
        result =
            write_rows(f->row, H5T_NATIVE_UINT64, f->written, view->samples, 1, 1, view->rows);
        if (result >= 0)
            result = write_rows(f->score, H5T_NATIVE_FLOAT, f->written, view->samples, f->tasks, 2,
                                score);
        if (result >= 0 && f->groups)
            result = write_rows(f->group, H5T_NATIVE_UINT64, f->written, view->samples, 1, 1,
                                view->group);
    }
    if (result < 0 || (f->text && ferror(f->text)))
        status = rmx_h5_fail(error, RMX_ERR_DATA, "%s: cannot write; is the disk full?", f->path);
    rmx_h5_end();
    f->written += view->samples;
    return status;
}

static bool close_all(rmx_predict_file *f)
{
    bool fine = true;
    rmx_h5_begin();
    if (f->row >= 0) fine &= H5Dclose(f->row) >= 0;
    if (f->score >= 0) fine &= H5Dclose(f->score) >= 0;
    if (f->group >= 0) fine &= H5Dclose(f->group) >= 0;
    if (f->file >= 0) fine &= H5Fclose(f->file) >= 0;
    if (f->text) fine &= fclose(f->text) == 0;
    f->file = f->row = f->score = f->group = -1;
    f->text = NULL;
    rmx_h5_end();
    return fine;
}

rmx_status rmx_predict_file_finish(rmx_predict_file *f, rmx_error *error)
{
    rmx_status status = RMX_OK;
    bool fine = close_all(f);
    const int fd = open(f->temporary, O_RDONLY | O_CLOEXEC);
    fine = fine && fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    if (!fine || rename(f->temporary, f->path) != 0)
        status = rmx_fail(error, RMX_ERR_DATA, "%s: cannot write: %s", f->path, strerror(errno));
    if (status != RMX_OK) unlink(f->temporary);
    free(f);
    return status;
}

void rmx_predict_file_discard(rmx_predict_file *f)
{
    if (!f) return;
    (void)close_all(f);
    unlink(f->temporary);
    free(f);
}
