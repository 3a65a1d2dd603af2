/* SPDX-License-Identifier: MIT */
/* score_batch.c: see score_batch.h. */
#include "train/score_batch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LARGE 1e6 /* a dense value that should be rescaled */

/* Writes "; the row's largest dense value is ...". */
static void describe_largest(const rmx_schema *schema, const float *dense, char *out, size_t bytes)
{
    int32_t at = 0;
    for (int32_t f = 1; f < schema->dense_fields; f++)
        if (fabsf(dense[f]) > fabsf(dense[at])) at = f;
    snprintf(out, bytes, "; the row's largest dense value is %g, in field '%s'%s",
             (double)dense[at], schema->names[schema->sparse_fields + at],
             fabs((double)dense[at]) >= LARGE ? ": import that field with log or zscore" : "");
}

/* Runs one row alone through the model and returns where the first NaN or infinity appears. */
static const char *begins_where(rmx_model *model, const rmx_schema *schema,
                                const rmx_reader_view *view, int64_t row)
{
    const char *where = NULL;
    rmx_batch batch = {.samples = 1};
    if (view->sparse) batch.sparse = view->sparse + row * schema->sparse_fields;
    if (view->dense) batch.dense = view->dense + row * schema->dense_fields;
    if (rmx_model_set_batch(model, &batch) != RMX_OK ||
        rmx_model_find_nonfinite(model, 0, &where) != RMX_OK || !where)
        return "logits";
    return where;
}

static rmx_status refuse(rmx_model *model, const rmx_schema *trained, const rmx_reader *reader,
                         const rmx_reader_view *view, int64_t at, rmx_error *error)
{
    const rmx_schema *set = rmx_reader_schema(reader);
    const int64_t row = at / trained->tasks;
    const char *task = trained->task_names[at % trained->tasks];
    const char *where = begins_where(model, set, view, row);
    char source[64] = "", largest[300] = "";
    if (view->source)
        snprintf(source, sizeof source, " (row %llu of its source)",
                 (unsigned long long)view->source[row]);
    if (view->dense && strncmp(where, "parameter ", strlen("parameter ")) != 0)
        describe_largest(set, view->dense + row * set->dense_fields, largest, sizeof largest);
    return rmx_fail(error, RMX_ERR_NUMERIC,
                    "%.400s: row %llu%s: the score of task '%s' is not finite: NaN or infinity, "
                    "first in '%s'%s",
                    rmx_reader_path(reader), (unsigned long long)view->rows[row], source, task,
                    where, largest);
}

rmx_status rmx_score(rmx_context *ctx, rmx_model *model, const rmx_schema *trained,
                     const rmx_reader *reader, const rmx_reader_view *view, float *logits,
                     rmx_error *error)
{
    rmx_batch batch = rmx_reader_batch(view);
    batch.labels = NULL;
    rmx_status status = rmx_model_set_batch(model, &batch);
    if (status == RMX_OK) status = rmx_model_forward(model);
    if (status == RMX_OK) status = rmx_model_logits(model, logits);
    if (status != RMX_OK) return rmx_fail(error, status, "%s", rmx_last_error(ctx));
    for (int64_t i = 0; i < view->samples * trained->tasks; i++)
        if (!isfinite(logits[i])) return refuse(model, trained, reader, view, i, error);
    return RMX_OK;
}
