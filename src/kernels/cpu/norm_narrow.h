/* SPDX-License-Identifier: MIT */
/* norm_narrow.h: LayerNorm and RMSNorm of short rows, groups of RMX_ROWS of them together.
 *
 * Short is a row of RMX_PARTIAL_SUMS elements at most, a power of two, in whole vectors: none of its
 * partial sums has more than one element, and much of what it costs is not its elements but halving
 * within a vector, division and square root. A group shares those instructions; and as each waits
 * for the one before, the sums of two groups are taken before the first is looked at again. Here
 * the code is straight: n, a row's vectors, is a constant wherever it is passed. */
#ifndef RMX_NORM_SHORT_H
#define RMX_NORM_SHORT_H

#include <stdbool.h>

#include "kernels/cpu/partial_sums.h"
#include "kernels/cpu/stream.h"
#include "kernels/norm_large.h"
#include "kernels/ops.h"
#include "kernels/reference/reference.h"

/* What some rows have in common: those of x are ld_x apart, those of y ld_y. stream: y is aligned
 * to vectors and dim a multiple of them (stream.h). */
typedef struct rmx_norm_rows {
    rmx_norm_kind kind;
    int64_t dim, ld_x, ld_y;
    float eps;
    const float *gamma, *beta;
    bool stream;
} rmx_norm_rows;

#define RMX_GROUPS 2 /* of rows together at most */

typedef struct rmx_norm_stats {
    float mean[RMX_GROUPS * RMX_ROWS], rstd[RMX_GROUPS * RMX_ROWS];
} rmx_norm_stats;

/* ---- rows whose sums overflow ----
 *
 * They are rare: the reference does them, and with them the rows that are taken together. */

/* Of `rows` rows of a multiple of RMX_ROWS, or of more that are usual. */
RMX_INLINE bool rmx_norm_all_usual(const float *rstd, int64_t rows)
{
    int usual = 1;
#if RMX_VL >= 8
    for (int64_t i = 0; i < rows; i += RMX_ROWS) {
        const __m256 above =
            _mm256_cmp_ps(_mm256_loadu_ps(rstd + i), _mm256_setzero_ps(), _CMP_GT_OQ);
        usual &= _mm256_movemask_ps(above) == 0xff;
    }
#else
    for (int64_t i = 0; i < rows; i++) usual &= rmx_norm_usual(rstd[i]);
#endif
    return usual;
}

static __attribute__((noinline, cold)) void rmx_norm_large_rows(
    const rmx_norm_rows *r, int64_t rows, const float *x, int64_t ld_x, float *y, int64_t ld_y,
    rmx_norm_stats *stats, int64_t first)
{
    const rmx_norm_args args = {.kind = r->kind,
                                .rows = rows,
                                .dim = r->dim,
                                .ld_x = ld_x,
                                .ld_y = ld_y,
                                .eps = r->eps,
                                .x = x,
                                .gamma = r->gamma,
                                .beta = r->beta,
                                .y = y,
                                .mean = stats->mean + first,
                                .rstd = stats->rstd + first};
    (void)rmx_reference_norm(NULL, &args); /* does not fail, and needs no backend */
}

static inline bool rmx_norm_short(int64_t dim)
{
    return RMX_VL >= 8 && dim >= RMX_VL && dim <= RMX_PARTIAL_SUMS && (dim & (dim - 1)) == 0;
}

/* A row's partials, halved down to one vector. */
RMX_INLINE rmx_vec rmx_short_halve(int n, const rmx_vec v[16])
{
    rmx_vec h[8];
    if (n == 1) return v[0];
    if (n == 2) return v[0] + v[1];
    if (n == 4) return (v[0] + v[2]) + (v[1] + v[3]);
    for (int i = 0; i < 8; i++) h[i] = v[i];
    for (int i = 8; i < n; i++) h[i - 8] = h[i - 8] + v[i];
    return ((h[0] + h[4]) + (h[2] + h[6])) + ((h[1] + h[5]) + (h[3] + h[7]));
}

/* Multiplies by 1 / dim instead of dividing: dim is a power of two, so the results are the same. */
RMX_INLINE void rmx_short_stats(int n, const rmx_norm_rows *r, const float *x, int64_t ld,
                                float mean[RMX_ROWS], float rstd[RMX_ROWS])
{
    const float part = 1.0f / (float)(n * RMX_VL);
    rmx_vec sums[RMX_ROWS], v[16];
    for (int i = 0; i < RMX_ROWS; i++) mean[i] = 0.0f;
    if (r->kind == RMX_NORM_LAYER) {
        for (int i = 0; i < RMX_ROWS; i++) {
            for (int k = 0; k < n; k++) v[k] = rmx_vec_load(x + i * ld + k * RMX_VL);
            sums[i] = rmx_short_halve(n, v);
        }
        rmx_lanes_halve_rows(sums, mean);
        /* + 0: partials begin at +0, and so the sum of a row of -0 is +0 */
        for (int i = 0; i < RMX_ROWS; i++) mean[i] = rmx_mulf(rmx_addf(mean[i], 0.0f), part);
    }
    for (int i = 0; i < RMX_ROWS; i++) {
        const rmx_vec m = rmx_vec_set(mean[i]);
        for (int k = 0; k < n; k++) {
            const rmx_vec c = rmx_vec_load(x + i * ld + k * RMX_VL) - m;
            v[k] = c * c; /* fma(c, c, +0): a square is not -0 */
        }
        sums[i] = rmx_short_halve(n, v);
    }
    rmx_lanes_halve_rows(sums, rstd);
    for (int i = 0; i < RMX_ROWS; i++)
        rstd[i] = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(rmx_mulf(rstd[i], part), r->eps)));
}

/* What comes next of x, as many rows, is asked for along the way; NULL: nothing. */
RMX_INLINE void rmx_short_scale(int n, int rows, const rmx_norm_stats *stats, const float *gamma,
                                const float *beta, const float *x, int64_t ld_x, const float *next,
                                bool stream, float *y, int64_t ld_y)
{
    for (int i = 0; i < rows; i++) {
        const rmx_vec mean = rmx_vec_set(stats->mean[i]), rstd = rmx_vec_set(stats->rstd[i]);
        for (int j = 0; next && j < n * RMX_VL; j += 16) __builtin_prefetch(next + i * ld_x + j);
        for (int j = 0; j < n * RMX_VL; j += RMX_VL) {
            const rmx_vec g = gamma ? rmx_vec_load(gamma + j) : rmx_vec_set(1.0f);
            const rmx_vec b = beta ? rmx_vec_load(beta + j) : rmx_vec_zero();
            const rmx_vec h = (rmx_vec_load(x + i * ld_x + j) - mean) * rstd;
            rmx_stream_put(stream, y + i * ld_y + j, rmx_vec_fma(h, g, b));
        }
    }
}

/* y = fma((x - mean) * rstd, gamma, beta) */
RMX_INLINE void rmx_short_rows(int n, const rmx_norm_rows *r, int rows, const float *x,
                               int64_t ld_x, const float *next, float *y, int64_t ld_y,
                               rmx_norm_stats *stats)
{
    const float *gamma = r->gamma, *beta = r->beta;
    for (int i = 0; i < rows; i += RMX_ROWS)
        rmx_short_stats(n, r, x + i * ld_x, ld_x, stats->mean + i, stats->rstd + i);
    if (x == y && !rmx_norm_all_usual(stats->rstd, rows)) /* before x is gone */
        rmx_norm_large_rows(r, rows, x, ld_x, y, ld_y, stats, 0);
    else if (gamma && beta && r->stream)
        rmx_short_scale(n, rows, stats, gamma, beta, x, ld_x, next, true, y, ld_y);
    else if (gamma && beta)
        rmx_short_scale(n, rows, stats, gamma, beta, x, ld_x, next, false, y, ld_y);
    else if (gamma)
        rmx_short_scale(n, rows, stats, gamma, NULL, x, ld_x, next, r->stream, y, ld_y);
    else
        rmx_short_scale(n, rows, stats, NULL, beta, x, ld_x, next, r->stream, y, ld_y);
}

RMX_INLINE void rmx_short_sized(int n, const rmx_norm_rows *r, int rows, const float *x,
                                const float *next, float *y, rmx_norm_stats *stats)
{
    const int64_t dim = n * RMX_VL;
    if (r->ld_x == dim && r->ld_y == dim)
        rmx_short_rows(n, r, rows, x, dim, next, y, dim, stats);
    else
        rmx_short_rows(n, r, rows, x, r->ld_x, next, y, r->ld_y, stats);
}

/* 1 .. RMX_GROUPS groups of rows that are rmx_norm_short. Called, not taken in: of each size there
 * is one. */
static __attribute__((noinline)) void rmx_norm_short_rows(const rmx_norm_rows *all, int groups,
                                                          const float *x, const float *next,
                                                          float *y, rmx_norm_stats *stats)
{
    const rmx_norm_rows r = *all; /* a copy, which no store can change */
    const int rows = groups * RMX_ROWS;
    switch (r.dim / RMX_VL) {
    case 1: rmx_short_sized(1, &r, rows, x, next, y, stats); break;
    case 2: rmx_short_sized(2, &r, rows, x, next, y, stats); break;
    case 4: rmx_short_sized(4, &r, rows, x, next, y, stats); break;
    case 8: rmx_short_sized(8, &r, rows, x, next, y, stats); break;
    default: rmx_short_sized(RMX_PARTIAL_SUMS / RMX_VL, &r, rows, x, next, y, stats); break;
    }
    /* here the check costs less than before the rows are scaled */
    if (x != y && !rmx_norm_all_usual(stats->rstd, rows))
        rmx_norm_large_rows(all, rows, x, r.ld_x, y, r.ld_y, stats, 0);
}

/* ---- backward ---- */

/* What some rows have in common: all that is of rows is ld apart. gamma NULL: ones. stream: dx is
 * aligned to vectors and dim a multiple of them. */
typedef struct rmx_norm_grads {
    rmx_norm_kind kind;
    int64_t dim, ld;
    const float *gamma;
    bool stream;
} rmx_norm_grads;

/* Where they are. mean is read for LayerNorm only; residual, dx and the partial sums of the
 * parameters may be NULL; so may the rows of dy and x that come next, which are asked for. */
typedef struct rmx_norm_grads_at {
    const float *dy, *x, *mean, *rstd, *residual, *next_dy, *next_x;
    float *dx, *pgamma, *pbeta;
} rmx_norm_grads_at;

/* RMSNorm needs no halving. */
RMX_INLINE bool rmx_norm_any_halved(rmx_norm_kind kind, const float *rstd, int64_t rows)
{
    int halved = 0;
    for (int64_t i = 0; i < rows; i++) halved |= rmx_norm_halved(rstd[i]);
    return kind == RMX_NORM_LAYER && halved;
}

/* The same of rows that are RMX_ROWS or a multiple of them. */
RMX_INLINE bool rmx_short_any_halved(const float *rstd, int64_t rows)
{
    int halved = 0;
#if RMX_VL >= 8
    const __m256 sign = _mm256_set1_ps(-0.0f), bound = _mm256_set1_ps(RMX_NORM_HALVED);
    for (int64_t i = 0; i < rows; i += RMX_ROWS) {
        const __m256 size = _mm256_andnot_ps(sign, _mm256_loadu_ps(rstd + i));
        halved |= _mm256_movemask_ps(_mm256_cmp_ps(size, bound, _CMP_LT_OQ));
    }
#else
    for (int64_t i = 0; i < rows; i++) halved |= rmx_norm_halved(rstd[i]);
#endif
    return halved;
}

/* A row's shares of the parameter gradients come first, as dx may be dy. */
static __attribute__((noinline, cold)) void rmx_norm_large_backward(const rmx_norm_grads *r,
                                                                    int64_t rows,
                                                                    const rmx_norm_grads_at *at)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *x = at->x + i * r->ld, *dy = at->dy + i * r->ld;
        const float mean = at->mean[i], rstd = at->rstd[i];
        const bool halved = rmx_norm_halved(rstd);
        for (int64_t j = 0; at->pgamma && j < r->dim; j++) {
            const float h = halved ? rmx_norm_halved_h(x[j], mean, rstd)
                                   : rmx_mulf(rmx_subf(x[j], mean), rstd);
            at->pgamma[j] = rmx_fmaf(dy[j], h, at->pgamma[j]);
            at->pbeta[j] = rmx_addf(at->pbeta[j], dy[j]);
        }
        const rmx_norm_backward_args args = {.kind = r->kind,
                                             .rows = 1,
                                             .dim = r->dim,
                                             .ld = r->ld,
                                             .dy = dy,
                                             .x = x,
                                             .gamma = r->gamma,
                                             .mean = at->mean + i,
                                             .rstd = at->rstd + i,
                                             .residual =
                                                 at->residual ? at->residual + i * r->ld : NULL,
                                             .dx = at->dx ? at->dx + i * r->ld : NULL};
        (void)rmx_reference_norm_backward(NULL, &args);
    }
}

RMX_INLINE rmx_vec rmx_short_mean(const rmx_norm_grads *r, const rmx_norm_grads_at *at, int i)
{
    return r->kind == RMX_NORM_LAYER ? rmx_vec_set(at->mean[i]) : rmx_vec_zero();
}

/* a = lanes(g) / D, b = lanes(fma(g, h)) / D of the group of rows from `first` on; and, down the
 * rows, the shares of the parameter gradients: pgamma = fma(dy, h, pgamma), pbeta += dy. */
RMX_INLINE void rmx_short_means(int n, const rmx_norm_grads *r, const rmx_norm_grads_at *at,
                                int first, const float *gamma, bool parameters, int64_t ld,
                                float a[RMX_ROWS], float b[RMX_ROWS])
{
    const float *x = at->x + first * ld, *dy = at->dy + first * ld;
    const float part = 1.0f / (float)(n * RMX_VL);
    rmx_vec sums[RMX_ROWS], products[RMX_ROWS], g[16], gh[16], pgamma[16], pbeta[16];
    for (int k = 0; parameters && k < n; k++) {
        pgamma[k] = rmx_vec_load(at->pgamma + k * RMX_VL);
        pbeta[k] = rmx_vec_load(at->pbeta + k * RMX_VL);
    }
    for (int i = 0; i < RMX_ROWS; i++) {
        const rmx_vec mean = rmx_short_mean(r, at, first + i);
        const rmx_vec rstd = rmx_vec_set(at->rstd[first + i]);
        for (int k = 0; k < n; k++) {
            const int64_t j = k * RMX_VL;
            const rmx_vec h = (rmx_vec_load(x + i * ld + j) - mean) * rstd;
            g[k] = rmx_vec_load(dy + i * ld + j);
            if (parameters) {
                pgamma[k] = rmx_vec_fma(g[k], h, pgamma[k]);
                pbeta[k] = pbeta[k] + g[k];
            }
            if (gamma) g[k] = g[k] * rmx_vec_load(gamma + j);
            gh[k] = rmx_vec_fma(g[k], h, rmx_vec_zero());
        }
        sums[i] = rmx_short_halve(n, g);
        products[i] = rmx_short_halve(n, gh);
    }
    for (int k = 0; parameters && k < n; k++) {
        rmx_vec_store(at->pgamma + k * RMX_VL, pgamma[k]);
        rmx_vec_store(at->pbeta + k * RMX_VL, pbeta[k]);
    }
    rmx_lanes_halve_rows(sums, a);
    rmx_lanes_halve_rows(products, b);
    for (int i = 0; i < RMX_ROWS; i++) {
        a[i] = r->kind == RMX_NORM_LAYER ? rmx_mulf(rmx_addf(a[i], 0.0f), part) : 0.0f;
        b[i] = rmx_mulf(rmx_lanes_with_empty(b[i], n * RMX_VL), part);
    }
}

/* dx = rstd * fma(-h, b, g - a) (+ residual) */
RMX_INLINE void rmx_short_dx(int n, const rmx_norm_grads *r, int rows, const rmx_norm_grads_at *at,
                             const float *gamma, const float *residual, int64_t ld)
{
    float a[RMX_GROUPS * RMX_ROWS], b[RMX_GROUPS * RMX_ROWS];
    for (int i = 0; i < rows; i += RMX_ROWS) {
        if (at->pgamma)
            rmx_short_means(n, r, at, i, gamma, true, ld, a + i, b + i);
        else
            rmx_short_means(n, r, at, i, gamma, false, ld, a + i, b + i);
    }
    if (!at->dx) return;
    for (int i = 0; i < rows; i++) {
        const rmx_vec mean = rmx_short_mean(r, at, i), rstd = rmx_vec_set(at->rstd[i]);
        const rmx_vec mean_g = rmx_vec_set(a[i]), mean_gh = rmx_vec_set(b[i]);
        for (int64_t j = 0; j < n * RMX_VL; j += 16) {
            if (at->next_dy) __builtin_prefetch(at->next_dy + i * ld + j);
            if (at->next_x) __builtin_prefetch(at->next_x + i * ld + j);
        }
        for (int64_t j = 0; j < n * RMX_VL; j += RMX_VL) {
            const rmx_vec h = (rmx_vec_load(at->x + i * ld + j) - mean) * rstd;
            rmx_vec g = rmx_vec_load(at->dy + i * ld + j);
            if (gamma) g = g * rmx_vec_load(gamma + j);
            rmx_vec v = rstd * rmx_vec_fma(-h, mean_gh, g - mean_g);
            if (residual) v = v + rmx_vec_load(residual + i * ld + j);
            rmx_stream_put(r->stream, at->dx + i * ld + j, v);
        }
    }
}

RMX_INLINE void rmx_short_backward(int n, const rmx_norm_grads *r, int rows,
                                   const rmx_norm_grads_at *at, int64_t ld)
{
    if (r->gamma && at->residual)
        rmx_short_dx(n, r, rows, at, r->gamma, at->residual, ld);
    else if (r->gamma)
        rmx_short_dx(n, r, rows, at, r->gamma, NULL, ld);
    else
        rmx_short_dx(n, r, rows, at, NULL, at->residual, ld);
}

/* 1 .. RMX_GROUPS groups of rows that are rmx_norm_short; likewise. */
static __attribute__((noinline)) void rmx_norm_short_backward(const rmx_norm_grads *all,
                                                              int groups,
                                                              const rmx_norm_grads_at *first)
{
    const rmx_norm_grads r = *all; /* copies, which no store can change */
    const rmx_norm_grads_at at = *first;
    const int rows = groups * RMX_ROWS;
    if (r.kind == RMX_NORM_LAYER && rmx_short_any_halved(at.rstd, rows)) {
        rmx_norm_large_backward(all, rows, first);
        return;
    }
    switch (r.dim / RMX_VL) {
    case 1: rmx_short_backward(1, &r, rows, &at, r.ld); break;
    case 2: rmx_short_backward(2, &r, rows, &at, r.ld); break;
    case 4: rmx_short_backward(4, &r, rows, &at, r.ld); break;
    case 8: rmx_short_backward(8, &r, rows, &at, r.ld); break;
    default: rmx_short_backward(RMX_PARTIAL_SUMS / RMX_VL, &r, rows, &at, r.ld); break;
    }
}

#endif /* RMX_NORM_SHORT_H */
