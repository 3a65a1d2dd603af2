/* SPDX-License-Identifier: MIT */
/* softmax.c: softmax and log-softmax along the middle axis of [outer, n, inner]. */
#include "kernels/reference/reference.h"

typedef struct softmax_row {
    const float *x;
    int64_t stride;
    float max;
} softmax_row;

/* exp(x_j - m) */
static float exponential(const softmax_row *row, int64_t j)
{
    return rmx_expf(rmx_subf(row->x[j * row->stride], row->max));
}

static float add_exponential(const void *of, int64_t j, float sum)
{
    return rmx_addf(sum, exponential(of, j));
}

static void softmax_of_row(const rmx_softmax_args *a, const float *x, float *y)
{
    softmax_row row = {.x = x, .stride = a->inner, .max = -RMX_INF};
    for (int64_t j = 0; j < a->n; j++) row.max = rmx_maxf(x[j * a->inner], row.max);
    row.max = rmx_addf(row.max, 0.0f);
    const float sum = rmx_reference_sum_along(add_exponential, &row, 0, a->n);
    const float scale = rmx_divf(1.0f, sum), log_sum = rmx_logf(sum);
    for (int64_t j = 0; j < a->n; j++) {
        const int64_t at = j * a->inner;
        y[at] = a->log ? rmx_subf(rmx_subf(x[at], row.max), log_sum)
                       : rmx_mulf(exponential(&row, j), scale);
    }
}

rmx_status rmx_reference_softmax(rmx_backend *backend, const rmx_softmax_args *a)
{
    (void)backend;
    const float *x = a->x;
    float *y = a->y;
    for (int64_t o = 0; o < a->outer; o++)
        for (int64_t i = 0; i < a->inner; i++) {
            const int64_t at = o * a->n * a->inner + i;
            softmax_of_row(a, x + at, y + at);
        }
    return RMX_OK;
}

typedef struct gradient_row {
    const float *y, *dy;
    int64_t stride;
} gradient_row;

static float add_gradient(const void *of, int64_t j, float sum)
{
    const gradient_row *row = of;
    return rmx_addf(sum, row->dy[j * row->stride]);
}

static float add_product(const void *of, int64_t j, float sum)
{
    const gradient_row *row = of;
    return rmx_fmaf(row->dy[j * row->stride], row->y[j * row->stride], sum);
}

static void gradient_of_row(const rmx_softmax_backward_args *a, const float *y, const float *dy,
                            float *dx)
{
    const gradient_row row = {y, dy, a->inner};
    const float c = rmx_reference_sum_along(a->log ? add_gradient : add_product, &row, 0, a->n);
    for (int64_t j = 0; j < a->n; j++) {
        const int64_t at = j * a->inner;
        dx[at] = a->log ? rmx_fmaf(rmx_negf(rmx_expf(y[at])), c, dy[at])
                        : rmx_mulf(y[at], rmx_subf(dy[at], c));
    }
}

rmx_status rmx_reference_softmax_backward(rmx_backend *backend, const rmx_softmax_backward_args *a)
{
    (void)backend;
    const float *y = a->y, *dy = a->dy;
    float *dx = a->dx;
    for (int64_t o = 0; o < a->outer; o++)
        for (int64_t i = 0; i < a->inner; i++) {
            const int64_t at = o * a->n * a->inner + i;
            gradient_of_row(a, y + at, dy + at, dx + at);
        }
    return RMX_OK;
}
