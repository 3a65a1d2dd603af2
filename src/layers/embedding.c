/* SPDX-License-Identifier: MIT */
/* embedding.c: see rankmixer/embedding.h. */
#include "core/arena.h"
#include "core/context.h"
#include "layers/check.h"
#include "rankmixer/embedding.h"

static rmx_status check_sizes(rmx_context *ctx, const rmx_embedding_desc *desc, int64_t *entries)
{
    const int64_t samples = desc->samples, fields = desc->fields, width = desc->width;
    int64_t value = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &value));
    RMX_TRY(rmx_check_size(ctx, "desc.samples", desc->samples, 0, RMX_COUNT_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.fields", desc->fields, 1, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.width", desc->width, 1, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.table_rows", desc->table_rows, 1, UINT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.out_width", desc->out_width, desc->width, INT32_MAX));
    RMX_TRY(rmx_check_count(ctx, "samples * fields", (int64_t[]){samples, fields}, 2, entries));
    RMX_TRY(rmx_check_size(ctx, "samples * fields", *entries, 0, UINT32_MAX));
    RMX_TRY(
        rmx_check_count(ctx, "table_rows * width", (int64_t[]){desc->table_rows, width}, 2, NULL));
    RMX_TRY(rmx_check_count(ctx, "samples * out_width", (int64_t[]){samples, desc->out_width}, 2,
                            NULL));
    return rmx_check_count(ctx, "samples * fields * width", (int64_t[]){samples, fields, width}, 3,
                           NULL);
}

static rmx_status check_embedding(rmx_context *ctx, const rmx_embedding_desc *desc,
                                  const int64_t *row_offset, const int32_t *column,
                                  const uint32_t *ids, int64_t *entries)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_sizes(ctx, desc, entries));
    RMX_TRY(rmx_check_pointer(ctx, "row_offset", row_offset));
    RMX_TRY(rmx_check_pointer(ctx, "column", column));
    return rmx_check_array(ctx, "ids", ids, *entries);
}

rmx_status rmx_embedding_forward(rmx_context *ctx, const rmx_embedding_desc *desc,
                                 const float *table, const int64_t *row_offset,
                                 const int32_t *column, const uint32_t *ids, void *out)
{
    int64_t entries = 0;
    RMX_TRY(check_embedding(ctx, desc, row_offset, column, ids, &entries));
    RMX_TRY(rmx_check_pointer(ctx, "table", table));
    RMX_TRY(rmx_check_array(ctx, "out", out, entries));
    const int64_t size = (int64_t)sizeof(float), value = (int64_t)rmx_dtype_size(desc->dtype);
    const rmx_range outs[] = {{"out", out, desc->samples * desc->out_width * value}};
    const rmx_range ins[] = {{"table", table, desc->table_rows * desc->width * size},
                             {"ids", ids, entries * size}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 1, ins, 2));
    const rmx_embedding_lookup_args args = {.dtype = desc->dtype,
                                            .samples = desc->samples,
                                            .fields = desc->fields,
                                            .width = desc->width,
                                            .out_width = desc->out_width,
                                            .table = table,
                                            .row_offset = row_offset,
                                            .column = column,
                                            .ids = ids,
                                            .out = out};
    return rmx_run_embedding_lookup(ctx, &args);
}

typedef struct scratch {
    uint32_t *order, *start;
    void *sort;
} scratch;

static scratch scratch_of(const rmx_backend *backend, const rmx_embedding_desc *desc,
                          rmx_arena *arena)
{
    const int64_t entries = desc->samples * desc->fields;
    scratch s;
    s.order = rmx_arena_take(arena, (size_t)entries * sizeof(uint32_t));
    s.start = rmx_arena_take(arena, ((size_t)entries + 1) * sizeof(uint32_t));
    s.sort =
        rmx_arena_take(arena, backend->ops->embedding_sort_scratch(desc->samples, desc->fields));
    return s;
}

size_t rmx_embedding_backward_workspace(rmx_context *ctx, const rmx_embedding_desc *desc)
{
    int64_t entries = 0;
    if (!ctx || !desc || check_sizes(NULL, desc, &entries) != RMX_OK) return 0;
    rmx_arena arena = {0};
    scratch_of(rmx_context_backend(ctx), desc, &arena);
    return arena.used;
}

rmx_status rmx_embedding_backward(rmx_context *ctx, const rmx_embedding_desc *desc,
                                  const void *dout, const int64_t *row_offset,
                                  const int32_t *column, const uint32_t *ids, uint32_t *rows,
                                  float *gradient, uint32_t *unique, void *ws, size_t ws_bytes)
{
    int64_t entries = 0;
    RMX_TRY(check_embedding(ctx, desc, row_offset, column, ids, &entries));
    RMX_TRY(rmx_check_array(ctx, "dout", dout, entries));
    RMX_TRY(rmx_check_array(ctx, "rows", rows, entries));
    RMX_TRY(rmx_check_array(ctx, "gradient", gradient, entries));
    RMX_TRY(rmx_check_pointer(ctx, "unique", unique));
    RMX_TRY(rmx_check_workspace(ctx, "rmx_embedding_backward_workspace", ws, ws_bytes,
                                rmx_embedding_backward_workspace(ctx, desc)));
    const int64_t size = (int64_t)sizeof(float), value = (int64_t)rmx_dtype_size(desc->dtype);
    const rmx_range outs[] = {{"rows", rows, entries * size},
                              {"gradient", gradient, entries * desc->width * size},
                              {"unique", unique, size},
                              {"ws", ws, (int64_t)ws_bytes}};
    const rmx_range ins[] = {{"dout", dout, desc->samples * desc->out_width * value},
                             {"ids", ids, entries * size}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 4, ins, 2));

    RMX_TRY(rmx_check_kernels(ctx, desc->dtype, RMX_USES(embedding_gradient)));
    rmx_backend *backend = rmx_context_backend(ctx);
    rmx_arena arena = {.base = ws};
    const scratch s = scratch_of(backend, desc, &arena);
    const rmx_embedding_sort_args sort = {.samples = desc->samples,
                                          .fields = desc->fields,
                                          .table_rows = desc->table_rows,
                                          .row_offset = row_offset,
                                          .ids = ids,
                                          .order = s.order,
                                          .rows = rows,
                                          .start = s.start,
                                          .unique = unique,
                                          .ws = s.sort};
    RMX_TRY(rmx_run_embedding_sort(ctx, &sort));
    const rmx_embedding_gradient_args grad = {.dtype = desc->dtype,
                                              .samples = desc->samples,
                                              .fields = desc->fields,
                                              .width = desc->width,
                                              .out_width = desc->out_width,
                                              .column = column,
                                              .dout = dout,
                                              .order = s.order,
                                              .start = s.start,
                                              .unique = unique,
                                              .grad = gradient};
    return rmx_run_embedding_gradient(ctx, &grad);
}
