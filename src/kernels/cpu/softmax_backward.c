/* SPDX-License-Identifier: MIT */
/* softmax_backward.c: gradients of softmax.c, whose two cases these are too. */
#include "kernels/cpu/norm_columns.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/exp.h"
#include "kernels/cpu/stream.h"

typedef struct softmax_backward_job {
    const rmx_softmax_backward_args *a;
    rmx_backend *backend;
} softmax_backward_job;

RMX_INLINE float softmax_dx(bool log, float y, float dy, float c)
{
    return log ? rmx_fmaf(-rmx_expf(y), c, dy) : rmx_mulf(y, rmx_subf(dy, c));
}

/* ---- rows that are contiguous -------------------------------------------------------------- */

/* dx of a row whose sum c is known; stream: n is a multiple of RMX_VL. `ahead` elements on lies
 * the row that is asked for along the way. */
RMX_INLINE void softmax_dx_row(const float *y, const float *dy, float c, int64_t n, int64_t ahead,
                               bool stream, float *dx)
{
    const rmx_vec sum = rmx_vec_set(c);
    int64_t j = 0;
    for (; j + RMX_VL <= n; j += RMX_VL) {
        __builtin_prefetch(y + ahead + j);
        __builtin_prefetch(dy + ahead + j);
        rmx_stream_put(stream, dx + j, rmx_vec_load(y + j) * (rmx_vec_load(dy + j) - sum));
    }
    for (; j < n; j++) dx[j] = softmax_dx(false, y[j], dy[j], c);
}

/* As above. What log-softmax gave is not above 0, and then its exponential is the cheaper one. */
RMX_INLINE void log_softmax_dx_row(const float *y, const float *dy, float c, int64_t n,
                                   int64_t ahead, bool stream, float *dx)
{
    int64_t j = 0;
    if (rmx_row_max(y, n) <= 0.0f) {
        const rmx_vec sum = rmx_vec_set(c);
        for (; j + RMX_VL <= n; j += RMX_VL) {
            __builtin_prefetch(y + ahead + j);
            __builtin_prefetch(dy + ahead + j);
            const rmx_vec e = rmx_exp_negative_vec(rmx_vec_load(y + j));
            rmx_stream_put(stream, dx + j, rmx_vec_fma(-e, sum, rmx_vec_load(dy + j)));
        }
    }
    RMX_INDEPENDENT
    for (int64_t i = j; i < n; i++) dx[i] = softmax_dx(true, y[i], dy[i], c);
}

/* c of up to RMX_ROWS rows of n elements: the sums of RMX_ROWS short rows are halved together. */
RMX_INLINE void row_sums(bool log, const float *y, const float *dy, int64_t rows, int64_t n,
                         float c[RMX_ROWS])
{
    if (rows < RMX_ROWS) {
        for (int64_t i = 0; i < rows; i++)
            c[i] = log ? rmx_lanes_sum(dy + i * n, n) : rmx_lanes_dot(dy + i * n, y + i * n, n);
        return;
    }
    rmx_vec v[RMX_ROWS];
    for (int i = 0; i < RMX_ROWS; i++) {
        const rmx_lanes_pair pair = {dy + i * n, y + i * n};
        v[i] = log ? rmx_lanes_span_vec(rmx_lanes_sum_step, dy + i * n, 0, n)
                   : rmx_lanes_span_vec(rmx_lanes_dot_step, &pair, 0, n);
    }
    rmx_lanes_halve_rows(v, c);
    for (int i = 0; i < RMX_ROWS; i++) c[i] = rmx_lanes_with_empty(c[i], n);
}

RMX_INLINE void backward_rows(const rmx_softmax_backward_args *a, int64_t first, int64_t rows,
                              int64_t n, int64_t ahead, bool stream)
{
    const float *y = (const float *)a->y + first * n, *dy = (const float *)a->dy + first * n;
    float c[RMX_ROWS];
    row_sums(a->log, y, dy, rows, n, c);
    for (int64_t i = 0; i < rows; i++, y += n, dy += n) {
        float *dx = (float *)a->dx + (first + i) * n;
        if (a->log)
            log_softmax_dx_row(y, dy, c[i], n, ahead, stream, dx);
        else
            softmax_dx_row(y, dy, c[i], n, ahead, stream, dx);
    }
}

#define SHORT 512 /* rows up to this are taken RMX_ROWS together */

static void softmax_backward_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_backward_job *j = job;
    const rmx_softmax_backward_args *a = j->a;
    (void)worker;
    const int64_t n = a->n, together = n <= SHORT ? RMX_ROWS : 1;
    const bool stream = a->dx != a->dy && rmx_stream_wanted(a->dx, a->outer * n, n);
    for (int64_t o = begin; o < end; o += together) {
        const int64_t rows = end - o < together ? end - o : together;
        const int64_t ahead = end - o < 2 * together ? 0 : together * n;
        if (n == 16 && rows == RMX_ROWS)
            backward_rows(a, o, RMX_ROWS, 16, ahead, stream);
        else
            backward_rows(a, o, rows, n, ahead, stream);
    }
    rmx_stream_end(stream);
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

/* items: outer * strips of columns */
static void softmax_backward_columns_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_backward_job *j = job;
    const rmx_softmax_backward_args *a = j->a;
    rmx_columns *sums = rmx_cpu_scratch(j->backend, worker);
    const int64_t strips = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    for (int64_t item = begin; item < end; item++) {
        const int64_t col = item % strips * RMX_COLUMNS;
        const int64_t at = item / strips * a->n * a->inner + col;
        rmx_columns_start(sums, a->inner - col < RMX_COLUMNS ? a->inner - col : RMX_COLUMNS);
        if (a->log)
            softmax_backward_columns(a, true, at, sums);
        else
            softmax_backward_columns(a, false, at, sums);
    }
}

/* dx = y (dy - sum(dy y)), or dy - exp(y) sum(dy) for log-softmax.
 * order   the sum by lanes
 * traffic y and dy read once, dx written once */
rmx_status rmx_cpu_softmax_backward(rmx_backend *backend, const rmx_softmax_backward_args *a)
{
    softmax_backward_job job = {a, backend};
    const int64_t strips = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    if (a->outer * a->n * a->inner == 0) return RMX_OK;
    if (a->inner == 1)
        rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 4096 / a->n, softmax_backward_rows_task,
                     &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), a->outer * strips, 1 + 4096 / (a->n * RMX_COLUMNS),
                     softmax_backward_columns_task, &job);
    return RMX_OK;
}
