/* softmax.cu: softmax and log-softmax, forward and backward, over any axis.
 *
 * inner == 1: one warp a row, in registers where it fits, else read again for every pass.
 * inner > 1: one thread a row while rows are short (neighbouring threads read neighbouring
 * addresses); longer ones take a warp with strided reads. */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/lanes.cuh"

#define WARPS 8
#define THREADS 128

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

static __device__ __forceinline__ int column(int i) { return i * RMX_LANES + 4 * threadIdx.x; }

/*   grid     rows / WARPS      traffic  x read once, y written once */
template <bool LOG, int NV>
static __global__ void __launch_bounds__(RMX_WARP *WARPS) softmax_vector(rmx_softmax_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.outer) return;
    const int n = (int)a.n;
    const float *x = a.x + r * a.n;
    float4 v[NV];
    float m = -RMX_INF;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (column(i) >= n) continue;
        v[i] = *(const float4 *)(x + column(i));
        m = rmx_maxf(rmx_maxf(rmx_maxf(rmx_maxf(m, v[i].x), v[i].y), v[i].z), v[i].w);
    }
    m = rmx_addf(rmx_warp_max(m), 0.0f);
    float4 s = rmx_zero4();
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (column(i) >= n) continue;
        float4 e = make_float4(shifted_exp(v[i].x, m), shifted_exp(v[i].y, m),
                               shifted_exp(v[i].z, m), shifted_exp(v[i].w, m));
        s.x = rmx_addf(s.x, e.x);
        s.y = rmx_addf(s.y, e.y);
        s.z = rmx_addf(s.z, e.z);
        s.w = rmx_addf(s.w, e.w);
        if (!LOG) v[i] = e; /* exp is not needed of the row twice */
    }
    const float scale = scale_of<LOG>(rmx_warp_total(s));
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (column(i) >= n) continue;
        float4 y;
        if (LOG)
            y = make_float4(finish<true>(v[i].x, m, scale), finish<true>(v[i].y, m, scale),
                            finish<true>(v[i].z, m, scale), finish<true>(v[i].w, m, scale));
        else
            y = make_float4(rmx_mulf(v[i].x, scale), rmx_mulf(v[i].y, scale),
                            rmx_mulf(v[i].z, scale), rmx_mulf(v[i].w, scale));
        *(float4 *)(a.y + r * a.n + column(i)) = y;
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
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const float *x = a.x + at;
    float m = -RMX_INF;
    for (int64_t j = threadIdx.x; j < a.n; j += RMX_WARP) m = rmx_maxf(m, x[j * a.inner]);
    m = rmx_addf(rmx_warp_max(m), 0.0f);
    const exp_f e = {x, a.inner, m};
    const float scale = scale_of<LOG>(rmx_warp_row(a.n, e));
    for (int64_t j = threadIdx.x; j < a.n; j += RMX_WARP)
        a.y[at + j * a.inner] = finish<LOG>(x[j * a.inner], m, scale);
}

/* One thread a row of at most RMX_LANES elements. */
template <bool LOG> static __global__ void softmax_thread(rmx_softmax_args a)
{
    const int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const float *x = a.x + at;
    const int n = (int)a.n;
    float m = -RMX_INF;
    for (int j = 0; j < n; j++) m = rmx_maxf(m, x[j * a.inner]);
    m = rmx_addf(m, 0.0f);
    const exp_f e = {x, a.inner, m};
    const float scale = scale_of<LOG>(rmx_thread_row(n, e));
    for (int j = 0; j < n; j++) a.y[at + j * a.inner] = finish<LOG>(x[j * a.inner], m, scale);
}

static unsigned blocks_for(int64_t items, int each)
{
    return (unsigned)((items + each - 1) / each);
}

template <bool LOG> static void launch(cudaStream_t stream, const rmx_softmax_args *a)
{
    const dim3 warps(RMX_WARP, WARPS);
    const int64_t rows = a->outer * a->inner;
    const bool vector = a->inner == 1 && a->n % 4 == 0 && a->n <= 4096 &&
                        (((uintptr_t)a->x | (uintptr_t)a->y) & 15) == 0;
    const unsigned blocks = blocks_for(rows, WARPS);
    if (a->inner > 1 && a->n <= RMX_LANES)
        softmax_thread<LOG><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else if (!vector)
        softmax_warp<LOG><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 128)
        softmax_vector<LOG, 1><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 512)
        softmax_vector<LOG, 4><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 1024)
        softmax_vector<LOG, 8><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 2048)
        softmax_vector<LOG, 16><<<blocks, warps, 0, stream>>>(*a);
    else
        softmax_vector<LOG, 32><<<blocks, warps, 0, stream>>>(*a);
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

/*   grid     rows / WARPS      traffic  y, dy read once, dx written once */
template <bool LOG, int NV>
static __global__ void __launch_bounds__(RMX_WARP *WARPS)
    backward_vector(rmx_softmax_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.outer) return;
    const int n = (int)a.n;
    float4 y[NV], dy[NV], s = rmx_zero4();
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (column(i) >= n) continue;
        y[i] = *(const float4 *)(a.y + r * a.n + column(i));
        dy[i] = *(const float4 *)(a.dy + r * a.n + column(i));
        s.x = LOG ? rmx_addf(s.x, dy[i].x) : rmx_fmaf(dy[i].x, y[i].x, s.x);
        s.y = LOG ? rmx_addf(s.y, dy[i].y) : rmx_fmaf(dy[i].y, y[i].y, s.y);
        s.z = LOG ? rmx_addf(s.z, dy[i].z) : rmx_fmaf(dy[i].z, y[i].z, s.z);
        s.w = LOG ? rmx_addf(s.w, dy[i].w) : rmx_fmaf(dy[i].w, y[i].w, s.w);
    }
    const float c = rmx_warp_total(s);
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (column(i) >= n) continue;
        *(float4 *)(a.dx + r * a.n + column(i)) =
            make_float4(gradient<LOG>(y[i].x, dy[i].x, c), gradient<LOG>(y[i].y, dy[i].y, c),
                        gradient<LOG>(y[i].z, dy[i].z, c), gradient<LOG>(y[i].w, dy[i].w, c));
    }
}

template <bool LOG> static __global__ void backward_warp(rmx_softmax_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const backward_f<LOG> f = {a.y + at, a.dy + at, a.inner};
    const float c = rmx_warp_row(a.n, f);
    for (int64_t j = threadIdx.x; j < a.n; j += RMX_WARP)
        a.dx[at + j * a.inner] = gradient<LOG>(f.y[j * a.inner], f.dy[j * a.inner], c);
}

template <bool LOG> static __global__ void backward_thread(rmx_softmax_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r >= a.outer * a.inner) return;
    const int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
    const backward_f<LOG> f = {a.y + at, a.dy + at, a.inner};
    const int n = (int)a.n;
    const float c = rmx_thread_row(n, f);
    for (int j = 0; j < n; j++)
        a.dx[at + j * a.inner] = gradient<LOG>(f.y[j * a.inner], f.dy[j * a.inner], c);
}

template <bool LOG>
static void launch_backward(cudaStream_t stream, const rmx_softmax_backward_args *a)
{
    const dim3 warps(RMX_WARP, WARPS);
    const int64_t rows = a->outer * a->inner;
    const bool vector = a->inner == 1 && a->n % 4 == 0 && a->n <= 2048 &&
                        (((uintptr_t)a->y | (uintptr_t)a->dy | (uintptr_t)a->dx) & 15) == 0;
    const unsigned blocks = blocks_for(rows, WARPS);
    if (a->inner > 1 && a->n <= RMX_LANES)
        backward_thread<LOG><<<blocks_for(rows, THREADS), THREADS, 0, stream>>>(*a);
    else if (!vector)
        backward_warp<LOG><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 128)
        backward_vector<LOG, 1><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 512)
        backward_vector<LOG, 4><<<blocks, warps, 0, stream>>>(*a);
    else if (a->n <= 1024)
        backward_vector<LOG, 8><<<blocks, warps, 0, stream>>>(*a);
    else
        backward_vector<LOG, 16><<<blocks, warps, 0, stream>>>(*a);
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
