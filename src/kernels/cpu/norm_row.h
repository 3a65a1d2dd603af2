/* SPDX-License-Identifier: MIT */
/* norm_row.h: LayerNorm and RMSNorm of one row, for norm.c and the fused token_mixer.c.
 *
 * RMSNorm is LayerNorm with the mean (and, going back, the mean gradient) taken as +0: x - +0 is x
 * in every bit, so the two kinds share all their code. */
#ifndef RMX_NORM_ROW_H
#define RMX_NORM_ROW_H

#include <stdbool.h>

#include "kernels/cpu/partial_sums.h"
#include "kernels/cpu/norm_narrow.h"
#include "kernels/cpu/stream.h"
#include "kernels/ops.h"

typedef struct rmx_centred_row {
    const float *x;
    float mean;
} rmx_centred_row;

/* Lanes beyond the end must add nothing, and the mean may be infinite there: so not 0 - mean. */
RMX_INLINE rmx_vec rmx_centred_load(const float *x, int64_t count, rmx_vec mean)
{
    if (count == RMX_VL) return rmx_vec_load(x) - mean;
    const rmx_vec c = rmx_vec_load_part(x, count) - mean;
    float kept[RMX_VL];
    rmx_vec_store(kept, c);
    return rmx_vec_load_part(kept, count);
}

RMX_INLINE rmx_vec rmx_centred_step(const void *row, int64_t j, int64_t count, rmx_vec acc)
{
    const rmx_centred_row *r = row;
    const rmx_vec c = rmx_centred_load(r->x + j, count, rmx_vec_set(r->mean));
    return rmx_vec_fma(c, c, acc);
}

static inline float rmx_centred_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_lanes_span(rmx_centred_step, row, begin, n);
}

/* The row is read twice, the second time from L1 (rows up to some thousand elements). */
static inline void rmx_norm_row_stats(rmx_norm_kind kind, const float *x, int64_t dim, float eps,
                                      float *mean, float *rstd)
{
    const float d = (float)dim;
    rmx_centred_row row = {x, 0.0f};
    if (kind == RMX_NORM_LAYER) row.mean = rmx_divf(rmx_lanes_sum(x, dim), d);
    const float var = rmx_divf(rmx_lanes_row(rmx_centred_span, &row, dim), d);
    *mean = row.mean;
    *rstd = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(var, eps)));
}

/* The same for up to RMX_ROWS rows, whose sums are halved together: of narrow rows, halving and the
 * division would take longer than all else. dim <= RMX_SPAN. */
static inline void rmx_norm_rows_stats(const rmx_norm_rows *r, int64_t rows, const float *x,
                                       float mean[RMX_ROWS], float rstd[RMX_ROWS])
{
    const float d = (float)r->dim;
    rmx_vec v[RMX_ROWS];
    for (int64_t i = rows; i < RMX_ROWS; i++) v[i] = rmx_vec_zero();
    for (int i = 0; i < RMX_ROWS; i++) mean[i] = 0.0f;
    if (r->kind == RMX_NORM_LAYER) {
        for (int64_t i = 0; i < rows; i++)
            v[i] = rmx_lanes_span_vec(rmx_lanes_sum_step, x + i * r->ld_x, 0, r->dim);
        rmx_lanes_halve_rows(v, mean);
        for (int i = 0; i < RMX_ROWS; i++) mean[i] = rmx_divf(mean[i], d);
    }
    for (int64_t i = 0; i < rows; i++) {
        const rmx_centred_row row = {x + i * r->ld_x, mean[i]};
        v[i] = rmx_lanes_span_vec(rmx_centred_step, &row, 0, r->dim);
    }
    rmx_lanes_halve_rows(v, rstd);
    /* no sum here is -0, and none needs its empty partials */
    for (int i = 0; i < RMX_ROWS; i++)
        rstd[i] = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(rmx_divf(rstd[i], d), r->eps)));
}

RMX_INLINE void rmx_norm_row_scale(const rmx_norm_rows *r, const float *x, float mean, float rstd,
                                   const float *gamma, const float *beta, const float *next,
                                   float *y)
{
    const rmx_vec m = rmx_vec_set(mean), s = rmx_vec_set(rstd);
    int64_t j = 0;
    for (; j + RMX_VL <= r->dim; j += RMX_VL) {
        __builtin_prefetch(next + j);
        const rmx_vec g = gamma ? rmx_vec_load(gamma + j) : rmx_vec_set(1.0f);
        const rmx_vec b = beta ? rmx_vec_load(beta + j) : rmx_vec_zero();
        const rmx_vec h = (rmx_vec_load(x + j) - m) * s;
        rmx_stream_put(r->stream, y + j, rmx_vec_fma(h, g, b));
    }
    for (; j < r->dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], mean), rstd);
        y[j] = rmx_fmaf(h, gamma ? gamma[j] : 1.0f, beta ? beta[j] : 0.0f);
    }
}

/* y = fma((x - mean) * rstd, gamma, beta); one loop for each choice of optional operands */
static inline void rmx_norm_row_apply(const rmx_norm_rows *all, const float *x, float mean,
                                      float rstd, const float *next, float *y)
{
    const rmx_norm_rows r = *all; /* a copy, which no store can change */
    if (r.gamma && r.beta)
        rmx_norm_row_scale(&r, x, mean, rstd, r.gamma, r.beta, next, y);
    else if (r.gamma)
        rmx_norm_row_scale(&r, x, mean, rstd, r.gamma, NULL, next, y);
    else if (r.beta)
        rmx_norm_row_scale(&r, x, mean, rstd, NULL, r.beta, next, y);
    else
        rmx_norm_row_scale(&r, x, mean, rstd, NULL, NULL, next, y);
}

/* Rows whose statistics are taken together: few enough to stay in L1 until they are scaled. */
static inline int64_t rmx_norm_together(int64_t dim)
{
    if (rmx_norm_short(dim)) return RMX_GROUPS * RMX_ROWS;
    return dim <= 4096 / RMX_ROWS ? RMX_ROWS : 1;
}

/* Up to rmx_norm_together rows. Of short ones whole groups, then those that are left. */
static inline void rmx_norm_rows_forward(const rmx_norm_rows *r, int64_t rows, const float *x,
                                         const float *next, float *y, rmx_norm_stats *stats)
{
    const int groups = rmx_norm_short(r->dim) ? (int)(rows / RMX_ROWS) : 0;
    const int64_t done = groups * RMX_ROWS;
    if (groups > 0) rmx_norm_short_rows(r, groups, x, next, y, stats);
    if (done == rows) return;
    const bool together = rmx_norm_together(r->dim) > 1;
    if (together)
        rmx_norm_rows_stats(r, rows - done, x + done * r->ld_x, stats->mean + done,
                            stats->rstd + done);
    if (together && !rmx_norm_all_usual(stats->rstd + done, rows - done)) {
        rmx_norm_large_rows(r, rows - done, x + done * r->ld_x, r->ld_x, y + done * r->ld_y,
                            r->ld_y, stats, done);
        return;
    }
    for (int64_t i = done; i < rows; i++) {
        const float *row = x + i * r->ld_x;
        if (!together)
            rmx_norm_row_stats(r->kind, row, r->dim, r->eps, &stats->mean[i], &stats->rstd[i]);
        if (rmx_norm_usual(stats->rstd[i]))
            rmx_norm_row_apply(r, row, stats->mean[i], stats->rstd[i], next + i * r->ld_x,
                               y + i * r->ld_y);
        else
            rmx_norm_large_rows(r, 1, row, r->ld_x, y + i * r->ld_y, r->ld_y, stats, i);
    }
}

/* Where a caller wants them, the statistics of those rows. */
static inline void rmx_norm_keep(const float *stats, int64_t rows, float *to)
{
    if (!to) return;
    if (rows == RMX_GROUPS * RMX_ROWS) /* a length that the compiler knows */
        memcpy(to, stats, RMX_GROUPS * RMX_ROWS * sizeof *to);
    else
        memcpy(to, stats, (size_t)rows * sizeof *to);
}

/* ---- backward ---- */

typedef struct rmx_norm_grad_row {
    const float *dy, *x, *gamma; /* gamma NULL: ones */
    float mean, rstd;
    float *pgamma, *pbeta; /* NULL: no parameter gradients */
} rmx_norm_grad_row;

/* Where a row's dx goes. stream: it is aligned to vectors, and dim a multiple of them. The rows of
 * dy and x that come next are asked for along the way, where they are given. */
typedef struct rmx_norm_dx {
    const float *residual, *next_dy, *next_x;
    float *dx;
    bool stream;
} rmx_norm_dx;

RMX_INLINE void rmx_norm_row_dx(const rmx_norm_grad_row *r, float a, float b, const float *gamma,
                                const float *residual, int64_t dim, const rmx_norm_dx *to)
{
    const float *dy = r->dy, *x = r->x;
    float *dx = to->dx;
    const rmx_vec mean = rmx_vec_set(r->mean), rstd = rmx_vec_set(r->rstd);
    const rmx_vec mean_g = rmx_vec_set(a), mean_gh = rmx_vec_set(b);
    int64_t j = 0;
    for (; j + RMX_VL <= dim; j += RMX_VL) {
        if (to->next_dy && j % 16 == 0) __builtin_prefetch(to->next_dy + j);
        if (to->next_x && j % 16 == 0) __builtin_prefetch(to->next_x + j);
        const rmx_vec h = (rmx_vec_load(x + j) - mean) * rstd;
        rmx_vec g = rmx_vec_load(dy + j);
        if (gamma) g = g * rmx_vec_load(gamma + j);
        rmx_vec v = rstd * rmx_vec_fma(-h, mean_gh, g - mean_g);
        if (residual) v = v + rmx_vec_load(residual + j);
        rmx_stream_put(to->stream, dx + j, v);
    }
    for (; j < dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], r->mean), r->rstd);
        const float g = gamma ? rmx_mulf(dy[j], gamma[j]) : dy[j];
        const float v = rmx_mulf(r->rstd, rmx_fmaf(-h, b, rmx_subf(g, a)));
        dx[j] = residual ? rmx_addf(v, residual[j]) : v;
    }
}

/* dx = rstd * fma(-h, b, g - a) (+ residual) */
RMX_INLINE void rmx_norm_row_from_means(const rmx_norm_grad_row *row, float a, float b,
                                        int64_t dim, const rmx_norm_dx *to)
{
    if (row->gamma && to->residual)
        rmx_norm_row_dx(row, a, b, row->gamma, to->residual, dim, to);
    else if (row->gamma)
        rmx_norm_row_dx(row, a, b, row->gamma, NULL, dim, to);
    else if (to->residual)
        rmx_norm_row_dx(row, a, b, NULL, to->residual, dim, to);
    else
        rmx_norm_row_dx(row, a, b, NULL, NULL, dim, to);
}

/* Elements j .. j + RMX_VL - 1 of a row: their terms of both sums and, where there is pgamma, of
 * the parameter gradients, pgamma = fma(dy, h, pgamma), pbeta += dy. */
RMX_INLINE void rmx_norm_terms(const rmx_norm_grad_row *r, const float *gamma, int64_t j,
                               float *pgamma, float *pbeta, rmx_vec *g, rmx_vec *gh)
{
    const rmx_vec h = (rmx_vec_load(r->x + j) - rmx_vec_set(r->mean)) * rmx_vec_set(r->rstd);
    rmx_vec dy = rmx_vec_load(r->dy + j);
    if (pgamma) {
        rmx_vec_store(pgamma + j, rmx_vec_fma(dy, h, rmx_vec_load(pgamma + j)));
        rmx_vec_store(pbeta + j, rmx_vec_load(pbeta + j) + dy);
    }
    if (gamma) dy = dy * rmx_vec_load(gamma + j);
    *g = *g + dy;
    *gh = rmx_vec_fma(dy, h, *gh);
}

/* The last n < RMX_VL elements of a row, from j on. An infinite rstd times the +0 beyond the end
 * would be NaN, so what lies there is put aside last. */
static void rmx_norm_terms_part(const rmx_norm_grad_row *r, int64_t j, int64_t n, rmx_vec *g,
                                rmx_vec *gh)
{
    float kept[RMX_VL];
    const rmx_vec c = rmx_vec_load_part(r->x + j, n) - rmx_vec_set(r->mean);
    rmx_vec_store(kept, c * rmx_vec_set(r->rstd));
    rmx_vec dy = rmx_vec_load_part(r->dy + j, n);
    if (r->gamma) dy = dy * rmx_vec_load_part(r->gamma + j, n);
    *g = *g + dy;
    *gh = rmx_vec_fma(dy, rmx_vec_load_part(kept, n), *gh);
    for (int64_t i = 0; r->pgamma && i < n; i++) {
        r->pgamma[j + i] = rmx_fmaf(r->dy[j + i], kept[i], r->pgamma[j + i]);
        r->pbeta[j + i] = rmx_addf(r->pbeta[j + i], r->dy[j + i]);
    }
}

/* Partials beyond `vecs` vectors have got no element (partial_sums.h). */
RMX_INLINE rmx_vec rmx_norm_halve(rmx_vec *v, int64_t vecs)
{
    for (int64_t half = RMX_PARTIAL_SUMS / RMX_VL / 2; half >= 4; half /= 2) {
        for (int64_t i = 0; i + half < vecs; i++) v[i] = v[i] + v[i + half];
        if (vecs > half) vecs = half;
    }
    return (v[0] + v[2]) + (v[1] + v[3]);
}

/* Both sums, each halved down to one vector, of elements begin .. begin + n - 1, n <= RMX_SPAN, and
 * the parameter gradients, in one pass: four vectors of partials of each sum stay in registers. */
RMX_INLINE void rmx_norm_sums_sized(const rmx_norm_grad_row *row, const float *gamma,
                                    int64_t begin, int64_t n, float *pgamma, float *pbeta,
                                    rmx_vec *g, rmx_vec *gh)
{
    enum { VECS = RMX_PARTIAL_SUMS / RMX_VL, GROUP = 4 * RMX_VL };
    const rmx_norm_grad_row r = *row; /* a copy, which no store can change */
    const int64_t most = (n + GROUP - 1) / GROUP * 4, vecs = most < VECS ? most : VECS;
    const int64_t end = begin + n, whole = end - n % GROUP;
    rmx_vec s[VECS], p[VECS];
    for (int64_t k = 0; k < vecs; k += 4) {
        rmx_vec s0 = rmx_vec_zero(), s1 = s0, s2 = s0, s3 = s0, p0 = s0, p1 = s0, p2 = s0, p3 = s0;
        for (int64_t j = begin + k * RMX_VL; j < whole; j += RMX_PARTIAL_SUMS) {
            rmx_norm_terms(&r, gamma, j, pgamma, pbeta, &s0, &p0);
            rmx_norm_terms(&r, gamma, j + RMX_VL, pgamma, pbeta, &s1, &p1);
            rmx_norm_terms(&r, gamma, j + 2 * RMX_VL, pgamma, pbeta, &s2, &p2);
            rmx_norm_terms(&r, gamma, j + 3 * RMX_VL, pgamma, pbeta, &s3, &p3);
        }
        s[k] = s0, s[k + 1] = s1, s[k + 2] = s2, s[k + 3] = s3;
        p[k] = p0, p[k + 1] = p1, p[k + 2] = p2, p[k + 3] = p3;
    }
    int64_t j = whole, k = (whole - begin) % RMX_PARTIAL_SUMS / RMX_VL;
    for (; j + RMX_VL <= end; j += RMX_VL, k++)
        rmx_norm_terms(&r, gamma, j, pgamma, pbeta, &s[k], &p[k]);
    if (j < end) rmx_norm_terms_part(&r, j, end - j, &s[k], &p[k]);
    *g = rmx_norm_halve(s, vecs);
    *gh = rmx_norm_halve(p, vecs);
}

static inline void rmx_norm_sums(const rmx_norm_grad_row *r, int64_t begin, int64_t n, rmx_vec *g,
                                 rmx_vec *gh)
{
    if (r->gamma && r->pgamma)
        rmx_norm_sums_sized(r, r->gamma, begin, n, r->pgamma, r->pbeta, g, gh);
    else if (r->gamma)
        rmx_norm_sums_sized(r, r->gamma, begin, n, NULL, NULL, g, gh);
    else if (r->pgamma)
        rmx_norm_sums_sized(r, NULL, begin, n, r->pgamma, r->pbeta, g, gh);
    else
        rmx_norm_sums_sized(r, NULL, begin, n, NULL, NULL, g, gh);
}

static inline float rmx_norm_g_span(const void *row, int64_t begin, int64_t n)
{
    rmx_vec g, gh;
    rmx_norm_sums(row, begin, n, &g, &gh);
    return rmx_lanes_with_empty(rmx_lanes_halve_vec(g), n);
}

static inline float rmx_norm_gh_span(const void *row, int64_t begin, int64_t n)
{
    rmx_vec g, gh;
    rmx_norm_sums(row, begin, n, &g, &gh);
    return rmx_lanes_with_empty(rmx_lanes_halve_vec(gh), n);
}

/* a = lanes(g) / D, b = lanes(fma(g, h)) / D of up to RMX_ROWS rows, whose sums are halved
 * together, and the rows' shares of the parameter gradients. Of longer rows than RMX_SPAN the two
 * sums are taken one after the other, the parameter gradients with the second. */
static inline void rmx_norm_rows_means(rmx_norm_kind kind, const rmx_norm_grad_row *row,
                                       int64_t rows, int64_t dim, float a[RMX_ROWS],
                                       float b[RMX_ROWS])
{
    const float d = (float)dim;
    rmx_vec g[RMX_ROWS], gh[RMX_ROWS];
    for (int i = 0; i < RMX_ROWS; i++) g[i] = gh[i] = rmx_vec_zero();
    for (int64_t i = 0; dim <= RMX_SPAN && i < rows; i++)
        rmx_norm_sums(&row[i], 0, dim, &g[i], &gh[i]);
    rmx_lanes_halve_rows(g, a);
    rmx_lanes_halve_rows(gh, b);
    for (int64_t i = 0; dim > RMX_SPAN && i < rows; i++) {
        rmx_norm_grad_row sums_only = row[i];
        sums_only.pgamma = sums_only.pbeta = NULL;
        if (kind == RMX_NORM_LAYER) a[i] = rmx_lanes_row(rmx_norm_g_span, &sums_only, dim);
        b[i] = rmx_lanes_row(rmx_norm_gh_span, &row[i], dim);
    }
    for (int i = 0; i < RMX_ROWS; i++) {
        a[i] = kind == RMX_NORM_LAYER ? rmx_divf(rmx_lanes_with_empty(a[i], dim), d) : 0.0f;
        b[i] = rmx_divf(rmx_lanes_with_empty(b[i], dim), d);
    }
}

/* rmx_norm_together going back, where dy, x, dx, gamma and the partial sums want to be in L1. */
static inline int64_t rmx_norm_together_backward(int64_t dim)
{
    if (rmx_norm_short(dim)) return RMX_GROUPS * RMX_ROWS;
    return dim < 256 ? RMX_ROWS : 1;
}

/* The same from row `done` on. */
static inline rmx_norm_grads_at rmx_norm_grads_from(const rmx_norm_grads *r,
                                                    const rmx_norm_grads_at *at, int64_t done)
{
    const int64_t move = done * r->ld;
    return (rmx_norm_grads_at){.dy = at->dy + move,
                               .x = at->x + move,
                               .mean = at->mean ? at->mean + done : NULL,
                               .rstd = at->rstd + done,
                               .residual = at->residual ? at->residual + move : NULL,
                               .next_dy = at->next_dy ? at->next_dy + move : NULL,
                               .next_x = at->next_x ? at->next_x + move : NULL,
                               .dx = at->dx ? at->dx + move : NULL,
                               .pgamma = at->pgamma,
                               .pbeta = at->pbeta};
}

/* dx and the shares of the parameter gradients of up to RMX_ROWS rows of any width. */
static inline void rmx_norm_any_backward(const rmx_norm_grads *r, int64_t rows,
                                         const rmx_norm_grads_at *at)
{
    rmx_norm_grad_row row[RMX_ROWS];
    float a[RMX_ROWS], b[RMX_ROWS];
    if (rmx_norm_any_halved(r->kind, at->rstd, rows)) {
        rmx_norm_large_backward(r, rows, at);
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        const float mean = r->kind == RMX_NORM_LAYER ? at->mean[i] : 0.0f;
        row[i] = (rmx_norm_grad_row){.dy = at->dy + i * r->ld,
                                     .x = at->x + i * r->ld,
                                     .gamma = r->gamma,
                                     .mean = mean,
                                     .rstd = at->rstd[i],
                                     .pgamma = at->pgamma,
                                     .pbeta = at->pbeta};
    }
    rmx_norm_rows_means(r->kind, row, rows, r->dim, a, b);
    for (int64_t i = 0; at->dx && i < rows; i++) {
        const rmx_norm_dx to = {.residual = at->residual ? at->residual + i * r->ld : NULL,
                                .next_dy = at->next_dy ? at->next_dy + i * r->ld : NULL,
                                .next_x = at->next_x ? at->next_x + i * r->ld : NULL,
                                .dx = at->dx + i * r->ld,
                                .stream = r->stream};
        rmx_norm_row_from_means(&row[i], a[i], b[i], r->dim, &to);
    }
}

/* The same of up to rmx_norm_together_backward rows. Of short ones whole groups, then those that
 * are left. */
static inline void rmx_norm_rows_backward(const rmx_norm_grads *r, int64_t rows,
                                          const rmx_norm_grads_at *at)
{
    const int groups = rmx_norm_short(r->dim) ? (int)(rows / RMX_ROWS) : 0;
    const int64_t done = groups * RMX_ROWS;
    if (groups > 0) rmx_norm_short_backward(r, groups, at);
    if (done == rows) return;
    const rmx_norm_grads_at rest = rmx_norm_grads_from(r, at, done);
    rmx_norm_any_backward(r, rows - done, &rest);
}

#endif /* RMX_NORM_ROW_H */
