/* SPDX-License-Identifier: MIT */
/* softmax.c: softmax and log-softmax along the middle axis of [outer, n, inner].
 *
 * inner == 1: a row is contiguous, and its vectors run along it. inner > 1: a row lies across
 * memory, and up to RMX_COLUMNS rows go side by side. The order of each sum is the same. Each row:
 * the maximum m, then the sum of exp(x - m), then y. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/exp.h"
#include "kernels/cpu/partial_sums_across.h"

typedef struct softmax_job {
    const rmx_softmax_args *a;
    rmx_backend *backend;
} softmax_job;

/* ---- rows that are contiguous -------------------------------------------------------------- */

/* e_j = exp(x_j - m) of n elements, m the row's maximum */
RMX_INLINE void exp_row(const float *x, float m, int64_t n, float *e)
{
    const rmx_vec most = rmx_vec_set(m);
    int64_t j = 0;
    for (; j + RMX_VL <= n; j += RMX_VL)
        rmx_vec_store(e + j, rmx_exp_negative_vec(rmx_vec_load(x + j) - most));
    for (; j < n; j++) e[j] = rmx_exp_negative(rmx_subf(x[j], m));
}

typedef struct exp_terms {
    const float *x;
    float m;
} exp_terms;

static float exp_span(const void *row, int64_t begin, int64_t n)
{
    const exp_terms *r = row;
    float e[RMX_SPAN];
    exp_row(r->x + begin, r->m, n, e);
    return rmx_plain_span(e, 0, n);
}

/* The logarithm needs the sum alone: the exponentials are not kept. */
static void log_softmax_row(const float *x, int64_t n, float *y)
{
    const exp_terms terms = {x, rmx_addf(rmx_row_max(x, n), 0.0f)};
    const float log_sum = rmx_logf(rmx_sum_row(exp_span, &terms, n));
    RMX_INDEPENDENT
    for (int64_t j = 0; j < n; j++) y[j] = rmx_subf(rmx_subf(x[j], terms.m), log_sum);
}

static void softmax_row(const float *x, int64_t n, float *y)
{
    exp_row(x, rmx_addf(rmx_row_max(x, n), 0.0f), n, y);
    const float scale = rmx_divf(1.0f, rmx_row_sum(y, n));
    for (int64_t j = 0; j < n; j++) y[j] = rmx_mulf(y[j], scale);
}

/* items: rows */
static void softmax_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_job *j = job;
    const rmx_softmax_args *a = j->a;
    (void)worker;
    for (int64_t o = begin; o < end; o++) {
        const float *x = (const float *)a->x + o * a->n;
        float *y = (float *)a->y + o * a->n;
        if (a->log)
            log_softmax_row(x, a->n, y);
        else
            softmax_row(x, a->n, y);
    }
}

/* ---- rows that lie across ------------------------------------------------------------------ */

/* sums->width rows side by side; element j of row w is x[j * stride + w] */
static void softmax_columns(const float *x, int64_t n, int64_t stride, bool log, rmx_columns *sums,
                            float *y)
{
    const int64_t width = sums->width;
    float m[RMX_COLUMNS], e[RMX_COLUMNS];
    for (int64_t w = 0; w < width; w++) m[w] = -RMX_INF;
    for (int64_t j = 0; j < n; j++) {
        for (int64_t w = 0; w < width; w++) m[w] = rmx_maxf(x[j * stride + w], m[w]);
    }
    for (int64_t w = 0; w < width; w++) m[w] = rmx_addf(m[w], 0.0f);
    for (int64_t j = 0; j < n; j++) {
        const float *xj = x + j * stride;
        for (int64_t w = 0; w < width; w++) e[w] = rmx_exp_negative(rmx_subf(xj[w], m[w]));
        rmx_columns_add(sums, e, 1);
        if (!log) memcpy(y + j * stride, e, sizeof *e * (size_t)width);
    }
    const float *total = rmx_columns_total(sums);
    for (int64_t w = 0; w < width; w++) {
        e[w] = log ? rmx_logf(total[w]) : rmx_divf(1.0f, total[w]);
    }
    for (int64_t j = 0; j < n; j++) {
        const float *xj = x + j * stride;
        float *yj = y + j * stride;
        RMX_INDEPENDENT
        for (int64_t w = 0; w < width; w++) {
            yj[w] = log ? rmx_subf(rmx_subf(xj[w], m[w]), e[w]) : rmx_mulf(yj[w], e[w]);
        }
    }
}

static int64_t column_blocks(const rmx_softmax_args *a)
{
    return (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
}

/* items: outer * column blocks */
static void softmax_columns_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_job *j = job;
    const rmx_softmax_args *a = j->a;
    rmx_columns *sums = rmx_cpu_scratch(j->backend, worker);
    const int64_t blocks = column_blocks(a);
    for (int64_t item = begin; item < end; item++) {
        const int64_t col = item % blocks * RMX_COLUMNS, left = a->inner - col;
        const int64_t at = item / blocks * a->n * a->inner + col;
        rmx_columns_start(sums, left < RMX_COLUMNS ? left : RMX_COLUMNS);
        softmax_columns((const float *)a->x + at, a->n, a->inner, a->log, sums,
                        (float *)a->y + at);
    }
}

/* y = exp(x - max) / sum, or its logarithm.
 * order   the sum by partial sums; the maximum has no order
 * traffic x read once (it stays in cache between the passes), y written once */
rmx_status rmx_cpu_softmax(rmx_backend *backend, const rmx_softmax_args *a)
{
    softmax_job job = {a, backend};
    if (a->outer * a->n * a->inner == 0) return RMX_OK;
    if (a->inner == 1)
        rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 4096 / a->n, softmax_rows_task, &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), a->outer * column_blocks(a),
                     1 + 4096 / (a->n * RMX_COLUMNS), softmax_columns_task, &job);
    return RMX_OK;
}
