/* SPDX-License-Identifier: MIT */
/* predict_h5.c: predictions as HDF5. The arrays wait in spool files until all rows have come. The
 * file is verified before it gets its name. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/container.h"
#include "data/spool.h"
#include "train/predict_internal.h"

enum { ROW, PROBABILITY, LOGIT, LABEL, GROUP, TEXT, ARRAYS };

static const struct {
    const char *name;
    rmx_array_type type;
    bool of_tasks; /* [rows, tasks], else [rows] */
} arrays[ARRAYS] = {
    [ROW] = {"/row", RMX_ARRAY_U64, false},
    [PROBABILITY] = {"/probability", RMX_ARRAY_F32, true},
    [LOGIT] = {"/logit", RMX_ARRAY_F32, true},
    [LABEL] = {"/label", RMX_ARRAY_U8, true},
    [GROUP] = {"/group", RMX_ARRAY_U64, false},
    [TEXT] = {"/text", RMX_ARRAY_TEXT, false},
};

struct rmx_predict_h5 {
    rmx_predict_columns columns;
    char *temporary, *path;
    int64_t rows;
    rmx_spool spool[ARRAYS];
    XXH3_state_t *hash[ARRAYS];
};

static bool has_array(const rmx_schema *s, int array)
{
    switch (array) {
    case LABEL: return s->has_label;
    case GROUP: return s->has_group;
    case TEXT: return s->text_columns > 0;
    default: return true;
    }
}

static int32_t text_bytes(const rmx_schema *s)
{
    int32_t bytes = 0;
    for (int32_t c = 0; c < s->text_columns; c++) bytes += s->text_bytes[c];
    return bytes;
}

static rmx_array array_of(const rmx_predict_columns *columns, int which, int64_t rows)
{
    rmx_array a = {.type = arrays[which].type, .dims = 1, .shape = {rows}};
    snprintf(a.name, sizeof a.name, "%s", arrays[which].name);
    if (arrays[which].of_tasks) {
        a.dims = 2;
        a.shape[1] = columns->model->tasks;
    }
    if (which == TEXT) a.record_bytes = text_bytes(columns->set);
    return a;
}

void rmx_predict_h5_discard(rmx_predict_h5 *f)
{
    if (!f) return;
    for (int a = 0; a < ARRAYS; a++) {
        rmx_spool_close(&f->spool[a]);
        XXH3_freeState(f->hash[a]);
    }
    free(f->temporary);
    free(f->path);
    free(f);
}

static rmx_status open_spools(rmx_predict_h5 *f, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int a = 0; a < ARRAYS && status == RMX_OK; a++) {
        if (!has_array(f->columns.set, a)) continue;
        f->hash[a] = XXH3_createState();
        if (!f->hash[a] || XXH3_64bits_reset(f->hash[a]) != XXH_OK)
            return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", f->path);
        status = rmx_spool_open(f->path, &f->spool[a], error);
    }
    return status;
}

rmx_status rmx_predict_h5_open(const char *temporary, const char *path,
                               const rmx_predict_columns *columns, rmx_predict_h5 **out,
                               rmx_error *error)
{
    rmx_predict_h5 *f = calloc(1, sizeof *f);
    if (!f) return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", path);
    for (int a = 0; a < ARRAYS; a++) f->spool[a].fd = -1;
    f->columns = *columns;
    f->temporary = strdup(temporary);
    f->path = strdup(path);
    rmx_status status =
        f->temporary && f->path
            ? open_spools(f, error)
            : rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory for a name", path);
    if (status == RMX_OK)
        *out = f;
    else
        rmx_predict_h5_discard(f);
    return status;
}

rmx_status rmx_predict_h5_rows(rmx_predict_h5 *f, const rmx_predictions *rows, rmx_error *error)
{
    const rmx_reader_view *view = rows->view;
    const void *const from[ARRAYS] = {
        [ROW] = view->source ? view->source : view->rows,
        [PROBABILITY] = rows->probability,
        [LOGIT] = rows->logit,
        [LABEL] = view->labels,
        [GROUP] = view->group,
        [TEXT] = view->text,
    };
    rmx_status status = RMX_OK;
    for (int a = 0; a < ARRAYS && status == RMX_OK; a++) {
        if (!has_array(f->columns.set, a)) continue;
        const rmx_array array = array_of(&f->columns, a, view->samples);
        const int64_t bytes = rmx_array_bytes(&array);
        (void)XXH3_64bits_update(f->hash[a], from[a], (size_t)bytes);
        status = rmx_spool_write(&f->spool[a], f->path, from[a], bytes, error);
    }
    f->rows += view->samples;
    return status;
}

static json_t *about_json(const rmx_predict_h5 *f)
{
    json_t *about = json_object(), *tasks = json_array();
    int bad = json_object_set_new(about, "rows", json_integer(f->rows));
    for (int32_t t = 0; t < f->columns.model->tasks; t++)
        bad |= json_array_append_new(tasks, json_string(f->columns.model->task_names[t]));
    bad |= json_object_set_new(about, "tasks", tasks);
    if (!bad) return about;
    json_decref(about);
    return NULL;
}

rmx_status rmx_predict_h5_write(rmx_predict_h5 *f, rmx_error *error)
{
    rmx_array array[ARRAYS];
    rmx_array_data data[ARRAYS];
    int32_t count = 0;
    json_t *about = about_json(f);
    if (!about) return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", f->path);
    for (int a = 0; a < ARRAYS; a++) {
        if (!has_array(f->columns.set, a)) continue;
        array[count] = array_of(&f->columns, a, f->rows);
        array[count].xxh3 = XXH3_64bits_digest(f->hash[a]);
        data[count] = (rmx_array_data){.fd = f->spool[a].fd};
        if (a == TEXT) {
            data[count].text_names = f->columns.set->text_names;
            data[count].text_bytes = f->columns.set->text_bytes;
            data[count].texts = f->columns.set->text_columns;
        }
        count++;
    }
    const rmx_status status = rmx_container_write(f->temporary, f->path, "predictions", 1, array,
                                                  data, count, about, error);
    json_decref(about);
    return status;
}
