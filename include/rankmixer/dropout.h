/* SPDX-License-Identifier: MIT */
/* dropout.h: random zeros that depend on no split of the batch. */
#ifndef RANKMIXER_DROPOUT_H
#define RANKMIXER_DROPOUT_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether element i is kept follows from (seed, *step, site, first + i) through Philox 4x32-10
 * alone: a sample keeps its mask whatever micro-batch, thread or device it meets. */
typedef struct rmx_dropout_desc {
    rmx_dtype dtype;      /* of x, y, dy and dx */
    float p;              /* chance of a zero, in [0, 1); 0 switches dropout off */
    uint64_t seed;        /* of the run */
    uint32_t site;        /* where in the model, 0 .. 255 */
    uint64_t first;       /* index in the global batch of the call's first element */
    const uint64_t *step; /* number of the step, in the context's memory; NULL where p is 0 */
} rmx_dropout_desc;

/* y_i = keep_i ? x_i / (1 - p) : 0. The backward pass is the same call on dy.
 *
 *   in   x  [n]
 *   out  y  [n]  may be x
 *
 * Result:  the same bits on every backend; 1 / (1 - p) is rounded once, then multiplied.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE.
 * Source:  Srivastava et al. 2014; Philox: Salmon et al. 2011. */
RMX_NODISCARD RMX_API rmx_status rmx_dropout_forward(rmx_context *ctx,
                                                     const rmx_dropout_desc *desc, int64_t n,
                                                     const void *x, void *y);
RMX_NODISCARD RMX_API rmx_status rmx_dropout_backward(rmx_context *ctx,
                                                      const rmx_dropout_desc *desc, int64_t n,
                                                      const void *dy, void *dx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_DROPOUT_H */
