/* SPDX-License-Identifier: MIT */
/* tokenizer.c: where features lie, and their projection to tokens; see rankmixer/tokenizer.h. */
#include "rankmixer/tokenizer.h"

#include <stdlib.h>

#include "layers/check_layers.h"
#include "layers/projection.h"

static rmx_status check_fields(rmx_context *ctx, const rmx_tokenizer_desc *desc)
{
    int64_t size = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &size));
    RMX_TRY(rmx_check_tokens(ctx, desc->samples, desc->tokens, desc->width, NULL));
    RMX_TRY(rmx_check_size(ctx, "sparse_fields", desc->sparse_fields, 0, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "dense_fields", desc->dense_fields, 0, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "sparse_fields + dense_fields",
                           (int64_t)desc->sparse_fields + desc->dense_fields, 1, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "embedding_width", desc->embedding_width,
                           desc->sparse_fields > 0 ? 1 : 0, INT32_MAX));
    RMX_TRY(rmx_check_count(ctx, "samples * sparse_fields",
                            (int64_t[]){desc->samples, desc->sparse_fields}, 2, NULL));
    return rmx_check_count(ctx, "samples * dense_fields",
                           (int64_t[]){desc->samples, desc->dense_fields}, 2, NULL);
}

rmx_status rmx_check_tokenizer_desc(rmx_context *ctx, const rmx_tokenizer_desc *desc)
{
    RMX_TRY(check_fields(ctx, desc));
    RMX_TRY(rmx_check_size(ctx, "slice", desc->slice, 1, INT32_MAX));
    RMX_TRY(
        rmx_check_size(ctx, "tokens * slice", (int64_t)desc->tokens * desc->slice, 1, INT32_MAX));
    RMX_TRY(rmx_check_count(ctx, "tokens * slice * width",
                            (int64_t[]){desc->tokens, desc->slice, desc->width}, 3, NULL));
    return rmx_check_count(ctx, "samples * tokens * slice",
                           (int64_t[]){desc->samples, desc->tokens, desc->slice}, 3, NULL);
}

static int32_t columns_of(const rmx_tokenizer_desc *desc, int32_t field)
{
    return field < desc->sparse_fields ? desc->embedding_width : 1;
}

/* Equal slices of the concatenation, of so many columns. */
static void layout_slices(rmx_tokenizer_desc *desc, int64_t slice, int32_t *column, int32_t *cut)
{
    int32_t next = 0;
    for (int32_t f = 0; f < desc->sparse_fields + desc->dense_fields; f++) {
        const int32_t width = columns_of(desc, f);
        column[f] = next;
        if (*cut < 0 && next / slice != (next + width - 1) / slice) *cut = f;
        next += width;
    }
    desc->slice = (int32_t)slice;
}

/* Field f's token; token_of_field NULL: whole fields in order, as many to one token as to another,
 * or one more. */
static int32_t token_of(const rmx_tokenizer_desc *desc, const int32_t *token_of_field, int32_t f)
{
    const int64_t fields = (int64_t)desc->sparse_fields + desc->dense_fields;
    return token_of_field ? token_of_field[f] : (int32_t)((int64_t)f * desc->tokens / fields);
}

static rmx_status check_tokens_of_fields(rmx_context *ctx, const rmx_tokenizer_desc *desc,
                                         const int32_t *token_of_field)
{
    for (int32_t f = 0; token_of_field && f < desc->sparse_fields + desc->dense_fields; f++)
        if (token_of_field[f] < 0 || token_of_field[f] >= desc->tokens)
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "token_of_field[%d] = %d: must be 0 to %d", f,
                                    token_of_field[f], desc->tokens - 1);
    return RMX_OK;
}

/* Each field to its token; tokens padded to the widest. used [tokens] starts as zeros. */
static rmx_status place_fields(rmx_context *ctx, rmx_tokenizer_desc *desc,
                               const int32_t *token_of_field, int64_t *used, int32_t *column)
{
    const int32_t fields = desc->sparse_fields + desc->dense_fields;
    int64_t widest = 0;
    for (int32_t f = 0; f < fields; f++)
        used[token_of(desc, token_of_field, f)] += columns_of(desc, f);
    for (int32_t t = 0; t < desc->tokens; t++) {
        if (used[t] == 0)
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "token %d has no feature: give it one, or use fewer tokens",
                                    t);
        if (used[t] > widest) widest = used[t];
    }
    RMX_TRY(rmx_check_size(ctx, "columns of the widest token", widest, 1, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "tokens * widest token", widest * desc->tokens, 1, INT32_MAX));
    for (int32_t t = 0; t < desc->tokens; t++) used[t] = t * widest;
    for (int32_t f = 0; f < fields; f++) {
        int64_t *next = &used[token_of(desc, token_of_field, f)];
        column[f] = (int32_t)*next;
        *next += columns_of(desc, f);
    }
    desc->slice = (int32_t)widest;
    return RMX_OK;
}

static rmx_status layout_groups(rmx_context *ctx, rmx_tokenizer_desc *desc,
                                const int32_t *token_of_field, int32_t *column)
{
    RMX_TRY(check_tokens_of_fields(ctx, desc, token_of_field));
    int64_t *used = calloc((size_t)desc->tokens, sizeof *used);
    if (!used) return rmx_context_fail(ctx, RMX_ERR_MEMORY, "out of host memory");
    const rmx_status status = place_fields(ctx, desc, token_of_field, used, column);
    free(used);
    return status;
}

/* Equal slices, or whole fields where those would leave the last tokens without any column. */
static rmx_status layout_auto(rmx_context *ctx, rmx_tokenizer_desc *desc, int32_t *column,
                              int32_t *cut)
{
    const int64_t fields = (int64_t)desc->sparse_fields + desc->dense_fields;
    const int64_t total =
        (int64_t)desc->sparse_fields * desc->embedding_width + desc->dense_fields;
    const int64_t slice = (total + desc->tokens - 1) / desc->tokens;
    *cut = -1;
    if (slice * (desc->tokens - 1) < total) {
        RMX_TRY(
            rmx_check_size(ctx, "columns of all features", slice * desc->tokens, 1, INT32_MAX));
        layout_slices(desc, slice, column, cut);
        return RMX_OK;
    }
    if (desc->tokens > fields)
        return rmx_context_fail(
            ctx, RMX_ERR_ARGUMENT,
            "tokens = %d: the %lld features make at most %lld tokens; use %lld "
            "or fewer, or a larger embedding_width",
            desc->tokens, (long long)fields, (long long)fields, (long long)fields);
    return layout_groups(ctx, desc, NULL, column);
}

rmx_status rmx_tokenizer_layout(rmx_context *ctx, rmx_tokenizer_desc *desc,
                                const int32_t *token_of_field, int32_t *column, int32_t *cut)
{
    int32_t unused = -1;
    if (!cut) cut = &unused;
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_fields(ctx, desc));
    RMX_TRY(rmx_check_pointer(ctx, "column", column));
    if (!token_of_field) return layout_auto(ctx, desc, column, cut);
    *cut = -1;
    return layout_groups(ctx, desc, token_of_field, column);
}

/* Token t's slice of every sample to its row of x. */
static rmx_projection projection_of(const rmx_tokenizer_desc *desc)
{
    return (rmx_projection){.dtype = desc->dtype,
                            .groups = desc->tokens,
                            .rows = desc->samples,
                            .in = desc->slice,
                            .out = desc->width,
                            .x_row = (int64_t)desc->tokens * desc->slice,
                            .x_group = desc->slice,
                            .y_row = (int64_t)desc->tokens * desc->width,
                            .y_group = desc->width};
}

rmx_status rmx_tokenizer_forward(rmx_context *ctx, const rmx_tokenizer_desc *desc,
                                 const rmx_tokenizer_inputs *inputs, const void *w, const float *b,
                                 void *features, void *x)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_tokenizer_desc(ctx, desc));
    RMX_TRY(rmx_check_pointer(ctx, "inputs", inputs));
    RMX_TRY(rmx_check_pointer(ctx, "inputs.column", inputs->column));
    RMX_TRY(rmx_check_array(ctx, "inputs.table", inputs->table, desc->sparse_fields));
    RMX_TRY(rmx_check_array(ctx, "inputs.row_offset", inputs->row_offset, desc->sparse_fields));
    RMX_TRY(rmx_check_array(ctx, "inputs.ids", inputs->ids, desc->samples * desc->sparse_fields));
    RMX_TRY(
        rmx_check_array(ctx, "inputs.dense", inputs->dense, desc->samples * desc->dense_fields));
    RMX_TRY(rmx_check_pointer(ctx, "w", w));
    RMX_TRY(rmx_check_pointer(ctx, "b", b));
    RMX_TRY(rmx_check_array(ctx, "features", features, desc->samples));
    RMX_TRY(rmx_check_array(ctx, "x", x, desc->samples));
    RMX_TRY(rmx_check_kernels(ctx, desc->dtype, RMX_USES(embedding_lookup) | RMX_USES(product)));

    const rmx_projection p = projection_of(desc);
    const rmx_embedding_lookup_args gather = {.dtype = desc->dtype,
                                              .samples = desc->samples,
                                              .fields = desc->sparse_fields,
                                              .width = desc->embedding_width,
                                              .dense_fields = desc->dense_fields,
                                              .out_width = p.x_row,
                                              .table = inputs->table,
                                              .row_offset = inputs->row_offset,
                                              .column = inputs->column,
                                              .dense_column = inputs->column + desc->sparse_fields,
                                              .ids = inputs->ids,
                                              .dense = inputs->dense,
                                              .out = features};
    RMX_TRY(rmx_run_embedding_lookup(ctx, &gather));
    return rmx_project(ctx, &p, features, w, b, NULL, x);
}

size_t rmx_tokenizer_backward_workspace(const rmx_tokenizer_desc *desc)
{
    if (!desc || rmx_check_tokenizer_desc(NULL, desc) != RMX_OK) return 0;
    return rmx_column_sum_scratch(desc->tokens, desc->samples, desc->width, 1);
}

rmx_status rmx_tokenizer_backward(rmx_context *ctx, const rmx_tokenizer_desc *desc, const void *dx,
                                  const void *features, const void *w, void *dfeatures, float *dw,
                                  float *db, void *ws, size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_tokenizer_desc(ctx, desc));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, desc->samples));
    RMX_TRY(rmx_check_array(ctx, "features", features, desc->samples));
    RMX_TRY(rmx_check_pointer(ctx, "w", w));
    RMX_TRY(rmx_check_array(ctx, "dfeatures", dfeatures, desc->samples));
    RMX_TRY(rmx_check_pointer(ctx, "dw", dw));
    RMX_TRY(rmx_check_pointer(ctx, "db", db));
    RMX_TRY(rmx_check_workspace(ctx, "rmx_tokenizer_backward_workspace", ws, ws_bytes,
                                rmx_tokenizer_backward_workspace(desc)));
    RMX_TRY(rmx_check_kernels(ctx, desc->dtype, RMX_USES(product) | RMX_USES(column_sum)));

    const rmx_projection p = projection_of(desc);
    RMX_TRY(rmx_project_gradients(ctx, &p, features, dx, dw, db, ws));
    return rmx_project_back(ctx, &p, dx, w, NULL, NULL, dfeatures);
}
