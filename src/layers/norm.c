/* SPDX-License-Identifier: MIT */
/* norm.c: see rankmixer/norm.h. */
#include "rankmixer/norm.h"

#include "layers/check.h"
#include "layers/layout.h"

/* The same with strides spelled out. */
static rmx_norm_desc resolve(const rmx_norm_desc *norm)
{
    rmx_norm_desc out = *norm;
    if (out.x_stride == 0) out.x_stride = out.dim;
    if (out.y_stride == 0) out.y_stride = out.dim;
    return out;
}

static rmx_status check_norm(rmx_context *ctx, const rmx_norm_desc *norm)
{
    int64_t bytes = 0;
    RMX_TRY(rmx_check_size(ctx, "desc.kind", norm->kind, 0, RMX_NORM_RMS));
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", norm->dtype, &bytes));
    RMX_TRY(rmx_check_size(ctx, "desc.rows", norm->rows, 0, RMX_COUNT_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.dim", norm->dim, 1, INT32_MAX));
    RMX_TRY(rmx_check_positive(ctx, "desc.eps", norm->eps));
    RMX_TRY(
        rmx_check_size(ctx, "desc.x_stride (0: dim)", norm->x_stride, norm->dim, RMX_COUNT_MAX));
    RMX_TRY(
        rmx_check_size(ctx, "desc.y_stride (0: dim)", norm->y_stride, norm->dim, RMX_COUNT_MAX));
    const int64_t x[2] = {norm->rows, norm->x_stride}, y[2] = {norm->rows, norm->y_stride};
    RMX_TRY(rmx_check_count(ctx, "desc.rows * desc.x_stride", x, 2, NULL));
    return rmx_check_count(ctx, "desc.rows * desc.y_stride", y, 2, NULL);
}

static rmx_tensor rows_view(const rmx_norm_desc *norm, const void *data, int64_t stride)
{
    return (rmx_tensor){.data = (void *)(uintptr_t)data,
                        .dtype = norm->dtype,
                        .dims = 2,
                        .shape = {norm->rows, norm->dim},
                        .stride = {stride, 1}};
}

/* out [N, D] against in [N, D]: apart, or, where their strides allow, the same memory. */
static rmx_status check_rows_apart(rmx_context *ctx, const rmx_norm_desc *norm,
                                   const char *out_name, const void *out, int64_t out_stride,
                                   const char *in_name, const void *in, int64_t in_stride,
                                   bool in_place)
{
    if (!out || !in) return RMX_OK;
    if (in_place && out == in && out_stride == in_stride) return RMX_OK;
    const rmx_tensor a = rows_view(norm, out, out_stride), b = rows_view(norm, in, in_stride);
    return rmx_check_views_apart(ctx, out_name, &a, in_name, &b);
}

/* What RMSNorm has no use for. */
static rmx_status check_absent(rmx_context *ctx, const rmx_norm_desc *norm, const char *name,
                               const void *pointer)
{
    if (norm->kind != RMX_NORM_RMS || !pointer) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: RMX_NORM_RMS has none: give NULL", name);
}

rmx_status rmx_norm_forward(rmx_context *ctx, const rmx_norm_desc *desc, const void *x,
                            const float *gamma, const float *beta, void *y, float *mean,
                            float *rstd)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    const rmx_norm_desc norm = resolve(desc);
    RMX_TRY(check_norm(ctx, &norm));
    RMX_TRY(rmx_check_array(ctx, "x", x, norm.rows));
    RMX_TRY(rmx_check_optional(ctx, "gamma", gamma));
    RMX_TRY(rmx_check_optional(ctx, "beta", beta));
    RMX_TRY(rmx_check_array(ctx, "y", y, norm.rows));
    RMX_TRY(rmx_check_optional(ctx, "mean", mean));
    RMX_TRY(rmx_check_optional(ctx, "rstd", rstd));
    RMX_TRY(check_absent(ctx, &norm, "beta", beta));
    RMX_TRY(check_absent(ctx, &norm, "mean", mean));
    if (norm.rows == 0) return RMX_OK;
    const int64_t size = (int64_t)sizeof(float), per_row = norm.rows * size;
    const int64_t value = (int64_t)rmx_dtype_size(norm.dtype);
    const int64_t x_bytes = ((norm.rows - 1) * norm.x_stride + norm.dim) * value;
    const int64_t y_bytes = ((norm.rows - 1) * norm.y_stride + norm.dim) * value;
    const rmx_range outs[] = {{"mean", mean, per_row}, {"rstd", rstd, per_row}};
    const rmx_range ins[] = {{"gamma", gamma, norm.dim * size},
                             {"beta", beta, norm.dim * size},
                             {"x", x, x_bytes},
                             {"y", y, y_bytes}};
    const rmx_range out = {"y", y, y_bytes};
    RMX_TRY(check_rows_apart(ctx, &norm, "y", y, norm.y_stride, "x", x, norm.x_stride, true));
    RMX_TRY(rmx_check_ranges(ctx, &out, 1, ins, 2));
    RMX_TRY(rmx_check_ranges(ctx, outs, 2, ins, 4));
    const rmx_norm_args args = {
        .kind = norm.kind,
        .dtype = norm.dtype,
        .rows = norm.rows,
        .dim = norm.dim,
        .ld_x = norm.x_stride,
        .ld_y = norm.y_stride,
        .eps = norm.eps,
        .x = x,
        .gamma = gamma,
        .beta = beta,
        .y = y,
        .mean = mean,
        .rstd = rstd,
    };
    return rmx_run_norm(ctx, &args);
}

size_t rmx_norm_backward_workspace(const rmx_norm_desc *desc)
{
    if (!desc) return 0;
    const rmx_norm_desc norm = resolve(desc);
    if (check_norm(NULL, &norm) != RMX_OK) return 0;
    return rmx_column_sum_scratch(1, norm.rows, norm.dim, 2);
}

/* The pointers of a backward pass. */
typedef struct backward {
    const void *dy, *x;
    const float *gamma, *mean, *rstd;
    void *dx;
    float *dgamma, *dbeta;
    void *ws;
    size_t ws_bytes;
} backward;

static rmx_status check_backward(rmx_context *ctx, const rmx_norm_desc *norm, const backward *p)
{
    const int64_t rows = norm->rows, size = (int64_t)sizeof(float);
    const int64_t value = (int64_t)rmx_dtype_size(norm->dtype);
    RMX_TRY(rmx_check_array(ctx, "dy", p->dy, rows));
    RMX_TRY(rmx_check_array(ctx, "x", p->x, rows));
    RMX_TRY(rmx_check_optional(ctx, "gamma", p->gamma));
    if (norm->kind == RMX_NORM_LAYER) RMX_TRY(rmx_check_array(ctx, "mean", p->mean, rows));
    RMX_TRY(rmx_check_array(ctx, "rstd", p->rstd, rows));
    RMX_TRY(rmx_check_optional(ctx, "dx", p->dx));
    RMX_TRY(rmx_check_optional(ctx, "dgamma", p->dgamma));
    RMX_TRY(rmx_check_optional(ctx, "dbeta", p->dbeta));
    RMX_TRY(check_absent(ctx, norm, "mean", p->mean));
    RMX_TRY(check_absent(ctx, norm, "dbeta", p->dbeta));
    if (!p->dx && norm->x_stride != norm->y_stride)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "dx: NULL, with unequal desc.x_stride and desc.y_stride: give dx, "
                                "or dy with the strides of x");
    if (rows == 0) return RMX_OK;
    RMX_TRY(check_rows_apart(ctx, norm, "dx", p->dx, norm->x_stride, "x", p->x, norm->x_stride,
                             false));
    RMX_TRY(check_rows_apart(ctx, norm, "dx", p->dx, norm->x_stride, "dy", p->dy, norm->y_stride,
                             true));
    const int64_t x_bytes = ((rows - 1) * norm->x_stride + norm->dim) * value;
    const int64_t y_bytes = ((rows - 1) * norm->y_stride + norm->dim) * value;
    const size_t needed = rmx_norm_backward_workspace(norm);
    const rmx_range dx = {"dx", p->dx, x_bytes};
    const rmx_range outs[] = {{"dgamma", p->dgamma, norm->dim * size},
                              {"dbeta", p->dbeta, norm->dim * size},
                              {"workspace", p->ws, (int64_t)needed}};
    const rmx_range ins[] = {{"gamma", p->gamma, norm->dim * size},
                             {"mean", p->mean, rows * size},
                             {"rstd", p->rstd, rows * size},
                             {"dy", p->dy, y_bytes},
                             {"x", p->x, x_bytes},
                             {"dx", p->dx, x_bytes}};
    RMX_TRY(rmx_check_ranges(ctx, &dx, 1, ins, 3));
    RMX_TRY(rmx_check_ranges(ctx, outs, 3, ins, 6));
    return rmx_check_workspace(ctx, "rmx_norm_backward_workspace", p->ws, p->ws_bytes, needed);
}

rmx_status rmx_norm_backward(rmx_context *ctx, const rmx_norm_desc *desc, const void *dy,
                             const void *x, const float *gamma, const float *mean,
                             const float *rstd, void *dx, float *dgamma, float *dbeta, void *ws,
                             size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    const rmx_norm_desc norm = resolve(desc);
    const backward pointers = {.dy = dy,
                               .x = x,
                               .gamma = gamma,
                               .mean = mean,
                               .rstd = rstd,
                               .dx = dx,
                               .dgamma = dgamma,
                               .dbeta = dbeta,
                               .ws = ws,
                               .ws_bytes = ws_bytes};
    RMX_TRY(check_norm(ctx, &norm));
    RMX_TRY(check_backward(ctx, &norm, &pointers));
    if (norm.rows == 0) return RMX_OK;
    if (norm.x_stride != norm.y_stride) { /* the kernel has one stride for all: bring dy to it */
        const rmx_tensor from = rows_view(&norm, dy, norm.y_stride);
        const rmx_tensor to = rows_view(&norm, dx, norm.x_stride);
        RMX_TRY(rmx_check_kernels(ctx, norm.dtype, RMX_USES(norm_backward)));
        RMX_TRY(rmx_copy_view(ctx, &from, &to));
        dy = dx;
    }
    const rmx_norm_backward_args args = {
        .kind = norm.kind,
        .dtype = norm.dtype,
        .rows = norm.rows,
        .dim = norm.dim,
        .ld = norm.x_stride,
        .dy = dy,
        .x = x,
        .gamma = gamma,
        .mean = mean,
        .rstd = rstd,
        .dx = dx,
        .dgamma = dgamma,
        .dbeta = dbeta,
        .ws = ws,
    };
    return rmx_run_norm_backward(ctx, &args);
}
