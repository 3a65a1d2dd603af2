/* SPDX-License-Identifier: MIT */
/* optimizer.c: an optimiser's update of all rows, or of the rows that a batch touched. */
#include "kernels/reference/reference.h"

/* lr * g / (sqrt(s) + eps), the step of every kind but SGD. */
static float step(const rmx_optimizer_scalars *o, float g, float s)
{
    return rmx_divf(rmx_mulf(o->lr, g), rmx_addf(rmx_sqrtf(s), o->eps));
}

/* Updates one weight and its states. Row-wise Adagrad has one s1 for the row, which is already
 * new. */
static void update(rmx_optimizer kind, const rmx_optimizer_scalars *o, float g, float *weight,
                   float *s1, float *s2)
{
    const float w = rmx_mulf(*weight, o->decay), square = rmx_mulf(g, g);
    switch (kind) {
    case RMX_OPTIMIZER_SGD:
        if (s1) *s1 = rmx_fmaf(o->momentum, *s1, g);
        *weight = rmx_fmaf(rmx_negf(o->lr), s1 ? *s1 : g, w);
        break;
    case RMX_OPTIMIZER_RMSPROP:
        *s1 = rmx_fmaf(o->beta2, *s1, rmx_mulf(o->one_minus_beta2, square));
        *weight = rmx_subf(w, step(o, g, *s1));
        break;
    case RMX_OPTIMIZER_ADAGRAD:
        *s1 = rmx_fmaf(g, g, *s1);
        *weight = rmx_subf(w, step(o, g, *s1));
        break;
    case RMX_OPTIMIZER_ROWWISE_ADAGRAD: *weight = rmx_subf(w, step(o, g, *s1)); break;
    case RMX_OPTIMIZER_ADAMW:
        *s1 = rmx_fmaf(o->beta1, *s1, rmx_mulf(o->one_minus_beta1, g));
        *s2 = rmx_fmaf(o->beta2, *s2, rmx_mulf(o->one_minus_beta2, square));
        *weight = rmx_subf(w, step(o, rmx_mulf(*s1, o->bias1), rmx_mulf(*s2, o->bias2)));
        break;
    }
}

typedef struct gradient_row {
    const float *grad, *scale;
} gradient_row;

static float gradient(const gradient_row *row, int64_t j)
{
    return row->scale ? rmx_mulf(row->grad[j], *row->scale) : row->grad[j];
}

static float add_square(const void *of, int64_t j, float sum)
{
    const float g = gradient(of, j);
    return rmx_fmaf(g, g, sum);
}

rmx_status rmx_reference_optimizer(rmx_backend *backend, const rmx_optimizer_args *a)
{
    (void)backend;
    if (a->grad_scale && *a->grad_scale != *a->grad_scale) return RMX_OK; /* NaN */
    const bool rowwise = a->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD;
    const int64_t rows = a->unique ? (int64_t)*a->unique : a->rows;
    for (int64_t u = 0; u < rows; u++) {
        const int64_t row = a->row_index ? (int64_t)a->row_index[u] : u;
        const gradient_row g = {a->grad + u * a->width, a->grad_scale};
        if (rowwise && a->width > 0) {
            const float sum = rmx_reference_sum_along(add_square, &g, 0, a->width);
            a->s1[row] = rmx_addf(a->s1[row], rmx_divf(sum, (float)a->width));
        }
        for (int64_t j = 0; j < a->width; j++) {
            const int64_t at = row * a->width + j;
            update(a->kind, a->scalars, gradient(&g, j), a->w + at,
                   a->s1 ? a->s1 + (rowwise ? row : at) : NULL, a->s2 ? a->s2 + at : NULL);
        }
    }
    return RMX_OK;
}
