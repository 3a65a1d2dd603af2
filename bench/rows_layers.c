/* SPDX-License-Identifier: MIT */
/* rows_layers.c: what the group rows computes sample by sample; see rows.h. */
#include "rankmixer/dropout.h"
#include "rankmixer/activation.h"
#include "rankmixer/norm.h"
#include "rankmixer/loss.h"
#include "rankmixer/mean.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/pooling.h"
#include "rankmixer/norm.h"
#include "rankmixer/softmax.h"
#include "rankmixer/token_mixer.h"
#include "rows.h"

/* The permutation without norm and residual: what mixing alone would cost. */
rmx_status rows_token_mix(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r);
    const rmx_token_mix_args args = {.samples = samples,
                                     .tokens = TOKENS,
                                     .width = r->c->width,
                                     .heads = TOKENS,
                                     .x = r->x + at,
                                     .y = r->y + at};
    return rmx_run_token_mix(r->b->ctx, &args);
}

rmx_status rows_mixer(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r), row = first * r->c->tokens;
    const int32_t width = (int32_t)r->c->width;
    const rmx_token_mixer_desc desc = {RMX_F32, samples, TOKENS, width, TOKENS, 1e-5f};
    return rmx_token_mixer_forward(r->b->ctx, &desc, r->x + at, r->small, r->small + width,
                                   r->y + at, r->stat + row, r->stat + r->count / 16 + row);
}

rmx_status rows_mixer_both(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r), row = first * r->c->tokens;
    const int32_t width = (int32_t)r->c->width;
    const rmx_token_mixer_desc desc = {RMX_F32, samples, TOKENS, width, TOKENS, 1e-5f};
    BENCH_TRY(rows_mixer(user, first, samples));
    return rmx_token_mixer_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small,
                                    r->stat + row, r->stat + r->count / 16 + row, r->dx + at,
                                    r->small + 2 * width, r->small + 3 * width, r->ws,
                                    r->ws_bytes);
}

rmx_status rows_layer_norm(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r), d = r->c->width;
    const rmx_norm_desc desc = {.rows = samples, .dim = (int32_t)d, .eps = 1e-5f};
    float *mean = r->stat + first, *rstd = r->stat + r->count / 16 + first;
    BENCH_TRY(rmx_norm_forward(r->b->ctx, &desc, r->x + at, r->small, r->small + d, r->y + at,
                               mean, rstd));
    if (!r->c->kind) return RMX_OK;
    return rmx_norm_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small, mean, rstd,
                             r->dx + at, r->small + 2 * d, r->small + 3 * d, r->ws, r->ws_bytes);
}

rmx_status rows_rms_norm(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r), d = r->c->width;
    const rmx_norm_desc desc = {
        .kind = RMX_NORM_RMS, .rows = samples, .dim = (int32_t)d, .eps = 1e-5f};
    float *rstd = r->stat + first;
    BENCH_TRY(
        rmx_norm_forward(r->b->ctx, &desc, r->x + at, r->small, NULL, r->y + at, NULL, rstd));
    if (!r->c->kind) return RMX_OK;
    return rmx_norm_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small, NULL, rstd,
                             r->dx + at, r->small + 2 * d, NULL, r->ws, r->ws_bytes);
}

rmx_status rows_softmax(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    rmx_context *ctx = r->b->ctx;
    const int64_t at = first * rows_unit(r), shape[] = {samples, r->c->width};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + at, 2, shape),
                     y = rmx_tensor_of(RMX_F32, r->y + at, 2, shape);
    const rmx_tensor dy = rmx_tensor_of(RMX_F32, r->dy + at, 2, shape);
    const rmx_tensor dx = rmx_tensor_of(RMX_F32, r->dx + at, 2, shape);
    const bool log = r->c->kind == LOG_SOFTMAX || r->c->kind == LOG_SOFTMAX_BOTH;
    BENCH_TRY(log ? rmx_log_softmax_forward(ctx, 1, &x, &y) : rmx_softmax_forward(ctx, 1, &x, &y));
    if (r->c->kind < SOFTMAX_BOTH) return RMX_OK;
    return log ? rmx_log_softmax_backward(ctx, 1, &dy, &y, &dx)
               : rmx_softmax_backward(ctx, 1, &dy, &y, &dx);
}

/* Over the tokens; a sample's mean is left where its first token would be. */
rmx_status rows_mean_tokens(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t d = r->c->width, shape[] = {samples, r->c->tokens, d};
    const int64_t kept[] = {samples, d};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + first * rows_unit(r), 3, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->y + first * d, 2, kept);
    const rmx_mean_desc desc = {.axes = 1, .axis = {1}};
    return rmx_mean_forward(r->b->ctx, &desc, &x, &y);
}

rmx_status rows_gelu(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r), n = samples * rows_unit(r);
    const rmx_activation kind =
        r->c->kind & 1 ? RMX_ACTIVATION_GELU_TANH : RMX_ACTIVATION_GELU_ERF;
    BENCH_TRY(rmx_activation_forward(r->b->ctx, &(rmx_activation_desc){kind, RMX_F32, n},
                                     r->x + at, r->y + at));
    if (r->c->kind < 2) return RMX_OK;
    return rmx_activation_backward(r->b->ctx, &(rmx_activation_desc){kind, RMX_F32, n}, r->x + at,
                                   r->dy + at, r->dx + at);
}

/* y is the parameter, x its gradient. */
rmx_status rows_optimiser(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const rmx_optimizer_config config = rmx_optimizer_default((rmx_optimizer)r->c->kind);
    const int64_t at = first * rows_unit(r);
    const bool by_row = r->c->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD;
    float *s1 = r->c->kind == RMX_OPTIMIZER_SGD ? NULL : by_row ? r->s1 + first : r->s1 + at;
    return rmx_optimizer_step(r->b->ctx, &config, 3, 1e-3f, samples, r->c->width, r->x + at,
                              r->y + at, s1,
                              r->c->kind == RMX_OPTIMIZER_ADAMW ? r->s2 + at : NULL);
}

/* Over the tokens, [samples, tokens, width]: a row's values lie width apart. */
rmx_status rows_softmax_across(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r), shape[] = {samples, r->c->tokens, r->c->width};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + at, 3, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->y + at, 3, shape);
    return rmx_softmax_forward(r->b->ctx, 1, &x, &y);
}

rmx_status rows_mean_width(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t shape[] = {samples, r->c->width};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + first * rows_unit(r), 2, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->y + first, 1, shape);
    const rmx_mean_desc desc = {.axes = 1, .axis = {1}};
    return rmx_mean_forward(r->b->ctx, &desc, &x, &y);
}

/* x is the gradient of the means. */
rmx_status rows_mean_back(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    return rmx_pooling_backward(r->b->ctx, samples, (int32_t)r->c->tokens, (int32_t)r->c->width,
                                r->x + first * r->c->width, r->y + first * rows_unit(r));
}

rmx_status rows_add(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r);
    const rmx_add_args args = {
        .n = samples * rows_unit(r), .x = r->x + at, .r = r->dy + at, .y = r->y + at};
    return rmx_run_add(r->b->ctx, &args);
}

rmx_status rows_sigmoid(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r);
    const rmx_sigmoid_args args = {.n = samples * rows_unit(r), .x = r->x + at, .y = r->y + at};
    return rmx_run_sigmoid(r->b->ctx, &args);
}

/* stat begins with a zero: step 0. */
rmx_status rows_dropout(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * rows_unit(r);
    const rmx_dropout_desc desc = {.p = 0.1f,
                                   .seed = 1,
                                   .first = (uint64_t)at,
                                   .step = (const uint64_t *)(const void *)r->stat};
    return rmx_dropout_forward(r->b->ctx, &desc, samples * rows_unit(r), r->x + at, r->y + at);
}

/* x holds logits of one task; y becomes their gradient. */
rmx_status rows_bce(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const rmx_loss_desc desc = {.samples = samples, .tasks = 1, .scale = 1.0f / 4096.0f};
    return rmx_loss_forward_backward(r->b->ctx, &desc, r->x + first, r->labels + first, NULL, NULL,
                                     (double *)(void *)r->small, r->y + first, r->ws, r->ws_bytes);
}
