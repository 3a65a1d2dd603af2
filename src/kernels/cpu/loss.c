/* SPDX-License-Identifier: MIT */
/* loss.c: weighted binary cross-entropy from logits. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"
#include "kernels/cpu/column_sum.h"

/* l[b] of `count` samples from `first` on; tasks is a->tasks, a constant where there is one. */
RMX_INLINE void losses(const rmx_loss_args *a, int64_t tasks, int64_t first, int64_t count,
                       float *restrict loss)
{
    for (int64_t b = 0; b < count; b++) loss[b] = 0.0f;
    for (int64_t t = 0; t < tasks; t++) {
        const float *logits = a->logits + first * tasks + t;
        const uint8_t *labels = a->labels + first * tasks + t;
        const float weight = a->task_weight ? a->task_weight[t] : 1.0f;
        for (int64_t b = 0; b < count; b++) {
            const uint8_t y = labels[b * tasks];
            const float z = logits[b * tasks], signed_z = y ? -z : z;
            const float sum = rmx_fmaf(weight, rmx_softplusf(signed_z), loss[b]);
            loss[b] = y == RMX_LABEL_MASKED ? loss[b] : sum;
        }
    }
    for (int64_t b = 0; a->sample_weight && b < count; b++)
        loss[b] = rmx_mulf(loss[b], a->sample_weight[first + b]);
}

RMX_INLINE void gradients(const rmx_loss_args *a, int64_t tasks, int64_t first, int64_t count)
{
    const float *sample_weight = a->sample_weight ? a->sample_weight + first : NULL;
    const float scale = a->scale;
    for (int64_t t = 0; t < tasks; t++) {
        const float *logits = a->logits + first * tasks + t;
        const uint8_t *labels = a->labels + first * tasks + t;
        float *dlogits = (float *)a->dlogits + first * tasks + t;
        const float task_weight = a->task_weight ? a->task_weight[t] : 1.0f;
        RMX_INDEPENDENT
        for (int64_t b = 0; b < count; b++) {
            const float weight = rmx_mulf(task_weight, sample_weight ? sample_weight[b] : 1.0f);
            const float label = labels[b * tasks] ? 1.0f : 0.0f;
            const float error = rmx_subf(rmx_sigmoidf(logits[b * tasks]), label);
            const float value = rmx_mulf(rmx_mulf(weight, error), scale);
            dlogits[b * tasks] = labels[b * tasks] == RMX_LABEL_MASKED ? 0.0f : value;
        }
    }
}

/* items: blocks of RMX_ROW_BLOCK samples; ws: each sample's loss, then each block's */
static void bce_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_loss_args *a = job;
    (void)worker;
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * RMX_ROW_BLOCK;
        const int64_t left = a->samples - first;
        const int64_t count = left < RMX_ROW_BLOCK ? left : RMX_ROW_BLOCK;
        float *loss = (float *)a->ws + first;
        if (a->loss) {
            if (a->tasks == 1)
                losses(a, 1, first, count, loss);
            else
                losses(a, a->tasks, first, count, loss);
            ((float *)a->ws)[a->samples + block] = rmx_row_sum(loss, count);
        }
        if (a->dlogits && a->tasks == 1)
            gradients(a, 1, first, count);
        else if (a->dlogits)
            gradients(a, a->tasks, first, count);
    }
}

/* *loss += sum of weighted cross-entropies;  dlogits (ops.h).
 * order   over tasks, by partial sums within row blocks of samples, in double over the blocks
 * traffic logits and labels read once, dlogits written once */
rmx_status rmx_cpu_loss(rmx_backend *backend, const rmx_loss_args *a)
{
    rmx_loss_args job = *a;
    const int64_t blocks = rmx_row_blocks(a->samples);
    rmx_parallel(rmx_cpu_pool(backend), blocks, 1 + 16 / (a->tasks + 1), bce_task, &job);
    if (!a->loss) return RMX_OK;
    const float *block_loss = (const float *)a->ws + a->samples;
    for (int64_t block = 0; block < blocks; block++) {
        *a->loss = rmx_addd(*a->loss, (double)block_loss[block]);
    }
    return RMX_OK;
}
