/* SPDX-License-Identifier: MIT */
/* pooling.h: the mean over a sample's tokens. */
#ifndef RANKMIXER_POOLING_H
#define RANKMIXER_POOLING_H

#include "rankmixer/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[b, :] = (sum over t of x[b, t, :]) / T.
 *
 *   in   x  [samples, tokens, width]
 *   out  y  [samples, width]  overlaps no input
 *
 * Result:  summed by numerics.md's halving order over tokens; the same bits on every backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_pooling_forward(rmx_context *ctx, int64_t samples,
                                                     int32_t tokens, int32_t width, const float *x,
                                                     float *y);
/* dx[b, t, :] = dy[b, :] / T, overwritten. */
RMX_NODISCARD RMX_API rmx_status rmx_pooling_backward(rmx_context *ctx, int64_t samples,
                                                      int32_t tokens, int32_t width,
                                                      const float *dy, float *dx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_POOLING_H */
