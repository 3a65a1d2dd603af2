/* SPDX-License-Identifier: MIT */
/* optimizer.cu: the optimizers; formulas in ops.h.
 *
 * One thread an element, or four; row-wise Adagrad: a sub-warp or a warp a row. A NaN in
 * *grad_scale means that the gradient is not finite: every thread returns at once and nothing is
 * changed.
 *   traffic  w and the states read and written once, grad read once */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/partial_sums.cuh"

#define THREADS 256
#define WARPS (THREADS / RMX_WARP)

struct element {
    float w, s1, s2;
};

static __device__ __forceinline__ float adagrad_step(const rmx_optimizer_scalars &c, float w,
                                                     float g, float sum)
{
    return rmx_subf(w, rmx_divf(rmx_mulf(c.lr, g), rmx_addf(rmx_sqrtf(sum), c.eps)));
}

template <rmx_optimizer kind>
static __device__ __forceinline__ element update(const rmx_optimizer_scalars &c, element e,
                                                 float g, bool has_s1)
{
    e.w = rmx_mulf(e.w, c.decay);
    switch (kind) {
    case RMX_OPTIMIZER_SGD:
        if (!has_s1) {
            e.w = rmx_fmaf(-c.lr, g, e.w);
        } else {
            e.s1 = rmx_fmaf(c.momentum, e.s1, g);
            e.w = rmx_fmaf(-c.lr, e.s1, e.w);
        }
        break;
    case RMX_OPTIMIZER_RMSPROP:
        e.s1 = rmx_fmaf(c.beta2, e.s1, rmx_mulf(c.one_minus_beta2, rmx_mulf(g, g)));
        e.w = adagrad_step(c, e.w, g, e.s1);
        break;
    case RMX_OPTIMIZER_ADAGRAD:
        e.s1 = rmx_fmaf(g, g, e.s1);
        e.w = adagrad_step(c, e.w, g, e.s1);
        break;
    case RMX_OPTIMIZER_ADAMW:
        e.s1 = rmx_fmaf(c.beta1, e.s1, rmx_mulf(c.one_minus_beta1, g));
        e.s2 = rmx_fmaf(c.beta2, e.s2, rmx_mulf(c.one_minus_beta2, rmx_mulf(g, g)));
        e.w = rmx_subf(e.w, rmx_divf(rmx_mulf(c.lr, rmx_mulf(e.s1, c.bias1)),
                                     rmx_addf(rmx_sqrtf(rmx_mulf(e.s2, c.bias2)), c.eps)));
        break;
    case RMX_OPTIMIZER_ROWWISE_ADAGRAD: break; /* its own kernel */
    }
    return e;
}

static __device__ __forceinline__ bool stopped(const float *grad_scale, float *scale)
{
    *scale = grad_scale ? *grad_scale : 1.0f;
    return *scale != *scale;
}

/* Dense, or sparse where row_index is given. */
template <rmx_optimizer kind> static __global__ void optimize(rmx_optimizer_args a)
{
    float scale;
    if (stopped(a.grad_scale, &scale)) return;
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int64_t rows = a.unique ? (int64_t)*a.unique : a.rows;
    if (i >= rows * a.width) return;
    const int64_t at = a.row_index ? (int64_t)a.row_index[i / a.width] * a.width + i % a.width : i;
    const rmx_optimizer_scalars c = *a.scalars;
    element e = {a.w[at], a.s1 ? a.s1[at] : 0.0f, a.s2 ? a.s2[at] : 0.0f};
    const float g = a.grad_scale ? rmx_mulf(a.grad[i], scale) : a.grad[i];
    e = update<kind>(c, e, g, a.s1 != NULL);
    a.w[at] = e.w;
    if (a.s1) a.s1[at] = e.s1;
    if (a.s2) a.s2[at] = e.s2;
}

/* Dense and aligned: four elements a thread. */
template <rmx_optimizer kind> static __global__ void optimize4(rmx_optimizer_args a, int64_t n4)
{
    float scale;
    if (stopped(a.grad_scale, &scale)) return;
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n4) return;
    const rmx_optimizer_scalars c = *a.scalars;
    float4 w = ((const float4 *)a.w)[i];
    float4 s1 = a.s1 ? ((const float4 *)a.s1)[i] : rmx_zero4();
    float4 s2 = a.s2 ? ((const float4 *)a.s2)[i] : rmx_zero4();
    float4 g = ((const float4 *)a.grad)[i];
#define RMX_COMPONENT(k)                                                                 \
    do {                                                                                 \
        element e = {w.k, s1.k, s2.k};                                                   \
        e = update<kind>(c, e, a.grad_scale ? rmx_mulf(g.k, scale) : g.k, a.s1 != NULL); \
        w.k = e.w;                                                                       \
        s1.k = e.s1;                                                                     \
        s2.k = e.s2;                                                                     \
    } while (0)
    RMX_COMPONENT(x);
    RMX_COMPONENT(y);
    RMX_COMPONENT(z);
    RMX_COMPONENT(w);
#undef RMX_COMPONENT
    ((float4 *)a.w)[i] = w;
    if (a.s1) ((float4 *)a.s1)[i] = s1;
    if (a.s2) ((float4 *)a.s2)[i] = s2;
}

struct squares {
    const float *g;
    float scale;
    bool scaled;
    __device__ float value(int64_t j) const { return scaled ? rmx_mulf(g[j], scale) : g[j]; }
    __device__ float operator()(int64_t j, float acc) const
    {
        return rmx_fmaf(value(j), value(j), acc);
    }
};

/* One warp a row of any length: s1[row] += mean of squares, then Adagrad with it.
 *   grid     rows / WARPS */
static __global__ void rowwise_long(rmx_optimizer_args a)
{
    float scale;
    if (stopped(a.grad_scale, &scale)) return;
    const int64_t u = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    const int lane = threadIdx.x % RMX_WARP;
    const int64_t rows = a.unique ? (int64_t)*a.unique : a.rows;
    if (u >= rows) return;
    const int64_t row = a.row_index ? (int64_t)a.row_index[u] : u;
    const rmx_optimizer_scalars c = *a.scalars;
    const squares g = {a.grad + u * a.width, scale, a.grad_scale != NULL};
    const float mean = rmx_divf(rmx_warp_row(a.width, g), (float)a.width);
    const float sum = rmx_addf(a.s1[row], mean);
    __syncwarp();
    if (lane == 0) a.s1[row] = sum;
    float *w = a.w + row * a.width;
    for (int64_t j = lane; j < a.width; j += RMX_WARP)
        w[j] = adagrad_step(c, rmx_mulf(w[j], c.decay), g.value(j), sum);
}

/* The same for rows that a sub-warp of W lanes holds in registers, four floats a lane.
 *   grid     rows / sub-warps */
template <int W> static __global__ void rowwise_vector(rmx_optimizer_args a)
{
    float scale;
    if (stopped(a.grad_scale, &scale)) return;
    const int64_t u = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const int64_t rows = a.unique ? (int64_t)*a.unique : a.rows;
    const int lane = threadIdx.x % W;
    const bool there = u < rows, mine = there && 4 * lane < a.width; /* all lanes shuffle */
    const int64_t row = !there ? 0 : a.row_index ? (int64_t)a.row_index[u] : u;
    const rmx_optimizer_scalars c = *a.scalars;
    float4 *at = (float4 *)(a.w + row * a.width) + lane;
    float4 g = rmx_zero4(), w = rmx_zero4();
    if (mine) g = ((const float4 *)(a.grad + u * a.width))[lane], w = *at;
    const float before = a.s1[row];
    if (a.grad_scale && mine)
        g = make_float4(rmx_mulf(g.x, scale), rmx_mulf(g.y, scale), rmx_mulf(g.z, scale),
                        rmx_mulf(g.w, scale));
    const float4 s = make_float4(rmx_fmaf(g.x, g.x, 0.0f), rmx_fmaf(g.y, g.y, 0.0f),
                                 rmx_fmaf(g.z, g.z, 0.0f), rmx_fmaf(g.w, g.w, 0.0f));
    const float sum = rmx_addf(before, rmx_divf(rmx_subwarp_total<W>(s), (float)a.width));
    __syncwarp(); /* all lanes have read s1 */
    if (!mine) return;
    if (lane == 0) a.s1[row] = sum;
    *at = make_float4(adagrad_step(c, rmx_mulf(w.x, c.decay), g.x, sum),
                      adagrad_step(c, rmx_mulf(w.y, c.decay), g.y, sum),
                      adagrad_step(c, rmx_mulf(w.z, c.decay), g.z, sum),
                      adagrad_step(c, rmx_mulf(w.w, c.decay), g.w, sum));
}

static bool aligned(const rmx_optimizer_args *a)
{
    return rmx_aligned16(a->w, a->s1, a->s2, a->grad);
}

template <rmx_optimizer kind> static void launch(rmx_backend *backend, const rmx_optimizer_args *a)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t n = a->rows * a->width;
    if (!a->row_index && !a->unique && n % 4 == 0 && aligned(a))
        optimize4<kind><<<rmx_blocks_for(n / 4, THREADS), THREADS, 0, stream>>>(*a, n / 4);
    else
        optimize<kind><<<rmx_blocks_for(n, THREADS), THREADS, 0, stream>>>(*a);
}

static void launch_rowwise(rmx_backend *backend, const rmx_optimizer_args *a)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const bool vector =
        a->width % 4 == 0 && a->width <= RMX_PARTIAL_SUMS && rmx_aligned16(a->w, a->grad);
    auto blocks = [&](int each) { return rmx_blocks_for(a->rows, each); };
    if (!vector)
        rowwise_long<<<blocks(WARPS), THREADS, 0, stream>>>(*a);
    else if (a->width <= 16)
        rowwise_vector<4><<<blocks(THREADS / 4), THREADS, 0, stream>>>(*a);
    else if (a->width <= 32)
        rowwise_vector<8><<<blocks(THREADS / 8), THREADS, 0, stream>>>(*a);
    else if (a->width <= 64)
        rowwise_vector<16><<<blocks(THREADS / 16), THREADS, 0, stream>>>(*a);
    else
        rowwise_vector<32><<<blocks(THREADS / 32), THREADS, 0, stream>>>(*a);
}

rmx_status rmx_cuda_optimizer(rmx_backend *backend, const rmx_optimizer_args *a)
{
    if (a->rows * a->width <= 0) return RMX_OK;
    switch (a->kind) {
    case RMX_OPTIMIZER_SGD: launch<RMX_OPTIMIZER_SGD>(backend, a); break;
    case RMX_OPTIMIZER_RMSPROP: launch<RMX_OPTIMIZER_RMSPROP>(backend, a); break;
    case RMX_OPTIMIZER_ADAGRAD: launch<RMX_OPTIMIZER_ADAGRAD>(backend, a); break;
    case RMX_OPTIMIZER_ADAMW: launch<RMX_OPTIMIZER_ADAMW>(backend, a); break;
    case RMX_OPTIMIZER_ROWWISE_ADAGRAD: launch_rowwise(backend, a); break;
    }
    return rmx_cuda_check_launch(backend, "optimizer");
}
