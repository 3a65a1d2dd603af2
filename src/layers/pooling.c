/* SPDX-License-Identifier: MIT */
/* pooling.c: see rankmixer/pooling.h. */
#include "rankmixer/pooling.h"

#include "core/context.h"
#include "layers/check_layers.h"

static rmx_status check_pool(rmx_context *ctx, int64_t samples, int32_t tokens, int32_t width,
                             const char *whole_name, const float *whole, const char *mean_name,
                             const float *mean)
{
    int64_t count = 0;
    RMX_TRY(rmx_check_desc(ctx, "ctx", ctx));
    RMX_TRY(rmx_check_tokens(ctx, samples, tokens, width, &count));
    RMX_TRY(rmx_check_array(ctx, whole_name, whole, count));
    RMX_TRY(rmx_check_array(ctx, mean_name, mean, count));
    const int64_t bytes = count * (int64_t)sizeof(float);
    return rmx_check_overlap(ctx, mean_name, mean, bytes / tokens, whole_name, whole, bytes);
}

rmx_status rmx_pooling_forward(rmx_context *ctx, int64_t samples, int32_t tokens, int32_t width,
                               const float *x, float *y)
{
    RMX_TRY(check_pool(ctx, samples, tokens, width, "x", x, "y", y));
    const rmx_mean_args args = {.kept = 2,
                                .reduced = 1,
                                .kept_shape = {samples, width},
                                .kept_stride = {(int64_t)tokens * width, 1},
                                .reduced_shape = {tokens},
                                .reduced_stride = {width},
                                .x = x,
                                .y = y};
    return rmx_run_mean(ctx, &args);
}

rmx_status rmx_pooling_backward(rmx_context *ctx, int64_t samples, int32_t tokens, int32_t width,
                                const float *dy, float *dx)
{
    RMX_TRY(check_pool(ctx, samples, tokens, width, "dx", dx, "dy", dy));
    const rmx_mean_backward_args args = {
        .outer = samples, .n = tokens, .inner = width, .dy = dy, .dx = dx};
    return rmx_run_mean_backward(ctx, &args);
}
