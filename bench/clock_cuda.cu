/* SPDX-License-Identifier: MIT */
/* clock_cuda.cu: events on the backend's stream, and the rate of multiply-adds it can reach. */
#include "clock_cuda.h"

#include <cuda_runtime.h>

#include "kernels/cuda/cuda.h"

static cudaEvent_t mark[2];

static rmx_status marks_ready(rmx_backend *backend)
{
    for (int i = 0; i < 2; i++) {
        if (mark[i]) continue;
        const rmx_status status =
            rmx_cuda_check(backend, cudaEventCreate(&mark[i]), "creating an event");
        if (status != RMX_OK) return status;
    }
    return RMX_OK;
}

extern "C" rmx_status clock_cuda_start(rmx_backend *backend)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    const rmx_status status = marks_ready(backend);
    if (status != RMX_OK) return status;
    return rmx_cuda_check(backend, cudaEventRecord(mark[0], stream), "marking the stream");
}

extern "C" rmx_status clock_cuda_stop(rmx_backend *backend, double *seconds)
{
    float ms = 0.0f;
    cudaError_t error = cudaEventRecord(mark[1], rmx_cuda_stream(backend));
    if (error == cudaSuccess) error = cudaEventSynchronize(mark[1]);
    if (error == cudaSuccess) error = cudaEventElapsedTime(&ms, mark[0], mark[1]);
    *seconds = 1e-3 * (double)ms;
    return rmx_cuda_check(backend, error, "timing");
}

extern "C" void *clock_cuda_stream(rmx_backend *backend) { return rmx_cuda_stream(backend); }

extern "C" int64_t clock_cuda_cache_bytes(void)
{
    int device = 0, bytes = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device) != cudaSuccess)
        return 0;
    return bytes;
}

extern "C" int64_t clock_cuda_used_bytes(void)
{
    size_t free_bytes = 0, total = 0;
    if (cudaMemGetInfo(&free_bytes, &total) != cudaSuccess) return 0;
    return (int64_t)(total - free_bytes);
}

enum { STEPS = 2048, CHAINS = 16, THREADS = 256 };

/* Independent chains hide the latency of each other; the sum is written so that none is dropped. */
__global__ void fma_chains(float *out, float a, float b)
{
    float acc[CHAINS];
    for (int c = 0; c < CHAINS; c++) acc[c] = (float)(threadIdx.x + c);
#pragma unroll 1
    for (int s = 0; s < STEPS; s++) {
#pragma unroll
        for (int c = 0; c < CHAINS; c++) acc[c] = __fmaf_rn(acc[c], a, b);
    }
    float sum = 0.0f;
    for (int c = 0; c < CHAINS; c++) sum += acc[c];
    out[blockIdx.x * THREADS + threadIdx.x] = sum;
}

extern "C" rmx_status clock_cuda_fma(rmx_backend *backend, float *out, double *flop)
{
    const int blocks = 8 * rmx_cuda_multiprocessors(backend);
    const int most = (int)(((size_t)4 << 20) / sizeof(float) / THREADS);
    const int grid = blocks < most ? blocks : most;
    fma_chains<<<grid, THREADS, 0, rmx_cuda_stream(backend)>>>(out, 0.999f, 0.001f);
    *flop = 2.0 * STEPS * CHAINS * THREADS * (double)grid;
    return rmx_cuda_check_launch(backend, "multiply-adds");
}
