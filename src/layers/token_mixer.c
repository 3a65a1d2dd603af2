/* SPDX-License-Identifier: MIT */
/* token_mixer.c: checks for token mixing; see rankmixer/token_mixer.h. */
#include "rankmixer/token_mixer.h"

#include "core/context.h"
#include "layers/check_layers.h"

static rmx_status check_mixer(rmx_context *ctx, const rmx_token_mixer_desc *desc, int64_t *bytes)
{
    int64_t count = 0;
    RMX_TRY(rmx_check_tokens(ctx, desc->samples, desc->tokens, desc->width, &count));
    RMX_TRY(rmx_check_heads(ctx, desc->heads, desc->width));
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, bytes));
    *bytes *= count;
    return RMX_OK;
}

/* With the LayerNorm, which mixing alone does not have. */
static rmx_status check_normed(rmx_context *ctx, const rmx_token_mixer_desc *desc, int64_t *bytes)
{
    RMX_TRY(check_mixer(ctx, desc, bytes));
    return rmx_check_positive(ctx, "desc.eps", desc->eps);
}

static rmx_status permute(rmx_context *ctx, const rmx_token_mixer_desc *desc, bool inverse,
                          const void *x, void *y)
{
    int64_t bytes = 0;
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_mixer(ctx, desc, &bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, bytes));
    RMX_TRY(rmx_check_array(ctx, "y", y, bytes));
    RMX_TRY(rmx_check_overlap(ctx, "y", y, bytes, "x", x, bytes));
    const rmx_token_mix_args args = {.dtype = desc->dtype,
                                     .samples = desc->samples,
                                     .tokens = desc->tokens,
                                     .width = desc->width,
                                     .heads = desc->heads,
                                     .inverse = inverse,
                                     .x = x,
                                     .y = y};
    return rmx_run_token_mix(ctx, &args);
}

rmx_status rmx_token_mix(rmx_context *ctx, const rmx_token_mixer_desc *desc, const void *x,
                         void *y)
{
    return permute(ctx, desc, false, x, y);
}

rmx_status rmx_token_revert(rmx_context *ctx, const rmx_token_mixer_desc *desc, const void *x,
                            void *y)
{
    return permute(ctx, desc, true, x, y);
}

rmx_status rmx_token_mixer_forward(rmx_context *ctx, const rmx_token_mixer_desc *desc,
                                   const void *x, const float *gamma, const float *beta, void *y,
                                   float *mean, float *rstd)
{
    int64_t bytes = 0;
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_normed(ctx, desc, &bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, bytes));
    RMX_TRY(rmx_check_pointer(ctx, "gamma", gamma));
    RMX_TRY(rmx_check_pointer(ctx, "beta", beta));
    RMX_TRY(rmx_check_array(ctx, "y", y, bytes));
    RMX_TRY(rmx_check_array(ctx, "mean", mean, bytes));
    RMX_TRY(rmx_check_array(ctx, "rstd", rstd, bytes));
    const int64_t row = desc->width * (int64_t)sizeof(float),
                  stats = desc->samples * desc->tokens * (int64_t)sizeof(float);
    const rmx_range outs[] = {{"y", y, bytes}, {"mean", mean, stats}, {"rstd", rstd, stats}};
    const rmx_range ins[] = {{"x", x, bytes}, {"gamma", gamma, row}, {"beta", beta, row}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 3, ins, 3));
    const rmx_token_mixer_args args = {.dtype = desc->dtype,
                                       .samples = desc->samples,
                                       .tokens = desc->tokens,
                                       .width = desc->width,
                                       .heads = desc->heads,
                                       .eps = desc->eps,
                                       .x = x,
                                       .gamma = gamma,
                                       .beta = beta,
                                       .y = y,
                                       .mean = mean,
                                       .rstd = rstd};
    return rmx_run_token_mixer(ctx, &args);
}

size_t rmx_token_mixer_backward_workspace(const rmx_token_mixer_desc *desc)
{
    int64_t bytes = 0;
    if (!desc || check_normed(NULL, desc, &bytes) != RMX_OK) return 0;
    return rmx_token_mixer_scratch(desc->samples, desc->tokens, desc->width);
}

rmx_status rmx_token_mixer_backward(rmx_context *ctx, const rmx_token_mixer_desc *desc,
                                    const void *dy, const void *x, const float *gamma,
                                    const float *mean, const float *rstd, void *dx, float *dgamma,
                                    float *dbeta, void *ws, size_t ws_bytes)
{
    int64_t bytes = 0;
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_normed(ctx, desc, &bytes));
    RMX_TRY(rmx_check_array(ctx, "dy", dy, bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, bytes));
    RMX_TRY(rmx_check_pointer(ctx, "gamma", gamma));
    RMX_TRY(rmx_check_array(ctx, "mean", mean, bytes));
    RMX_TRY(rmx_check_array(ctx, "rstd", rstd, bytes));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, bytes));
    RMX_TRY(rmx_check_pointer(ctx, "dgamma", dgamma));
    RMX_TRY(rmx_check_pointer(ctx, "dbeta", dbeta));
    const size_t needed = rmx_token_mixer_backward_workspace(desc);
    RMX_TRY(rmx_check_workspace(ctx, "rmx_token_mixer_backward_workspace", ws, ws_bytes, needed));
    const int64_t row = desc->width * (int64_t)sizeof(float),
                  stats = desc->samples * desc->tokens * (int64_t)sizeof(float);
    const rmx_range outs[] = {{"dx", dx, bytes},
                              {"dgamma", dgamma, row},
                              {"dbeta", dbeta, row},
                              {"ws", ws, (int64_t)needed}};
    const rmx_range ins[] = {{"dy", dy, bytes},
                             {"x", x, bytes},
                             {"gamma", gamma, row},
                             {"mean", mean, stats},
                             {"rstd", rstd, stats}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 4, ins, 5));
    const rmx_token_mixer_backward_args args = {.dtype = desc->dtype,
                                                .samples = desc->samples,
                                                .tokens = desc->tokens,
                                                .width = desc->width,
                                                .heads = desc->heads,
                                                .dy = dy,
                                                .x = x,
                                                .gamma = gamma,
                                                .mean = mean,
                                                .rstd = rstd,
                                                .dx = dx,
                                                .dgamma = dgamma,
                                                .dbeta = dbeta,
                                                .ws = ws};
    return rmx_run_token_mixer_backward(ctx, &args);
}
