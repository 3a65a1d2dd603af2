/* SPDX-License-Identifier: MIT */
/* bench_attention.c: self-attention with residual and LayerNorm over T tokens. It is quadratic in
 * T; token_mixer has lines of the same tokens, and is linear. */
#include "rankmixer/attention.h"

#include "layers.h"
#include "rankmixer/norm.h"

#define HEADS 8

static rmx_attention_desc desc_of(const layer *l, int64_t samples)
{
    return (rmx_attention_desc){RMX_F32, samples, l->tokens, l->width, HEADS};
}

static rmx_norm_desc norm_of(const layer *l, int64_t samples)
{
    return (rmx_norm_desc){.rows = samples * l->tokens, .dim = l->width, .eps = 1e-5f};
}

/* Four matrices and four biases, then the norm's gamma and beta. */
static int64_t parameters(const layer *l)
{
    return 4 * (int64_t)l->width * l->width + 6 * (int64_t)l->width;
}

/* Queries, keys and values, the heads' outputs, the norm's input and its gradient: [B, T, D] each;
 * probabilities [B, H, T, T]; the norm's mean and 1 / standard deviation. */
static int64_t saved(const layer *l)
{
    const int64_t rows = l->samples * l->tokens;
    return 6 * layer_values(l) + HEADS * rows * l->tokens + 2 * rows;
}

static rmx_status run(const layer *l, int64_t first, int64_t samples)
{
    rmx_context *ctx = l->b->ctx;
    const int64_t at = first * layer_unit(l), n = layer_values(l), d = l->width;
    const rmx_attention_desc desc = desc_of(l, samples);
    const rmx_norm_desc norm = norm_of(l, samples);
    const float *w = l->w, *bias = w + 4 * d * d, *gamma = bias + 4 * d;
    float *g = l->dw, *bias_g = g + 4 * d * d, *gamma_g = bias_g + 4 * d;
    const rmx_attention_weights weights = {w, bias, w + 3 * d * d, bias + 3 * d};
    const rmx_attention_gradients gradients = {g, bias_g, g + 3 * d * d, bias_g + 3 * d};
    float *z = l->saved + 4 * n, *dz = z + n, *mean = dz + n, *rstd = mean + n / d;
    const rmx_attention_saved kept = {l->saved, rstd + n / d, l->saved + 3 * n};
    const float *x = l->x + at;
    BENCH_TRY(rmx_attention_forward(ctx, &desc, &weights, x, x, &kept, z));
    BENCH_TRY(rmx_norm_forward(ctx, &norm, z, gamma, gamma + d, l->y + at, mean, rstd));
    if (!l->backward) return RMX_OK;
    BENCH_TRY(rmx_norm_backward(ctx, &norm, l->dy + at, z, gamma, mean, rstd, dz, gamma_g,
                                gamma_g + d, l->ws, l->ws_bytes));
    return rmx_attention_backward(ctx, &desc, &weights, dz, x, &kept, dz, l->dx + at, &gradients,
                                  l->ws, l->ws_bytes);
}

static size_t scratch(const layer *l)
{
    const rmx_attention_desc desc = desc_of(l, l->samples);
    const rmx_norm_desc norm = norm_of(l, l->samples);
    const size_t a = rmx_attention_backward_workspace(&desc);
    const size_t n = rmx_norm_backward_workspace(&norm);
    return a > n ? a : n;
}

/* Four projections, and two products of T by T. */
static double flop(const layer *l)
{
    return (double)layer_values(l) * (8.0 * l->width + 4.0 * l->tokens);
}

rmx_status bench_attention(bench *b)
{
    static const layer_kind attention = {
        "self-attention", "self-attention", run, parameters, saved, scratch, flop};
    return layers_over_tokens(b, &attention);
}
