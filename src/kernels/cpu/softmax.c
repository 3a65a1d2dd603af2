/* softmax.c: softmax and log-softmax along the middle axis of [outer, n, inner].
 *
 * inner == 1: a row is contiguous and its vectors run along it. inner > 1: the rows lie across
 * memory, and up to RMX_COLUMNS of them go side by side. The order of each sum is the same. */
#include <string.h>

#include "kernels/cpu/columns.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/stream.h"

typedef struct softmax_job {
    const rmx_softmax_args *a;
    rmx_backend *backend;
} softmax_job;

/* The largest of the numbers in a row, NaNs passed over: they show in the exponentials. */
RMX_INLINE rmx_vec row_max_vec(const float *x, int64_t n)
{
    rmx_vec m0 = rmx_vec_set(-RMX_INF), m1 = m0;
    int64_t j = 0;
    for (; j + 2 * RMX_VL <= n; j += 2 * RMX_VL) {
        m0 = rmx_lanes_max(rmx_vec_load(x + j), m0);
        m1 = rmx_lanes_max(rmx_vec_load(x + j + RMX_VL), m1);
    }
    if (j + RMX_VL <= n) m0 = rmx_lanes_max(rmx_vec_load(x + j), m0);
    return rmx_lanes_max(m0, m1);
}

RMX_INLINE float row_max(const float *x, int64_t n)
{
    float m = rmx_lanes_max_vec(row_max_vec(x, n));
    for (int64_t j = n / RMX_VL * RMX_VL; j < n; j++) m = rmx_maxf(x[j], m);
    return rmx_addf(m, 0.0f);
}

/* ---- exponentials --------------------------------------------------------------------------
 * No argument x - m is above 0, and there rmx_exp_scaled, with half the work, gives the bits of
 * rmx_expf: its argument is cut off below, and the power of two taken out again. */

#define LEAST (-104.0f) /* exp: 0 */

RMX_INLINE rmx_vec exp_argument(rmx_vec x, rmx_vec m)
{
    return rmx_lanes_max(rmx_vec_set(LEAST), x - m); /* NaN stays */
}

/* d_j = what exp is to be taken of; n a multiple of RMX_VL */
RMX_INLINE void arguments(const float *x, float m, int64_t n, float *d)
{
    const rmx_vec most = rmx_vec_set(m);
    for (int64_t j = 0; j < n; j += RMX_VL)
        rmx_vec_store(d + j, exp_argument(rmx_vec_load(x + j), most));
}

#define RUN 128 /* elements between two looks ahead */

/* e = exp(e), n elements; what lies at `next` is asked for along the way. */
RMX_INLINE void exp_in_place(float *e, int64_t n, const float *next)
{
    for (int64_t at = 0; at < n; at += RUN) {
        const int64_t end = n - at < RUN ? n : at + RUN;
        for (int64_t j = at; j < end; j += 16) __builtin_prefetch(next + j);
        for (int64_t j = at; j < end; j++) e[j] = rmx_mulf(rmx_exp_scaled(e[j]), RMX_UNSCALE);
    }
}

static void exp_row(const float *x, float m, int64_t n, const float *next, float *e)
{
    const int64_t whole = n / RMX_VL * RMX_VL;
    arguments(x, m, whole, e);
    for (int64_t j = whole; j < n; j++) e[j] = rmx_at_leastf(rmx_subf(x[j], m), LEAST);
    exp_in_place(e, n, next);
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

/* stream: n is a multiple of RMX_VL */
RMX_INLINE void scale_row(const float *e, float scale, int64_t n, bool stream, float *y)
{
    const int64_t whole = n / RMX_VL * RMX_VL;
    const rmx_vec s = rmx_vec_set(scale);
    for (int64_t j = 0; j < whole; j += RMX_VL)
        rmx_stream_put(stream, y + j, rmx_vec_load(e + j) * s);
    for (int64_t j = whole; j < n; j++) y[j] = rmx_mulf(e[j], scale);
}

/* next: the row that comes after this one, or x */
static void softmax_row(const float *x, const float *next, int64_t n, bool log, bool stream,
                        float *y)
{
    const float m = row_max(x, n);
    if (log) {
        const exp_terms terms = {x, m};
        const float log_sum = rmx_logf(rmx_lanes_row(exp_span, &terms, n));
        RMX_INDEPENDENT
        for (int64_t j = 0; j < n; j++) y[j] = rmx_subf(rmx_subf(x[j], m), log_sum);
    } else {
        float kept[RMX_SPAN];
        float *e = n <= RMX_SPAN ? kept : y;
        exp_row(x, m, n, next, e);
        const float scale = rmx_divf(1.0f, rmx_lanes_sum(e, n));
        if (stream && e == kept)
            scale_row(e, scale, n, true, y);
        else
            scale_row(e, scale, n, false, y);
    }
}

#define SHORT 128 /* rows up to this are taken RMX_ROWS together, those of whole vectors */

/* RMX_ROWS rows: their maxima and sums are halved together, and exp has one long loop. */
RMX_INLINE void softmax_rows(const float *x, const float *next, int64_t n, bool log, bool stream,
                             float *y)
{
    float e[RMX_ROWS * SHORT], m[RMX_ROWS], s[RMX_ROWS];
    rmx_vec v[RMX_ROWS];
    for (int i = 0; i < RMX_ROWS; i++) v[i] = row_max_vec(x + i * n, n);
    rmx_lanes_max_rows(v, m);
    for (int i = 0; i < RMX_ROWS; i++) m[i] = rmx_addf(m[i], 0.0f);
    for (int i = 0; i < RMX_ROWS; i++) arguments(x + i * n, m[i], n, e + i * n);
    exp_in_place(e, RMX_ROWS * n, next);
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
    else
        softmax_rows(x, next, n, log, stream, y);
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
            const float *x = a->x + o * n;
            const float *next = o + 2 * RMX_ROWS <= end ? x + RMX_ROWS * n : x;
            softmax_rows_sized(x, next, n, a->log, stream, a->y + o * n);
        }
    }
    for (; o < end; o++) {
        const float *x = a->x + o * n;
        softmax_row(x, o + 1 < end ? x + n : x, n, a->log, stream, a->y + o * n);
    }
    rmx_stream_end(stream);
}

/* ---- rows that lie across ------------------------------------------------------------------ */

/* Scratch of a worker: the exponentials of up to RMX_LANES elements of rows side by side. */
typedef struct columns_scratch {
    float e[RMX_LANES * RMX_COLUMNS], half[RMX_LANES / 2 * RMX_COLUMNS];
    rmx_columns sums;
} columns_scratch;

/* Up to RMX_LANES elements: each is a partial of its own, so that the exponentials are halved as
 * they stand. width is a multiple of RMX_VL. */
RMX_INLINE void softmax_few(const float *x, const float *next, int64_t n, int64_t stride,
                            int64_t width, bool log, bool stream, columns_scratch *c, float *y)
{
    float m[RMX_COLUMNS], scale[RMX_COLUMNS];
    for (int64_t w = 0; w < width; w += RMX_VL) {
        rmx_vec most = rmx_vec_set(-RMX_INF);
        for (int64_t j = 0; j < n; j++)
            most = rmx_lanes_max(rmx_vec_load(x + j * stride + w), most);
        most = most + rmx_vec_zero();
        rmx_vec_store(m + w, most);
        for (int64_t j = 0; j < n; j++)
            rmx_vec_store(c->e + j * width + w,
                          exp_argument(rmx_vec_load(x + j * stride + w), most));
    }
    for (int64_t j = 0; j < n; j++) {
        for (int64_t w = 0; w < width; w += 16) __builtin_prefetch(next + j * stride + w);
        for (int64_t w = 0; w < width; w++) {
            float *e = c->e + j * width + w;
            *e = rmx_mulf(rmx_exp_scaled(*e), RMX_UNSCALE);
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
    const bool few = n <= RMX_LANES, in_place = a->x == a->y;
    const bool stream = !in_place && few && inner % RMX_COLUMNS == 0 &&
                        rmx_stream_wanted(a->y, a->outer * n * inner, inner);
    for (int64_t item = begin; item < end; item++) {
        const int64_t strip = item % strips, col = strip * RMX_COLUMNS;
        const float *x = a->x + item / strips * n * inner + col;
        float *y = a->y + (x - a->x);
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
        rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 4096 / a->n, softmax_backward_rows_task,
                     &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), a->outer * strips, 1 + 4096 / (a->n * RMX_COLUMNS),
                     softmax_backward_columns_task, &job);
    return RMX_OK;
}
