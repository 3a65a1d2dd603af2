/* norm_row.h: LayerNorm and RMSNorm of one row, for norm.c and the fused token_mixer.c.
 *
 * RMSNorm is LayerNorm with the mean (and, going back, the mean gradient) taken as +0: x - +0 is x
 * in every bit, so the two kinds share all their code. */
#ifndef RMX_NORM_ROW_H
#define RMX_NORM_ROW_H

#include <stdbool.h>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/norm_short.h"
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
                                       rmx_norm_stats *stats)
{
    const float d = (float)r->dim;
    float *mean = stats->mean, *rstd = stats->rstd;
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
    return dim <= 4096 / RMX_ROWS ? RMX_ROWS : 1;
}

/* Up to RMX_ROWS rows. */
static inline void rmx_norm_rows_forward(const rmx_norm_rows *r, int64_t rows, const float *x,
                                         const float *next, float *y, rmx_norm_stats *stats)
{
    if (rows == RMX_ROWS && rmx_norm_short(r->dim)) {
        rmx_norm_short_rows(r, x, next, y, stats);
        return;
    }
    const bool together = rmx_norm_together(r->dim) > 1;
    if (together) rmx_norm_rows_stats(r, rows, x, stats);
    for (int64_t i = 0; i < rows; i++) {
        const float *row = x + i * r->ld_x;
        if (!together)
            rmx_norm_row_stats(r->kind, row, r->dim, r->eps, &stats->mean[i], &stats->rstd[i]);
        rmx_norm_row_apply(r, row, stats->mean[i], stats->rstd[i], next + i * r->ld_x,
                           y + i * r->ld_y);
    }
}

/* Where a caller wants them, the statistics of those rows. */
static inline void rmx_norm_keep(const float stats[RMX_ROWS], int64_t rows, float *to)
{
    if (!to) return;
    if (rows == RMX_ROWS)
        memcpy(to, stats, RMX_ROWS * sizeof *to);
    else
        memcpy(to, stats, (size_t)rows * sizeof *to);
}

/* ---- backward ---- */

typedef struct rmx_norm_grad_row {
    const float *dy, *x, *gamma; /* gamma NULL: ones */
    float mean, rstd;
} rmx_norm_grad_row;

RMX_INLINE rmx_vec rmx_norm_g(const rmx_norm_grad_row *r, int64_t j, int64_t count)
{
    const rmx_vec dy = rmx_lanes_load(r->dy + j, count);
    if (!r->gamma) return dy;
    return dy * rmx_lanes_load(r->gamma + j, count);
}

RMX_INLINE rmx_vec rmx_norm_g_step(const void *row, int64_t j, int64_t count, rmx_vec acc)
{
    return acc + rmx_norm_g(row, j, count);
}

RMX_INLINE rmx_vec rmx_norm_gh_step(const void *row, int64_t j, int64_t count, rmx_vec acc)
{
    const rmx_norm_grad_row *r = row;
    const rmx_vec c = rmx_centred_load(r->x + j, count, rmx_vec_set(r->mean));
    if (count < RMX_VL) { /* an infinite rstd times the +0 beyond the end would be NaN */
        float h[RMX_VL];
        rmx_vec_store(h, c * rmx_vec_set(r->rstd));
        return rmx_vec_fma(rmx_norm_g(r, j, count), rmx_vec_load_part(h, count), acc);
    }
    return rmx_vec_fma(rmx_norm_g(r, j, count), c * rmx_vec_set(r->rstd), acc);
}

static inline float rmx_norm_g_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_lanes_span(rmx_norm_g_step, row, begin, n);
}

static inline float rmx_norm_gh_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_lanes_span(rmx_norm_gh_step, row, begin, n);
}

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
        if (to->next_dy) __builtin_prefetch(to->next_dy + j);
        if (to->next_x) __builtin_prefetch(to->next_x + j);
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

/* a = lanes(g) / D, b = lanes(fma(g, h)) / D */
static inline void rmx_norm_row_means(rmx_norm_kind kind, const rmx_norm_grad_row *row,
                                      int64_t dim, float *a, float *b)
{
    const float d = (float)dim;
    *a = 0.0f;
    if (kind == RMX_NORM_LAYER) *a = rmx_divf(rmx_lanes_row(rmx_norm_g_span, row, dim), d);
    *b = rmx_divf(rmx_lanes_row(rmx_norm_gh_span, row, dim), d);
}

/* The same for up to RMX_ROWS rows together. dim <= RMX_SPAN. */
RMX_INLINE void rmx_norm_rows_means(rmx_norm_kind kind, const rmx_norm_grad_row *row, int64_t rows,
                                    int64_t dim, float a[RMX_ROWS], float b[RMX_ROWS])
{
    const float d = (float)dim;
    rmx_vec g[RMX_ROWS], gh[RMX_ROWS];
    for (int64_t i = 0; i < rows; i++) {
        if (kind == RMX_NORM_LAYER) g[i] = rmx_lanes_span_vec(rmx_norm_g_step, &row[i], 0, dim);
        gh[i] = rmx_lanes_span_vec(rmx_norm_gh_step, &row[i], 0, dim);
    }
    for (int64_t i = rows; i < RMX_ROWS; i++) g[i] = gh[i] = rmx_vec_zero();
    if (kind == RMX_NORM_LAYER) rmx_lanes_halve_rows(g, a);
    rmx_lanes_halve_rows(gh, b);
    for (int i = 0; i < RMX_ROWS; i++) {
        a[i] = kind == RMX_NORM_LAYER ? rmx_divf(a[i], d) : 0.0f;
        b[i] = rmx_divf(rmx_lanes_with_empty(b[i], dim), d);
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

/* Some rows' share of the parameter gradients: pgamma = fma(dy, h, pgamma), pbeta += dy, in the
 * order of the rows. Down a vector of columns the sums stay in registers. */
RMX_INLINE void rmx_norm_rows_parameters_sized(const rmx_norm_grad_row *row, int rows, int64_t dim,
                                               float *pgamma, float *pbeta)
{
    const float *dy[RMX_ROWS], *x[RMX_ROWS];
    rmx_vec mean[RMX_ROWS], rstd[RMX_ROWS];
    for (int i = 0; i < rows; i++) {
        dy[i] = row[i].dy;
        x[i] = row[i].x;
        mean[i] = rmx_vec_set(row[i].mean);
        rstd[i] = rmx_vec_set(row[i].rstd);
    }
    int64_t j = 0;
    for (; j + RMX_VL <= dim; j += RMX_VL) {
        rmx_vec gamma = rmx_vec_load(pgamma + j), beta = rmx_vec_load(pbeta + j);
        for (int i = 0; i < rows; i++) {
            const rmx_vec d = rmx_vec_load(dy[i] + j);
            gamma = rmx_vec_fma(d, (rmx_vec_load(x[i] + j) - mean[i]) * rstd[i], gamma);
            beta = beta + d;
        }
        rmx_vec_store(pgamma + j, gamma);
        rmx_vec_store(pbeta + j, beta);
    }
    for (; j < dim; j++) {
        for (int i = 0; i < rows; i++) {
            const float h = rmx_mulf(rmx_subf(x[i][j], row[i].mean), row[i].rstd);
            pgamma[j] = rmx_fmaf(dy[i][j], h, pgamma[j]);
            pbeta[j] = rmx_addf(pbeta[j], dy[i][j]);
        }
    }
}

static inline void rmx_norm_rows_parameters(const rmx_norm_grad_row *row, int64_t rows,
                                            int64_t dim, float *pgamma, float *pbeta)
{
    for (; rows >= RMX_ROWS; rows -= RMX_ROWS, row += RMX_ROWS)
        rmx_norm_rows_parameters_sized(row, RMX_ROWS, dim, pgamma, pbeta);
    for (; rows >= 2; rows -= 2, row += 2)
        rmx_norm_rows_parameters_sized(row, 2, dim, pgamma, pbeta);
    if (rows > 0) rmx_norm_rows_parameters_sized(row, 1, dim, pgamma, pbeta);
}

static inline void rmx_norm_rows_dx(const rmx_norm_grads *r, const rmx_norm_grad_row *row,
                                    int64_t rows, const rmx_norm_grads_at *at)
{
    float a[RMX_ROWS], b[RMX_ROWS];
    if (rows > 1 && r->dim <= RMX_SPAN) {
        rmx_norm_rows_means(r->kind, row, rows, r->dim, a, b);
    } else {
        for (int64_t i = 0; i < rows; i++)
            rmx_norm_row_means(r->kind, &row[i], r->dim, &a[i], &b[i]);
    }
    for (int64_t i = 0; i < rows; i++) {
        const rmx_norm_dx to = {.residual = at->residual ? at->residual + i * r->ld : NULL,
                                .next_dy = at->next_dy ? at->next_dy + i * r->ld : NULL,
                                .next_x = at->next_x ? at->next_x + i * r->ld : NULL,
                                .dx = at->dx + i * r->ld,
                                .stream = r->stream};
        rmx_norm_row_from_means(&row[i], a[i], b[i], r->dim, &to);
    }
}

/* dx and the shares of the parameter gradients of up to RMX_ROWS rows. */
static inline void rmx_norm_rows_backward(const rmx_norm_grads *r, int64_t rows,
                                          const rmx_norm_grads_at *at)
{
    if (rows == RMX_ROWS && rmx_norm_short(r->dim)) {
        rmx_norm_short_backward(r, at);
        return;
    }
    rmx_norm_grad_row row[RMX_ROWS];
    for (int64_t i = 0; i < rows; i++) {
        const float mean = r->kind == RMX_NORM_LAYER ? at->mean[i] : 0.0f;
        row[i] = (rmx_norm_grad_row){at->dy + i * r->ld, at->x + i * r->ld, r->gamma, mean,
                                     at->rstd[i]};
    }
    if (at->pgamma) rmx_norm_rows_parameters(row, rows, r->dim, at->pgamma, at->pbeta);
    if (at->dx) rmx_norm_rows_dx(r, row, rows, at);
}

#endif /* RMX_NORM_ROW_H */
