/* SPDX-License-Identifier: MIT */
/* rms_norm.h: root mean square normalisation of rows. */
#ifndef RANKMIXER_RMS_NORM_H
#define RANKMIXER_RMS_NORM_H

#include <stddef.h>

#include "rankmixer/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain data. Several trailing axes are one row of their product. */
typedef struct rmx_rms_norm_desc {
    int64_t rows;     /* N, >= 0 */
    int32_t dim;      /* D, width of a row, >= 1 */
    float eps;        /* added to the mean square; finite, > 0 */
    int64_t x_stride; /* elements from a row of x, and of dx, to the next; 0: dim; else >= dim */
    int64_t y_stride; /* the same for y and dy */
} rmx_rms_norm_desc;

/* y = x / sqrt(mean(x^2) + eps) * gamma, the mean over each row.
 *
 *   in   x      [N, D]
 *   in   gamma  [D]     NULL: ones
 *   out  y      [N, D]  may be x where both strides are equal; overlaps no other input
 *   out  rstd   [N]     1 / sqrt(mean(x^2) + eps), for the backward pass; NULL: not wanted
 *
 * Order:   enqueued on the context's stream; nothing is allocated.
 * Range:   right for every finite row, also where sums of squares overflow; rstd is then as small
 *          as 2^-128 (docs/numerics.md).
 * Result:  a row's bits depend on that row alone: not on its place, the number of rows, the
 *          strides, the threads or the backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, bad desc, overlap: nothing is written);
 *          RMX_ERR_DEVICE.
 * Source:  Zhang, Sennrich 2019, arXiv:1910.07467, Eq. 4. */
RMX_NODISCARD RMX_API rmx_status rmx_rms_norm_forward(rmx_context *ctx,
                                                      const rmx_rms_norm_desc *desc,
                                                      const float *x, const float *gamma, float *y,
                                                      float *rstd);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_rms_norm_backward_workspace(const rmx_rms_norm_desc *desc);

/* With h = x * rstd and g = dy * gamma, for each row:
 *
 *   dx      = rstd * (g - h * avg(g * h))
 *   dgamma += sum over rows of dy * h
 *
 *   in      dy      [N, D]
 *   in      x       [N, D]
 *   in      gamma   [D]     NULL: ones
 *   in      rstd    [N]     of forward
 *   out     dx      [N, D]  overwritten; may be dy where both strides are equal; overlaps no
 *                           other input; NULL: not wanted, and then the strides are equal
 *   in,out  dgamma  [D]     accumulated, in blocks of 128 rows; NULL: not wanted
 *   scratch ws      ws_bytes >= rmx_rms_norm_backward_workspace(desc), 256-byte aligned
 *
 * Order, Result, Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_rms_norm_backward(
    rmx_context *ctx, const rmx_rms_norm_desc *desc, const float *dy, const float *x,
    const float *gamma, const float *rstd, float *dx, float *dgamma, void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_RMS_NORM_H */
