/* SPDX-License-Identifier: MIT */
/* gelu.h: the Gaussian error linear unit. */
#ifndef RANKMIXER_GELU_H
#define RANKMIXER_GELU_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rmx_gelu {
    RMX_GELU_ERF = 0, /* x/2 * (1 + erf(x / sqrt 2)) */
    RMX_GELU_TANH = 1 /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
} rmx_gelu;

/* y = gelu(x), element by element.
 *
 *   in   x   [n]
 *   out  y   [n]   may be x
 *
 * Result:  the same bits on every backend; worst error in ulp: docs/numerics.md.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, n < 0, unknown kind, overlap); RMX_ERR_DEVICE.
 * Source:  Hendrycks, Gimpel 2016, arXiv:1606.08415. */
RMX_NODISCARD RMX_API rmx_status rmx_gelu_forward(rmx_context *ctx, rmx_gelu kind, int64_t n,
                                                  const float *x, float *y);
/* dx = dy * gelu'(x).   in x, dy [n]   out dx [n], may be dy.   Otherwise as forward. */
RMX_NODISCARD RMX_API rmx_status rmx_gelu_backward(rmx_context *ctx, rmx_gelu kind, int64_t n,
                                                   const float *x, const float *dy, float *dx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_GELU_H */
