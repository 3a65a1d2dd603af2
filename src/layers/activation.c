/* SPDX-License-Identifier: MIT */
/* activation.c: see rankmixer/activation.h. */
#include "rankmixer/activation.h"

#include "layers/check.h"

static rmx_status check_kind(rmx_context *ctx, rmx_activation kind, int64_t n)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    if (kind != RMX_ACTIVATION_GELU_ERF && kind != RMX_ACTIVATION_GELU_TANH)
        return rmx_context_fail(
            ctx, RMX_ERR_ARGUMENT,
            "kind = %d: must be RMX_ACTIVATION_GELU_ERF or RMX_ACTIVATION_GELU_TANH", (int)kind);
    return rmx_check_size(ctx, "n", n, 0, RMX_COUNT_MAX);
}

rmx_status rmx_activation_forward(rmx_context *ctx, rmx_activation kind, int64_t n, const float *x,
                                  float *y)
{
    RMX_TRY(check_kind(ctx, kind, n));
    const int64_t bytes = n * (int64_t)sizeof(float);
    RMX_TRY(rmx_check_array(ctx, "x", x, n));
    RMX_TRY(rmx_check_array(ctx, "y", y, n));
    RMX_TRY(rmx_check_in_place(ctx, "y", y, "x", x, bytes));
    if (n == 0) return RMX_OK;
    const rmx_activation_args args = {.activation = kind, .n = n, .x = x, .y = y};
    return rmx_run_activation(ctx, &args);
}

rmx_status rmx_activation_backward(rmx_context *ctx, rmx_activation kind, int64_t n,
                                   const float *x, const float *dy, float *dx)
{
    RMX_TRY(check_kind(ctx, kind, n));
    const int64_t bytes = n * (int64_t)sizeof(float);
    RMX_TRY(rmx_check_array(ctx, "x", x, n));
    RMX_TRY(rmx_check_array(ctx, "dy", dy, n));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, n));
    RMX_TRY(rmx_check_overlap(ctx, "dx", dx, bytes, "x", x, bytes));
    RMX_TRY(rmx_check_in_place(ctx, "dx", dx, "dy", dy, bytes));
    if (n == 0) return RMX_OK;
    const rmx_activation_backward_args args = {
        .activation = kind, .n = n, .x = x, .dy = dy, .dx = dx};
    return rmx_run_activation_backward(ctx, &args);
}
