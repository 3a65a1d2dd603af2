/* SPDX-License-Identifier: MIT */
/* optimizer.h: what turns gradients into new parameters. */
#ifndef RANKMIXER_OPTIMIZER_H
#define RANKMIXER_OPTIMIZER_H

#include "rankmixer/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rmx_optimizer {
    RMX_OPTIMIZER_SGD,
    RMX_OPTIMIZER_RMSPROP,
    RMX_OPTIMIZER_ADAGRAD,
    RMX_OPTIMIZER_ROWWISE_ADAGRAD,
    RMX_OPTIMIZER_ADAMW
} rmx_optimizer;

typedef struct rmx_optimizer_config {
    rmx_optimizer kind;
    float momentum;     /* sgd, in [0, 1) */
    float beta1;        /* adamw, in [0, 1); 0.9 */
    float beta2;        /* adamw 0.999, rmsprop 0.99; in [0, 1) */
    float eps;          /* > 0; added to the square root */
    float initial_sum;  /* adagrad: the accumulator's first value, >= 0 */
    float weight_decay; /* decoupled, >= 0: w is first scaled by 1 - lr * weight_decay */
} rmx_optimizer_config;

/* The usual settings of a kind; an unknown kind gives sgd's. */
RMX_API rmx_optimizer_config rmx_optimizer_default(rmx_optimizer kind);

/* One update of w [rows, width] by its gradient g. With w scaled by 1 - lr * weight_decay first:
 *
 *   sgd              s1 = momentum*s1 + g                    w -= lr * s1
 *   rmsprop          s1 = beta2*s1 + (1-beta2) * g^2         w -= lr * g / (sqrt(s1) + eps)
 *   adagrad          s1 = s1 + g^2                           w -= lr * g / (sqrt(s1) + eps)
 *   rowwise_adagrad  s1[row] = s1[row] + mean_row(g^2)       w -= lr * g / (sqrt(s1[row]) + eps)
 *   adamw            s1 = beta1*s1 + (1-beta1) * g;  s2 = beta2*s2 + (1-beta2) * g^2
 *                    w -= lr * (s1/(1-beta1^step)) / (sqrt(s2/(1-beta2^step)) + eps)
 *
 *   in,out  w  [rows, width]
 *   in      g  [rows, width]
 *   in,out  s1 [rows, width]; rowwise_adagrad: [rows]; sgd without momentum: NULL
 *   in,out  s2 [rows, width] for adamw, else NULL
 *   step    1, 2, ...
 *
 * Result:  the same bits on every backend and thread count; the order of roundings stands in
 *          ops.h.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE.
 * Source:  RMSProp: Tieleman, Hinton 2012; Adagrad: Duchi et al. 2011; row-wise: DLRM
 *          (arXiv:1906.00091); AdamW: Loshchilov, Hutter, arXiv:1711.05101. */
RMX_NODISCARD RMX_API rmx_status rmx_optimizer_step(rmx_context *ctx,
                                                    const rmx_optimizer_config *config,
                                                    uint64_t step, float lr, int64_t rows,
                                                    int64_t width, const float *g, float *w,
                                                    float *s1, float *s2);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_OPTIMIZER_H */
