/* SPDX-License-Identifier: MIT */
/* linear.c: see rankmixer/linear.h. */
#include "rankmixer/linear.h"

#include "layers/check.h"
#include "layers/projection.h"

static rmx_status check_linear(rmx_context *ctx, const rmx_linear_desc *desc)
{
    int64_t size = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &size));
    RMX_TRY(rmx_check_size(ctx, "desc.rows", desc->rows, 0, RMX_COUNT_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.in_features", desc->in_features, 1, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.out_features", desc->out_features, 1, INT32_MAX));
    RMX_TRY(rmx_check_count(ctx, "rows * in_features", (int64_t[]){desc->rows, desc->in_features},
                            2, NULL));
    RMX_TRY(rmx_check_count(ctx, "rows * out_features",
                            (int64_t[]){desc->rows, desc->out_features}, 2, NULL));
    return rmx_check_count(ctx, "in_features * out_features",
                           (int64_t[]){desc->in_features, desc->out_features}, 2, NULL);
}

static rmx_projection projection_of(const rmx_linear_desc *desc)
{
    return (rmx_projection){.dtype = desc->dtype,
                            .groups = 1,
                            .rows = desc->rows,
                            .in = desc->in_features,
                            .out = desc->out_features,
                            .x_row = desc->in_features,
                            .y_row = desc->out_features};
}

static int64_t bytes_of(rmx_dtype dtype, int64_t rows, int64_t columns)
{
    return rows * columns * (int64_t)rmx_dtype_size(dtype);
}

rmx_status rmx_linear_forward(rmx_context *ctx, const rmx_linear_desc *desc, const void *x,
                              const void *w, const float *b, void *y)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_linear(ctx, desc));
    const rmx_dtype type = desc->dtype;
    const int64_t n = desc->rows, in = desc->in_features, out = desc->out_features;
    RMX_TRY(rmx_check_array(ctx, "x", x, n));
    RMX_TRY(rmx_check_pointer(ctx, "w", w));
    RMX_TRY(rmx_check_optional(ctx, "b", b));
    RMX_TRY(rmx_check_array(ctx, "y", y, n));
    const rmx_range outs[] = {{"y", y, bytes_of(type, n, out)}};
    const rmx_range ins[] = {{"x", x, bytes_of(type, n, in)},
                             {"w", w, bytes_of(type, in, out)},
                             {"b", b, bytes_of(RMX_F32, 1, out)}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 1, ins, 3));
    const rmx_projection p = projection_of(desc);
    return rmx_project(ctx, &p, x, w, b, NULL, y);
}

size_t rmx_linear_backward_workspace(const rmx_linear_desc *desc)
{
    if (!desc || check_linear(NULL, desc) != RMX_OK) return 0;
    return rmx_column_sum_scratch(1, desc->rows, desc->out_features, 1);
}

static rmx_status check_backward(rmx_context *ctx, const rmx_linear_desc *desc, const void *dy,
                                 const void *x, const void *w, const void *dx, const float *dw,
                                 const float *db, const void *ws, size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_linear(ctx, desc));
    const rmx_dtype type = desc->dtype;
    const int64_t n = desc->rows, in = desc->in_features, out = desc->out_features;
    RMX_TRY(rmx_check_array(ctx, "dy", dy, n));
    RMX_TRY(rmx_check_array(ctx, "x", x, n));
    RMX_TRY(rmx_check_pointer(ctx, "w", w));
    RMX_TRY(rmx_check_optional(ctx, "dx", dx));
    RMX_TRY(rmx_check_pointer(ctx, "dw", dw));
    RMX_TRY(rmx_check_optional(ctx, "db", db));
    const size_t needed = db ? rmx_linear_backward_workspace(desc) : 0;
    RMX_TRY(rmx_check_workspace(ctx, "rmx_linear_backward_workspace", ws, ws_bytes, needed));
    const rmx_range outs[] = {{"dx", dx, bytes_of(type, n, in)},
                              {"dw", dw, bytes_of(RMX_F32, in, out)},
                              {"db", db, bytes_of(RMX_F32, 1, out)},
                              {"ws", needed ? ws : NULL, (int64_t)needed}};
    const rmx_range ins[] = {{"dy", dy, bytes_of(type, n, out)},
                             {"x", x, bytes_of(type, n, in)},
                             {"w", w, bytes_of(type, in, out)}};
    return rmx_check_ranges(ctx, outs, 4, ins, 3);
}

rmx_status rmx_linear_backward(rmx_context *ctx, const rmx_linear_desc *desc, const void *dy,
                               const void *x, const void *w, void *dx, float *dw, float *db,
                               void *ws, size_t ws_bytes)
{
    RMX_TRY(check_backward(ctx, desc, dy, x, w, dx, dw, db, ws, ws_bytes));
    RMX_TRY(rmx_check_kernels(ctx, desc->dtype, RMX_USES(product) | RMX_USES(column_sum)));
    const rmx_projection p = projection_of(desc);
    RMX_TRY(rmx_project_gradients(ctx, &p, x, dy, dw, db, ws));
    return dx ? rmx_project_back(ctx, &p, dy, w, NULL, NULL, dx) : RMX_OK;
}
