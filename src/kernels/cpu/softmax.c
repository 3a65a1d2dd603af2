/* SPDX-License-Identifier: MIT */
/* softmax.c: softmax and log-softmax along the middle axis of [outer, n, inner].
 *
 * inner == 1: a row is contiguous and its vectors run along it. inner > 1: the rows lie across
 * memory, and up to RMX_COLUMNS of them go side by side. The order of each sum is the same. */
#include <string.h>

#include "kernels/cpu/norm_columns.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/exp.h"
#include "kernels/cpu/stream.h"

typedef struct softmax_job {
    const rmx_softmax_args *a;
    rmx_backend *backend;
} softmax_job;

/* e_j = exp(x_j - m) of n elements, m the row's maximum; what lies at `next` is asked for along
 * the way. */
RMX_INLINE void exp_row(const float *x, float m, int64_t n, const float *next, float *e)
{
    const rmx_vec most = rmx_vec_set(m);
    int64_t j = 0;
    for (; j + RMX_VL <= n; j += RMX_VL) {
        __builtin_prefetch(next + j);
        rmx_vec_store(e + j, rmx_exp_negative_vec(rmx_vec_load(x + j) - most));
    }
    for (; j < n; j++) e[j] = rmx_exp_negative(rmx_subf(x[j], m));
}

/* ---- rows that are contiguous -------------------------------------------------------------- */

typedef struct exp_terms {
    const float *x;
    float m;
} exp_terms;

/* Sum of exp(x_j - m) without keeping the terms, a span's worth of them at a time. */
static float exp_span(const void *row, int64_t begin, int64_t n)
{
    const exp_terms *r = row;
    float e[RMX_SPAN];
    exp_row(r->x + begin, r->m, n, r->x + begin, e);
    return rmx_lanes_sum_span(e, 0, n);
}

/* y = e * scale; stream: n is a multiple of RMX_VL, and of the rest too */
RMX_INLINE void scale_row(const float *e, float scale, int64_t n, bool stream, float *y)
{
    const rmx_vec s = rmx_vec_set(scale);
    int64_t j = 0;
    for (; j + RMX_VL <= n; j += RMX_VL) rmx_stream_put(stream, y + j, rmx_vec_load(e + j) * s);
    for (; j < n; j++) y[j] = rmx_mulf(e[j], scale);
}

/* y = (x - m) - log_sum */
RMX_INLINE void shift_row(const float *x, float m, float log_sum, int64_t n, bool stream, float *y)
{
    const rmx_vec most = rmx_vec_set(m), sum = rmx_vec_set(log_sum);
    int64_t j = 0;
    for (; j + RMX_VL <= n; j += RMX_VL)
        rmx_stream_put(stream, y + j, (rmx_vec_load(x + j) - most) - sum);
    for (; j < n; j++) y[j] = rmx_subf(rmx_subf(x[j], m), log_sum);
}

/* The sum of exp(x_j - m), without keeping them: a row longer than RMX_SPAN is read again. */
static float exp_sum(const float *x, float m, int64_t n)
{
    const exp_terms terms = {x, m};
    return rmx_lanes_row(exp_span, &terms, n);
}

/* next: the row that comes after this one, or x */
RMX_INLINE void softmax_row(const float *x, const float *next, int64_t n, bool log, bool stream,
                            float *y)
{
    const float m = rmx_addf(rmx_row_max(x, n), 0.0f);
    float kept[RMX_SPAN];
    if (n <= RMX_SPAN) {
        exp_row(x, m, n, next, kept);
        const float sum = rmx_lanes_sum(kept, n);
        if (log)
            shift_row(x, m, rmx_logf(sum), n, stream, y);
        else
            scale_row(kept, rmx_divf(1.0f, sum), n, stream, y);
    } else if (log) {
        shift_row(x, m, rmx_logf(exp_sum(x, m, n)), n, stream, y);
    } else {
        exp_row(x, m, n, next, y);
        scale_row(y, rmx_divf(1.0f, rmx_lanes_sum(y, n)), n, false, y);
    }
}

#define SHORT 128 /* rows up to this are taken RMX_ROWS together, those of whole vectors */

/* RMX_ROWS rows: their maxima and sums are halved together, and exp has one long loop. */
RMX_INLINE void softmax_rows(const float *x, const float *next, int64_t n, bool log, bool stream,
                             float *y)
{
    float e[RMX_ROWS * SHORT], m[RMX_ROWS], s[RMX_ROWS];
    rmx_vec v[RMX_ROWS];
    for (int i = 0; i < RMX_ROWS; i++) v[i] = rmx_row_max_vec(x + i * n, n);
    rmx_lanes_max_rows(v, m);
    for (int i = 0; i < RMX_ROWS; i++) m[i] = rmx_addf(m[i], 0.0f);
    for (int i = 0; i < RMX_ROWS; i++) {
        for (int64_t j = i * n; j < (i + 1) * n; j += RMX_VL)
            rmx_vec_store(e + j, rmx_vec_load(x + j) - rmx_vec_set(m[i]));
    }
    for (int64_t j = 0; j < RMX_ROWS * n; j += RMX_VL) {
        __builtin_prefetch(next + j);
        rmx_vec_store(e + j, rmx_exp_negative_vec(rmx_vec_load(e + j)));
    }
    for (int i = 0; i < RMX_ROWS; i++)
        v[i] = rmx_lanes_span_vec(rmx_lanes_sum_step, e + i * n, 0, n);
    rmx_lanes_halve_rows(v, s); /* no sum is -0: the empty partials may stay out */
    if (log) {
        for (int i = 0; i < RMX_ROWS; i++) s[i] = rmx_logf(s[i]);
        for (int i = 0; i < RMX_ROWS; i++) {
            const rmx_vec most = rmx_vec_set(m[i]), log_sum = rmx_vec_set(s[i]);
            for (int64_t j = i * n; j < (i + 1) * n; j += RMX_VL)
                rmx_stream_put(stream, y + j, (rmx_vec_load(x + j) - most) - log_sum);
        }
    } else {
        for (int i = 0; i < RMX_ROWS; i++) s[i] = rmx_divf(1.0f, s[i]);
        for (int i = 0; i < RMX_ROWS; i++) scale_row(e + i * n, s[i], n, stream, y + i * n);
    }
}

/* Common lengths get loops of their own. */
static void softmax_rows_sized(const float *x, const float *next, int64_t n, bool log, bool stream,
                               float *y)
{
    if (n == 16 && !log && stream)
        softmax_rows(x, next, 16, false, true, y);
    else if (n == 16 && !log)
        softmax_rows(x, next, 16, false, false, y);
    else if (n == 64 && !log && stream)
        softmax_rows(x, next, 64, false, true, y);
    else if (!log)
        softmax_rows(x, next, n, false, stream, y);
    else
        softmax_rows(x, next, n, true, stream, y);
}

static void softmax_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const softmax_job *j = job;
    const rmx_softmax_args *a = j->a;
    (void)worker;
    const int64_t n = a->n;
    const bool stream = a->x != a->y && rmx_stream_wanted(a->y, a->outer * n, n);
    int64_t o = begin;
    if (n <= SHORT && n % RMX_VL == 0) {
        for (; o + RMX_ROWS <= end; o += RMX_ROWS) {
            const float *x = (const float *)a->x + o * n;
            const float *next = o + 2 * RMX_ROWS <= end ? x + RMX_ROWS * n : x;
            softmax_rows_sized(x, next, n, a->log, stream, (float *)a->y + o * n);
        }
    }
    for (; o < end; o++) {
        const float *x = (const float *)a->x + o * n;
        const float *next = o + 1 < end ? x + n : x;
        if (a->log)
            softmax_row(x, next, n, true, stream, (float *)a->y + o * n);
        else
            softmax_row(x, next, n, false, stream, (float *)a->y + o * n);
    }
    rmx_stream_end(stream);
}

/* ---- rows that lie across ------------------------------------------------------------------ */

/* Scratch of a worker: the exponentials of up to RMX_PARTIAL_SUMS elements of rows side by side. */
typedef struct columns_scratch {
    float e[RMX_PARTIAL_SUMS * RMX_COLUMNS], half[RMX_PARTIAL_SUMS / 2 * RMX_COLUMNS];
    rmx_columns sums;
} columns_scratch;

/* Up to RMX_PARTIAL_SUMS elements: each is a partial of its own, so that the exponentials are halved as
 * they stand. width is a multiple of RMX_VL. */
RMX_INLINE void softmax_few(const float *x, const float *next, int64_t n, int64_t stride,
                            int64_t width, bool log, bool stream, columns_scratch *c, float *y)
{
    float m[RMX_COLUMNS], scale[RMX_COLUMNS];
    for (int64_t w = 0; w < width; w += RMX_VL) {
        rmx_vec most = rmx_vec_set(-RMX_INF);
        for (int64_t j = 0; j < n; j++)
            most = rmx_lanes_max(rmx_vec_load(x + j * stride + w), most);
        rmx_vec_store(m + w, most + rmx_vec_zero());
    }
    for (int64_t j = 0; j < n; j++) {
        for (int64_t w = 0; w < width; w += RMX_VL) {
            const rmx_vec d = rmx_vec_load(x + j * stride + w) - rmx_vec_load(m + w);
            __builtin_prefetch(next + j * stride + w);
            rmx_vec_store(c->e + j * width + w, rmx_exp_negative_vec(d));
        }
    }
    const float *total = rmx_columns_halve_rows(c->e, n, width, width, c->half);
    for (int64_t w = 0; w < width; w++)
        scale[w] = log ? rmx_logf(total[w]) : rmx_divf(1.0f, total[w]);
    for (int64_t j = 0; j < n; j++) {
        for (int64_t w = 0; w < width; w += RMX_VL) {
            const rmx_vec s = rmx_vec_load(scale + w);
            const rmx_vec v = log ? (rmx_vec_load(x + j * stride + w) - rmx_vec_load(m + w)) - s
                                  : rmx_vec_load(c->e + j * width + w) * s;
            rmx_stream_put(stream, y + j * stride + w, v);
        }
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
    columns_scratch *c = rmx_cpu_scratch(j->backend, worker);
    const int64_t n = a->n, inner = a->inner, strips = (inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    const bool few = n <= RMX_PARTIAL_SUMS, in_place = a->x == a->y;
    const bool stream = !in_place && few && inner % RMX_COLUMNS == 0 &&
                        rmx_stream_wanted(a->y, a->outer * n * inner, inner);
    for (int64_t item = begin; item < end; item++) {
        const int64_t strip = item % strips, col = strip * RMX_COLUMNS;
        const float *x = (const float *)a->x + item / strips * n * inner + col;
        float *y = (float *)a->y + (x - (const float *)a->x);
        const int64_t width = inner - col < RMX_COLUMNS ? inner - col : RMX_COLUMNS;
        const int64_t ahead = strip + 1 < strips ? width : n * inner - col;
        const float *next = item + 1 < end ? x + ahead : x;
        if (few && width == RMX_COLUMNS && !a->log && stream) {
            softmax_few(x, next, n, inner, RMX_COLUMNS, false, true, c, y);
        } else if (few && width == RMX_COLUMNS) {
            softmax_few(x, next, n, inner, RMX_COLUMNS, a->log, stream, c, y);
        } else {
            rmx_columns_start(&c->sums, width);
            softmax_columns(x, n, inner, a->log, &c->sums, y);
        }
    }
    rmx_stream_end(stream);
}

/* y = exp(x - max) / sum, or its logarithm.
 * order   the sum by lanes; the maximum has no order
 * traffic x read once (it stays in cache between the passes), y written once */
rmx_status rmx_cpu_softmax(rmx_backend *backend, const rmx_softmax_args *a)
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
