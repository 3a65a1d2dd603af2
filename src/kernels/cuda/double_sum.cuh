/* SPDX-License-Identifier: MIT */
/* double_sum.cuh: the sequential sum in double of many floats, by one block.
 *
 * Why it exists: the order is one ascending chain (ops.h), so the latency of the additions is the
 * limit. Warp 0 does nothing but add; the other warps load, widen and store for it.
 * Pipeline: two stages of RMX_DOUBLE_STAGE doubles in shared memory; one __syncthreads() a stage.
 *   Warp 0 adds one stage while the other warps fill the other. */
#ifndef RMX_DOUBLE_SUM_CUH
#define RMX_DOUBLE_SUM_CUH

#include "kernels/cuda/partial_sums.cuh"

#define RMX_DOUBLE_STAGE 1024
#define RMX_DOUBLE_UNROLL 32 /* loads in flight before their additions */
#define RMX_DOUBLE_LOADERS 256
#define RMX_DOUBLE_THREADS (RMX_WARP + RMX_DOUBLE_LOADERS)

/* *sum = (..(*sum + x[0]) + x[1]) + .. + x[n - 1], each x widened first. Stages are filled up with
 * -0, which changes no sum. */
static __device__ __forceinline__ void rmx_double_sum(const float *x, int64_t n, double *sum)
{
    __shared__ __align__(16) double stages[2][RMX_DOUBLE_STAGE];
    const bool adds = threadIdx.x < RMX_WARP;
    auto load = [&](int64_t stage) {
        for (int i = (int)threadIdx.x - RMX_WARP; i < RMX_DOUBLE_STAGE; i += RMX_DOUBLE_LOADERS) {
            const int64_t j = stage * RMX_DOUBLE_STAGE + i;
            stages[stage & 1][i] = j < n ? (double)x[j] : -0.0;
        }
    };
    double s = *sum;
    if (!adds) load(0);
    __syncthreads();
    for (int64_t stage = 0; stage * RMX_DOUBLE_STAGE < n; stage++) {
        const int64_t left = n - stage * RMX_DOUBLE_STAGE;
        if (!adds) load(stage + 1);
        for (int i = 0; adds && i < RMX_DOUBLE_STAGE && i < left; i += RMX_DOUBLE_UNROLL) {
            double v[RMX_DOUBLE_UNROLL];
#pragma unroll
            for (int k = 0; k < RMX_DOUBLE_UNROLL; k++) v[k] = stages[stage & 1][i + k];
#pragma unroll
            for (int k = 0; k < RMX_DOUBLE_UNROLL; k++) s = rmx_addd(s, v[k]);
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) *sum = s;
}

#endif /* RMX_DOUBLE_SUM_CUH */
