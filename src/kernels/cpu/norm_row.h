/* norm_row.h: LayerNorm and RMSNorm of one row, for norm.c and the fused token_mixer.c.
 *
 * RMSNorm is LayerNorm with the mean (and, going back, the mean gradient) taken as +0: x - +0 is x
 * in every bit, so the two kinds share all their code. */
#ifndef RMX_NORM_ROW_H
#define RMX_NORM_ROW_H

#include <stdbool.h>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/stream.h"
#include "kernels/ops.h"

typedef struct rmx_norm_stats {
    float mean, rstd;
} rmx_norm_stats;

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
static inline rmx_norm_stats rmx_norm_row_stats(rmx_norm_kind kind, const float *x, int64_t dim,
                                                float eps)
{
    const float d = (float)dim;
    rmx_centred_row row = {x, 0.0f};
    if (kind == RMX_NORM_LAYER) row.mean = rmx_divf(rmx_lanes_sum(x, dim), d);
    const float var = rmx_divf(rmx_lanes_row(rmx_centred_span, &row, dim), d);
    const float rstd = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(var, eps)));
    return (rmx_norm_stats){row.mean, rstd};
}

/* The same for up to RMX_ROWS rows, ld apart, whose sums are halved together: of short rows,
 * halving and the division would take longer than all else. dim <= RMX_SPAN. */
RMX_INLINE void rmx_norm_rows_stats_sized(rmx_norm_kind kind, const float *x, int64_t ld,
                                          int64_t rows, int64_t dim, float eps,
                                          rmx_norm_stats stats[RMX_ROWS])
{
    const float d = (float)dim;
    float mean[RMX_ROWS] = {0}, var[RMX_ROWS], rstd[RMX_ROWS];
    rmx_vec v[RMX_ROWS];
    for (int64_t i = rows; i < RMX_ROWS; i++) v[i] = rmx_vec_zero();
    if (kind == RMX_NORM_LAYER) {
        for (int64_t i = 0; i < rows; i++)
            v[i] = rmx_lanes_span_vec(rmx_lanes_sum_step, x + i * ld, 0, dim);
        rmx_lanes_halve_rows(v, mean);
        for (int i = 0; i < RMX_ROWS; i++) mean[i] = rmx_divf(mean[i], d);
    }
    for (int64_t i = 0; i < rows; i++) {
        const rmx_centred_row row = {x + i * ld, mean[i]};
        v[i] = rmx_lanes_span_vec(rmx_centred_step, &row, 0, dim);
    }
    rmx_lanes_halve_rows(v, var);
    /* no sum here is -0, and none needs its empty partials */
    for (int i = 0; i < RMX_ROWS; i++)
        rstd[i] = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(rmx_divf(var[i], d), eps)));
    for (int i = 0; i < RMX_ROWS; i++) stats[i] = (rmx_norm_stats){mean[i], rstd[i]};
}

/* Loops of a known length for the most common width of narrow rows. */
static inline void rmx_norm_rows_stats(rmx_norm_kind kind, const float *x, int64_t ld,
                                       int64_t rows, int64_t dim, float eps,
                                       rmx_norm_stats stats[RMX_ROWS])
{
    if (dim == 64 && rows == RMX_ROWS)
        rmx_norm_rows_stats_sized(kind, x, ld, RMX_ROWS, 64, eps, stats);
    else
        rmx_norm_rows_stats_sized(kind, x, ld, rows, dim, eps, stats);
}

/* stream: y is aligned to vectors and dim a multiple of them (stream.h); then row `next` is asked
 * for along the way, which spreads the reads from memory between the writes to it. */
RMX_INLINE void rmx_norm_row_scale(const float *x, rmx_norm_stats s, const float *gamma,
                                   const float *beta, int64_t dim, bool stream, const float *next,
                                   float *y)
{
    if (stream) {
        const rmx_vec mean = rmx_vec_set(s.mean), rstd = rmx_vec_set(s.rstd);
        for (int64_t j = 0; j < dim; j += RMX_VL) {
            __builtin_prefetch(next + j);
            const rmx_vec g = gamma ? rmx_vec_load(gamma + j) : rmx_vec_set(1.0f);
            const rmx_vec b = beta ? rmx_vec_load(beta + j) : rmx_vec_zero();
            rmx_stream_vec(y + j, rmx_vec_fma((rmx_vec_load(x + j) - mean) * rstd, g, b));
        }
        return;
    }
    RMX_INDEPENDENT
    for (int64_t j = 0; j < dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], s.mean), s.rstd);
        y[j] = rmx_fmaf(h, gamma ? gamma[j] : 1.0f, beta ? beta[j] : 0.0f);
    }
}

/* y = fma((x - mean) * rstd, gamma, beta); one loop for each choice of optional operands */
static inline void rmx_norm_row_apply(const float *x, rmx_norm_stats s, const float *gamma,
                                      const float *beta, int64_t dim, bool stream,
                                      const float *next, float *y)
{
    if (gamma && beta)
        rmx_norm_row_scale(x, s, gamma, beta, dim, stream, next, y);
    else if (gamma)
        rmx_norm_row_scale(x, s, gamma, NULL, dim, stream, next, y);
    else if (beta)
        rmx_norm_row_scale(x, s, NULL, beta, dim, stream, next, y);
    else
        rmx_norm_row_scale(x, s, NULL, NULL, dim, stream, next, y);
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

RMX_INLINE void rmx_norm_row_dx(const rmx_norm_grad_row *r, float a, float b, const float *gamma,
                                const float *residual, int64_t dim, float *dx)
{
    const float *dy = r->dy, *x = r->x;
    const float mean = r->mean, rstd = r->rstd;
    RMX_INDEPENDENT
    for (int64_t j = 0; j < dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], mean), rstd);
        const float g = gamma ? rmx_mulf(dy[j], gamma[j]) : dy[j];
        const float v = rmx_mulf(rstd, rmx_fmaf(-h, b, rmx_subf(g, a)));
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

/* The same, of LayerNorm, for up to RMX_ROWS rows together. dim <= RMX_SPAN. */
static inline void rmx_norm_rows_means(const rmx_norm_grad_row *row, int64_t rows, int64_t dim,
                                       float a[RMX_ROWS], float b[RMX_ROWS])
{
    const float d = (float)dim;
    rmx_vec g[RMX_ROWS], gh[RMX_ROWS];
    for (int64_t i = 0; i < rows; i++) {
        g[i] = rmx_lanes_span_vec(rmx_norm_g_step, &row[i], 0, dim);
        gh[i] = rmx_lanes_span_vec(rmx_norm_gh_step, &row[i], 0, dim);
    }
    for (int64_t i = rows; i < RMX_ROWS; i++) g[i] = gh[i] = rmx_vec_zero();
    rmx_lanes_halve_rows(g, a);
    rmx_lanes_halve_rows(gh, b);
    for (int i = 0; i < RMX_ROWS; i++) {
        a[i] = rmx_divf(a[i], d);
        b[i] = rmx_divf(rmx_lanes_with_empty(b[i], dim), d);
    }
}

/* dx = rstd * fma(-h, b, g - a) (+ residual) */
static inline void rmx_norm_row_from_means(const rmx_norm_grad_row *row, float a, float b,
                                           const float *residual, int64_t dim, float *dx)
{
    if (row->gamma && residual)
        rmx_norm_row_dx(row, a, b, row->gamma, residual, dim, dx);
    else if (row->gamma)
        rmx_norm_row_dx(row, a, b, row->gamma, NULL, dim, dx);
    else if (residual)
        rmx_norm_row_dx(row, a, b, NULL, residual, dim, dx);
    else
        rmx_norm_row_dx(row, a, b, NULL, NULL, dim, dx);
}

static inline void rmx_norm_row_backward(rmx_norm_kind kind, const rmx_norm_grad_row *row,
                                         const float *residual, int64_t dim, float *dx)
{
    float a, b;
    rmx_norm_row_means(kind, row, dim, &a, &b);
    rmx_norm_row_from_means(row, a, b, residual, dim, dx);
}

/* One row's share of the parameter gradients: pgamma = fma(dy, h, pgamma), pbeta += dy. */
static inline void rmx_norm_row_parameters(const rmx_norm_grad_row *r, int64_t dim, float *pgamma,
                                           float *pbeta)
{
    const float *dy = r->dy, *x = r->x;
    const float mean = r->mean, rstd = r->rstd;
    RMX_INDEPENDENT
    for (int64_t j = 0; j < dim; j++) {
        const float h = rmx_mulf(rmx_subf(x[j], mean), rstd);
        pgamma[j] = rmx_fmaf(dy[j], h, pgamma[j]);
        pbeta[j] = rmx_addf(pbeta[j], dy[j]);
    }
}

#endif /* RMX_NORM_ROW_H */
