/* SPDX-License-Identifier: MIT */
/* partial_sums.h: the sum of a row in the order that numerics.h fixes, at the speed of the memory.
 *
 * A kernel says what it sums with a step: a function that adds elements j .. j + count - 1 of the
 * row, count <= RMX_VL, to one vector of partial sums.
 *
 * 1. rmx_sum_group computes RMX_GROUP neighbouring partial sums, which stay in registers.
 * 2. rmx_sum_span_vec adds the groups and reduces them to one vector, as a tree.
 * 3. rmx_sum_span reduces that vector. This is the sum of up to RMX_SPAN elements.
 * 4. rmx_sum_row sums a longer row span by span.
 *
 * A partial sum without an element is left out; the contract adds it as +0. The two differ only
 * where every term is -0: then the sum is -0 instead of +0. So a row with empty partial sums has +0
 * added once, at the end. */
#ifndef RMX_PARTIAL_SUMS_H
#define RMX_PARTIAL_SUMS_H

#include "kernels/cpu/simd.h"

/* Before a loop whose iterations touch different elements, though its pointers may be equal (a
 * kernel in place). clang gets no hint: its own would turn every loop that it cannot vectorise
 * into an error. */
#if defined(__GNUC__) && !defined(__clang__)
#define RMX_INDEPENDENT _Pragma("GCC ivdep")
#else
#define RMX_INDEPENDENT
#endif

typedef rmx_vec rmx_sum_step(const void *row, int64_t j, int64_t count, rmx_vec sums);

/* Members, not an array: an array may be kept in memory. */
#define RMX_GROUP (8 * RMX_VL)
typedef struct rmx_sum_regs {
    rmx_vec v0, v1, v2, v3, v4, v5, v6, v7;
} rmx_sum_regs;

/* Partial sums g .. g + RMX_GROUP - 1 of elements begin .. begin + n - 1. */
RMX_INLINE rmx_sum_regs rmx_sum_group(rmx_sum_step *step, const void *row, int64_t begin,
                                      int64_t n, int64_t g)
{
    const rmx_vec zero = rmx_vec_zero();
    rmx_sum_regs a = {zero, zero, zero, zero, zero, zero, zero, zero};
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
    return (rmx_sum_regs){s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
}

RMX_INLINE rmx_sum_regs rmx_sum_add(rmx_sum_regs a, rmx_sum_regs b)
{
    return (rmx_sum_regs){a.v0 + b.v0, a.v1 + b.v1, a.v2 + b.v2, a.v3 + b.v3,
                          a.v4 + b.v4, a.v5 + b.v5, a.v6 + b.v6, a.v7 + b.v7};
}

/* The partial sums of group g with those of the groups `apart` and a multiple further on, the first
 * steps of the tree reduction. */
RMX_INLINE rmx_sum_regs rmx_sum_groups(rmx_sum_step *step, const void *row, int64_t begin,
                                       int64_t n, int64_t g, int64_t apart)
{
    rmx_sum_regs a = rmx_sum_group(step, row, begin, n, g);
    if (g + apart < RMX_PARTIAL_SUMS && n > g + apart)
        a = rmx_sum_add(a, rmx_sum_group(step, row, begin, n, g + apart));
    return a;
}

/* The sum of elements begin .. begin + n - 1, n <= RMX_SPAN, reduced to one vector. */
RMX_INLINE rmx_vec rmx_sum_span_vec(rmx_sum_step *step, const void *row, int64_t begin, int64_t n)
{
    rmx_sum_regs a;
    if (RMX_PARTIAL_SUMS == 4 * RMX_GROUP) {
        a = rmx_sum_groups(step, row, begin, n, 0, 2 * RMX_GROUP);
        if (n > RMX_GROUP)
            a = rmx_sum_add(a, rmx_sum_groups(step, row, begin, n, RMX_GROUP, 2 * RMX_GROUP));
    } else {
        a = rmx_sum_groups(step, row, begin, n, 0, RMX_GROUP);
    }
    const rmx_vec b0 = a.v0 + a.v4, b1 = a.v1 + a.v5, b2 = a.v2 + a.v6, b3 = a.v3 + a.v7;
    return (b0 + b2) + (b1 + b3);
}

/* The sum of a row of n elements with its empty partial sums added. */
RMX_INLINE float rmx_sum_with_empty(float sum, int64_t n)
{
    return n < RMX_PARTIAL_SUMS ? rmx_addf(sum, 0.0f) : sum;
}

/* The sum of elements begin .. begin + n - 1, n <= RMX_SPAN. */
RMX_INLINE float rmx_sum_span(rmx_sum_step *step, const void *row, int64_t begin, int64_t n)
{
    return rmx_sum_with_empty(rmx_vec_tree_sum(rmx_sum_span_vec(step, row, begin, n)), n);
}

/* One of a kernel's sums over a span: rmx_sum_span with its step. */
typedef float rmx_sum_of_span(const void *row, int64_t begin, int64_t n);

/* n > RMX_SPAN: the sums of equal parts, the largest power of RMX_SPAN below n, are themselves a
 * row; a last part that needs fewer levels than the others has the same sum with or without. */
static inline float rmx_sum_long(rmx_sum_of_span *span, const void *row, int64_t begin, int64_t n)
{
    float s[RMX_PARTIAL_SUMS] = {0};
    int64_t part = RMX_SPAN;
    while (part < n / RMX_SPAN || (part == n / RMX_SPAN && n % RMX_SPAN != 0)) part *= RMX_SPAN;
    for (int64_t at = 0; at < n; at += part) {
        const int64_t count = n - at < part ? n - at : part;
        float *p = &s[at / part % RMX_PARTIAL_SUMS];
        *p = rmx_addf(*p, count <= RMX_SPAN ? span(row, begin + at, count)
                                            : rmx_sum_long(span, row, begin + at, count));
    }
    rmx_tree_sum(s);
    return s[0];
}

/* A kernel's sum over a whole row of n elements. */
RMX_INLINE float rmx_sum_row(rmx_sum_of_span *span, const void *row, int64_t n)
{
    return n <= RMX_SPAN ? span(row, 0, n) : rmx_sum_long(span, row, 0, n);
}

/* ---- the two plain sums ---- */

typedef struct rmx_dot_row {
    const float *a, *b;
} rmx_dot_row;

RMX_INLINE rmx_vec rmx_plain_step(const void *row, int64_t j, int64_t count, rmx_vec sums)
{
    return sums + rmx_vec_load_some((const float *)row + j, count);
}

RMX_INLINE rmx_vec rmx_dot_step(const void *row, int64_t j, int64_t count, rmx_vec sums)
{
    const rmx_dot_row *r = row;
    return rmx_vec_fma(rmx_vec_load_some(r->a + j, count), rmx_vec_load_some(r->b + j, count),
                       sums);
}

static inline float rmx_plain_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_sum_span(rmx_plain_step, row, begin, n);
}

static inline float rmx_dot_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_sum_span(rmx_dot_step, row, begin, n);
}

/* The sum of v_j. */
static inline float rmx_row_sum(const float *v, int64_t n)
{
    return rmx_sum_row(rmx_plain_span, v, n);
}

/* The sum of a_j b_j, each product fused with its addition. */
static inline float rmx_row_dot(const float *a, const float *b, int64_t n)
{
    const rmx_dot_row row = {a, b};
    return rmx_sum_row(rmx_dot_span, &row, n);
}

#endif /* RMX_PARTIAL_SUMS_H */
