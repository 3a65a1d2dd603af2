/* SPDX-License-Identifier: MIT */
/* gradient_norm.cu: one number from many values: the sum of squares, the clipping factor, a count. */
#include "kernels/cuda/chain_double.cuh"
#include "kernels/cuda/cuda.h"

#define WARPS 8

/* partial[block] = lanes sum of g * g over RMX_SPAN values, one warp each.
 *   grid     blocks / WARPS      traffic  g read once */
static __global__ void sum_squares(rmx_gradient_norm_sum_squares_args a)
{
    const int64_t n = a.unique ? (int64_t)*a.unique * a.width : a.n;
    const int64_t block = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    const int64_t first = block * RMX_SPAN;
    if (first >= n) return;
    const float total = rmx_warp_sum_span<true>(a.g + first, n - first);
    if (threadIdx.x == 0) ((float *)a.ws)[block] = total;
}

/* *sum = chain in double over the blocks. */
static __global__ void sum_squares_chain(rmx_gradient_norm_sum_squares_args a)
{
    const int64_t n = a.unique ? (int64_t)*a.unique * a.width : a.n;
    rmx_chain_double((const float *)a.ws, (n + RMX_SPAN - 1) / RMX_SPAN, a.sum);
}

rmx_status rmx_cuda_gradient_norm_sum_squares(rmx_backend *backend,
                                              const rmx_gradient_norm_sum_squares_args *a)
{
    const int64_t blocks = (a->n + RMX_SPAN - 1) / RMX_SPAN;
    if (blocks <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    sum_squares<<<(unsigned)((blocks + WARPS - 1) / WARPS), dim3(RMX_WARP, WARPS), 0, stream>>>(
        *a);
    sum_squares_chain<<<1, RMX_DOUBLE_THREADS, 0, stream>>>(*a);
    return rmx_cuda_check_launch(backend, "sum of squares");
}

static __global__ void clip(rmx_gradient_norm_clip_args a)
{
    const float norm = (float)rmx_sqrtd(*a.sum);
    float scale = 1.0f;
    if (!(rmx_absf(norm) < RMX_INF) || *a.grad_scale != *a.grad_scale)
        scale = RMX_NAN;
    else if (a.max_norm > 0.0f && norm > a.max_norm)
        scale = rmx_divf(a.max_norm, norm);
    *a.grad_norm = norm;
    *a.grad_scale = scale;
}

rmx_status rmx_cuda_gradient_norm_clip(rmx_backend *backend, const rmx_gradient_norm_clip_args *a)
{
    clip<<<1, 1, 0, rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "clip");
}

/* *count += how many values of the thread's share are NaN or infinite. Integers: the order of
 * adding does not matter. */
static __global__ void nonfinite(rmx_nonfinite_args a)
{
    uint32_t count = 0;
    const int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < a.n; i += step)
        count += (rmx_float_bits(rmx_f32(a.x)[i]) & 0x7f800000u) == 0x7f800000u;
    count = __reduce_add_sync(RMX_ALL, count);
    if (threadIdx.x % RMX_WARP == 0 && count) atomicAdd((unsigned *)a.count, count);
}

rmx_status rmx_cuda_nonfinite(rmx_backend *backend, const rmx_nonfinite_args *a)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const rmx_status status = rmx_cuda_check(
        backend, cudaMemsetAsync(a->count, 0, sizeof *a->count, stream), "nonfinite");
    if (status != RMX_OK || a->n <= 0) return status;
    const int64_t blocks = (a->n + 1023) / 1024;
    const int64_t most = 8 * (int64_t)rmx_cuda_multiprocessors(backend);
    nonfinite<<<(unsigned)(blocks < most ? blocks : most), 256, 0, stream>>>(*a);
    return rmx_cuda_check_launch(backend, "nonfinite");
}
