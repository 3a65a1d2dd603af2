/* SPDX-License-Identifier: MIT */
/* norm_narrow.h: LayerNorm and RMSNorm of many rows: narrow ones RMX_NORM_NARROW at a time, others
 * one by one (norm_row.h).
 *
 * A row is narrow if its width is a power of two, whole vectors, 16 of them and RMX_PARTIAL_SUMS
 * elements at most. None of its partial sums has more than one element. Most of its cost is not its
 * elements but the tree reduction, the division and the square root, each of which waits for the
 * one before. Eight rows share those instructions.
 *
 * Forward: the statistics of eight rows, then y. Backward: the sums of eight rows with their shares
 * of the parameter gradients, then dx. `n`, a row's vectors, is a constant wherever it is passed.
 * Eight rows of which one overflows go to the reference; that is rare.
 *
 * Without this file a training step of configs/base.ini (width 16) takes 58 % longer, one of
 * configs/adult.ini (width 32) 16 %. */
#ifndef RMX_NORM_NARROW_H
#define RMX_NORM_NARROW_H

#include "kernels/cpu/norm_row.h"

#define RMX_NORM_NARROW 8

static inline bool rmx_norm_narrow(int64_t dim)
{
    return dim >= RMX_VL && dim <= RMX_PARTIAL_SUMS && dim <= 16 * RMX_VL &&
           (dim & (dim - 1)) == 0;
}

/* A row's partial sums reduced to one vector. */
RMX_INLINE rmx_vec rmx_narrow_tree(int n, const rmx_vec v[16])
{
    rmx_vec h[8];
    if (n == 1) return v[0];
    if (n == 2) return v[0] + v[1];
    if (n == 4) return (v[0] + v[2]) + (v[1] + v[3]);
    for (int i = 0; i < 8; i++) h[i] = v[i];
    for (int i = 8; i < n; i++) h[i - 8] = h[i - 8] + v[i];
    return ((h[0] + h[4]) + (h[2] + h[6])) + ((h[1] + h[5]) + (h[3] + h[7]));
}

/* ---- forward ---- */

/* Of eight rows. 1 / dim is a power of two, so multiplying by it gives what dividing gives. */
RMX_INLINE void rmx_narrow_stats(int n, const rmx_norm_rows *r, const float *x,
                                 float mean[RMX_NORM_NARROW], float rstd[RMX_NORM_NARROW])
{
    const float part = 1.0f / (float)(n * RMX_VL);
    rmx_vec sums[RMX_NORM_NARROW], v[16];
    for (int i = 0; i < RMX_NORM_NARROW; i++) mean[i] = 0.0f;
    if (r->kind == RMX_NORM_LAYER) {
        for (int i = 0; i < RMX_NORM_NARROW; i++) {
            for (int k = 0; k < n; k++) v[k] = rmx_vec_load(x + i * r->ld_x + k * RMX_VL);
            sums[i] = rmx_narrow_tree(n, v);
        }
        rmx_vec_tree_sum_8(sums, mean);
        /* + 0: partial sums begin at +0, so the sum of a row of -0 is +0 */
        for (int i = 0; i < RMX_NORM_NARROW; i++)
            mean[i] = rmx_mulf(rmx_addf(mean[i], 0.0f), part);
    }
    for (int i = 0; i < RMX_NORM_NARROW; i++) {
        const rmx_vec m = rmx_vec_set(mean[i]);
        for (int k = 0; k < n; k++) {
            const rmx_vec c = rmx_vec_load(x + i * r->ld_x + k * RMX_VL) - m;
            v[k] = c * c; /* fma(c, c, +0): a square is not -0 */
        }
        sums[i] = rmx_narrow_tree(n, v);
    }
    rmx_vec_tree_sum_8(sums, rstd);
    for (int i = 0; i < RMX_NORM_NARROW; i++)
        rstd[i] = rmx_divf(1.0f, rmx_sqrtf(rmx_addf(rmx_mulf(rstd[i], part), r->eps)));
}

/* y = fma((x - mean) * rstd, gamma, beta) */
RMX_INLINE void rmx_narrow_scale(int n, const rmx_norm_rows *r, const float *x, const float *mean,
                                 const float *rstd, float *y)
{
    for (int i = 0; i < RMX_NORM_NARROW; i++) {
        const rmx_vec m = rmx_vec_set(mean[i]), s = rmx_vec_set(rstd[i]);
        for (int j = 0; j < n * RMX_VL; j += RMX_VL) {
            const rmx_vec g = r->gamma ? rmx_vec_load(r->gamma + j) : rmx_vec_set(1.0f);
            const rmx_vec b = r->beta ? rmx_vec_load(r->beta + j) : rmx_vec_zero();
            const rmx_vec h = (rmx_vec_load(x + i * r->ld_x + j) - m) * s;
            rmx_vec_put(r->stream, y + i * r->ld_y + j, rmx_vec_fma(h, g, b));
        }
    }
}

RMX_INLINE void rmx_narrow_sized(int n, const rmx_norm_rows *r, const float *x, float *y,
                                 float *mean, float *rstd)
{
    int usual = 1;
    rmx_narrow_stats(n, r, x, mean, rstd);
    for (int i = 0; i < RMX_NORM_NARROW; i++) usual &= rmx_norm_usual(rstd[i]);
    if (usual)
        rmx_narrow_scale(n, r, x, mean, rstd, y);
    else
        rmx_norm_large_rows(r, RMX_NORM_NARROW, x, y, mean, rstd);
}

/* RMX_NORM_NARROW rows. */
static __attribute__((noinline)) void rmx_narrow_forward(const rmx_norm_rows *all, const float *x,
                                                         float *y, float *mean, float *rstd)
{
    const rmx_norm_rows r = *all; /* a copy, which no store can change */
    switch (r.dim / RMX_VL) {
    case 1: rmx_narrow_sized(1, &r, x, y, mean, rstd); break;
    case 2: rmx_narrow_sized(2, &r, x, y, mean, rstd); break;
    case 4: rmx_narrow_sized(4, &r, x, y, mean, rstd); break;
    case 8: rmx_narrow_sized(8, &r, x, y, mean, rstd); break;
    default: rmx_narrow_sized(16, &r, x, y, mean, rstd); break;
    }
}

/* Any number of rows. mean and rstd: [rows], or NULL where nobody wants them. */
static inline void rmx_norm_rows_forward(const rmx_norm_rows *r, int64_t rows, const float *x,
                                         float *y, float *mean, float *rstd)
{
    const int64_t together = rmx_norm_narrow(r->dim) ? RMX_NORM_NARROW : 1;
    for (int64_t i = 0, some; i < rows; i += some, x += some * r->ld_x, y += some * r->ld_y) {
        float m[RMX_NORM_NARROW], s[RMX_NORM_NARROW];
        some = rows - i < together ? 1 : together;
        if (some == RMX_NORM_NARROW)
            rmx_narrow_forward(r, x, y, m, s);
        else
            rmx_norm_row_forward(r, x, y, m, s);
        if (mean) memcpy(mean + i, m, (size_t)some * sizeof *m);
        if (rstd) memcpy(rstd + i, s, (size_t)some * sizeof *s);
    }
}

/* ---- backward ---- */

/* mean_g = sum(g) / D, mean_gh = sum(fma(g, h)) / D of eight rows, and their
 * shares of the parameter gradients: pgamma = fma(dy, h, pgamma), pbeta += dy. */
RMX_INLINE void rmx_narrow_means(int n, const rmx_norm_grads *r, const rmx_norm_grads_at *at,
                                 bool parameters, float mean_g[RMX_NORM_NARROW],
                                 float mean_gh[RMX_NORM_NARROW])
{
    const bool layer = r->kind == RMX_NORM_LAYER;
    const float part = 1.0f / (float)(n * RMX_VL);
    rmx_vec sums[RMX_NORM_NARROW], products[RMX_NORM_NARROW], g[16], gh[16], pgamma[16], pbeta[16];
    for (int k = 0; parameters && k < n; k++) {
        pgamma[k] = rmx_vec_load(at->pgamma + k * RMX_VL);
        pbeta[k] = rmx_vec_load(at->pbeta + k * RMX_VL);
    }
    for (int i = 0; i < RMX_NORM_NARROW; i++) {
        const rmx_vec mean = layer ? rmx_vec_set(at->mean[i]) : rmx_vec_zero();
        const rmx_vec rstd = rmx_vec_set(at->rstd[i]);
        for (int k = 0; k < n; k++) {
            const int64_t j = k * RMX_VL;
            const rmx_vec h = (rmx_vec_load(at->x + i * r->ld + j) - mean) * rstd;
            g[k] = rmx_vec_load(at->dy + i * r->ld + j);
            if (parameters) {
                pgamma[k] = rmx_vec_fma(g[k], h, pgamma[k]);
                pbeta[k] = pbeta[k] + g[k];
            }
            if (r->gamma) g[k] = g[k] * rmx_vec_load(r->gamma + j);
            gh[k] = rmx_vec_fma(g[k], h, rmx_vec_zero());
        }
        sums[i] = rmx_narrow_tree(n, g);
        products[i] = rmx_narrow_tree(n, gh);
    }
    for (int k = 0; parameters && k < n; k++) {
        rmx_vec_store(at->pgamma + k * RMX_VL, pgamma[k]);
        rmx_vec_store(at->pbeta + k * RMX_VL, pbeta[k]);
    }
    rmx_vec_tree_sum_8(sums, mean_g);
    rmx_vec_tree_sum_8(products, mean_gh);
    for (int i = 0; i < RMX_NORM_NARROW; i++) {
        mean_g[i] = layer ? rmx_mulf(rmx_addf(mean_g[i], 0.0f), part) : 0.0f;
        mean_gh[i] = rmx_mulf(rmx_sum_with_empty(mean_gh[i], n * RMX_VL), part);
    }
}

/* dx = rstd * fma(-h, mean_gh, g - mean_g) (+ residual) */
RMX_INLINE void rmx_narrow_dx(int n, const rmx_norm_grads *r, const rmx_norm_grads_at *at)
{
    float mean_g[RMX_NORM_NARROW], mean_gh[RMX_NORM_NARROW];
    if (at->pgamma)
        rmx_narrow_means(n, r, at, true, mean_g, mean_gh);
    else
        rmx_narrow_means(n, r, at, false, mean_g, mean_gh);
    for (int i = 0; at->dx && i < RMX_NORM_NARROW; i++) {
        const rmx_vec mean = r->kind == RMX_NORM_LAYER ? rmx_vec_set(at->mean[i]) : rmx_vec_zero();
        const rmx_vec rstd = rmx_vec_set(at->rstd[i]);
        for (int64_t j = i * r->ld, k = 0; k < n * RMX_VL; j += RMX_VL, k += RMX_VL) {
            const rmx_vec h = (rmx_vec_load(at->x + j) - mean) * rstd;
            rmx_vec g = rmx_vec_load(at->dy + j);
            if (r->gamma) g = g * rmx_vec_load(r->gamma + k);
            g = g - rmx_vec_set(mean_g[i]);
            rmx_vec v = rstd * rmx_vec_fma(-h, rmx_vec_set(mean_gh[i]), g);
            if (at->residual) v = v + rmx_vec_load(at->residual + j);
            rmx_vec_put(r->stream, at->dx + j, v);
        }
    }
}

/* RMX_NORM_NARROW rows, none of which overflows. */
static __attribute__((noinline)) void rmx_narrow_backward(const rmx_norm_grads *all,
                                                          const rmx_norm_grads_at *first)
{
    const rmx_norm_grads r = *all; /* copies, which no store can change */
    const rmx_norm_grads_at at = *first;
    switch (r.dim / RMX_VL) {
    case 1: rmx_narrow_dx(1, &r, &at); break;
    case 2: rmx_narrow_dx(2, &r, &at); break;
    case 4: rmx_narrow_dx(4, &r, &at); break;
    case 8: rmx_narrow_dx(8, &r, &at); break;
    default: rmx_narrow_dx(16, &r, &at); break;
    }
}

static inline bool rmx_narrow_any_halved(const float *rstd)
{
    int halved = 0;
    for (int i = 0; i < RMX_NORM_NARROW; i++) halved |= rmx_norm_halved(rstd[i]);
    return halved;
}

/* Any number of rows; with parameter gradients, all of one row block. */
static inline void rmx_norm_rows_backward(const rmx_norm_grads *r, int64_t rows,
                                          const rmx_norm_grads_at *at)
{
    const bool narrow = rmx_norm_narrow(r->dim), layer = r->kind == RMX_NORM_LAYER;
    for (int64_t i = 0; i < rows;) {
        const rmx_norm_grads_at here = rmx_norm_grads_from(r, at, i);
        if (narrow && rows - i >= RMX_NORM_NARROW &&
            !(layer && rmx_narrow_any_halved(here.rstd))) {
            rmx_narrow_backward(r, &here);
            i += RMX_NORM_NARROW;
        } else {
            rmx_norm_row_backward(r, &here);
            i++;
        }
    }
}

#endif /* RMX_NORM_NARROW_H */
