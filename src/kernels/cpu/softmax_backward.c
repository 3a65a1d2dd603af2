/* SPDX-License-Identifier: MIT */
/* softmax_backward.c: the gradient of softmax and log-softmax, from y and dy.
 *
 * The rows are contiguous or lie across memory, as in softmax.c. Each row: the sum c, then dx. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums_across.h"

typedef struct softmax_backward_job {
    const rmx_softmax_backward_args *a;
    rmx_backend *backend;
} softmax_backward_job;

RMX_INLINE float softmax_dx(bool log, float y, float dy, float c)
{
    return log ? rmx_fmaf(-rmx_expf(y), c, dy) : rmx_mulf(y, rmx_subf(dy, c));
}

/* ---- rows that are contiguous -------------------------------------------------------------- */

RMX_INLINE void softmax_backward_row(bool log, const float *y, const float *dy, int64_t n,
                                     float *dx)
{
    const float c = log ? rmx_row_sum(dy, n) : rmx_row_dot(dy, y, n);
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) dx[i] = softmax_dx(log, y[i], dy[i], c);
}

/* items: rows */
static void softmax_backward_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_backward_job *j = job;
    const rmx_softmax_backward_args *a = j->a;
    (void)worker;
    for (int64_t at = begin * a->n; at < end * a->n; at += a->n) {
        const float *y = (const float *)a->y + at, *dy = (const float *)a->dy + at;
        if (a->log)
            softmax_backward_row(true, y, dy, a->n, (float *)a->dx + at);
        else
            softmax_backward_row(false, y, dy, a->n, (float *)a->dx + at);
    }
}

/* ---- rows that lie across ------------------------------------------------------------------ */

RMX_INLINE void softmax_backward_columns(const rmx_softmax_backward_args *a, bool log, int64_t at,
                                         rmx_columns *sums)
{
    for (int64_t i = 0; i < a->n; i++) {
        const float *y = (const float *)a->y + at + i * a->inner,
                    *dy = (const float *)a->dy + at + i * a->inner;
        if (log)
            rmx_columns_add(sums, dy, 1);
        else
            rmx_columns_add_product(sums, dy, y);
    }
    const float *c = rmx_columns_total(sums);
    for (int64_t i = 0; i < a->n; i++) {
        const float *y = (const float *)a->y + at + i * a->inner,
                    *dy = (const float *)a->dy + at + i * a->inner;
        float *dx = (float *)a->dx + at + i * a->inner;
        RMX_INDEPENDENT
        for (int64_t w = 0; w < sums->width; w++) dx[w] = softmax_dx(log, y[w], dy[w], c[w]);
    }
}

/* items: outer * column blocks */
static void softmax_backward_columns_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_backward_job *j = job;
    const rmx_softmax_backward_args *a = j->a;
    rmx_columns *sums = rmx_cpu_scratch(j->backend, worker);
    const int64_t blocks = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    for (int64_t item = begin; item < end; item++) {
        const int64_t col = item % blocks * RMX_COLUMNS;
        const int64_t at = item / blocks * a->n * a->inner + col;
        rmx_columns_start(sums, a->inner - col < RMX_COLUMNS ? a->inner - col : RMX_COLUMNS);
        if (a->log)
            softmax_backward_columns(a, true, at, sums);
        else
            softmax_backward_columns(a, false, at, sums);
    }
}

/* dx = y (dy - sum(dy y)), or dy - exp(y) sum(dy) for log-softmax.
 * order   the sum by partial sums
 * traffic y and dy read once, dx written once */
rmx_status rmx_cpu_softmax_backward(rmx_backend *backend, const rmx_softmax_backward_args *a)
{
    softmax_backward_job job = {a, backend};
    const int64_t blocks = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    if (a->outer * a->n * a->inner == 0) return RMX_OK;
    if (a->inner == 1)
        rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 4096 / a->n, softmax_backward_rows_task,
                     &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), a->outer * blocks, 1 + 4096 / (a->n * RMX_COLUMNS),
                     softmax_backward_columns_task, &job);
    return RMX_OK;
}
