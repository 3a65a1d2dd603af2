/* SPDX-License-Identifier: MIT */
/* pooling.h: the mean over a sample's tokens. */
#ifndef RANKMIXER_POOLING_H
#define RANKMIXER_POOLING_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_pooling_desc {
    rmx_dtype dtype; /* of x, y, dy and dx */
    int64_t samples; /* B, >= 0 */
    int32_t tokens;  /* T, >= 1 */
    int32_t width;   /* D, >= 1 */
} rmx_pooling_desc;

/* y[b, :] = (sum over t of x[b, t, :]) / T.
 *
 *   in   x  [B, T, D]
 *   out  y  [B, D]  overlaps no input
 *
 * Result:  summed in the order of docs/numerics.md over tokens; the same bits on every backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_pooling_forward(rmx_context *ctx,
                                                     const rmx_pooling_desc *desc, const void *x,
                                                     void *y);
/* dx[b, t, :] = dy[b, :] / T, overwritten. */
RMX_NODISCARD RMX_API rmx_status rmx_pooling_backward(rmx_context *ctx,
                                                      const rmx_pooling_desc *desc, const void *dy,
                                                      void *dx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_POOLING_H */
