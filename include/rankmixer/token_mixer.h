/* SPDX-License-Identifier: MIT */
/* token_mixer.h: parameter-free token mixing, with its residual and layer normalisation. */
#ifndef RANKMIXER_TOKEN_MIXER_H
#define RANKMIXER_TOKEN_MIXER_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain data. x is [samples, tokens, width], row-major; heads divides width, d = width / heads. */
typedef struct rmx_token_mixer_desc {
    rmx_dtype dtype; /* of x, y, dy and dx; all else is fp32 */
    int64_t samples; /* B, >= 0 */
    int32_t tokens;  /* T, >= 1 */
    int32_t width;   /* D, >= 1 */
    int32_t heads;   /* H, >= 1, divides D; H == T is RankMixer's own case, an involution */
    float eps;       /* of the LayerNorm, > 0; mix and revert ignore it */
} rmx_token_mixer_desc;

/* y = mix(x): each token's row is split in H heads; sub-token (t, h) becomes number h*T + t of
 * H*T, and H of these at a time, in order, make an output token: for H == T output token h is
 * head h of every token, side by side.
 *
 *   in   x  [B, T, D]
 *   out  y  [B, T, D]  overlaps no input
 *
 * Result:  copies only; exact.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, bad desc, overlap); RMX_ERR_DEVICE.
 * Source:  RankMixer, arXiv:2507.15551, Eq. 3-4. */
RMX_NODISCARD RMX_API rmx_status rmx_token_mix(rmx_context *ctx, const rmx_token_mixer_desc *desc,
                                               const void *x, void *y);
/* y = revert(x), the inverse of mix, and the gradient of mix with respect to x. */
RMX_NODISCARD RMX_API rmx_status rmx_token_revert(rmx_context *ctx,
                                                  const rmx_token_mixer_desc *desc, const void *x,
                                                  void *y);

/* y = LayerNorm(x + mix(x)), in one pass over x.
 *
 *   in   x      [B, T, D]
 *   in   gamma  [D]
 *   in   beta   [D]
 *   out  y      [B, T, D]  overlaps no input
 *   out  mean   [B, T]     kept for the backward pass
 *   out  rstd   [B, T]     likewise
 *
 * Range:   right wherever x + mix(x) is finite, also where sums of squares overflow.
 * Result:  the same bits on every backend, for every batch size and thread count.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE.
 * Source:  RankMixer, arXiv:2507.15551, Eq. 5. */
RMX_NODISCARD RMX_API rmx_status rmx_token_mixer_forward(rmx_context *ctx,
                                                         const rmx_token_mixer_desc *desc,
                                                         const void *x, const float *gamma,
                                                         const float *beta, void *y, float *mean,
                                                         float *rstd);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_token_mixer_backward_workspace(const rmx_token_mixer_desc *desc);

/* dz = LayerNorm's gradient at z = x + mix(x);  dx = dz + revert(dz).
 *
 *   in      dy, x       [B, T, D]
 *   in      gamma       [D]
 *   in      mean, rstd  [B, T]
 *   out     dx          [B, T, D]  overwritten; overlaps no input
 *   in,out  dgamma      [D]        accumulated
 *   in,out  dbeta       [D]        accumulated
 *   scratch ws          ws_bytes >= rmx_token_mixer_backward_workspace(desc), 256-byte aligned
 *
 * Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status
rmx_token_mixer_backward(rmx_context *ctx, const rmx_token_mixer_desc *desc, const void *dy,
                         const void *x, const float *gamma, const float *mean, const float *rstd,
                         void *dx, float *dgamma, float *dbeta, void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_TOKEN_MIXER_H */
