/* SPDX-License-Identifier: MIT */
/* mean.c: the mean over any axes of a strided tensor. */
#include "kernels/reference/reference.h"

static int64_t elements(int32_t axes, const int64_t *shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < axes; i++) count *= shape[i];
    return count;
}

/* The offset of element `index` in the row-major order of the axes. */
static int64_t offset(int32_t axes, const int64_t *shape, const int64_t *stride, int64_t index)
{
    int64_t at = 0;
    for (int32_t i = axes - 1; i >= 0; i--) {
        at += index % shape[i] * stride[i];
        index /= shape[i];
    }
    return at;
}

typedef struct mean_row {
    const rmx_mean_args *args;
    const float *x;
} mean_row;

static float add_element(const void *of, int64_t r, float sum)
{
    const mean_row *row = of;
    const rmx_mean_args *a = row->args;
    return rmx_addf(sum, row->x[offset(a->reduced, a->reduced_shape, a->reduced_stride, r)]);
}

rmx_status rmx_reference_mean(rmx_backend *backend, const rmx_mean_args *a)
{
    (void)backend;
    const int64_t rows = elements(a->kept, a->kept_shape);
    const int64_t n = elements(a->reduced, a->reduced_shape);
    const float *x = a->x;
    float *y = a->y;
    for (int64_t o = 0; o < rows; o++) {
        const mean_row row = {a, x + offset(a->kept, a->kept_shape, a->kept_stride, o)};
        y[o] = rmx_divf(rmx_reference_sum_along(add_element, &row, 0, n), (float)n);
    }
    return RMX_OK;
}

rmx_status rmx_reference_mean_backward(rmx_backend *backend, const rmx_mean_backward_args *a)
{
    (void)backend;
    const float *dy = a->dy;
    float *dx = a->dx;
    for (int64_t o = 0; o < a->outer; o++)
        for (int64_t r = 0; r < a->n; r++)
            for (int64_t i = 0; i < a->inner; i++)
                dx[(o * a->n + r) * a->inner + i] = rmx_divf(dy[o * a->inner + i], (float)a->n);
    return RMX_OK;
}
