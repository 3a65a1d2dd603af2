/* SPDX-License-Identifier: MIT */
/* loss.h: weighted binary cross-entropy with logits. */
#ifndef RANKMIXER_LOSS_H
#define RANKMIXER_LOSS_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RMX_LABEL_MASKED 255 /* this task has no label for this sample */

typedef struct rmx_loss_desc {
    rmx_dtype dtype; /* of dlogits; all else is fp32 */
    int64_t samples; /* B, >= 0 */
    int32_t tasks;   /* >= 1 */
    float scale;     /* of the gradient: 1 / (samples of the global batch); finite, >= 0 */
} rmx_loss_desc;

/* l[b] = w[b] * sum over t of u[t] * (log(1 + exp(z)) - y z);  *loss += sum of l[b];
 * dz[b, t] = u[t] w[b] (sigmoid(z) - y) * scale.
 *
 *   in      logits         [B, tasks]  z
 *   in      labels         [B, tasks]  y, one byte each: 0, 1, or RMX_LABEL_MASKED: then this term
 *                                      is left out of l[b], and dz[b, t] is +0
 *   in      task_weight    [tasks]     u; NULL: ones
 *   in      sample_weight  [B]         w; NULL: ones
 *   in,out  loss           [1]         double; continued, in blocks of 128 samples; NULL: unwanted
 *   out     dlogits        [B, tasks]  overwritten; NULL: not wanted; may be logits where fp32;
 *                                      overlaps nothing else
 *   scratch ws             ws_bytes >= rmx_loss_workspace(desc), 256-byte aligned
 *
 * All pointers live on ctx. The logarithm is taken of 1 + exp(-|z|): no overflow for any z.
 * Result:  the same bits on every backend; batches cut at multiples of 128 give the whole's.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_WORKSPACE; RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_loss_forward_backward(
    rmx_context *ctx, const rmx_loss_desc *desc, const float *logits, const uint8_t *labels,
    const float *task_weight, const float *sample_weight, double *loss, void *dlogits, void *ws,
    size_t ws_bytes);
/* Bytes of scratch. Pure; 0 for a bad desc. */
RMX_API size_t rmx_loss_workspace(const rmx_loss_desc *desc);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_LOSS_H */
