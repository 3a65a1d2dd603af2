/* SPDX-License-Identifier: MIT */
/* check_layers.c: see check_layers.h. */
#include "layers/check_layers.h"

rmx_status rmx_check_heads(rmx_context *ctx, int32_t heads, int32_t width)
{
    RMX_TRY(rmx_check_size(ctx, "heads", heads, 1, INT32_MAX));
    if (width % heads == 0) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "heads = %d does not divide width = %d: choose a width that is a "
                            "multiple of heads",
                            heads, width);
}

rmx_status rmx_check_tokens(rmx_context *ctx, int64_t samples, int32_t tokens, int32_t width,
                            int64_t *count)
{
    RMX_TRY(rmx_check_size(ctx, "samples", samples, 0, RMX_COUNT_MAX));
    RMX_TRY(rmx_check_size(ctx, "tokens", tokens, 1, INT32_MAX));
    RMX_TRY(rmx_check_size(ctx, "width", width, 1, INT32_MAX));
    return rmx_check_count(ctx, "samples * tokens * width", (int64_t[]){samples, tokens, width}, 3,
                           count);
}

static rmx_status check_dropout_numbers(rmx_context *ctx, const rmx_dropout_desc *desc)
{
    RMX_TRY(rmx_check_range(ctx, "dropout.p", desc->p, 0.0f, 1.0f));
    return desc->p == 0.0f ? RMX_OK : rmx_check_size(ctx, "dropout.site", desc->site, 0, 255);
}

rmx_status rmx_check_dropout(rmx_context *ctx, const rmx_dropout_desc *desc)
{
    RMX_TRY(check_dropout_numbers(ctx, desc));
    return desc->p == 0.0f ? RMX_OK : rmx_check_pointer(ctx, "dropout.step", desc->step);
}

rmx_status rmx_check_feed_forward_desc(rmx_context *ctx, const rmx_feed_forward_desc *desc)
{
    int64_t size = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &size));
    RMX_TRY(rmx_check_tokens(ctx, desc->samples, desc->tokens, desc->width, NULL));
    RMX_TRY(rmx_check_size(ctx, "hidden", desc->hidden, 1, INT32_MAX));
    RMX_TRY(rmx_check_count(ctx, "samples * tokens * hidden",
                            (int64_t[]){desc->samples, desc->tokens, desc->hidden}, 3, NULL));
    const int64_t sets = desc->shared ? 1 : desc->tokens;
    RMX_TRY(rmx_check_count(ctx, desc->shared ? "width * hidden" : "tokens * width * hidden",
                            (int64_t[]){sets, desc->width, desc->hidden}, 3, NULL));
    RMX_TRY(
        rmx_check_size(ctx, "activation", (int64_t)desc->activation, 0, RMX_ACTIVATION_GELU_TANH));
    return check_dropout_numbers(ctx, &desc->dropout);
}

rmx_status rmx_check_attention_desc(rmx_context *ctx, const rmx_attention_desc *desc)
{
    int64_t size = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &size));
    RMX_TRY(rmx_check_tokens(ctx, desc->samples, desc->tokens, desc->width, NULL));
    RMX_TRY(rmx_check_heads(ctx, desc->heads, desc->width));
    RMX_TRY(rmx_check_count(ctx, "3 * width * width", (int64_t[]){3, desc->width, desc->width}, 3,
                            NULL));
    return rmx_check_count(ctx, "samples * heads * tokens * tokens",
                           (int64_t[]){desc->samples, desc->heads, desc->tokens, desc->tokens}, 4,
                           NULL);
}
