/* SPDX-License-Identifier: MIT */
/* layer_norm.c: see rankmixer/layer_norm.h. */
#include "rankmixer/layer_norm.h"

#include "layers/check.h"
#include "layers/norm_rows.h"

static rmx_norm_rows rows_of(const rmx_layer_norm_desc *desc)
{
    return (rmx_norm_rows){.kind = RMX_NORM_LAYER,
                           .rows = desc->rows,
                           .dim = desc->dim,
                           .x_stride = desc->x_stride,
                           .y_stride = desc->y_stride,
                           .eps = desc->eps};
}

rmx_status rmx_layer_norm_forward(rmx_context *ctx, const rmx_layer_norm_desc *desc,
                                  const float *x, const float *gamma, const float *beta, float *y,
                                  float *mean, float *rstd)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    const rmx_norm_rows norm = rows_of(desc);
    const rmx_norm_rows_forward pointers = {
        .x = x, .gamma = gamma, .beta = beta, .y = y, .mean = mean, .rstd = rstd};
    return rmx_norm_rows_run(ctx, &norm, &pointers);
}

size_t rmx_layer_norm_backward_workspace(const rmx_layer_norm_desc *desc)
{
    if (!desc) return 0;
    const rmx_norm_rows norm = rows_of(desc);
    return rmx_norm_rows_workspace(&norm);
}

rmx_status rmx_layer_norm_backward(rmx_context *ctx, const rmx_layer_norm_desc *desc,
                                   const float *dy, const float *x, const float *gamma,
                                   const float *mean, const float *rstd, float *dx, float *dgamma,
                                   float *dbeta, void *ws, size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    const rmx_norm_rows norm = rows_of(desc);
    const rmx_norm_rows_backward pointers = {.dy = dy,
                                             .x = x,
                                             .gamma = gamma,
                                             .mean = mean,
                                             .rstd = rstd,
                                             .dx = dx,
                                             .dgamma = dgamma,
                                             .dbeta = dbeta,
                                             .ws = ws,
                                             .ws_bytes = ws_bytes,
                                             .query = "rmx_layer_norm_backward_workspace"};
    return rmx_norm_rows_run_backward(ctx, &norm, &pointers);
}
