/* SPDX-License-Identifier: MIT */
/* attention.h: plain multi-head self-attention over a sample's tokens: the quadratic baseline
 * that token mixing is measured against. */
#ifndef RANKMIXER_ATTENTION_H
#define RANKMIXER_ATTENTION_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_attention_desc {
    rmx_dtype dtype; /* of activations, wqkv and wo; biases and gradients of parameters are fp32 */
    int64_t samples; /* B, >= 0 */
    int32_t tokens;  /* T, >= 1 */
    int32_t width;   /* D, >= 1 */
    int32_t heads;   /* H, >= 1, divides D; d = D / H */
} rmx_attention_desc;

typedef struct rmx_attention_weights {
    const void *wqkv;  /* [3, D, D]: queries, keys, values */
    const float *bqkv; /* [3, D] */
    const void *wo;    /* [D, D] */
    const float *bo;   /* [D] */
} rmx_attention_weights;

typedef struct rmx_attention_gradients {
    float *wqkv, *bqkv, *wo, *bo; /* all accumulated */
} rmx_attention_gradients;

/* What the forward pass leaves for the backward pass. */
typedef struct rmx_attention_saved {
    void *qkv;           /* [3, B, T, D] */
    void *probabilities; /* [B, H, T, T] */
    void *mixed;         /* [B, T, D]: P V, before the output projection */
} rmx_attention_saved;

/* Q, K, V = x Wq + bq, x Wk + bk, x Wv + bv;  per head P = softmax(Q K^T / sqrt(d));
 * y = (P V) Wo + bo (+ residual).
 *
 *   in   x         [B, T, D]
 *   in   residual  [B, T, D]  NULL: none; may be x
 *   out  saved                all three are written
 *   out  y         [B, T, D]  overlaps no input
 *
 * Result:  the same bits on every backend, for every batch size and thread count.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE.
 * Source:  Vaswani et al. 2017, arXiv:1706.03762, Eq. 1. */
RMX_NODISCARD RMX_API rmx_status rmx_attention_forward(rmx_context *ctx,
                                                       const rmx_attention_desc *desc,
                                                       const rmx_attention_weights *weights,
                                                       const void *x, const void *residual,
                                                       const rmx_attention_saved *saved, void *y);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_attention_backward_workspace(const rmx_attention_desc *desc);

/*   in      dy, x      [B, T, D]
 *   in      saved                 of forward
 *   in      residual   [B, T, D]  added to dx; NULL: none; may be dy
 *   out     dx         [B, T, D]  overwritten; overlaps no input
 *   in,out  gradients             accumulated
 *   scratch ws         ws_bytes >= rmx_attention_backward_workspace(desc), 256-byte aligned
 *
 * Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_attention_backward(
    rmx_context *ctx, const rmx_attention_desc *desc, const rmx_attention_weights *weights,
    const void *dy, const void *x, const rmx_attention_saved *saved, const void *residual,
    void *dx, const rmx_attention_gradients *gradients, void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_ATTENTION_H */
