/* SPDX-License-Identifier: MIT */
/* partial_sums_across.h: the sums of up to RMX_COLUMNS rows side by side, for rows that lie across
 * memory (softmax over a strided axis, mean over tokens): vectors run across the rows.
 *
 * rmx_columns_start begins the sums, rmx_columns_add adds the next element of every row, and
 * rmx_columns_total gives the sums. Level 0 collects elements. Level k + 1 collects the sums of
 * full spans of level k. A span is passed on when the next element comes. So a level with nothing
 * above it holds the whole row, which is the order of numerics.h for any length. */
#ifndef RMX_PARTIAL_SUMS_ACROSS_H
#define RMX_PARTIAL_SUMS_ACROSS_H

#include <stdbool.h>

#include "kernels/cpu/partial_sums.h"

#define RMX_COLUMNS 64
#define RMX_COLUMN_LEVELS 6 /* RMX_SPAN^6 elements are more than an int64_t counts */

typedef struct rmx_columns { /* lives in a worker's scratch */
    int64_t width;           /* rows side by side, <= RMX_COLUMNS */
    int64_t count[RMX_COLUMN_LEVELS];
    float s[RMX_COLUMN_LEVELS][RMX_PARTIAL_SUMS][RMX_COLUMNS];
} rmx_columns;

static inline void rmx_columns_start(rmx_columns *c, int64_t width)
{
    c->width = width;
    memset(c->count, 0, sizeof c->count);
}

/* Reduces what a level holds, which is at least one element, as a tree, and empties it. */
static inline const float *rmx_columns_reduce(rmx_columns *c, int level)
{
    float(*s)[RMX_COLUMNS] = c->s[level];
    int64_t live = c->count[level] < RMX_PARTIAL_SUMS ? c->count[level] : RMX_PARTIAL_SUMS;
    for (int64_t off = RMX_PARTIAL_SUMS / 2; off > 0; off /= 2) {
        for (int64_t l = 0; l < off && l + off < live; l++) {
            float *to = s[l];
            const float *from = s[l + off];
            RMX_INDEPENDENT
            for (int64_t w = 0; w < c->width; w++) to[w] = rmx_addf(to[w], from[w]);
        }
        if (live > off) live = off;
    }
    if (c->count[level] < RMX_PARTIAL_SUMS) { /* the empty partial sums turn -0 into +0 */
        for (int64_t w = 0; w < c->width; w++) s[0][w] = rmx_addf(s[0][w], 0.0f);
    }
    c->count[level] = 0;
    return s[0];
}

/* The partial sums that the next element of each row goes to; fresh: they hold nothing yet. */
RMX_INLINE float *rmx_columns_next(rmx_columns *c, int level, bool *fresh)
{
    const int64_t j = c->count[level]++;
    *fresh = j < RMX_PARTIAL_SUMS;
    return c->s[level][j % RMX_PARTIAL_SUMS];
}

/* The next element of each row: s += v[w * stride]. */
RMX_INLINE void rmx_columns_put(rmx_columns *c, int level, const float *v, int64_t stride)
{
    bool fresh;
    float *s = rmx_columns_next(c, level, &fresh);
    if (fresh) {
        RMX_INDEPENDENT
        for (int64_t w = 0; w < c->width; w++) s[w] = rmx_addf(0.0f, v[w * stride]);
    } else {
        RMX_INDEPENDENT
        for (int64_t w = 0; w < c->width; w++) s[w] = rmx_addf(s[w], v[w * stride]);
    }
}

/* Empties the full levels from `lowest` up, the highest first: each then has room above it. */
static inline void rmx_columns_carry(rmx_columns *c, int lowest)
{
    int top = lowest;
    while (c->count[top] == RMX_SPAN) top++;
    for (int level = top - 1; level >= lowest; level--) {
        rmx_columns_put(c, level + 1, rmx_columns_reduce(c, level), 1);
    }
}

RMX_INLINE void rmx_columns_add(rmx_columns *c, const float *v, int64_t stride)
{
    if (c->count[0] == RMX_SPAN) rmx_columns_carry(c, 0);
    rmx_columns_put(c, 0, v, stride);
}

/* The next element of each row is a product: s = fma(a, b, s). */
RMX_INLINE void rmx_columns_add_product(rmx_columns *c, const float *a, const float *b)
{
    bool fresh;
    if (c->count[0] == RMX_SPAN) rmx_columns_carry(c, 0);
    float *s = rmx_columns_next(c, 0, &fresh);
    if (fresh) {
        RMX_INDEPENDENT
        for (int64_t w = 0; w < c->width; w++) s[w] = rmx_fmaf(a[w], b[w], 0.0f);
    } else {
        RMX_INDEPENDENT
        for (int64_t w = 0; w < c->width; w++) s[w] = rmx_fmaf(a[w], b[w], s[w]);
    }
}

/* The sums, [width]; valid until the next start. */
static inline const float *rmx_columns_total(rmx_columns *c)
{
    if (c->count[0] == 0) return memset(c->s[0][0], 0, sizeof c->s[0][0]);
    int level = 0;
    for (; c->count[level + 1] > 0; level++) {
        rmx_columns_carry(c, level + 1);
        rmx_columns_put(c, level + 1, rmx_columns_reduce(c, level), 1);
    }
    return rmx_columns_reduce(c, level);
}

#endif /* RMX_PARTIAL_SUMS_ACROSS_H */
