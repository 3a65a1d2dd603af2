/* SPDX-License-Identifier: MIT */
/* product_epilogue.cuh: what follows the chain, and where a block's tile lies.
 *
 * The stages of ops.h one after another, on four neighbouring columns at a time and QUADS such
 * groups at once, so that the loads of a stage are in flight together. An operand that is aligned
 * is read by 16 bytes. In place (residual or multiplier is C) is fine: a thread reads what it needs
 * of its own elements before it writes them, and nobody else's. */
#ifndef RMX_CUDA_GEMM_EPILOGUE_CUH
#define RMX_CUDA_GEMM_EPILOGUE_CUH

#include "kernels/cuda/copies.cuh"
#include "kernels/cuda/product.h"

/* Product (u, v) and first row and column of this block's tile. */
struct rmx_product_origin {
    int64_t u, v, row, col;
};

__device__ __forceinline__ rmx_product_origin rmx_product_here(const rmx_product_job &job,
                                                               int rows, int cols)
{
    const uint32_t tile = blockIdx.x, across = (uint32_t)(job.band * job.col_tiles);
    const uint32_t first = tile / across * (uint32_t)job.band, inside = tile % across;
    const uint32_t height = min((uint32_t)job.band, (uint32_t)job.row_tiles - first);
    rmx_product_origin o;
    o.u = job.first[0] + blockIdx.z;
    o.v = job.first[1] + blockIdx.y;
    o.row = (int64_t)(first + inside % height) * rows;
    o.col = (int64_t)(inside / height) * cols;
    return o;
}

/* Where an operand's element (row, col) of this block's product lies. */
template <class MAT>
__device__ __forceinline__ auto rmx_product_at(const MAT &x, const rmx_product_origin &o,
                                               int64_t row, int64_t col, int64_t cs)
{
    return rmx_f32(x.p) + o.u * x.batch[0] + o.v * x.batch[1] + row * x.rs + col * cs;
}

/* Elements (row, col .. col + count - 1), counted from the tile's first; count is 0 .. 4. */
struct rmx_quad {
    int row, col, count;
};

/* Rows and columns of C from the tile's first on, cut to the tile's size. */
struct rmx_product_limits {
    int rows, cols;
};

__device__ __forceinline__ rmx_product_limits rmx_product_inside(const rmx_product_job &job,
                                                                 const rmx_product_origin &o,
                                                                 int rows, int cols)
{
    rmx_product_limits l;
    l.rows = (int)min((int64_t)rows, job.args.m - o.row);
    l.cols = (int)min((int64_t)cols, job.args.n - o.col);
    return l;
}

__device__ __forceinline__ rmx_quad rmx_quad_make(const rmx_product_limits &l, int row, int col)
{
    rmx_quad q = {row, col, row < l.rows ? max(0, min(4, l.cols - col)) : 0};
    return q;
}

__device__ __forceinline__ void rmx_quad_load(const float *p, int64_t rs, int64_t cs, bool wide,
                                              const rmx_quad &q, float x[4])
{
    p += q.row * rs + q.col * cs;
    if (wide && q.count == 4) {
        const float4 w = *(const float4 *)p;
        x[0] = w.x, x[1] = w.y, x[2] = w.z, x[3] = w.w;
        return;
    }
#pragma unroll
    for (int e = 0; e < 4; e++) x[e] = e < q.count ? p[e * cs] : 0.0f;
}

__device__ __forceinline__ void rmx_quad_store(float *p, int64_t rs, bool wide, const rmx_quad &q,
                                               const float x[4])
{
    p += q.row * rs + q.col;
    if (wide && q.count == 4) {
        *(float4 *)p = make_float4(x[0], x[1], x[2], x[3]);
        return;
    }
#pragma unroll
    for (int e = 0; e < 4; e++) {
        if (e < q.count) p[e] = x[e];
    }
}

#define RMX_EACH_QUAD _Pragma("unroll") for (int i = 0; i < QUADS; i++)
#define RMX_EACH _Pragma("unroll") for (int i = 0; i < QUADS * 4; i++)

/* x = act'(y), y = act(y) */
template <int N>
__device__ __forceinline__ void rmx_product_activation_gradient(rmx_activation act, float y[N],
                                                                float x[N])
{
#pragma unroll
    for (int i = 0; i < N; i++) x[i] = 1.0f;
    if (act == RMX_ACTIVATION_GELU_ERF) {
#pragma unroll
        for (int i = 0; i < N; i++) {
            x[i] = rmx_gelu_erf_gradf(y[i]);
            y[i] = rmx_gelu_erff(y[i]);
        }
    } else if (act == RMX_ACTIVATION_GELU_TANH) {
#pragma unroll
        for (int i = 0; i < N; i++) {
            x[i] = rmx_gelu_tanh_gradf(y[i]);
            y[i] = rmx_gelu_tanhf(y[i]);
        }
    }
}

template <int QUADS>
__device__ __forceinline__ void rmx_product_finish(const rmx_product_job &job,
                                                   const rmx_product_origin &at,
                                                   const rmx_quad quad[QUADS], float y[QUADS * 4])
{
    const rmx_product_args &g = job.args;
    float x[QUADS * 4];
    if (g.alpha != 1.0f) {
        RMX_EACH y[i] = rmx_mulf(g.alpha, y[i]);
    }
    if (g.bias.p) {
        const float *p = rmx_product_at(g.bias, at, at.row, at.col, g.bias.cs);
        RMX_EACH_QUAD rmx_quad_load(p, g.bias.rs, g.bias.cs, job.wide & RMX_WIDE_BIAS, quad[i],
                                    x + 4 * i);
        RMX_EACH y[i] = rmx_fmaf(g.beta, x[i], y[i]);
    }
    if (g.activation_gradient.p) {
        rmx_product_activation_gradient<QUADS * 4>(g.activation, y, x);
        float *p = rmx_product_at(g.activation_gradient, at, at.row, at.col, 1);
        RMX_EACH_QUAD rmx_quad_store(p, g.activation_gradient.rs,
                                     job.wide & RMX_WIDE_ACTIVATION_GRADIENT, quad[i], x + 4 * i);
    } else if (g.activation == RMX_ACTIVATION_GELU_ERF) {
        RMX_EACH y[i] = rmx_gelu_erff(y[i]);
    } else if (g.activation == RMX_ACTIVATION_GELU_TANH) {
        RMX_EACH y[i] = rmx_gelu_tanhf(y[i]);
    }
    if (g.multiplier.p) {
        const float *p = rmx_product_at(g.multiplier, at, at.row, at.col, g.multiplier.cs);
        RMX_EACH_QUAD rmx_quad_load(p, g.multiplier.rs, g.multiplier.cs,
                                    job.wide & RMX_WIDE_MULTIPLIER, quad[i], x + 4 * i);
        RMX_EACH y[i] = rmx_mulf(y[i], x[i]);
    }
    if (g.residual.p) {
        const float *p = rmx_product_at(g.residual, at, at.row, at.col, g.residual.cs);
        RMX_EACH_QUAD rmx_quad_load(p, g.residual.rs, g.residual.cs, job.wide & RMX_WIDE_RESIDUAL,
                                    quad[i], x + 4 * i);
        RMX_EACH y[i] = rmx_addf(y[i], x[i]);
    }
    float *p = rmx_product_at(g.c, at, at.row, at.col, 1);
    RMX_EACH_QUAD rmx_quad_store(p, g.c.rs, job.wide & RMX_WIDE_C, quad[i], y + 4 * i);
}

/* Chains of ROWS x COLS outputs wait in shared memory, rows PITCH apart; the first is (row, col)
 * of the tile. LANES threads, of which this is number lane, finish them. */
template <int ROWS, int COLS, int PITCH, int LANES, int QUADS>
__device__ __forceinline__ void rmx_product_finish_rows(const rmx_product_job &job,
                                                        const rmx_product_origin &at,
                                                        const rmx_product_limits &inside, int row,
                                                        int col, const float *chains, int lane)
{
    constexpr int ACROSS = COLS / 4, ALL = ROWS * ACROSS;
#pragma unroll 1
    for (int first = lane; first < ALL; first += LANES * QUADS) {
        rmx_quad quad[QUADS];
        float y[QUADS * 4];
        RMX_EACH_QUAD
        {
            const int q = min(first + i * LANES, ALL - 1), r = q / ACROSS, c = q % ACROSS * 4;
            quad[i] = rmx_quad_make(inside, row + r, col + c);
            if (first + i * LANES >= ALL) quad[i].count = 0;
            const float4 w = *(const float4 *)(chains + r * PITCH + c);
            y[4 * i] = w.x, y[4 * i + 1] = w.y, y[4 * i + 2] = w.z, y[4 * i + 3] = w.w;
        }
        rmx_product_finish<QUADS>(job, at, quad, y);
    }
}

#undef RMX_EACH_QUAD
#undef RMX_EACH

#endif /* RMX_CUDA_GEMM_EPILOGUE_CUH */
