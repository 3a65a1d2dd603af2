/* SPDX-License-Identifier: MIT */
/* gradient_norm.cu: the sum of squares of a gradient, and the factor that clips it. */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/double_sum.cuh"

#define WARPS 8

/* ws[span] = sum of g * g over RMX_SPAN values in partial sums, one warp each.
 *   grid     spans / WARPS      traffic  g read once */
static __global__ void sum_squares(rmx_gradient_norm_sum_squares_args a)
{
    const int64_t n = a.unique ? (int64_t)*a.unique * a.width : a.n;
    const int64_t span = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    const int64_t first = span * RMX_SPAN;
    if (first >= n) return;
    const float total = rmx_warp_sum_span<true>(a.g + first, n - first);
    if (threadIdx.x == 0) ((float *)a.ws)[span] = total;
}

/* *sum += the spans in order, in double. */
static __global__ void sum_spans(rmx_gradient_norm_sum_squares_args a)
{
    const int64_t n = a.unique ? (int64_t)*a.unique * a.width : a.n;
    rmx_double_sum((const float *)a.ws, (n + RMX_SPAN - 1) / RMX_SPAN, a.sum);
}

rmx_status rmx_cuda_gradient_norm_sum_squares(rmx_backend *backend,
                                              const rmx_gradient_norm_sum_squares_args *a)
{
    const int64_t spans = (a->n + RMX_SPAN - 1) / RMX_SPAN;
    if (spans <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    sum_squares<<<rmx_blocks_for(spans, WARPS), dim3(RMX_WARP, WARPS), 0, stream>>>(*a);
    sum_spans<<<1, RMX_DOUBLE_THREADS, 0, stream>>>(*a);
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
