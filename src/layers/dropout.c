/* SPDX-License-Identifier: MIT */
/* dropout.c: see rankmixer/dropout.h. */
#include "rankmixer/dropout.h"

#include "core/context.h"
#include "layers/check_layers.h"

rmx_status rmx_dropout_forward(rmx_context *ctx, const rmx_dropout_desc *desc, int64_t n,
                               const void *x, void *y)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_dropout(ctx, desc));
    RMX_TRY(rmx_check_size(ctx, "n", n, 0, RMX_COUNT_MAX));
    RMX_TRY(rmx_check_array(ctx, "x", x, n));
    RMX_TRY(rmx_check_array(ctx, "y", y, n));
    int64_t bytes = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &bytes));
    bytes *= n;
    RMX_TRY(rmx_check_in_place(ctx, "y", y, "x", x, bytes));
    rmx_backend *backend = rmx_context_backend(ctx);
    if (desc->p == 0.0f) {
        if (y == x || n == 0) return RMX_OK;
        return rmx_context_check(ctx, backend->ops->copy(backend, y, x, (size_t)bytes));
    }
    const rmx_dropout_args args = {.dtype = desc->dtype,
                                   .n = n,
                                   .seed = desc->seed,
                                   .first = desc->first,
                                   .site = desc->site,
                                   .step_counter = desc->step,
                                   .p = desc->p,
                                   .scale = rmx_divf(1.0f, rmx_subf(1.0f, desc->p)),
                                   .x = x,
                                   .y = y};
    return rmx_run_dropout(ctx, &args);
}

rmx_status rmx_dropout_backward(rmx_context *ctx, const rmx_dropout_desc *desc, int64_t n,
                                const void *dy, void *dx)
{
    return rmx_dropout_forward(ctx, desc, n, dy, dx);
}
