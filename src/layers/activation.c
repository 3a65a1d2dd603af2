/* SPDX-License-Identifier: MIT */
/* activation.c: see rankmixer/activation.h. */
#include "rankmixer/activation.h"

#include "layers/check.h"

static rmx_status check_desc(rmx_context *ctx, const rmx_activation_desc *desc, int64_t *bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    if (desc->kind != RMX_ACTIVATION_GELU_ERF && desc->kind != RMX_ACTIVATION_GELU_TANH)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "desc.kind = %d: must be RMX_ACTIVATION_GELU_ERF or "
                                "RMX_ACTIVATION_GELU_TANH",
                                (int)desc->kind);
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, bytes));
    RMX_TRY(rmx_check_size(ctx, "desc.n", desc->n, 0, RMX_COUNT_MAX));
    *bytes *= desc->n;
    return RMX_OK;
}

rmx_status rmx_activation_forward(rmx_context *ctx, const rmx_activation_desc *desc, const void *x,
                                  void *y)
{
    int64_t bytes = 0;
    RMX_TRY(check_desc(ctx, desc, &bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, desc->n));
    RMX_TRY(rmx_check_array(ctx, "y", y, desc->n));
    RMX_TRY(rmx_check_in_place(ctx, "y", y, "x", x, bytes));
    if (desc->n == 0) return RMX_OK;
    const rmx_activation_args args = {
        .activation = desc->kind, .dtype = desc->dtype, .n = desc->n, .x = x, .y = y};
    return rmx_run_activation(ctx, &args);
}

rmx_status rmx_activation_backward(rmx_context *ctx, const rmx_activation_desc *desc,
                                   const void *x, const void *dy, void *dx)
{
    int64_t bytes = 0;
    RMX_TRY(check_desc(ctx, desc, &bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, desc->n));
    RMX_TRY(rmx_check_array(ctx, "dy", dy, desc->n));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, desc->n));
    RMX_TRY(rmx_check_overlap(ctx, "dx", dx, bytes, "x", x, bytes));
    RMX_TRY(rmx_check_in_place(ctx, "dx", dx, "dy", dy, bytes));
    if (desc->n == 0) return RMX_OK;
    const rmx_activation_backward_args args = {
        .activation = desc->kind, .dtype = desc->dtype, .n = desc->n, .x = x, .dy = dy, .dx = dx};
    return rmx_run_activation_backward(ctx, &args);
}
