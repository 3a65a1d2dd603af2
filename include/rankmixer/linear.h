/* SPDX-License-Identifier: MIT */
/* linear.h: a linear layer with bias: the head of each task, and projections. */
#ifndef RANKMIXER_LINEAR_H
#define RANKMIXER_LINEAR_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_linear_desc {
    rmx_dtype dtype;      /* of x, y, dy, dx and w; b and gradients of parameters are fp32 */
    int64_t rows;         /* N, >= 0 */
    int32_t in_features;  /* I, >= 1 */
    int32_t out_features; /* O, >= 1 */
} rmx_linear_desc;

/* y = x W + b.
 *
 *   in   x  [N, I]
 *   in   w  [I, O]
 *   in   b  [O]     NULL: no bias
 *   out  y  [N, O]  overlaps no input
 *
 * Result:  each y is a sum by fused multiply-adds, k ascending, then the bias: a row's bits
 *          depend on that row alone, on every backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_linear_forward(rmx_context *ctx, const rmx_linear_desc *desc,
                                                    const void *x, const void *w, const float *b,
                                                    void *y);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_linear_backward_workspace(const rmx_linear_desc *desc);

/* dx = dy W^T;  dw += x^T dy, over the rows in ascending order, starting from dw;  db += sums of
 * dy over blocks of 128 rows, added in order.
 *
 *   in      dy [N, O]   in x [N, I]   in w [I, O]
 *   out     dx [N, I]   overwritten; NULL: not wanted; overlaps no input
 *   in,out  dw [I, O]   accumulated
 *   in,out  db [O]      accumulated; NULL: no bias
 *   scratch ws          ws_bytes >= rmx_linear_backward_workspace(desc), 256-byte aligned
 *
 * Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_linear_backward(rmx_context *ctx, const rmx_linear_desc *desc,
                                                     const void *dy, const void *x, const void *w,
                                                     void *dx, float *dw, float *db, void *ws,
                                                     size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_LINEAR_H */
