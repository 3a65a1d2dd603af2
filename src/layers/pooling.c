/* SPDX-License-Identifier: MIT */
/* pooling.c: see rankmixer/pooling.h. */
#include "rankmixer/pooling.h"

#include "core/context.h"
#include "layers/check_layers.h"

/* whole [B, T, D] and mean [B, D], one of them the output. */
static rmx_status check_pooling(rmx_context *ctx, const rmx_pooling_desc *desc,
                                const char *whole_name, const void *whole, const char *mean_name,
                                const void *mean)
{
    int64_t count = 0, bytes = 0;
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &bytes));
    RMX_TRY(rmx_check_tokens(ctx, desc->samples, desc->tokens, desc->width, &count));
    RMX_TRY(rmx_check_array(ctx, whole_name, whole, count));
    RMX_TRY(rmx_check_array(ctx, mean_name, mean, count));
    bytes *= count;
    return rmx_check_overlap(ctx, mean_name, mean, bytes / desc->tokens, whole_name, whole, bytes);
}

rmx_status rmx_pooling_forward(rmx_context *ctx, const rmx_pooling_desc *desc, const void *x,
                               void *y)
{
    RMX_TRY(check_pooling(ctx, desc, "x", x, "y", y));
    const rmx_mean_args args = {.dtype = desc->dtype,
                                .kept = 2,
                                .reduced = 1,
                                .kept_shape = {desc->samples, desc->width},
                                .kept_stride = {(int64_t)desc->tokens * desc->width, 1},
                                .reduced_shape = {desc->tokens},
                                .reduced_stride = {desc->width},
                                .x = x,
                                .y = y};
    return rmx_run_mean(ctx, &args);
}

rmx_status rmx_pooling_backward(rmx_context *ctx, const rmx_pooling_desc *desc, const void *dy,
                                void *dx)
{
    RMX_TRY(check_pooling(ctx, desc, "dx", dx, "dy", dy));
    const rmx_mean_backward_args args = {.dtype = desc->dtype,
                                         .outer = desc->samples,
                                         .n = desc->tokens,
                                         .inner = desc->width,
                                         .dy = dy,
                                         .dx = dx};
    return rmx_run_mean_backward(ctx, &args);
}
