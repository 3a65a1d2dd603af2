/* SPDX-License-Identifier: MIT */
/* gradient_norm.c: the sum of squares for gradient clipping, the scale that follows from it, and
 * the count of values that are not finite. */
#include <math.h>
#include <stdatomic.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"

/* items: blocks of RMX_SPAN values */
static void sum_squares_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_gradient_norm_sum_squares_args *a = job;
    (void)worker;
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * RMX_SPAN;
        const int64_t count = a->n - first < RMX_SPAN ? a->n - first : RMX_SPAN;
        ((float *)a->ws)[block] = rmx_row_dot(a->g + first, a->g + first, count);
    }
}

/* *sum += sum of g * g.
 * order   by partial sums within blocks of RMX_SPAN values, in double over the blocks
 * traffic g read once */
rmx_status rmx_cpu_gradient_norm_sum_squares(rmx_backend *backend,
                                             const rmx_gradient_norm_sum_squares_args *a)
{
    rmx_gradient_norm_sum_squares_args job = *a;
    if (a->unique) job.n = (int64_t)*a->unique * a->width;
    const int64_t blocks = (job.n + RMX_SPAN - 1) / RMX_SPAN;
    rmx_parallel(rmx_cpu_pool(backend), blocks, 4, sum_squares_task, &job);
    const float *partial = a->ws;
    for (int64_t block = 0; block < blocks; block++) {
        *a->sum = rmx_addd(*a->sum, (double)partial[block]);
    }
    return RMX_OK;
}

/* The norm and the scale that keeps it within max_norm, or NaN to stop the update (ops.h). */
rmx_status rmx_cpu_gradient_norm_clip(rmx_backend *backend, const rmx_gradient_norm_clip_args *a)
{
    (void)backend;
    const float norm = (float)rmx_sqrtd(*a->sum);
    float scale = 1.0f;
    if (!isfinite(norm) || isnan(*a->grad_scale))
        scale = RMX_NAN;
    else if (a->max_norm > 0.0f && norm > a->max_norm)
        scale = rmx_divf(a->max_norm, norm);
    *a->grad_norm = norm;
    *a->grad_scale = scale;
    return RMX_OK;
}

typedef struct nonfinite_job {
    const float *x;
    atomic_uint_least32_t count; /* integers: any order of adding is the same */
} nonfinite_job;

static void nonfinite_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    nonfinite_job *j = job;
    const float *x = j->x;
    (void)worker;
    uint32_t count = 0;
    for (int64_t i = begin; i < end; i++) {
        count += (rmx_float_bits(x[i]) & 0x7f800000u) == 0x7f800000u;
    }
    atomic_fetch_add(&j->count, count);
}

/* *count = how many of n values are NaN or infinite.
 * traffic x read once */
rmx_status rmx_cpu_nonfinite(rmx_backend *backend, const rmx_nonfinite_args *a)
{
    nonfinite_job job = {.x = a->x};
    rmx_parallel(rmx_cpu_pool(backend), a->n, 16384, nonfinite_task, &job);
    *a->count = atomic_load(&job.count);
    return RMX_OK;
}
