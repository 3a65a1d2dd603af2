/* SPDX-License-Identifier: MIT */
/* partial_sums.cuh: sums along a row in the order that numerics.h fixes: 128 partial sums, then a
 * tree reduction that halves their number.
 *
 * A warp or a sub-warp sums a row. Lane l owns partial sums 4l .. 4l + 3, so that a 16-byte load
 * feeds it. Absent elements are skipped, empty partial sums are +0, and all 128 take part in the
 * tree. */
#ifndef RMX_PARTIAL_SUMS_CUH
#define RMX_PARTIAL_SUMS_CUH

#include "kernels/numerics.h"

#define RMX_WARP 32
#define RMX_ALL 0xffffffffu

static __device__ __forceinline__ float4 rmx_zero4(void) { return make_float4(0, 0, 0, 0); }

/* s = s + x, s = fma(x, y, s), by components. */
static __device__ __forceinline__ void rmx_add4(float4 *s, float4 x)
{
    s->x = rmx_addf(s->x, x.x);
    s->y = rmx_addf(s->y, x.y);
    s->z = rmx_addf(s->z, x.z);
    s->w = rmx_addf(s->w, x.w);
}

static __device__ __forceinline__ void rmx_fma4(float4 *s, float4 x, float4 y)
{
    s->x = rmx_fmaf(x.x, y.x, s->x);
    s->y = rmx_fmaf(x.y, y.y, s->y);
    s->z = rmx_fmaf(x.z, y.z, s->z);
    s->w = rmx_fmaf(x.w, y.w, s->w);
}

static __device__ __forceinline__ float4 rmx_sub4(float4 x, float m)
{
    return make_float4(rmx_subf(x.x, m), rmx_subf(x.y, m), rmx_subf(x.z, m), rmx_subf(x.w, m));
}

static __device__ __forceinline__ float4 rmx_scale4(float4 x, float s)
{
    return make_float4(rmx_mulf(x.x, s), rmx_mulf(x.y, s), rmx_mulf(x.z, s), rmx_mulf(x.w, s));
}

/* ---- rows in registers ----
 *
 * A sub-warp of W lanes keeps a row in registers if it has at most 4 W NV floats, a multiple of 4,
 * and is aligned: lane l holds elements 128 i + 4 l .. + 3 as v[i]. W is 32, or less if NV == 1. */

#define RMX_REGISTER_ROW 1536 /* elements of the longest row in registers */

template <int W> static __device__ __forceinline__ int rmx_column(int i)
{
    return i * RMX_PARTIAL_SUMS + 4 * (int)(threadIdx.x % W);
}

/* clang-format off */
/* CALL(W, NV) with the sub-warp for rows of dim <= RMX_REGISTER_ROW elements. */
#define RMX_BY_DIM(dim, CALL)                                                                 \
    ((dim) <= 16 ? CALL(4, 1) : (dim) <= 32 ? CALL(8, 1) : (dim) <= 64 ? CALL(16, 1)          \
     : (dim) <= 128 ? CALL(32, 1) : (dim) <= 256 ? CALL(32, 2) : (dim) <= 512 ? CALL(32, 4)   \
     : (dim) <= 768 ? CALL(32, 6) : (dim) <= 1024 ? CALL(32, 8) : CALL(32, 12))
/* clang-format on */

/* The tree reduction over the partial sums of a sub-warp of W lanes, each of which gets the total.
 * With W = 32 they are all 128: distance 64 is lane distance 16, 32 is 8, and so on down to 4; 2
 * and 1 are within a lane. A smaller sub-warp has a row of at most 4 W elements: the other partial
 * sums are +0, and adding them would change nothing. The first two exchanges send only the half
 * that the other lane goes on with, so that 8 shuffles do the work of 20. After them component c is
 * in the lanes whose two upper bits are c. a + b is b + a, bit for bit. */
template <int W> static __device__ __forceinline__ float rmx_subwarp_total(float4 s)
{
    const bool high = threadIdx.x & (W / 2), odd = threadIdx.x & (W / 4);
    /* the first distance: low lanes keep x, y; high lanes z, w */
    const float p = __shfl_xor_sync(RMX_ALL, high ? s.x : s.z, W / 2);
    const float q = __shfl_xor_sync(RMX_ALL, high ? s.y : s.w, W / 2);
    const float a = rmx_addf(high ? s.z : s.x, p), b = rmx_addf(high ? s.w : s.y, q);
    /* the second: even keep the first, odd the second */
    const float r = __shfl_xor_sync(RMX_ALL, odd ? a : b, W / 4);
    float t = rmx_addf(odd ? b : a, r);
#pragma unroll
    for (int off = W / 4; off > 1; off /= 2) t = rmx_addf(t, __shfl_xor_sync(RMX_ALL, t, off / 2));
    t = rmx_addf(t, __shfl_xor_sync(RMX_ALL, t, W / 2)); /* distance 2: x + z, y + w */
    return rmx_addf(t, __shfl_xor_sync(RMX_ALL, t, W / 4));
}

static __device__ __forceinline__ float rmx_warp_total(float4 s)
{
    return rmx_subwarp_total<RMX_WARP>(s);
}

/* The greatest of a sub-warp's values, for each of its lanes. */
template <int W> static __device__ __forceinline__ float rmx_subwarp_max(float m)
{
#pragma unroll
    for (int off = W / 2; off >= 1; off /= 2) m = rmx_maxf(m, __shfl_xor_sync(RMX_ALL, m, off));
    return m;
}

/* The sum of n <= RMX_SPAN contiguous floats, or of their squares. Aligned floats are loaded by 16
 * bytes a lane, UNROLL loads in flight. */
template <int UNROLL, bool SQUARES = false>
static __device__ __forceinline__ float rmx_warp_sum(const float *x, int n)
{
    float4 s = rmx_zero4();
    int j = 4 * (int)(threadIdx.x % RMX_WARP);
    if (((uintptr_t)x & 15) == 0) {
#pragma unroll UNROLL
        for (; j + 4 <= n; j += RMX_PARTIAL_SUMS) {
            const float4 v = *(const float4 *)(x + j);
            if (SQUARES)
                rmx_fma4(&s, v, v);
            else
                rmx_add4(&s, v);
        }
    }
    auto add = [&](float v, float sum) {
        return SQUARES ? rmx_fmaf(v, v, sum) : rmx_addf(sum, v);
    };
    for (; j < n; j += RMX_PARTIAL_SUMS) {
        s.x = add(x[j], s.x);
        if (j + 1 < n) s.y = add(x[j + 1], s.y);
        if (j + 2 < n) s.z = add(x[j + 2], s.z);
        if (j + 3 < n) s.w = add(x[j + 3], s.w);
    }
    return rmx_warp_total(s);
}

/* The same of a whole span, with all loads in flight, or of the last, shorter one. Many warps share
 * a row: more loads in flight for each warp leave less work to the last of them. */
template <bool SQUARES = false>
static __device__ __forceinline__ float rmx_warp_sum_span(const float *x, int64_t left)
{
    return left >= RMX_SPAN ? rmx_warp_sum<RMX_SPAN / RMX_PARTIAL_SUMS, SQUARES>(x, RMX_SPAN)
                            : rmx_warp_sum<8, SQUARES>(x, (int)left);
}

/* One level of a long row: its sums arrive in order and are themselves the elements of a row. */
typedef struct rmx_level {
    float4 s;
    int64_t count;
} rmx_level;

static __device__ __forceinline__ void rmx_level_add(rmx_level *level, float x)
{
    const int64_t p = level->count++ % RMX_PARTIAL_SUMS;
    if (p / 4 != threadIdx.x % RMX_WARP) return;
    switch (p % 4) {
    case 0: level->s.x = rmx_addf(level->s.x, x); break;
    case 1: level->s.y = rmx_addf(level->s.y, x); break;
    case 2: level->s.z = rmx_addf(level->s.z, x); break;
    default: level->s.w = rmx_addf(level->s.w, x); break;
    }
}

/* The sum of elements begin .. end - 1, at most RMX_SPAN; step(j, acc) adds element j. */
template <class Step>
static __device__ __forceinline__ float rmx_warp_span(int64_t begin, int64_t end, Step step)
{
    float4 s = rmx_zero4();
    for (int64_t j = begin + 4 * (threadIdx.x % RMX_WARP); j < end; j += RMX_PARTIAL_SUMS) {
        s.x = step(j, s.x);
        if (j + 1 < end) s.y = step(j + 1, s.y);
        if (j + 2 < end) s.z = step(j + 2, s.z);
        if (j + 3 < end) s.w = step(j + 3, s.w);
    }
    return rmx_warp_total(s);
}

/* The sum of a whole row of any length (three levels: to 2^36 elements). */
template <class Step> static __device__ __forceinline__ float rmx_warp_row(int64_t n, Step step)
{
    if (n <= RMX_SPAN) return rmx_warp_span(0, n, step);
    rmx_level first = {rmx_zero4(), 0}, second = {rmx_zero4(), 0};
    for (int64_t begin = 0; begin < n; begin += RMX_SPAN) {
        const int64_t end = n - begin < RMX_SPAN ? n : begin + RMX_SPAN;
        rmx_level_add(&first, rmx_warp_span(begin, end, step));
        if (first.count == RMX_SPAN && end < n) {
            rmx_level_add(&second, rmx_warp_total(first.s));
            first.s = rmx_zero4();
            first.count = 0;
        }
    }
    const float last = rmx_warp_total(first.s);
    if (second.count == 0) return last;
    rmx_level_add(&second, last);
    return rmx_warp_total(second.s);
}

/* ---- one thread a row: short rows whose elements are far apart ---- */

/* The tree over partial sums l, l + M, l + 2M, ... Of at most RMX_PARTIAL_SUMS elements, each is a
 * partial sum of its own: term(j, acc) adds element j. Goes left to right in 7 registers. */
template <int M, class Term>
static __device__ __forceinline__ float rmx_thread_tree(int n, int l, Term term)
{
    if constexpr (M == RMX_PARTIAL_SUMS) {
        return term(l, 0.0f);
    } else {
        const float s = rmx_thread_tree<2 * M>(n, l, term);
        if (l + M >= n) return s; /* the rest is +0 */
        return rmx_addf(s, rmx_thread_tree<2 * M>(n, l + M, term));
    }
}

/* The sum of a row of 1 .. RMX_PARTIAL_SUMS elements. */
template <class Term> static __device__ __forceinline__ float rmx_thread_row(int n, Term term)
{
    const float s = rmx_thread_tree<1>(n, 0, term);
    return n < RMX_PARTIAL_SUMS ? rmx_addf(s, 0.0f) : s; /* the empty partial sums */
}

/* The tree over the first N of the partial sums, where the others are +0 and none is -0. */
template <int N> static __device__ __forceinline__ float rmx_thread_reduce(float *s)
{
    if constexpr (N > 1) {
#pragma unroll
        for (int l = 0; l < N / 2; l++) s[l] = rmx_addf(s[l], s[l + N / 2]);
        return rmx_thread_reduce<N / 2>(s);
    }
    return s[0];
}

#endif /* RMX_PARTIAL_SUMS_CUH */
