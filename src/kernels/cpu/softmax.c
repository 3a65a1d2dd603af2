/* softmax.c: softmax and log-softmax along the middle axis of [outer, n, inner].
 *
 * inner == 1: a row is contiguous and its vectors run along it. inner > 1: the rows lie across
 * memory, and up to RMX_COLUMNS of them go side by side. The order of each sum is the same. */
#include <string.h>

#include "kernels/cpu/columns.h"
#include "kernels/cpu/cpu.h"

typedef struct softmax_job {
    const rmx_softmax_args *a;
    rmx_backend *backend;
} softmax_job;

/* The largest of the numbers in a row, NaNs passed over: they show in the exponentials. */
RMX_INLINE float row_max(const float *x, int64_t n)
{
    rmx_vec m0 = rmx_vec_set(-RMX_INF), m1 = m0;
    int64_t j = 0;
    for (; j + 2 * RMX_VL <= n; j += 2 * RMX_VL) {
        m0 = rmx_lanes_max(rmx_vec_load(x + j), m0);
        m1 = rmx_lanes_max(rmx_vec_load(x + j + RMX_VL), m1);
    }
    float m = rmx_lanes_max_vec(rmx_lanes_max(m0, m1));
    for (; j < n; j++) m = rmx_maxf(x[j], m);
    return rmx_addf(m, 0.0f);
}

static void exp_row(const float *x, float m, int64_t n, float *e)
{
    RMX_INDEPENDENT
    for (int64_t j = 0; j < n; j++) e[j] = rmx_expf(rmx_subf(x[j], m));
}

typedef struct exp_terms {
    const float *x;
    float m;
} exp_terms;

/* Sum of exp(x_j - m) without keeping the terms, a span's worth of them at a time. */
static float exp_span(const void *row, int64_t begin, int64_t n)
{
    const exp_terms *r = row;
    float e[RMX_SPAN];
    exp_row(r->x + begin, r->m, n, e);
    return rmx_lanes_sum_span(e, 0, n);
}

static void softmax_row(const float *x, int64_t n, bool log, float *y)
{
    const float m = row_max(x, n);
    if (log) {
        const exp_terms terms = {x, m};
        const float log_sum = rmx_logf(rmx_lanes_row(exp_span, &terms, n));
        RMX_INDEPENDENT
        for (int64_t j = 0; j < n; j++) y[j] = rmx_subf(rmx_subf(x[j], m), log_sum);
    } else {
        exp_row(x, m, n, y);
        const float scale = rmx_divf(1.0f, rmx_lanes_sum(y, n));
        RMX_INDEPENDENT
        for (int64_t j = 0; j < n; j++) y[j] = rmx_mulf(y[j], scale);
    }
}

#define BLOCK 1024 /* elements of short rows that are taken together: one long loop of exp */

/* rows * n <= BLOCK */
RMX_INLINE void softmax_short_rows(const float *x, int64_t rows, int64_t n, bool log, float *y)
{
    float kept[BLOCK];
    float *e = log ? kept : y;
    for (int64_t r = 0; r < rows; r++) {
        const float m = row_max(x + r * n, n);
        RMX_INDEPENDENT
        for (int64_t j = r * n; j < (r + 1) * n; j++) y[j] = rmx_subf(x[j], m);
    }
    RMX_INDEPENDENT
    for (int64_t j = 0; j < rows * n; j++) e[j] = rmx_expf(y[j]);
    for (int64_t r = 0; r < rows; r++) {
        const float s = rmx_lanes_sum(e + r * n, n);
        if (log) {
            const float log_sum = rmx_logf(s);
            RMX_INDEPENDENT
            for (int64_t j = r * n; j < (r + 1) * n; j++) y[j] = rmx_subf(y[j], log_sum);
        } else {
            const float scale = rmx_divf(1.0f, s);
            RMX_INDEPENDENT
            for (int64_t j = r * n; j < (r + 1) * n; j++) y[j] = rmx_mulf(y[j], scale);
        }
    }
}

static void softmax_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_job *j = job;
    const rmx_softmax_args *a = j->a;
    (void)worker;
    const int64_t block = a->n <= BLOCK / 2 ? BLOCK / a->n : 1;
    for (int64_t o = begin; o < end; o += block) {
        const int64_t rows = end - o < block ? end - o : block, at = o * a->n;
        if (a->n == 16 && !a->log) /* the compiler then unrolls the row */
            softmax_short_rows(a->x + at, rows, 16, false, a->y + at);
        else if (block > 1)
            softmax_short_rows(a->x + at, rows, a->n, a->log, a->y + at);
        else
            softmax_row(a->x + at, a->n, a->log, a->y + at);
    }
}

/* `width` rows side by side; element j of row w is x[j * stride + w] */
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
        for (int64_t w = 0; w < width; w++) e[w] = rmx_expf(rmx_subf(xj[w], m[w]));
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

/* items: outer * strips of columns */
static void softmax_columns_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_job *j = job;
    const rmx_softmax_args *a = j->a;
    rmx_columns *sums = rmx_cpu_scratch(j->backend, worker);
    const int64_t strips = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    for (int64_t item = begin; item < end; item++) {
        const int64_t col = item % strips * RMX_COLUMNS;
        const int64_t at = item / strips * a->n * a->inner + col;
        rmx_columns_start(sums, a->inner - col < RMX_COLUMNS ? a->inner - col : RMX_COLUMNS);
        softmax_columns(a->x + at, a->n, a->inner, a->log, sums, a->y + at);
    }
}

/* y = exp(x - max) / sum, or its logarithm.
 * order   the sum by lanes; the maximum has no order
 * traffic x read once (it stays in cache between the passes), y written once */
rmx_status RMX_CPU(softmax)(rmx_backend *backend, const rmx_softmax_args *a)
{
    softmax_job job = {a, backend};
    const int64_t strips = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    if (a->outer * a->n * a->inner == 0) return RMX_OK;
    if (a->inner == 1)
        rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 4096 / a->n, softmax_rows_task, &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), a->outer * strips, 1 + 4096 / (a->n * RMX_COLUMNS),
                     softmax_columns_task, &job);
    return RMX_OK;
}

/* ---- backward ---- */

typedef struct softmax_backward_job {
    const rmx_softmax_backward_args *a;
    rmx_backend *backend;
} softmax_backward_job;

RMX_INLINE float softmax_dx(bool log, float y, float dy, float c)
{
    return log ? rmx_fmaf(-rmx_expf(y), c, dy) : rmx_mulf(y, rmx_subf(dy, c));
}

static void softmax_backward_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_backward_job *j = job;
    const rmx_softmax_backward_args *a = j->a;
    (void)worker;
    for (int64_t o = begin; o < end; o++) {
        const float *y = a->y + o * a->n, *dy = a->dy + o * a->n;
        float *dx = a->dx + o * a->n;
        if (a->log) {
            const float c = rmx_lanes_sum(dy, a->n);
            RMX_INDEPENDENT
            for (int64_t i = 0; i < a->n; i++) dx[i] = softmax_dx(true, y[i], dy[i], c);
        } else {
            const float c = rmx_lanes_dot(dy, y, a->n);
            RMX_INDEPENDENT
            for (int64_t i = 0; i < a->n; i++) dx[i] = softmax_dx(false, y[i], dy[i], c);
        }
    }
}

RMX_INLINE void softmax_backward_columns(const rmx_softmax_backward_args *a, bool log, int64_t at,
                                         rmx_columns *sums)
{
    for (int64_t i = 0; i < a->n; i++) {
        const float *y = a->y + at + i * a->inner, *dy = a->dy + at + i * a->inner;
        if (log)
            rmx_columns_add(sums, dy, 1);
        else
            rmx_columns_add_product(sums, dy, y);
    }
    const float *c = rmx_columns_total(sums);
    for (int64_t i = 0; i < a->n; i++) {
        const float *y = a->y + at + i * a->inner, *dy = a->dy + at + i * a->inner;
        float *dx = a->dx + at + i * a->inner;
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
rmx_status RMX_CPU(softmax_backward)(rmx_backend *backend, const rmx_softmax_backward_args *a)
{
    softmax_backward_job job = {a, backend};
    const int64_t strips = (a->inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    if (a->outer * a->n * a->inner == 0) return RMX_OK;
    if (a->inner == 1)
        rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 4096 / a->n,
                     softmax_backward_rows_task, &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), a->outer * strips, 1 + 4096 / (a->n * RMX_COLUMNS),
                     softmax_backward_columns_task, &job);
    return RMX_OK;
}
