/* SPDX-License-Identifier: MIT */
/* norm.c: LayerNorm and RMSNorm. RMSNorm is LayerNorm with the mean +0 and the mean gradient +0,
 * because x - 0 has the bits of x. */
#include "kernels/norm_large.h"
#include "kernels/reference/reference.h"

typedef struct norm_row {
    const float *x;
    float mean, scale; /* scale multiplies the elements: 1 or RMX_NORM_SCALE */
} norm_row;

typedef struct norm_stats {
    float mean, rstd;
} norm_stats;

static float add_element(const void *of, int64_t j, float sum)
{
    const norm_row *row = of;
    return rmx_addf(sum, rmx_mulf(row->x[j], row->scale));
}

static float add_square(const void *of, int64_t j, float sum)
{
    const norm_row *row = of;
    const float centred = rmx_subf(rmx_mulf(row->x[j], row->scale), row->mean);
    return rmx_fmaf(centred, centred, sum);
}

/* Returns the variance of the scaled row and leaves its mean in row->mean. */
static float variance_of(const rmx_norm_args *a, norm_row *row)
{
    const float width = (float)a->dim;
    row->mean = 0.0f;
    if (a->kind == RMX_NORM_LAYER)
        row->mean = rmx_divf(rmx_reference_sum_along(add_element, row, 0, a->dim), width);
    return rmx_divf(rmx_reference_sum_along(add_square, row, 0, a->dim), width);
}

static norm_stats stats_of(const rmx_norm_args *a, const float *x)
{
    norm_row row = {.x = x, .scale = 1.0f};
    const float variance = variance_of(a, &row);
    norm_stats stats = {row.mean, rmx_divf(1.0f, rmx_sqrtf(rmx_addf(variance, a->eps)))};
    if (rmx_norm_usual(stats.rstd)) return stats;
    row.scale = RMX_NORM_SCALE;
    const float scaled = variance_of(a, &row);
    (void)rmx_norm_unscale(row.mean, scaled, a->eps, &stats.mean, &stats.rstd);
    return stats;
}

/* h, the normalised element. */
static float normalised_by(float x, norm_stats stats)
{
    if (rmx_norm_halved(stats.rstd)) return rmx_norm_halved_h(x, stats.mean, stats.rstd);
    return rmx_mulf(rmx_subf(x, stats.mean), stats.rstd);
}

rmx_status rmx_reference_norm(rmx_backend *backend, const rmx_norm_args *a)
{
    (void)backend;
    for (int64_t r = 0; r < a->rows; r++) {
        const float *x = (const float *)a->x + r * a->ld_x;
        float *y = (float *)a->y + r * a->ld_y;
        const norm_stats stats = stats_of(a, x);
        for (int64_t j = 0; j < a->dim; j++)
            y[j] = rmx_fmaf(normalised_by(x[j], stats), a->gamma ? a->gamma[j] : 1.0f,
                            a->beta ? a->beta[j] : 0.0f);
        if (a->mean && a->kind == RMX_NORM_LAYER) a->mean[r] = stats.mean;
        if (a->rstd) a->rstd[r] = stats.rstd;
    }
    return RMX_OK;
}

/* ---- backward ------------------------------------------------------------------------------ */

/* Row `at` or column `at` of the operands. */
typedef struct line {
    const rmx_norm_backward_args *a;
    int64_t at;
} line;

/* h of element (r, j). */
static float normalised(const rmx_norm_backward_args *a, int64_t r, int64_t j)
{
    const float mean = a->kind == RMX_NORM_LAYER ? a->mean[r] : 0.0f;
    const float *x = a->x;
    return normalised_by(x[r * a->ld + j], (norm_stats){mean, a->rstd[r]});
}

static float dy_of(const rmx_norm_backward_args *a, int64_t r, int64_t j)
{
    const float *dy = a->dy;
    return dy[r * a->ld + j];
}

/* g, the gradient of h. */
static float gradient(const rmx_norm_backward_args *a, int64_t r, int64_t j)
{
    const float dy = dy_of(a, r, j);
    return a->gamma ? rmx_mulf(dy, a->gamma[j]) : dy;
}

static float add_g(const void *of, int64_t j, float sum)
{
    const line *row = of;
    return rmx_addf(sum, gradient(row->a, row->at, j));
}

static float add_g_h(const void *of, int64_t j, float sum)
{
    const line *row = of;
    return rmx_fmaf(gradient(row->a, row->at, j), normalised(row->a, row->at, j), sum);
}

static float add_dy(const void *of, int64_t r, float sum)
{
    const line *column = of;
    return rmx_addf(sum, dy_of(column->a, r, column->at));
}

static float add_dy_h(const void *of, int64_t r, float sum)
{
    const line *column = of;
    const float dy = dy_of(column->a, r, column->at);
    return rmx_fmaf(dy, normalised(column->a, r, column->at), sum);
}

static void gradient_of_row(const rmx_norm_backward_args *a, int64_t r)
{
    const line row = {a, r};
    const float width = (float)a->dim, *residual = a->residual;
    float *out = a->dx;
    const float mean_g = a->kind == RMX_NORM_LAYER
                             ? rmx_divf(rmx_reference_sum_along(add_g, &row, 0, a->dim), width)
                             : 0.0f;
    const float mean_g_h = rmx_divf(rmx_reference_sum_along(add_g_h, &row, 0, a->dim), width);
    for (int64_t j = 0; j < a->dim; j++) {
        const float centred = rmx_subf(gradient(a, r, j), mean_g);
        const float inner = rmx_fmaf(rmx_negf(normalised(a, r, j)), mean_g_h, centred);
        const float dx = rmx_mulf(a->rstd[r], inner);
        out[r * a->ld + j] = residual ? rmx_addf(dx, residual[r * a->ld + j]) : dx;
    }
}

/* The gradients of the parameters come first, because dx may overwrite dy. */
rmx_status rmx_reference_norm_backward(rmx_backend *backend, const rmx_norm_backward_args *a)
{
    (void)backend;
    for (int64_t j = 0; j < a->dim; j++) {
        const line column = {a, j};
        if (a->dgamma)
            a->dgamma[j] = rmx_reference_sum_down(add_dy_h, &column, a->rows, a->dgamma[j]);
        if (a->dbeta) a->dbeta[j] = rmx_reference_sum_down(add_dy, &column, a->rows, a->dbeta[j]);
    }
    for (int64_t r = 0; r < a->rows && a->dx; r++) gradient_of_row(a, r);
    return RMX_OK;
}
