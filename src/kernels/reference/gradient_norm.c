/* SPDX-License-Identifier: MIT */
/* gradient_norm.c: the norm of all gradients, and the factor that keeps it within bounds. */
#include <math.h>

#include "kernels/reference/reference.h"

static float add_square(const void *of, int64_t i, float sum)
{
    const float *g = of;
    return rmx_fmaf(g[i], g[i], sum);
}

rmx_status rmx_reference_gradient_norm_sum_squares(rmx_backend *backend,
                                                   const rmx_gradient_norm_sum_squares_args *a)
{
    (void)backend;
    const int64_t n = a->unique ? (int64_t)*a->unique * a->width : a->n;
    for (int64_t first = 0; first < n; first += RMX_SPAN) {
        const int64_t count = n - first < RMX_SPAN ? n - first : RMX_SPAN;
        const float sum = rmx_reference_sum_along(add_square, a->g, first, count);
        *a->sum = rmx_addd(*a->sum, (double)sum);
    }
    return RMX_OK;
}

rmx_status rmx_reference_gradient_norm_clip(rmx_backend *backend,
                                            const rmx_gradient_norm_clip_args *a)
{
    (void)backend;
    const float norm = (float)rmx_sqrtd(*a->sum);
    const bool stop = !isfinite(norm) || isnan(*a->grad_scale);
    const bool clip = a->max_norm > 0.0f && norm > a->max_norm;
    *a->grad_scale = stop ? RMX_NAN : clip ? rmx_divf(a->max_norm, norm) : 1.0f;
    *a->grad_norm = norm;
    return RMX_OK;
}
