/* SPDX-License-Identifier: MIT */
/* partial_sums.h: sums along a row in the order that numerics.h fixes, at the speed of the memory.
 *
 * A kernel says what a row's elements are with a step: the vector of accumulators after elements
 * j .. j + count - 1, count <= RMX_VL. Eight vectors of neighbouring partials stay in registers
 * while the row goes by; the 128 partials are as many such groups as it takes.
 *
 * Partials that got no element are left out instead of being carried as +0. Adding +0 changes -0
 * only, which a sum is where all that was added is: products that round to -0 make it so. A row
 * with empty partials therefore has +0 added once, at the end. */
#ifndef RMX_LANES_H
#define RMX_LANES_H

#include "kernels/cpu/simd.h"

#define RMX_INLINE static inline __attribute__((always_inline))

/* Before a loop whose iterations touch different elements, though its pointers may be equal (a
 * kernel in place). clang gets no hint: its own would turn every loop that it cannot vectorise
 * into an error. */
#if defined(__GNUC__) && !defined(__clang__)
#define RMX_INDEPENDENT _Pragma("GCC ivdep")
#else
#define RMX_INDEPENDENT
#endif

typedef rmx_vec rmx_lanes_step(const void *row, int64_t j, int64_t count, rmx_vec acc);

RMX_INLINE rmx_vec rmx_lanes_load(const float *p, int64_t count)
{
    return count == RMX_VL ? rmx_vec_load(p) : rmx_vec_load_part(p, count);
}

RMX_INLINE void rmx_lanes_store(float *p, rmx_vec v, int64_t count)
{
    if (count == RMX_VL)
        rmx_vec_store(p, v);
    else
        rmx_vec_store_part(p, v, count);
}

/* The larger number of each lane, as rmx_maxf(a, b): b where either is NaN. */
static inline rmx_vec rmx_lanes_max(rmx_vec a, rmx_vec b)
{
#if RMX_VL == 16
    return _mm512_max_ps(a, b);
#elif RMX_VL == 8
    return _mm256_max_ps(a, b);
#else
    for (int i = 0; i < RMX_VL; i++) b[i] = rmx_maxf(a[i], b[i]);
    return b;
#endif
}

/* The step from 16 lanes to 8, where a vector has 16. */
#if RMX_VL == 16
RMX_INLINE __m256 rmx_lanes_halve_16(rmx_vec v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

RMX_INLINE __m256 rmx_lanes_max_16(rmx_vec v)
{
    return _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}
#elif RMX_VL == 8
RMX_INLINE __m256 rmx_lanes_halve_16(rmx_vec v) { return v; }
RMX_INLINE __m256 rmx_lanes_max_16(rmx_vec v) { return v; }
#endif

/* The largest of one vector's lanes, none of them NaN. */
static inline float rmx_lanes_max_vec(rmx_vec v)
{
#if RMX_VL >= 8
    const __m256 v8 = rmx_lanes_max_16(v);
    const __m128 v4 = _mm_max_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_max_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_max_ss(v2, _mm_movehdup_ps(v2)));
#else
    return rmx_maxf(rmx_maxf(v[0], v[2]), rmx_maxf(v[1], v[3]));
#endif
}

/* The last halving steps: of the partials within one vector. */
RMX_INLINE float rmx_lanes_halve_vec(rmx_vec v)
{
#if RMX_VL >= 8
    const __m256 v8 = rmx_lanes_halve_16(v);
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_movehdup_ps(v2)));
#else
    return rmx_addf(rmx_addf(v[0], v[2]), rmx_addf(v[1], v[3]));
#endif
}

/* rmx_lanes_halve_vec of RMX_ROWS vectors, one for each of as many rows: the steps of all rows
 * share their instructions. */
#define RMX_ROWS 8
RMX_INLINE void rmx_lanes_halve_rows(const rmx_vec v[RMX_ROWS], float sums[RMX_ROWS])
{
#if RMX_VL >= 8
    __m256 a[4], b[2];
    for (int i = 0; i < 4; i++) { /* rows i and i + 4 in the two halves */
        const __m256 p = rmx_lanes_halve_16(v[i]), q = rmx_lanes_halve_16(v[i + 4]);
        a[i] =
            _mm256_add_ps(_mm256_permute2f128_ps(p, q, 0x20), _mm256_permute2f128_ps(p, q, 0x31));
    }
    for (int i = 0; i < 2; i++) {
        b[i] = _mm256_add_ps(_mm256_shuffle_ps(a[2 * i], a[2 * i + 1], 0x44),
                             _mm256_shuffle_ps(a[2 * i], a[2 * i + 1], 0xee));
    }
    _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_shuffle_ps(b[0], b[1], 0x88),
                                         _mm256_shuffle_ps(b[0], b[1], 0xdd)));
#else
    for (int i = 0; i < RMX_ROWS; i++) sums[i] = rmx_lanes_halve_vec(v[i]);
#endif
}

/* rmx_lanes_max_vec of RMX_ROWS vectors. */
RMX_INLINE void rmx_lanes_max_rows(const rmx_vec v[RMX_ROWS], float most[RMX_ROWS])
{
#if RMX_VL >= 8
    __m256 a[4], b[2];
    for (int i = 0; i < 4; i++) {
        const __m256 p = rmx_lanes_max_16(v[i]), q = rmx_lanes_max_16(v[i + 4]);
        a[i] =
            _mm256_max_ps(_mm256_permute2f128_ps(p, q, 0x20), _mm256_permute2f128_ps(p, q, 0x31));
    }
    for (int i = 0; i < 2; i++) {
        b[i] = _mm256_max_ps(_mm256_shuffle_ps(a[2 * i], a[2 * i + 1], 0x44),
                             _mm256_shuffle_ps(a[2 * i], a[2 * i + 1], 0xee));
    }
    _mm256_storeu_ps(most, _mm256_max_ps(_mm256_shuffle_ps(b[0], b[1], 0x88),
                                         _mm256_shuffle_ps(b[0], b[1], 0xdd)));
#else
    for (int i = 0; i < RMX_ROWS; i++) most[i] = rmx_lanes_max_vec(v[i]);
#endif
}

/* RMX_GROUP neighbouring partials. Members, not an array: an array may be kept in memory. */
#define RMX_GROUP (8 * RMX_VL)
typedef struct rmx_lanes_regs {
    rmx_vec v0, v1, v2, v3, v4, v5, v6, v7;
} rmx_lanes_regs;

/* Partials g .. g + RMX_GROUP - 1 of elements begin .. begin + n - 1. */
RMX_INLINE rmx_lanes_regs rmx_lanes_group(rmx_lanes_step *step, const void *row, int64_t begin,
                                          int64_t n, int64_t g)
{
    const rmx_vec zero = rmx_vec_zero();
    rmx_lanes_regs a = {zero, zero, zero, zero, zero, zero, zero, zero};
    int64_t j = g;
    for (; j + RMX_GROUP <= n; j += RMX_PARTIAL_SUMS) {
        const int64_t at = begin + j;
        a.v0 = step(row, at, RMX_VL, a.v0);
        a.v1 = step(row, at + 1 * RMX_VL, RMX_VL, a.v1);
        a.v2 = step(row, at + 2 * RMX_VL, RMX_VL, a.v2);
        a.v3 = step(row, at + 3 * RMX_VL, RMX_VL, a.v3);
        a.v4 = step(row, at + 4 * RMX_VL, RMX_VL, a.v4);
        a.v5 = step(row, at + 5 * RMX_VL, RMX_VL, a.v5);
        a.v6 = step(row, at + 6 * RMX_VL, RMX_VL, a.v6);
        a.v7 = step(row, at + 7 * RMX_VL, RMX_VL, a.v7);
    }
    if (j >= n) return a;
    rmx_vec s[8] = {a.v0, a.v1, a.v2, a.v3, a.v4, a.v5, a.v6, a.v7}; /* less than a group left */
    for (int i = 0; j < n; j += RMX_VL, i++) {
        s[i] = step(row, begin + j, n - j < RMX_VL ? n - j : RMX_VL, s[i]);
    }
    return (rmx_lanes_regs){s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
}

RMX_INLINE rmx_lanes_regs rmx_lanes_add(rmx_lanes_regs a, rmx_lanes_regs b)
{
    return (rmx_lanes_regs){a.v0 + b.v0, a.v1 + b.v1, a.v2 + b.v2, a.v3 + b.v3,
                            a.v4 + b.v4, a.v5 + b.v5, a.v6 + b.v6, a.v7 + b.v7};
}

/* The sum of elements begin .. begin + n - 1, n <= RMX_SPAN, halved down to one vector. */
RMX_INLINE rmx_vec rmx_lanes_span_vec(rmx_lanes_step *step, const void *row, int64_t begin,
                                      int64_t n)
{
    if (n == RMX_VL) return step(row, begin, RMX_VL, rmx_vec_zero()); /* the rest would be +0 */
    if (n == 2 * RMX_VL) {
        const rmx_vec low = step(row, begin, RMX_VL, rmx_vec_zero());
        return low + step(row, begin + RMX_VL, RMX_VL, rmx_vec_zero());
    }
    rmx_lanes_regs a = rmx_lanes_group(step, row, begin, n, 0);
#if RMX_VL == 4
    if (n > 2 * RMX_GROUP)
        a = rmx_lanes_add(a, rmx_lanes_group(step, row, begin, n, 2 * RMX_GROUP));
    if (n > RMX_GROUP) {
        rmx_lanes_regs b = rmx_lanes_group(step, row, begin, n, RMX_GROUP);
        if (n > 3 * RMX_GROUP)
            b = rmx_lanes_add(b, rmx_lanes_group(step, row, begin, n, 3 * RMX_GROUP));
        a = rmx_lanes_add(a, b);
    }
#elif RMX_VL == 8
    if (n > RMX_GROUP) a = rmx_lanes_add(a, rmx_lanes_group(step, row, begin, n, RMX_GROUP));
#endif
    const rmx_vec b0 = a.v0 + a.v4, b1 = a.v1 + a.v5, b2 = a.v2 + a.v6, b3 = a.v3 + a.v7;
    return (b0 + b2) + (b1 + b3);
}

/* A sum with the empty partials of a row of n elements taken in. */
RMX_INLINE float rmx_lanes_with_empty(float sum, int64_t n)
{
    return n < RMX_PARTIAL_SUMS ? rmx_addf(sum, 0.0f) : sum;
}

/* The sum of elements begin .. begin + n - 1, n <= RMX_SPAN. */
RMX_INLINE float rmx_lanes_span(rmx_lanes_step *step, const void *row, int64_t begin, int64_t n)
{
    return rmx_lanes_with_empty(rmx_lanes_halve_vec(rmx_lanes_span_vec(step, row, begin, n)), n);
}

/* One of a kernel's sums over a span: rmx_lanes_span with its step. */
typedef float rmx_lanes_span_sum(const void *row, int64_t begin, int64_t n);

/* n > RMX_SPAN: the sums of equal parts, the largest power of RMX_SPAN below n, are themselves a
 * row; a last part that needs fewer levels than the others has the same sum with or without. */
static inline float rmx_lanes_long(rmx_lanes_span_sum *span, const void *row, int64_t begin,
                                   int64_t n)
{
    float s[RMX_PARTIAL_SUMS] = {0};
    int64_t part = RMX_SPAN;
    while (part < n / RMX_SPAN || (part == n / RMX_SPAN && n % RMX_SPAN != 0)) part *= RMX_SPAN;
    for (int64_t at = 0; at < n; at += part) {
        const int64_t count = n - at < part ? n - at : part;
        float *p = &s[at / part % RMX_PARTIAL_SUMS];
        *p = rmx_addf(*p, count <= RMX_SPAN ? span(row, begin + at, count)
                                            : rmx_lanes_long(span, row, begin + at, count));
    }
    rmx_lanes_halve(s);
    return s[0];
}

/* A kernel's sum over a whole row of n elements. */
RMX_INLINE float rmx_lanes_row(rmx_lanes_span_sum *span, const void *row, int64_t n)
{
    return n <= RMX_SPAN ? span(row, 0, n) : rmx_lanes_long(span, row, 0, n);
}

/* ---- the two plain sums ---- */

typedef struct rmx_lanes_pair {
    const float *a, *b;
} rmx_lanes_pair;

RMX_INLINE rmx_vec rmx_lanes_sum_step(const void *row, int64_t j, int64_t count, rmx_vec acc)
{
    return acc + rmx_lanes_load((const float *)row + j, count);
}

RMX_INLINE rmx_vec rmx_lanes_dot_step(const void *row, int64_t j, int64_t count, rmx_vec acc)
{
    const rmx_lanes_pair *r = row;
    return rmx_vec_fma(rmx_lanes_load(r->a + j, count), rmx_lanes_load(r->b + j, count), acc);
}

static inline float rmx_lanes_sum_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_lanes_span(rmx_lanes_sum_step, row, begin, n);
}

static inline float rmx_lanes_dot_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_lanes_span(rmx_lanes_dot_step, row, begin, n);
}

/* lanes(v_j) */
static inline float rmx_lanes_sum(const float *v, int64_t n)
{
    return rmx_lanes_row(rmx_lanes_sum_span, v, n);
}

/* lanes(fma(a_j, b_j)) */
static inline float rmx_lanes_dot(const float *a, const float *b, int64_t n)
{
    const rmx_lanes_pair row = {a, b};
    return rmx_lanes_row(rmx_lanes_dot_span, &row, n);
}

#endif /* RMX_LANES_H */
