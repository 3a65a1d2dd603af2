/* SPDX-License-Identifier: MIT */
/* column_sum.c: the sum of each column of a matrix. */
#include "kernels/reference/reference.h"

typedef struct column {
    const float *x;
    int64_t ld;
} column;

static float add_element(const void *of, int64_t r, float sum)
{
    const column *c = of;
    return rmx_addf(sum, c->x[r * c->ld]);
}

rmx_status rmx_reference_column_sum(rmx_backend *backend, const rmx_column_sum_args *a)
{
    (void)backend;
    const float *x = a->x;
    for (int64_t g = 0; g < a->groups; g++)
        for (int64_t j = 0; j < a->cols; j++) {
            const column c = {x + g * a->group_stride + j, a->ld};
            float *dst = a->dst + g * a->cols + j;
            *dst = rmx_reference_sum_down(add_element, &c, a->rows, *dst);
        }
    return RMX_OK;
}
