/* SPDX-License-Identifier: MIT */
/* norm_row.cuh: LayerNorm and RMSNorm of one row, for norm.cu and the fused token mixer.
 *
 * Formulas and order: ops.h. A sub-warp holds a short row in registers (partial_sums.cuh). A warp
 * reads a row of any length and alignment again for every pass. */
#ifndef RMX_NORM_ROW_CUH
#define RMX_NORM_ROW_CUH

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/partial_sums.cuh"
#include "kernels/norm_large.h"

typedef struct rmx_stats {
    float mean, rstd; /* mean is 0 for RMSNorm */
} rmx_stats;

static __device__ __forceinline__ float4 rmx_mul4(float4 x, float4 y)
{
    return make_float4(rmx_mulf(x.x, y.x), rmx_mulf(x.y, y.y), rmx_mulf(x.z, y.z),
                       rmx_mulf(x.w, y.w));
}

static __device__ __forceinline__ float rmx_rstd(float sum_squares, float d, float eps)
{
    return rmx_divf(1.0f, rmx_sqrtf(rmx_addf(rmx_divf(sum_squares, d), eps)));
}

/* h of an element of a row that is not halved (norm_large.h). */
template <rmx_norm_kind kind>
static __device__ __forceinline__ float rmx_normed_whole(float x, rmx_stats st)
{
    return rmx_mulf(kind == RMX_NORM_LAYER ? rmx_subf(x, st.mean) : x, st.rstd);
}

/* h of an element, of four. All but the fused multiply-add is done once a row. With the factor 1 it
 * has the bits of x - mean; with 1/2 it equals rmx_norm_halved_h. */
template <rmx_norm_kind kind>
static __device__ __forceinline__ float rmx_normed(float x, rmx_stats st)
{
    if (kind != RMX_NORM_LAYER) return rmx_mulf(x, st.rstd);
    const bool halved = rmx_norm_halved(st.rstd);
    const float factor = halved ? 0.5f : 1.0f, back = halved ? 2.0f : 1.0f;
    return rmx_mulf(rmx_fmaf(x, factor, rmx_negf(rmx_mulf(st.mean, factor))),
                    rmx_mulf(st.rstd, back));
}

template <rmx_norm_kind kind>
static __device__ __forceinline__ float4 rmx_normed4(float4 x, rmx_stats st)
{
    return make_float4(rmx_normed<kind>(x.x, st), rmx_normed<kind>(x.y, st),
                       rmx_normed<kind>(x.z, st), rmx_normed<kind>(x.w, st));
}

/* dy * gamma; gamma may be NULL. */
static __device__ __forceinline__ float4 rmx_scaled4(float4 dy, const float *gamma, int j)
{
    return gamma ? rmx_mul4(dy, *(const float4 *)(gamma + j)) : dy;
}

/* fma(h, gamma, beta); either may be NULL. */
static __device__ __forceinline__ float4 rmx_affine4(float4 h, const float *gamma,
                                                     const float *beta, int j)
{
    const float4 g = gamma ? *(const float4 *)(gamma + j) : make_float4(1, 1, 1, 1);
    float4 y = beta ? *(const float4 *)(beta + j) : rmx_zero4();
    rmx_fma4(&y, h, g);
    return y;
}

/* ---- rows in registers ---- */

/* Mean and sum of squares. scaled: of the elements times `scale`. */
template <rmx_norm_kind kind, int W, int NV, bool scaled>
static __device__ __forceinline__ float rmx_row_moments(const float4 (&v)[NV], int dim,
                                                        float scale, float *mean)
{
    const float d = (float)dim;
    auto element = [&](int i) { return scaled ? rmx_scale4(v[i], scale) : v[i]; };
    float4 s = rmx_zero4();
    *mean = 0.0f;
    if (kind == RMX_NORM_LAYER) {
#pragma unroll
        for (int i = 0; i < NV; i++)
            if (rmx_column<W>(i) < dim) rmx_add4(&s, element(i));
        *mean = rmx_divf(rmx_subwarp_total<W>(s), d);
        s = rmx_zero4();
    }
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (rmx_column<W>(i) >= dim) continue;
        const float4 c = kind == RMX_NORM_LAYER ? rmx_sub4(element(i), *mean) : element(i);
        rmx_fma4(&s, c, c);
    }
    return rmx_subwarp_total<W>(s);
}

/* Mean and 1 / standard deviation. Where those of one sub-warp overflow, all sub-warps of the warp
 * sum their scaled rows as well, because they shuffle together. */
template <rmx_norm_kind kind, int W, int NV>
static __device__ __forceinline__ rmx_stats rmx_row_stats(const float4 (&v)[NV], int dim,
                                                          float eps)
{
    const float d = (float)dim;
    rmx_stats st;
    st.rstd = rmx_rstd(rmx_row_moments<kind, W, NV, false>(v, dim, 1.0f, &st.mean), d, eps);
    const bool large = !rmx_norm_usual(st.rstd);
    if (__any_sync(RMX_ALL, large)) {
        float mean;
        const float squares = rmx_row_moments<kind, W, NV, true>(v, dim, RMX_NORM_SCALE, &mean);
        if (large) (void)rmx_norm_unscale(mean, rmx_divf(squares, d), eps, &st.mean, &st.rstd);
    }
    return st;
}

/* y of a row and its statistics. Without a row (`there` is false) the lanes take part in the
 * shuffles of their warp. */
template <rmx_norm_kind kind, int W, int NV>
static __device__ __forceinline__ void rmx_row_norm(const float4 (&v)[NV], int dim, float eps,
                                                    const float *gamma, const float *beta,
                                                    float *y, float *mean, float *rstd,
                                                    int64_t row, bool there)
{
    const rmx_stats st = rmx_row_stats<kind, W, NV>(v, dim, eps);
    if (!there) return;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j < dim) *(float4 *)(y + j) = rmx_affine4(rmx_normed4<kind>(v[i], st), gamma, beta, j);
    }
    if (threadIdx.x % W != 0) return;
    if (mean && kind == RMX_NORM_LAYER) mean[row] = st.mean;
    if (rstd) rstd[row] = st.rstd;
}

/* The sums over a row that its gradient needs: a = avg(g), b = avg(g h), g = dy * gamma. */
typedef struct rmx_averages {
    float a, b;
} rmx_averages;

/* dx of four elements. */
template <rmx_norm_kind kind>
static __device__ __forceinline__ float4 rmx_norm_dx4(float4 g, float4 h, rmx_averages m,
                                                      float rstd)
{
    float4 dx = kind == RMX_NORM_LAYER ? rmx_sub4(g, m.a) : g;
    rmx_fma4(&dx, make_float4(-h.x, -h.y, -h.z, -h.w), make_float4(m.b, m.b, m.b, m.b));
    return rmx_scale4(dx, rstd);
}

/* ---- rows of any length and alignment ---- */

/* z(j) is element j; the functors add its terms. */
template <class Row> struct rmx_sum_f {
    Row z;
    __device__ float operator()(int64_t j, float acc) const { return rmx_addf(acc, z(j)); }
};

template <class Row> struct rmx_square_f {
    Row z;
    float mean;
    __device__ float operator()(int64_t j, float acc) const
    {
        const float c = rmx_subf(z(j), mean); /* RMSNorm: mean 0 changes nothing but -0, squared */
        return rmx_fmaf(c, c, acc);
    }
};

template <class Row> struct rmx_scaled_f {
    Row z;
    __device__ float operator()(int64_t j) const { return rmx_mulf(z(j), RMX_NORM_SCALE); }
};

/* Mean and sum of squares. */
template <rmx_norm_kind kind, class Row>
static __device__ float rmx_long_moments(Row z, int64_t dim, float *mean)
{
    *mean = 0.0f;
    if (kind == RMX_NORM_LAYER) {
        const rmx_sum_f<Row> sum = {z};
        *mean = rmx_divf(rmx_warp_row(dim, sum), (float)dim);
    }
    const rmx_square_f<Row> square = {z, *mean};
    return rmx_warp_row(dim, square);
}

template <rmx_norm_kind kind, class Row>
static __device__ rmx_stats rmx_long_stats(Row z, int64_t dim, float eps)
{
    const float d = (float)dim;
    rmx_stats st;
    st.rstd = rmx_rstd(rmx_long_moments<kind>(z, dim, &st.mean), d, eps);
    if (!rmx_norm_usual(st.rstd)) { /* in all lanes or in none */
        const rmx_scaled_f<Row> scaled = {z};
        float mean;
        const float squares = rmx_long_moments<kind>(scaled, dim, &mean);
        (void)rmx_norm_unscale(mean, rmx_divf(squares, d), eps, &st.mean, &st.rstd);
    }
    return st;
}

/* y of a row and its statistics. y may be z: the statistics come first. */
template <rmx_norm_kind kind, class Row>
static __device__ void rmx_long_norm(Row z, int64_t dim, float eps, const float *gamma,
                                     const float *beta, float *y, float *mean, float *rstd,
                                     int64_t row)
{
    const int lane = threadIdx.x % RMX_WARP;
    const rmx_stats st = rmx_long_stats<kind>(z, dim, eps);
    for (int64_t j = lane; j < dim; j += RMX_WARP)
        y[j] =
            rmx_fmaf(rmx_normed<kind>(z(j), st), gamma ? gamma[j] : 1.0f, beta ? beta[j] : 0.0f);
    if (lane != 0) return;
    if (mean && kind == RMX_NORM_LAYER) mean[row] = st.mean;
    if (rstd) rstd[row] = st.rstd;
}

/* g = dy * gamma. */
struct rmx_g_f {
    const float *dy, *gamma;
    __device__ float operator()(int64_t j) const
    {
        return gamma ? rmx_mulf(dy[j], gamma[j]) : dy[j];
    }
};

template <rmx_norm_kind kind, class Row> struct rmx_gh_f {
    rmx_g_f g;
    Row z;
    rmx_stats st;
    __device__ float operator()(int64_t j, float acc) const
    {
        return rmx_fmaf(g(j), rmx_normed<kind>(z(j), st), acc);
    }
};

template <rmx_norm_kind kind, class Row>
static __device__ rmx_averages rmx_long_averages(rmx_g_f g, Row z, rmx_stats st, int64_t dim)
{
    const float d = (float)dim;
    rmx_averages m = {0.0f, 0.0f};
    if (kind == RMX_NORM_LAYER) {
        const rmx_sum_f<rmx_g_f> sum = {g};
        m.a = rmx_divf(rmx_warp_row(dim, sum), d);
    }
    const rmx_gh_f<kind, Row> dot = {g, z, st};
    m.b = rmx_divf(rmx_warp_row(dim, dot), d);
    return m;
}

template <rmx_norm_kind kind>
static __device__ __forceinline__ float rmx_norm_dx(float g, float h, rmx_averages m, float rstd)
{
    return rmx_mulf(rstd, rmx_fmaf(-h, m.b, kind == RMX_NORM_LAYER ? rmx_subf(g, m.a) : g));
}

/* dx of a row; residual may be NULL. */
template <rmx_norm_kind kind, class Row>
static __device__ void rmx_long_dx(rmx_g_f g, Row z, rmx_stats st, int64_t dim,
                                   const float *residual, float *dx)
{
    const rmx_averages m = rmx_long_averages<kind>(g, z, st, dim);
    for (int64_t j = threadIdx.x % RMX_WARP; j < dim; j += RMX_WARP) {
        const float v = rmx_norm_dx<kind>(g(j), rmx_normed<kind>(z(j), st), m, st.rstd);
        dx[j] = residual ? rmx_addf(v, residual[j]) : v;
    }
}

/* A row in memory. */
struct rmx_plain_f {
    const float *x;
    __device__ float operator()(int64_t j) const { return x[j]; }
};

#endif /* RMX_NORM_ROW_CUH */
