/* SPDX-License-Identifier: MIT */
/* loss.c: weighted binary cross-entropy from logits, and the sigmoid of predictions. */
#include "kernels/reference/reference.h"

/* l[b]: the loss of sample b over its tasks. */
static float sample_loss(const rmx_loss_args *a, int64_t b)
{
    float loss = 0.0f;
    for (int64_t t = 0; t < a->tasks; t++) {
        const float z = a->logits[b * a->tasks + t];
        const uint8_t label = a->labels[b * a->tasks + t];
        const float weight = a->task_weight ? a->task_weight[t] : 1.0f;
        if (label == RMX_LABEL_MASKED) continue;
        loss = rmx_fmaf(weight, rmx_softplusf(label ? rmx_negf(z) : z), loss);
    }
    return a->sample_weight ? rmx_mulf(loss, a->sample_weight[b]) : loss;
}

static float add_loss(const void *of, int64_t b, float sum)
{
    return rmx_addf(sum, sample_loss(of, b));
}

static float gradient(const rmx_loss_args *a, int64_t b, int64_t t)
{
    const uint8_t label = a->labels[b * a->tasks + t];
    if (label == RMX_LABEL_MASKED) return 0.0f;
    const float probability = rmx_sigmoidf(a->logits[b * a->tasks + t]);
    const float error = rmx_subf(probability, label ? 1.0f : 0.0f);
    const float weight = rmx_mulf(a->task_weight ? a->task_weight[t] : 1.0f,
                                  a->sample_weight ? a->sample_weight[b] : 1.0f);
    return rmx_mulf(rmx_mulf(weight, error), a->scale);
}

rmx_status rmx_reference_loss(rmx_backend *backend, const rmx_loss_args *a)
{
    (void)backend;
    for (int64_t first = 0; first < a->samples && a->loss; first += RMX_ROW_BLOCK) {
        const int64_t left = a->samples - first;
        const int64_t rows = left < RMX_ROW_BLOCK ? left : RMX_ROW_BLOCK;
        *a->loss = rmx_addd(*a->loss, (double)rmx_reference_sum_along(add_loss, a, first, rows));
    }
    float *dlogits = a->dlogits;
    for (int64_t b = 0; b < a->samples && dlogits; b++)
        for (int64_t t = 0; t < a->tasks; t++) dlogits[b * a->tasks + t] = gradient(a, b, t);
    return RMX_OK;
}

rmx_status rmx_reference_sigmoid(rmx_backend *backend, const rmx_sigmoid_args *a)
{
    (void)backend;
    for (int64_t i = 0; i < a->n; i++) a->y[i] = rmx_sigmoidf(a->x[i]);
    return RMX_OK;
}
