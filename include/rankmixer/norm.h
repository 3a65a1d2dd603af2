/* SPDX-License-Identifier: MIT */
/* norm.h: layer normalisation and root-mean-square normalisation of rows. */
#ifndef RANKMIXER_NORM_H
#define RANKMIXER_NORM_H

#include <stddef.h>

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rmx_norm_kind { RMX_NORM_LAYER = 0, RMX_NORM_RMS = 1 } rmx_norm_kind;

/* Plain data. Several trailing axes are one row of their product. */
typedef struct rmx_norm_desc {
    rmx_norm_kind kind;
    rmx_dtype dtype;  /* of x, y, dy and dx; all else is fp32 */
    int64_t rows;     /* N, >= 0: samples * tokens, say */
    int32_t dim;      /* D, width of a row, >= 1 */
    float eps;        /* added to the variance or the mean square; finite, > 0 */
    int64_t x_stride; /* elements from a row of x, and of dx, to the next; 0: dim; else >= dim */
    int64_t y_stride; /* the same for y and dy */
} rmx_norm_desc;

/* With mean and var (biased) over each row:
 *
 *   RMX_NORM_LAYER  rstd = 1 / sqrt(var + eps)         y = (x - mean) * rstd * gamma + beta
 *   RMX_NORM_RMS    rstd = 1 / sqrt(mean(x^2) + eps)   y = x * rstd * gamma
 *
 *   in   x      [N, D]
 *   in   gamma  [D]     NULL: ones
 *   in   beta   [D]     NULL: zeros; RMX_NORM_RMS takes none
 *   out  y      [N, D]  may be x where both strides are equal; overlaps no other input
 *   out  mean   [N]     kept for the backward pass; NULL: not wanted; RMX_NORM_RMS has none
 *   out  rstd   [N]     kept for the backward pass; NULL: not wanted
 *
 * Order:   enqueued on the context's stream; nothing is allocated.
 * Range:   right for every finite row, also where sums of squares overflow; rstd is then as small
 *          as 2^-128 (docs/numerics.md).
 * Result:  a row's bits depend on that row alone: not on its place, the number of rows, the
 *          strides, the threads or the backend.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, bad desc, beta or mean for RMX_NORM_RMS, overlap:
 *          nothing is written); RMX_ERR_DEVICE.
 * Source:  Ba, Kiros, Hinton 2016, arXiv:1607.06450, Eq. 3; Zhang, Sennrich 2019,
 *          arXiv:1910.07467, Eq. 4. */
RMX_NODISCARD RMX_API rmx_status rmx_norm_forward(rmx_context *ctx, const rmx_norm_desc *desc,
                                                  const void *x, const float *gamma,
                                                  const float *beta, void *y, float *mean,
                                                  float *rstd);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_norm_backward_workspace(const rmx_norm_desc *desc);

/* With h = (x - mean) * rstd, or x * rstd for RMX_NORM_RMS, and g = dy * gamma, for each row:
 *
 *   RMX_NORM_LAYER  dx = rstd * (g - avg(g) - h * avg(g * h))
 *   RMX_NORM_RMS    dx = rstd * (g - h * avg(g * h))
 *   dgamma += sum over rows of dy * h          dbeta += sum over rows of dy
 *
 *   in      dy      [N, D]
 *   in      x       [N, D]
 *   in      gamma   [D]     NULL: ones
 *   in      mean    [N]     of forward; RMX_NORM_RMS: NULL
 *   in      rstd    [N]     of forward
 *   out     dx      [N, D]  overwritten; may be dy where both strides are equal; overlaps no
 *                           other input; NULL: not wanted, and then the strides are equal
 *   in,out  dgamma  [D]     accumulated, in blocks of 128 rows; NULL: not wanted
 *   in,out  dbeta   [D]     likewise; RMX_NORM_RMS: NULL
 *   scratch ws      ws_bytes >= rmx_norm_backward_workspace(desc), 256-byte aligned
 *
 * Order, Result, Returns: as forward; also RMX_ERR_WORKSPACE. Rows handed in in parts, each a
 * multiple of 128 rows, give dgamma and dbeta the same bits as in one call. */
RMX_NODISCARD RMX_API rmx_status rmx_norm_backward(rmx_context *ctx, const rmx_norm_desc *desc,
                                                   const void *dy, const void *x,
                                                   const float *gamma, const float *mean,
                                                   const float *rstd, void *dx, float *dgamma,
                                                   float *dbeta, void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_NORM_H */
