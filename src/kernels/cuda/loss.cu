/* SPDX-License-Identifier: MIT */
/* loss.cu: weighted binary cross-entropy from logits. */
#include "kernels/cuda/chain_double.cuh"
#include "kernels/cuda/cuda.h"

/* One warp a block of RMX_ROW_BLOCK samples: its samples' losses are a row of the warp.
 *   grid     blocks of samples, one warp each      traffic  logits, labels read; dlogits written */
static __global__ void bce(rmx_loss_args a)
{
    const int64_t first = (int64_t)blockIdx.x * RMX_ROW_BLOCK;
    const int64_t left = a.samples - first;
    const int64_t count = left < RMX_ROW_BLOCK ? left : RMX_ROW_BLOCK;
    float loss[4] = {0, 0, 0, 0};
#pragma unroll
    for (int c = 0; c < 4; c++) {
        const int64_t b = first + 4 * threadIdx.x + c;
        if (b >= first + count) continue;
        const float weight = a.sample_weight ? a.sample_weight[b] : 1.0f;
        float sum = 0.0f;
        for (int64_t t = 0; t < a.tasks; t++) {
            const int64_t i = b * a.tasks + t;
            const float z = a.logits[i], task = a.task_weight ? a.task_weight[t] : 1.0f;
            const uint8_t y = a.labels[i];
            const bool masked = y == RMX_LABEL_MASKED;
            if (!masked) sum = rmx_fmaf(task, rmx_softplusf(y ? -z : z), sum);
            if (!a.dlogits) continue;
            const float error = rmx_subf(rmx_sigmoidf(z), y ? 1.0f : 0.0f);
            const float value = rmx_mulf(rmx_mulf(rmx_mulf(task, weight), error), a.scale);
            rmx_f32(a.dlogits)[i] = masked ? 0.0f : value;
        }
        loss[c] = rmx_addf(0.0f, a.sample_weight ? rmx_mulf(sum, weight) : sum);
    }
    const float total = rmx_warp_total(make_float4(loss[0], loss[1], loss[2], loss[3]));
    if (threadIdx.x == 0) ((float *)a.ws)[blockIdx.x] = total;
}

/* *loss = chain in double over the blocks. */
static __global__ void bce_chain(int64_t blocks, const float *partial, double *loss)
{
    rmx_chain_double(partial, blocks, loss);
}

rmx_status rmx_cuda_loss(rmx_backend *backend, const rmx_loss_args *a)
{
    if (a->samples <= 0) return RMX_OK;
    const int64_t blocks = (a->samples + RMX_ROW_BLOCK - 1) / RMX_ROW_BLOCK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    bce<<<(unsigned)blocks, RMX_WARP, 0, stream>>>(*a);
    if (a->loss)
        bce_chain<<<1, RMX_DOUBLE_THREADS, 0, stream>>>(blocks, (const float *)a->ws, a->loss);
    return rmx_cuda_check_launch(backend, "bce");
}
