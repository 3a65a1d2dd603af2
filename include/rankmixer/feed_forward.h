/* SPDX-License-Identifier: MIT */
/* feed_forward.h: a feed-forward network for every token, each with its own weights. */
#ifndef RANKMIXER_PER_TOKEN_FFN_H
#define RANKMIXER_PER_TOKEN_FFN_H

#include <stdbool.h>

#include "rankmixer/context.h"
#include "rankmixer/dropout.h"
#include "rankmixer/activation.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_feed_forward_desc {
    rmx_dtype dtype; /* of activations, w1 and w2; biases and gradients of parameters are fp32 */
    int64_t samples; /* B, >= 0 */
    int32_t tokens;  /* T, >= 1 */
    int32_t width;   /* D, >= 1 */
    int32_t hidden;  /* K, >= 1 */
    bool shared;     /* one set of weights for all tokens: the ablation, not RankMixer */
    rmx_activation activation; /* 0 stands for RMX_ACTIVATION_GELU_ERF */
    rmx_dropout_desc dropout;  /* on the hidden activations, of their type; p = 0: none (also for
                                  scoring) */
} rmx_feed_forward_desc;

/* Leading axis T, or 1 where shared. Gradients have the same shapes. */
typedef struct rmx_feed_forward_weights {
    const void *w1;  /* [T, D, K] */
    const float *b1; /* [T, K] */
    const void *w2;  /* [T, K, D] */
    const float *b2; /* [T, D] */
} rmx_feed_forward_weights;

typedef struct rmx_feed_forward_gradients {
    float *w1, *b1, *w2, *b2; /* all accumulated */
} rmx_feed_forward_gradients;

/* h = gelu(x_t W1_t + b1_t), dropped out;  y_t = h W2_t + b2_t (+ residual_t).
 *
 *   in   x         [B, T, D]
 *   in   residual  [B, T, D]  NULL: none; may be x
 *   out  activation_gradient  [B, T, K]  gelu'(x W1 + b1), kept for the backward pass; NULL: not
 *                             wanted
 *   out  hidden    [B, T, K]  h, kept for the backward pass
 *   out  y         [B, T, D]  overlaps no input
 *
 * Result:  the same bits on every backend, for every batch size and thread count; bias, GELU and
 *          residual are part of the products' epilogues.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE.
 * Source:  RankMixer, arXiv:2507.15551, Eq. 6-9. */
RMX_NODISCARD RMX_API rmx_status rmx_feed_forward_forward(
    rmx_context *ctx, const rmx_feed_forward_desc *desc, const rmx_feed_forward_weights *weights,
    const void *x, const void *residual, void *activation_gradient, void *hidden, void *y);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_feed_forward_backward_workspace(const rmx_feed_forward_desc *desc);

/*   in      dy, x        [B, T, D]
 *   in      activation_gradient        [B, T, K]  of forward
 *   in      hidden       [B, T, K]  of forward
 *   in      residual     [B, T, D]  added to dx: the gradient that reaches x by another way;
 *                                   NULL: none; may be dy
 *   out     dx           [B, T, D]  overwritten; may be residual where that is not dy
 *   in,out  gradients               accumulated: weights over the samples in ascending order,
 *                                   biases by fixed blocks of 128
 *   scratch ws           ws_bytes >= rmx_feed_forward_backward_workspace(desc), 256-byte aligned
 *
 * Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_feed_forward_backward(
    rmx_context *ctx, const rmx_feed_forward_desc *desc, const rmx_feed_forward_weights *weights,
    const void *dy, const void *x, const void *activation_gradient, const void *hidden,
    const void *residual, void *dx, const rmx_feed_forward_gradients *gradients, void *ws,
    size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_PER_TOKEN_FFN_H */
