/* SPDX-License-Identifier: MIT */
/* norm_row.h: LayerNorm and RMSNorm of one row of any width, forward and backward.
 *
 * RMSNorm is LayerNorm with a mean of +0, and with a mean gradient of +0 in backward. x - +0 is x
 * in every bit, so the two kinds share all their code.
 *
 * Forward: the mean, the variance of the centred row, then y. Backward: the two sums and the row's
 * share of the parameter gradients in one pass, then dx. A row is read from memory once, and from
 * L1 after that. A row whose sums overflow is rare: the reference computes it (norm_large.h). */
#ifndef RMX_NORM_ROW_H
#define RMX_NORM_ROW_H

#include <stdbool.h>

#include "kernels/cpu/backend.h"
#include "kernels/cpu/partial_sums.h"
#include "kernels/norm_large.h"
#include "kernels/ops.h"
#include "kernels/reference/reference.h"

/* An ordinary store first reads the line that it changes. Of an output too large to be found in
 * cache again, that is half as much traffic more, for nothing: it is streamed, which takes whole
 * aligned vectors. The values are the same. */
static inline bool rmx_norm_streams(const float *y, int64_t rows, int64_t dim, int64_t ld)
{
    return rows * dim >= rmx_cpu_stream_bytes / (int64_t)sizeof *y && dim % RMX_VL == 0 &&
           ld % RMX_VL == 0 && (uintptr_t)y % sizeof(rmx_vec) == 0;
}

/* ---- forward ---- */

/* What the rows of a call share. gamma NULL: ones; beta NULL: zeros. */
typedef struct rmx_norm_rows {
    rmx_norm_kind kind;
    int64_t dim, ld_x, ld_y;
    float eps;
    const float *gamma, *beta;
    bool stream; /* y */
} rmx_norm_rows;

typedef struct rmx_centred_row {
    const float *x;
    float mean;
} rmx_centred_row;

/* Elements beyond the end must add nothing. The mean may be infinite, so they are not 0 - mean. */
RMX_INLINE rmx_vec rmx_centred_step(const void *row, int64_t j, int64_t count, rmx_vec sums)
{
    const rmx_centred_row *r = row;
    rmx_vec c = rmx_vec_load_some(r->x + j, count) - rmx_vec_set(r->mean);
    if (count < RMX_VL) {
        float kept[RMX_VL];
        rmx_vec_store(kept, c);
        c = rmx_vec_load_part(kept, count);
    }
    return rmx_vec_fma(c, c, sums);
}

static inline float rmx_centred_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_sum_span(rmx_centred_step, row, begin, n);
}

static inline void rmx_norm_row_stats(const rmx_norm_rows *r, const float *x, float *mean,
                                      float *rstd)
{
    const float d = (float)r->dim;
    rmx_centred_row row = {x, 0.0f};
    if (r->kind == RMX_NORM_LAYER) row.mean = rmx_divf(rmx_row_sum(x, r->dim), d);
    const float variance = rmx_divf(rmx_sum_row(rmx_centred_span, &row, r->dim), d);
    *mean = row.mean;
    *rstd = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(variance, r->eps)));
}

/* y = fma((x - mean) * rstd, gamma, beta) */
RMX_INLINE void rmx_norm_row_scale(const rmx_norm_rows *r, const float *x, float mean, float rstd,
                                   float *y)
{
    const float *gamma = r->gamma, *beta = r->beta;
    const rmx_vec m = rmx_vec_set(mean), s = rmx_vec_set(rstd);
    int64_t j = 0;
    for (; j + RMX_VL <= r->dim; j += RMX_VL) {
        const rmx_vec g = gamma ? rmx_vec_load(gamma + j) : rmx_vec_set(1.0f);
        const rmx_vec b = beta ? rmx_vec_load(beta + j) : rmx_vec_zero();
        rmx_vec_put(r->stream, y + j, rmx_vec_fma((rmx_vec_load(x + j) - m) * s, g, b));
    }
    for (; j < r->dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], mean), rstd);
        y[j] = rmx_fmaf(h, gamma ? gamma[j] : 1.0f, beta ? beta[j] : 0.0f);
    }
}

static __attribute__((noinline, cold)) void rmx_norm_large_rows(const rmx_norm_rows *r,
                                                                int64_t rows, const float *x,
                                                                float *y, float *mean, float *rstd)
{
    const rmx_norm_args args = {.kind = r->kind,
                                .rows = rows,
                                .dim = r->dim,
                                .ld_x = r->ld_x,
                                .ld_y = r->ld_y,
                                .eps = r->eps,
                                .x = x,
                                .gamma = r->gamma,
                                .beta = r->beta,
                                .y = y,
                                .mean = mean,
                                .rstd = rstd};
    (void)rmx_reference_norm(NULL, &args); /* does not fail, and needs no backend */
}

static inline void rmx_norm_row_forward(const rmx_norm_rows *all, const float *x, float *y,
                                        float *mean, float *rstd)
{
    const rmx_norm_rows r = *all; /* a copy, which no store can change */
    rmx_norm_row_stats(&r, x, mean, rstd);
    if (!rmx_norm_usual(*rstd))
        rmx_norm_large_rows(all, 1, x, y, mean, rstd);
    else
        rmx_norm_row_scale(&r, x, *mean, *rstd, y);
}

/* ---- backward ---- */

/* What the rows of a call share. gamma NULL: ones. */
typedef struct rmx_norm_grads {
    rmx_norm_kind kind;
    int64_t dim, ld;
    const float *gamma;
    bool stream; /* dx */
} rmx_norm_grads;

/* The first of some rows. residual, dx and the parameters' partial sums may be NULL; mean may be
 * for RMSNorm. */
typedef struct rmx_norm_grads_at {
    const float *dy, *x, *mean, *rstd, *residual;
    float *dx, *pgamma, *pbeta;
} rmx_norm_grads_at;

static inline rmx_norm_grads_at rmx_norm_grads_from(const rmx_norm_grads *r,
                                                    const rmx_norm_grads_at *at, int64_t row)
{
    const int64_t move = row * r->ld;
    return (rmx_norm_grads_at){.dy = at->dy + move,
                               .x = at->x + move,
                               .mean = at->mean ? at->mean + row : NULL,
                               .rstd = at->rstd + row,
                               .residual = at->residual ? at->residual + move : NULL,
                               .dx = at->dx ? at->dx + move : NULL,
                               .pgamma = at->pgamma,
                               .pbeta = at->pbeta};
}

typedef struct rmx_norm_grad_row {
    const float *dy, *x, *gamma; /* gamma NULL: ones */
    float mean, rstd;
    float *pgamma, *pbeta; /* NULL: no parameter gradients */
} rmx_norm_grad_row;

/* Elements j .. j + RMX_VL - 1: their terms of both sums and of the parameter gradients,
 * pgamma = fma(dy, h, pgamma), pbeta += dy. */
RMX_INLINE void rmx_norm_terms(const rmx_norm_grad_row *r, int64_t j, rmx_vec *g, rmx_vec *gh)
{
    const rmx_vec h = (rmx_vec_load(r->x + j) - rmx_vec_set(r->mean)) * rmx_vec_set(r->rstd);
    rmx_vec dy = rmx_vec_load(r->dy + j);
    if (r->pgamma) {
        rmx_vec_store(r->pgamma + j, rmx_vec_fma(dy, h, rmx_vec_load(r->pgamma + j)));
        rmx_vec_store(r->pbeta + j, rmx_vec_load(r->pbeta + j) + dy);
    }
    if (r->gamma) dy = dy * rmx_vec_load(r->gamma + j);
    *g = *g + dy;
    *gh = rmx_vec_fma(dy, h, *gh);
}

/* The last n < RMX_VL elements, from j on. An infinite rstd times the +0 beyond the end would be
 * NaN, so h is cut off at the end. */
static void rmx_norm_terms_part(const rmx_norm_grad_row *r, int64_t j, int64_t n, rmx_vec *g,
                                rmx_vec *gh)
{
    float h[RMX_VL];
    const rmx_vec c = rmx_vec_load_part(r->x + j, n) - rmx_vec_set(r->mean);
    rmx_vec_store(h, c * rmx_vec_set(r->rstd));
    rmx_vec dy = rmx_vec_load_part(r->dy + j, n);
    if (r->gamma) dy = dy * rmx_vec_load_part(r->gamma + j, n);
    *g = *g + dy;
    *gh = rmx_vec_fma(dy, rmx_vec_load_part(h, n), *gh);
    for (int64_t i = 0; r->pgamma && i < n; i++) {
        r->pgamma[j + i] = rmx_fmaf(r->dy[j + i], h[i], r->pgamma[j + i]);
        r->pbeta[j + i] = rmx_addf(r->pbeta[j + i], r->dy[j + i]);
    }
}

/* Reduces `vectors` vectors of partial sums to one; those beyond have no element. */
RMX_INLINE rmx_vec rmx_norm_tree(rmx_vec *v, int64_t vectors)
{
    for (int64_t half = RMX_PARTIAL_SUMS / RMX_VL / 2; half >= 4; half /= 2) {
        for (int64_t i = 0; i + half < vectors; i++) v[i] = v[i] + v[i + half];
        if (vectors > half) vectors = half;
    }
    return (v[0] + v[2]) + (v[1] + v[3]);
}

/* Both sums over elements begin .. begin + n - 1, n <= RMX_SPAN, and the parameter gradients, in
 * one pass: four vectors of partial sums of each sum stay in registers. */
static inline void rmx_norm_sums(const rmx_norm_grad_row *row, int64_t begin, int64_t n, float *g,
                                 float *gh)
{
    enum { VECTORS = RMX_PARTIAL_SUMS / RMX_VL, GROUP = 4 * RMX_VL };
    const rmx_norm_grad_row r = *row; /* a copy, which no store can change */
    const int64_t most = (n + GROUP - 1) / GROUP * 4, vectors = most < VECTORS ? most : VECTORS;
    const int64_t end = begin + n, whole = end - n % GROUP;
    rmx_vec s[VECTORS], p[VECTORS];
    s[0] = s[1] = s[2] = s[3] = p[0] = p[1] = p[2] = p[3] = rmx_vec_zero();
    for (int64_t k = 0; k < vectors; k += 4) {
        rmx_vec s0 = rmx_vec_zero(), s1 = s0, s2 = s0, s3 = s0, p0 = s0, p1 = s0, p2 = s0, p3 = s0;
        for (int64_t j = begin + k * RMX_VL; j < whole; j += RMX_PARTIAL_SUMS) {
            rmx_norm_terms(&r, j, &s0, &p0);
            rmx_norm_terms(&r, j + RMX_VL, &s1, &p1);
            rmx_norm_terms(&r, j + 2 * RMX_VL, &s2, &p2);
            rmx_norm_terms(&r, j + 3 * RMX_VL, &s3, &p3);
        }
        s[k] = s0, s[k + 1] = s1, s[k + 2] = s2, s[k + 3] = s3;
        p[k] = p0, p[k + 1] = p1, p[k + 2] = p2, p[k + 3] = p3;
    }
    int64_t j = whole, k = (whole - begin) % RMX_PARTIAL_SUMS / RMX_VL;
    for (; j + RMX_VL <= end; j += RMX_VL, k++) rmx_norm_terms(&r, j, &s[k], &p[k]);
    if (j < end) rmx_norm_terms_part(&r, j, end - j, &s[k], &p[k]);
    *g = rmx_sum_with_empty(rmx_vec_tree_sum(rmx_norm_tree(s, vectors)), n);
    *gh = rmx_sum_with_empty(rmx_vec_tree_sum(rmx_norm_tree(p, vectors)), n);
}

static inline float rmx_norm_g_span(const void *row, int64_t begin, int64_t n)
{
    float g, gh;
    rmx_norm_sums(row, begin, n, &g, &gh);
    return g;
}

static inline float rmx_norm_gh_span(const void *row, int64_t begin, int64_t n)
{
    float g, gh;
    rmx_norm_sums(row, begin, n, &g, &gh);
    return gh;
}

/* mean_g = sum(g) / D and mean_gh = sum(fma(g, h)) / D, g = dy gamma, and the row's share of the
 * parameter gradients. Of a row longer than RMX_SPAN the sums are taken one after the other, the
 * parameter gradients with the second. */
static inline void rmx_norm_row_means(rmx_norm_kind kind, const rmx_norm_grad_row *row,
                                      int64_t dim, float *mean_g, float *mean_gh)
{
    const float d = (float)dim;
    float g, gh;
    if (dim <= RMX_SPAN) {
        rmx_norm_sums(row, 0, dim, &g, &gh);
    } else {
        rmx_norm_grad_row sums_only = *row;
        sums_only.pgamma = sums_only.pbeta = NULL;
        g = rmx_sum_row(rmx_norm_g_span, &sums_only, dim);
        gh = rmx_sum_row(rmx_norm_gh_span, row, dim);
    }
    *mean_g = kind == RMX_NORM_LAYER ? rmx_divf(g, d) : 0.0f;
    *mean_gh = rmx_divf(gh, d);
}

/* dx = rstd * fma(-h, mean_gh, g - mean_g) (+ residual) */
RMX_INLINE void rmx_norm_row_dx(const rmx_norm_grad_row *r, float mean_g, float mean_gh,
                                const float *residual, int64_t dim, bool stream, float *dx)
{
    const float *dy = r->dy, *x = r->x, *gamma = r->gamma;
    const rmx_vec mean = rmx_vec_set(r->mean), rstd = rmx_vec_set(r->rstd);
    const rmx_vec a = rmx_vec_set(mean_g), b = rmx_vec_set(mean_gh);
    int64_t j = 0;
    for (; j + RMX_VL <= dim; j += RMX_VL) {
        const rmx_vec h = (rmx_vec_load(x + j) - mean) * rstd;
        rmx_vec g = rmx_vec_load(dy + j);
        if (gamma) g = g * rmx_vec_load(gamma + j);
        rmx_vec v = rstd * rmx_vec_fma(-h, b, g - a);
        if (residual) v = v + rmx_vec_load(residual + j);
        rmx_vec_put(stream, dx + j, v);
    }
    for (; j < dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], r->mean), r->rstd);
        const float g = gamma ? rmx_mulf(dy[j], gamma[j]) : dy[j];
        const float v = rmx_mulf(r->rstd, rmx_fmaf(-h, mean_gh, rmx_subf(g, mean_g)));
        dx[j] = residual ? rmx_addf(v, residual[j]) : v;
    }
}

/* The shares of the parameter gradients come first, as dx may be dy. */
static __attribute__((noinline, cold)) void rmx_norm_large_row_backward(
    const rmx_norm_grads *r, const rmx_norm_grads_at *at)
{
    const float mean = at->mean ? *at->mean : 0.0f, rstd = *at->rstd;
    const bool halved = rmx_norm_halved(rstd);
    for (int64_t j = 0; at->pgamma && j < r->dim; j++) {
        const float h = halved ? rmx_norm_halved_h(at->x[j], mean, rstd)
                               : rmx_mulf(rmx_subf(at->x[j], mean), rstd);
        at->pgamma[j] = rmx_fmaf(at->dy[j], h, at->pgamma[j]);
        at->pbeta[j] = rmx_addf(at->pbeta[j], at->dy[j]);
    }
    const rmx_norm_backward_args args = {.kind = r->kind,
                                         .rows = 1,
                                         .dim = r->dim,
                                         .ld = r->ld,
                                         .dy = at->dy,
                                         .x = at->x,
                                         .gamma = r->gamma,
                                         .mean = at->mean,
                                         .rstd = at->rstd,
                                         .residual = at->residual,
                                         .dx = at->dx};
    (void)rmx_reference_norm_backward(NULL, &args);
}

/* dx and the shares of the parameter gradients of the row that `at` names. */
static inline void rmx_norm_row_backward(const rmx_norm_grads *r, const rmx_norm_grads_at *at)
{
    const bool layer = r->kind == RMX_NORM_LAYER;
    if (layer && rmx_norm_halved(*at->rstd)) { /* RMSNorm needs no halving */
        rmx_norm_large_row_backward(r, at);
        return;
    }
    const rmx_norm_grad_row row = {at->dy,    at->x,      r->gamma, layer ? *at->mean : 0.0f,
                                   *at->rstd, at->pgamma, at->pbeta};
    float mean_g, mean_gh;
    rmx_norm_row_means(r->kind, &row, r->dim, &mean_g, &mean_gh);
    if (at->dx) rmx_norm_row_dx(&row, mean_g, mean_gh, at->residual, r->dim, r->stream, at->dx);
}

#endif /* RMX_NORM_ROW_H */
