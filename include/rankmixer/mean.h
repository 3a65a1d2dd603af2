/* SPDX-License-Identifier: MIT */
/* mean.h: the mean over one axis, several, or all. */
#ifndef RANKMIXER_MEAN_H
#define RANKMIXER_MEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_mean_desc {
    int32_t axes;               /* how many axes are reduced; 0: all of them, as in PyTorch */
    int32_t axis[RMX_MAX_DIMS]; /* which, in any order; negative ones count from the last */
    bool keepdim;               /* reduced axes stay in y, with size 1 */
} rmx_mean_desc;

/* y = (sum of x over the reduced axes) / (number of elements summed).
 *
 *   in   x  any shape and strides
 *   out  y  x's shape without the reduced axes (keepdim: with size 1 there); dense: contiguous,
 *           or a permutation of a contiguous view; overlaps no input
 *
 * A mean over no elements is NaN.
 * Order:   enqueued on the context's stream; nothing is allocated.
 * Result:  each mean sums its elements in row-major order of the reduced axes, by 128 partial
 *          sums and a tree reduction: its bits do not depend on the rest of x, on strides, on
 *          threads or on the backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, bad view, an axis out of range or named twice, a
 *          shape that does not fit, overlap: nothing is written); RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_mean_forward(rmx_context *ctx, const rmx_mean_desc *desc,
                                                  const rmx_tensor *x, const rmx_tensor *y);

/* Bytes of scratch that the backward pass needs: 0 where the reduced axes lie side by side in
 * dx's memory and dy is laid out as dx, else about the size of dx and dy. Pure; 0 for bad
 * arguments. */
RMX_API size_t rmx_mean_backward_workspace(const rmx_mean_desc *desc, const rmx_tensor *dy,
                                           const rmx_tensor *dx);
/* dx = dy / (number of elements summed), repeated along the reduced axes.
 *
 *   in   dy  shaped as y, any strides
 *   out  dx  shaped as x, dense; overwritten; overlaps no input
 *   scratch ws  ws_bytes >= rmx_mean_backward_workspace(desc, dy, dx), 256-byte aligned
 *
 * Order, Result, Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_mean_backward(rmx_context *ctx, const rmx_mean_desc *desc,
                                                   const rmx_tensor *dy, const rmx_tensor *dx,
                                                   void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_MEAN_H */
