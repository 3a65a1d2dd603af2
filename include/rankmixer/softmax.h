/* SPDX-License-Identifier: MIT */
/* softmax.h: softmax and log-softmax along any axis. */
#ifndef RANKMIXER_SOFTMAX_H
#define RANKMIXER_SOFTMAX_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Along the axis, with m = max x_j and s = sum_j exp(x_j - m):
 *
 *   softmax      y_j = exp(x_j - m) * (1 / s)
 *   log_softmax  y_j = (x_j - m) - log(s)
 *
 *   in   axis  -dims .. dims-1; negative ones count from the last, as in PyTorch
 *   in   x     any shape and strides
 *   out  y     shaped as x; dense: contiguous, or a permutation of a contiguous view. May be
 *              x's own memory where x has the same strides; overlaps nothing otherwise
 *
 * Infinities: a row with NaN or +inf, or of only -inf, gives NaN in all of it; other -inf give
 *          0 (log_softmax: -inf).
 * Order:   enqueued on the context's stream; nothing is allocated.
 * Result:  a row's bits depend on that row alone: not on its place, the batch size, the axis,
 *          the strides, the threads or the backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, bad view, axis out of range, shapes that differ,
 *          overlap: nothing is written); RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_softmax_forward(rmx_context *ctx, int32_t axis,
                                                     const rmx_tensor *x, const rmx_tensor *y);
RMX_NODISCARD RMX_API rmx_status rmx_log_softmax_forward(rmx_context *ctx, int32_t axis,
                                                         const rmx_tensor *x, const rmx_tensor *y);

/*   softmax      dx_j = y_j * (dy_j - sum_i dy_i y_i)
 *   log_softmax  dx_j = dy_j - exp(y_j) * sum_i dy_i
 *
 *   in   dy  any strides
 *   in   y   of forward
 *   out  dx  overwritten; dense, with the strides of y. May be dy's own memory where dy has the
 *            same strides; overlaps nothing otherwise
 *
 * Order, Result, Returns: as forward. */
RMX_NODISCARD RMX_API rmx_status rmx_softmax_backward(rmx_context *ctx, int32_t axis,
                                                      const rmx_tensor *dy, const rmx_tensor *y,
                                                      const rmx_tensor *dx);
RMX_NODISCARD RMX_API rmx_status rmx_log_softmax_backward(rmx_context *ctx, int32_t axis,
                                                          const rmx_tensor *dy,
                                                          const rmx_tensor *y,
                                                          const rmx_tensor *dx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_SOFTMAX_H */
