/* SPDX-License-Identifier: MIT */
/* predict_file.c: see predict_file.h. */
#include "train/predict_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "train/metrics.h"
#include "train/predict_internal.h"

struct rmx_predict_file {
    char *path, *temporary;
    rmx_predict_columns columns;
    int64_t rows, written;
    float *probability; /* of a batch */
    int64_t room;       /* values in it */
    FILE *text;         /* .csv, else */
    rmx_predict_h5 *h5;
};

static bool ends_with(const char *path, const char *end)
{
    const size_t a = strlen(path), b = strlen(end);
    return a > b && !strcmp(path + a - b, end);
}

rmx_status rmx_predict_file_check(const char *path, rmx_error *error)
{
    if (strlen(path) >= 4000)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%.80s...: the output's name is too long", path);
    if (ends_with(path, ".csv") || ends_with(path, ".h5")) return RMX_OK;
    return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: the output's name ends in .h5 or .csv",
                    path);
}

static rmx_status cannot_write(const rmx_predict_file *f, int number, rmx_error *error)
{
    return rmx_fail_system(error, number, "%.400s: cannot be written", f->path);
}

static rmx_status open_kind(rmx_predict_file *f, rmx_error *error)
{
    if (ends_with(f->path, ".h5"))
        return rmx_predict_h5_open(f->temporary, f->path, &f->columns, &f->h5, error);
    f->text = fopen(f->temporary, "we");
    if (!f->text) return cannot_write(f, errno, error);
    rmx_predict_csv_head(f->text, &f->columns);
    return RMX_OK;
}

rmx_status rmx_predict_file_open(const char *path, const rmx_schema *set, const rmx_schema *model,
                                 rmx_predict_file **out, rmx_error *error)
{
    *out = NULL;
    rmx_status status = rmx_predict_file_check(path, error);
    if (status == RMX_OK) status = rmx_make_folder_of(path, error);
    if (status != RMX_OK) return status;
    rmx_predict_file *f = calloc(1, sizeof *f);
    if (!f) return rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory", path);
    f->path = strdup(path);
    f->temporary = rmx_temporary_name(path);
    f->columns = (rmx_predict_columns){set, model};
    f->rows = set->rows;
    if (f->path && f->temporary)
        status = open_kind(f, error);
    else
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory", path);
    if (status == RMX_OK)
        *out = f;
    else
        rmx_predict_file_discard(f);
    return status;
}

static rmx_status fill_probability(rmx_predict_file *f, const float *logits, int64_t values,
                                   rmx_error *error)
{
    if (f->room < values) {
        float *more = realloc(f->probability, (size_t)values * sizeof *more);
        if (!more) return rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory", f->path);
        f->probability = more;
        f->room = values;
    }
    for (int64_t i = 0; i < values; i++)
        f->probability[i] = (float)rmx_metrics_probability((double)logits[i]);
    return RMX_OK;
}

rmx_status rmx_predict_file_write(rmx_predict_file *f, const rmx_reader_view *view,
                                  const float *logits, rmx_error *error)
{
    if (f->written + view->samples > f->rows || (f->columns.set->text_columns && !view->text))
        return rmx_fail(error, RMX_ERR_INTERNAL, "%.400s: other rows than announced", f->path);
    rmx_status status =
        fill_probability(f, logits, view->samples * f->columns.model->tasks, error);
    if (status != RMX_OK) return status;
    const rmx_predictions rows = {view, logits, f->probability};
    if (f->h5) {
        status = rmx_predict_h5_rows(f->h5, &rows, error);
    } else {
        rmx_predict_csv_rows(f->text, &f->columns, &rows);
        if (ferror(f->text)) status = cannot_write(f, errno, error);
    }
    f->written += view->samples;
    return status;
}

rmx_status rmx_predict_file_finish(rmx_predict_file *f, rmx_error *error)
{
    rmx_status status = RMX_OK;
    if (f->written != f->rows)
        status = rmx_fail(error, RMX_ERR_INTERNAL, "%.400s: fewer rows than announced", f->path);
    if (status == RMX_OK && f->h5) status = rmx_predict_h5_write(f->h5, error);
    if (status == RMX_OK && f->text) {
        FILE *text = f->text;
        f->text = NULL;
        if (fclose(text) != 0) status = cannot_write(f, errno, error);
    }
    if (status == RMX_OK) status = rmx_put_in_place(f->temporary, f->path, error);
    rmx_predict_file_discard(f);
    return status;
}

void rmx_predict_file_discard(rmx_predict_file *f)
{
    if (!f) return;
    rmx_predict_h5_discard(f->h5);
    if (f->text) (void)fclose(f->text);
    if (f->temporary) unlink(f->temporary); /* renamed already after success */
    free(f->path);
    free(f->temporary);
    free(f->probability);
    free(f);
}
