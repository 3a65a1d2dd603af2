/* SPDX-License-Identifier: MIT */
/* softmax.cu: softmax and log-softmax, forward and backward, over any axis.
 *
 * inner == 1: a team of lanes a row, in registers where it fits, else a warp, which reads it again
 * for every pass. inner > 1: one thread a row while rows are short (neighbouring threads read
 * neighbouring addresses), 16 or 32 elements in registers; longer ones take a warp with strided
 * reads. */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/partial_sums.cuh"

#define THREADS 128
#define WARPS (THREADS / RMX_WARP)

static __device__ __forceinline__ float shifted_exp(float x, float m)
{
    return rmx_expf(rmx_subf(x, m));
}

/* What a row's sum and maximum make of an element. */
template <bool LOG> static __device__ __forceinline__ float finish(float x, float m, float scale)
{
    return LOG ? rmx_subf(rmx_subf(x, m), scale) : rmx_mulf(shifted_exp(x, m), scale);
}

template <bool LOG> static __device__ __forceinline__ float scale_of(float sum)
{
    return LOG ? rmx_logf(sum) : rmx_divf(1.0f, sum);
}

/* ---- rows in registers ---- */

/* A team of W lanes a row.
 *   grid     rows / teams      traffic  x read once, y written once */
template <bool LOG, int W, int NV>
static __global__ void __launch_bounds__(THREADS) softmax_team(rmx_softmax_args a)
{
    const int64_t mine = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.outer; /* its lanes take part in the exchanges of their warp */
    const int64_t at = (there ? mine : a.outer - 1) * a.n;
    const int n = (int)a.n;
    float4 v[NV], s = rmx_zero4();
    float m = -RMX_INF;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= n) continue;
        v[i] = *(const float4 *)(rmx_f32(a.x) + at + j);
        m = rmx_maxf(rmx_maxf(rmx_maxf(rmx_maxf(m, v[i].x), v[i].y), v[i].z), v[i].w);
    }
    m = rmx_addf(rmx_team_max<W>(m), 0.0f);
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (rmx_column<W>(i) >= n) continue;
        const float4 e = make_float4(shifted_exp(v[i].x, m), shifted_exp(v[i].y, m),
                                     shifted_exp(v[i].z, m), shifted_exp(v[i].w, m));
        rmx_add4(&s, e);
        if (!LOG) v[i] = e; /* exp is not needed of the row twice */
    }
    const float scale = scale_of<LOG>(rmx_team_total<W>(s));
    if (!there) return;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= n) continue;
        *(float4 *)(rmx_f32(a.y) + at + j) =
            LOG ? rmx_sub4(rmx_sub4(v[i], m), scale) : rmx_scale4(v[i], scale);
    }
}

/* ---- any row ---- */

struct exp_f {
    const float *x;
    int64_t stride;
    float m;
    __device__ float operator()(int64_t j, float acc) const
    {
        return rmx_addf(acc, shifted_exp(x[j * stride], m));
    }
};

/* One warp a row; row r begins at (r / inner) * n * inner + r % inner, elements inner apart. */
template <bool LOG> static __global__ void softmax_warp(rmx_softmax_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const float *x = rmx_f32(a.x) + at;
    float m = -RMX_INF;
    for (int64_t j = threadIdx.x % RMX_WARP; j < a.n; j += RMX_WARP)
        m = rmx_maxf(m, x[j * a.inner]);
    m = rmx_addf(rmx_team_max<RMX_WARP>(m), 0.0f);
    const exp_f e = {x, a.inner, m};
    const float scale = scale_of<LOG>(rmx_warp_row(a.n, e));
    for (int64_t j = threadIdx.x % RMX_WARP; j < a.n; j += RMX_WARP)
        rmx_f32(a.y)[at + j * a.inner] = finish<LOG>(x[j * a.inner], m, scale);
}

/* One thread a row of at most RMX_PARTIAL_SUMS elements. */
template <bool LOG> static __global__ void softmax_thread(rmx_softmax_args a)
{
    const int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const float *x = rmx_f32(a.x) + at;
    const int n = (int)a.n;
    float m = -RMX_INF;
    for (int j = 0; j < n; j++) m = rmx_maxf(m, x[j * a.inner]);
    m = rmx_addf(m, 0.0f);
    const exp_f e = {x, a.inner, m};
    const float scale = scale_of<LOG>(rmx_thread_row(n, e));
    for (int j = 0; j < n; j++)
        rmx_f32(a.y)[at + j * a.inner] = finish<LOG>(x[j * a.inner], m, scale);
}

/* One thread a row of N elements, in registers.
 *   grid     rows / THREADS      traffic  x read once, y written once */
template <bool LOG, int N>
static __global__ void __launch_bounds__(THREADS) softmax_column(rmx_softmax_args a)
{
    const int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * N * a.inner + r % a.inner;
    float x[N], e[N], m = -RMX_INF;
#pragma unroll
    for (int j = 0; j < N; j++) x[j] = rmx_f32(a.x)[at + j * a.inner];
#pragma unroll
    for (int j = 0; j < N; j++) m = rmx_maxf(m, x[j]);
    m = rmx_addf(m, 0.0f);
#pragma unroll
    for (int j = 0; j < N; j++) {
        e[j] = shifted_exp(x[j], m);
        if (!LOG) x[j] = e[j]; /* exp is not needed of the row twice */
    }
    const float scale = scale_of<LOG>(rmx_thread_halve<N>(e));
#pragma unroll
    for (int j = 0; j < N; j++)
        rmx_f32(a.y)[at + j * a.inner] =
            LOG ? finish<true>(x[j], m, scale) : rmx_mulf(x[j], scale);
}

static unsigned blocks_for(int64_t items, int each)
{
    return (unsigned)((items + each - 1) / each);
}

template <bool LOG, int W, int NV>
static void launch_team(cudaStream_t stream, const rmx_softmax_args *a)
{
    softmax_team<LOG, W, NV><<<blocks_for(a->outer, THREADS / W), THREADS, 0, stream>>>(*a);
}

template <bool LOG> static void launch(cudaStream_t stream, const rmx_softmax_args *a)
{
    const int64_t rows = a->outer * a->inner;
    const bool vector = a->inner == 1 && a->n % 4 == 0 && a->n <= 4096 &&
                        (((uintptr_t)a->x | (uintptr_t)a->y) & 15) == 0;
#define TEAM(W, NV) launch_team<LOG, W, NV>(stream, a)
    if (vector)
        RMX_BY_DIM(a->n, TEAM, a->n <= 2048 ? TEAM(32, 16) : TEAM(32, 32));
    else if (a->inner > 1 && a->n == 16)
        softmax_column<LOG, 16><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else if (a->inner > 1 && a->n == 32)
        softmax_column<LOG, 32><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else if (a->inner > 1 && a->n <= RMX_PARTIAL_SUMS)
        softmax_thread<LOG><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else
        softmax_warp<LOG><<<blocks_for(rows, WARPS), THREADS, 0, stream>>>(*a);
#undef TEAM
}

rmx_status rmx_cuda_softmax(rmx_backend *backend, const rmx_softmax_args *a)
{
    if (a->outer * a->n * a->inner <= 0) return RMX_OK;
    if (a->log)
        launch<true>(rmx_cuda_stream(backend), a);
    else
        launch<false>(rmx_cuda_stream(backend), a);
    return rmx_cuda_check_launch(backend, "softmax");
}

/* ---- backward ---- */

template <bool LOG> struct backward_f {
    const float *y, *dy;
    int64_t stride;
    __device__ float operator()(int64_t j, float acc) const
    {
        return LOG ? rmx_addf(acc, dy[j * stride]) : rmx_fmaf(dy[j * stride], y[j * stride], acc);
    }
};

template <bool LOG> static __device__ __forceinline__ float gradient(float y, float dy, float c)
{
    return LOG ? rmx_fmaf(-rmx_expf(y), c, dy) : rmx_mulf(y, rmx_subf(dy, c));
}

/*   grid     rows / teams      traffic  y, dy read once, dx written once */
template <bool LOG, int W, int NV>
static __global__ void __launch_bounds__(THREADS) backward_team(rmx_softmax_backward_args a)
{
    const int64_t mine = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.outer;
    const int64_t at = (there ? mine : a.outer - 1) * a.n;
    const int n = (int)a.n;
    float4 y[NV], dy[NV], s = rmx_zero4();
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= n) continue;
        y[i] = *(const float4 *)(rmx_f32(a.y) + at + j);
        dy[i] = *(const float4 *)(rmx_f32(a.dy) + at + j);
        if (LOG)
            rmx_add4(&s, dy[i]);
        else
            rmx_fma4(&s, dy[i], y[i]);
    }
    const float c = rmx_team_total<W>(s);
    if (!there) return;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= n) continue;
        *(float4 *)(rmx_f32(a.dx) + at + j) =
            make_float4(gradient<LOG>(y[i].x, dy[i].x, c), gradient<LOG>(y[i].y, dy[i].y, c),
                        gradient<LOG>(y[i].z, dy[i].z, c), gradient<LOG>(y[i].w, dy[i].w, c));
    }
}

template <bool LOG> static __global__ void backward_warp(rmx_softmax_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const backward_f<LOG> f = {rmx_f32(a.y) + at, rmx_f32(a.dy) + at, a.inner};
    const float c = rmx_warp_row(a.n, f);
    for (int64_t j = threadIdx.x % RMX_WARP; j < a.n; j += RMX_WARP)
        rmx_f32(a.dx)[at + j * a.inner] = gradient<LOG>(f.y[j * a.inner], f.dy[j * a.inner], c);
}

template <bool LOG> static __global__ void backward_thread(rmx_softmax_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const backward_f<LOG> f = {rmx_f32(a.y) + at, rmx_f32(a.dy) + at, a.inner};
    const int n = (int)a.n;
    const float c = rmx_thread_row(n, f);
    for (int j = 0; j < n; j++)
        rmx_f32(a.dx)[at + j * a.inner] = gradient<LOG>(f.y[j * a.inner], f.dy[j * a.inner], c);
}

/* One thread a row of N elements, in registers. */
template <bool LOG, int N>
static __global__ void __launch_bounds__(THREADS) backward_column(rmx_softmax_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * N * a.inner + r % a.inner;
    float y[N], dy[N], s[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
        y[j] = rmx_f32(a.y)[at + j * a.inner];
        dy[j] = rmx_f32(a.dy)[at + j * a.inner];
    }
#pragma unroll
    for (int j = 0; j < N; j++) s[j] = LOG ? rmx_addf(0.0f, dy[j]) : rmx_fmaf(dy[j], y[j], 0.0f);
    const float c = rmx_thread_halve<N>(s);
#pragma unroll
    for (int j = 0; j < N; j++) rmx_f32(a.dx)[at + j * a.inner] = gradient<LOG>(y[j], dy[j], c);
}

template <bool LOG, int W, int NV>
static void launch_backward_team(cudaStream_t stream, const rmx_softmax_backward_args *a)
{
    backward_team<LOG, W, NV><<<blocks_for(a->outer, THREADS / W), THREADS, 0, stream>>>(*a);
}

template <bool LOG>
static void launch_backward(cudaStream_t stream, const rmx_softmax_backward_args *a)
{
    const int64_t rows = a->outer * a->inner;
    const bool vector = a->inner == 1 && a->n % 4 == 0 && a->n <= 2048 &&
                        (((uintptr_t)a->y | (uintptr_t)a->dy | (uintptr_t)a->dx) & 15) == 0;
#define TEAM(W, NV) launch_backward_team<LOG, W, NV>(stream, a)
    if (vector)
        RMX_BY_DIM(a->n, TEAM, TEAM(32, 16));
    else if (a->inner > 1 && a->n == 16)
        backward_column<LOG, 16><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else if (a->inner > 1 && a->n == 32)
        backward_column<LOG, 32><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else if (a->inner > 1 && a->n <= RMX_PARTIAL_SUMS)
        backward_thread<LOG><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else
        backward_warp<LOG><<<blocks_for(rows, WARPS), THREADS, 0, stream>>>(*a);
#undef TEAM
}

rmx_status rmx_cuda_softmax_backward(rmx_backend *backend, const rmx_softmax_backward_args *a)
{
    if (a->outer * a->n * a->inner <= 0) return RMX_OK;
    if (a->log)
        launch_backward<true>(rmx_cuda_stream(backend), a);
    else
        launch_backward<false>(rmx_cuda_stream(backend), a);
    return rmx_cuda_check_launch(backend, "softmax backward");
}
