/* SPDX-License-Identifier: MIT */
/* norm_rows.h: what layer_norm.c and rms_norm.c share: checks and calls of the norm kernels. */
#ifndef RMX_LAYERS_NORM_ROWS_H
#define RMX_LAYERS_NORM_ROWS_H

#include "core/context.h"

typedef struct rmx_norm_rows {
    rmx_norm_kind kind;
    int64_t rows, x_stride, y_stride; /* strides as in the public desc: 0 stands for dim */
    int32_t dim;
    float eps;
} rmx_norm_rows;

/* Pointers of a forward pass; beta and mean are NULL for rms. */
typedef struct rmx_norm_rows_forward {
    const float *x, *gamma, *beta;
    float *y, *mean, *rstd;
} rmx_norm_rows_forward;

/* Pointers of a backward pass; mean and dbeta are NULL for rms. */
typedef struct rmx_norm_rows_backward {
    const float *dy, *x, *gamma, *mean, *rstd;
    float *dx, *dgamma, *dbeta;
    void *ws;
    size_t ws_bytes;
    const char *query; /* the function that tells ws_bytes */
} rmx_norm_rows_backward;

rmx_status rmx_norm_rows_run(rmx_context *ctx, const rmx_norm_rows *norm,
                             const rmx_norm_rows_forward *p);
size_t rmx_norm_rows_workspace(const rmx_norm_rows *norm);
rmx_status rmx_norm_rows_run_backward(rmx_context *ctx, const rmx_norm_rows *norm,
                                      const rmx_norm_rows_backward *p);

#endif /* RMX_LAYERS_NORM_ROWS_H */
