/* bce.c: weighted binary cross-entropy from logits. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/rows_sum.h"

/* l[b], all tasks of one sample */
static float sample_loss(const rmx_bce_args *a, int64_t b)
{
    float loss = 0.0f;
    for (int64_t t = 0; t < a->tasks; t++) {
        const float z = a->logits[b * a->tasks + t];
        const float weight = a->task_weight ? a->task_weight[t] : 1.0f;
        const float signed_z = a->labels[b * a->tasks + t] ? -z : z;
        loss = rmx_fmaf(weight, rmx_softplusf(signed_z), loss);
    }
    return a->sample_weight ? rmx_mulf(loss, a->sample_weight[b]) : loss;
}

static void sample_gradient(const rmx_bce_args *a, int64_t b)
{
    const float sample_weight = a->sample_weight ? a->sample_weight[b] : 1.0f;
    for (int64_t t = 0; t < a->tasks; t++) {
        const int64_t i = b * a->tasks + t;
        const float weight = rmx_mulf(a->task_weight ? a->task_weight[t] : 1.0f, sample_weight);
        const float error = rmx_subf(rmx_sigmoidf(a->logits[i]), a->labels[i] ? 1.0f : 0.0f);
        a->dlogits[i] = rmx_mulf(rmx_mulf(weight, error), a->scale);
    }
}

/* items: blocks of RMX_BLOCK_ROWS samples; ws: each sample's loss, then each block's */
static void bce_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_bce_args *a = job;
    (void)worker;
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * RMX_BLOCK_ROWS;
        const int64_t left = a->samples - first;
        const int64_t count = left < RMX_BLOCK_ROWS ? left : RMX_BLOCK_ROWS;
        float *loss = (float *)a->ws + first;
        if (a->loss) {
            for (int64_t b = 0; b < count; b++) loss[b] = sample_loss(a, first + b);
            ((float *)a->ws)[a->samples + block] = rmx_lanes_sum(loss, count);
        }
        if (a->dlogits) {
            for (int64_t b = first; b < first + count; b++) sample_gradient(a, b);
        }
    }
}

/* *loss += sum of weighted cross-entropies;  dlogits (ops.h).
 * order   a chain over tasks, lanes within blocks of RMX_BLOCK_ROWS samples, a chain in double
 *         over the blocks
 * traffic logits and labels read once, dlogits written once */
rmx_status RMX_CPU(bce)(rmx_backend *backend, const rmx_bce_args *a)
{
    rmx_bce_args job = *a;
    const int64_t blocks = rmx_row_blocks(a->samples);
    rmx_parallel(rmx_cpu_pool(backend), blocks, 1 + 16 / (a->tasks + 1), bce_task, &job);
    if (!a->loss) return RMX_OK;
    const float *block_loss = (const float *)a->ws + a->samples;
    for (int64_t block = 0; block < blocks; block++) {
        *a->loss = rmx_addd(*a->loss, (double)block_loss[block]);
    }
    return RMX_OK;
}
