/* SPDX-License-Identifier: MIT */
/* rms_norm.c: see rankmixer/rms_norm.h. */
#include "rankmixer/rms_norm.h"

#include "layers/check.h"
#include "layers/norm_rows.h"

static rmx_norm_rows rows_of(const rmx_rms_norm_desc *desc)
{
    return (rmx_norm_rows){.kind = RMX_NORM_RMS,
                           .rows = desc->rows,
                           .dim = desc->dim,
                           .x_stride = desc->x_stride,
                           .y_stride = desc->y_stride,
                           .eps = desc->eps};
}

rmx_status rmx_rms_norm_forward(rmx_context *ctx, const rmx_rms_norm_desc *desc, const float *x,
                                const float *gamma, float *y, float *rstd)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    const rmx_norm_rows norm = rows_of(desc);
    const rmx_norm_rows_forward pointers = {.x = x, .gamma = gamma, .y = y, .rstd = rstd};
    return rmx_norm_rows_run(ctx, &norm, &pointers);
}

size_t rmx_rms_norm_backward_workspace(const rmx_rms_norm_desc *desc)
{
    if (!desc) return 0;
    const rmx_norm_rows norm = rows_of(desc);
    return rmx_norm_rows_workspace(&norm);
}

rmx_status rmx_rms_norm_backward(rmx_context *ctx, const rmx_rms_norm_desc *desc, const float *dy,
                                 const float *x, const float *gamma, const float *rstd, float *dx,
                                 float *dgamma, void *ws, size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    const rmx_norm_rows norm = rows_of(desc);
    const rmx_norm_rows_backward pointers = {.dy = dy,
                                             .x = x,
                                             .gamma = gamma,
                                             .rstd = rstd,
                                             .dx = dx,
                                             .dgamma = dgamma,
                                             .ws = ws,
                                             .ws_bytes = ws_bytes,
                                             .query = "rmx_rms_norm_backward_workspace"};
    return rmx_norm_rows_run_backward(ctx, &norm, &pointers);
}
