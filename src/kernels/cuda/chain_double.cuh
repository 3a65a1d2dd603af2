/* SPDX-License-Identifier: MIT */
/* chain_double.cuh: a chain in double over many floats, by one block: one warp adds what the
 * others have fetched and widened, so that nothing but the additions' own latency is in its way. */
#ifndef RMX_CHAIN_DOUBLE_CUH
#define RMX_CHAIN_DOUBLE_CUH

#include "kernels/cuda/partial_sums.cuh"

#define RMX_DOUBLE_PIECE 1024
#define RMX_DOUBLE_GROUP 32
#define RMX_DOUBLE_FETCHERS 256
#define RMX_DOUBLE_THREADS (RMX_WARP + RMX_DOUBLE_FETCHERS)

/* *sum = (..(*sum + x[0]) + x[1]) + .. + x[n - 1], each x widened first. Behind the last x stands
 * -0, which changes no sum. */
static __device__ __forceinline__ void rmx_chain_double(const float *x, int64_t n, double *sum)
{
    __shared__ __align__(16) double stage[2][RMX_DOUBLE_PIECE];
    const bool adds = threadIdx.x < RMX_WARP;
    auto fetch = [&](int64_t piece) {
        for (int i = (int)threadIdx.x - RMX_WARP; i < RMX_DOUBLE_PIECE; i += RMX_DOUBLE_FETCHERS) {
            const int64_t j = piece * RMX_DOUBLE_PIECE + i;
            stage[piece & 1][i] = j < n ? (double)x[j] : -0.0;
        }
    };
    double s = *sum;
    if (!adds) fetch(0);
    __syncthreads();
    for (int64_t piece = 0; piece * RMX_DOUBLE_PIECE < n; piece++) {
        const int64_t left = n - piece * RMX_DOUBLE_PIECE;
        if (!adds) fetch(piece + 1);
        for (int i = 0; adds && i < RMX_DOUBLE_PIECE && i < left; i += RMX_DOUBLE_GROUP) {
            double v[RMX_DOUBLE_GROUP];
#pragma unroll
            for (int k = 0; k < RMX_DOUBLE_GROUP; k++) v[k] = stage[piece & 1][i + k];
#pragma unroll
            for (int k = 0; k < RMX_DOUBLE_GROUP; k++) s = rmx_addd(s, v[k]);
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) *sum = s;
}

#endif /* RMX_CHAIN_DOUBLE_CUH */
