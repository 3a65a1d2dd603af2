/* SPDX-License-Identifier: MIT */
/* activation.h: element-wise activations: the Gaussian error linear unit in two forms. */
#ifndef RANKMIXER_ACTIVATION_H
#define RANKMIXER_ACTIVATION_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rmx_activation {
    RMX_ACTIVATION_NONE = 0,     /* x; layers that need an activation refuse it */
    RMX_ACTIVATION_GELU_ERF = 1, /* x/2 * (1 + erf(x / sqrt 2)) */
    RMX_ACTIVATION_GELU_TANH = 2 /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
} rmx_activation;

/* Plain data. */
typedef struct rmx_activation_desc {
    rmx_activation kind; /* not RMX_ACTIVATION_NONE */
    rmx_dtype dtype;     /* of x, y, dy and dx */
    int64_t n;           /* values, >= 0 */
} rmx_activation_desc;

/* y = gelu(x), element by element.
 *
 *   in   x   [n]
 *   out  y   [n]   may be x
 *
 * Result:  the same bits on every backend; worst error in ulp: docs/numerics.md.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, n < 0, unknown kind, overlap); RMX_ERR_DEVICE.
 * Source:  Hendrycks, Gimpel 2016, arXiv:1606.08415. */
RMX_NODISCARD RMX_API rmx_status rmx_activation_forward(rmx_context *ctx,
                                                        const rmx_activation_desc *desc,
                                                        const void *x, void *y);
/* dx = dy * gelu'(x).   in x, dy [n]   out dx [n], may be dy.   Otherwise as forward. */
RMX_NODISCARD RMX_API rmx_status rmx_activation_backward(rmx_context *ctx,
                                                         const rmx_activation_desc *desc,
                                                         const void *x, const void *dy, void *dx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_ACTIVATION_H */
