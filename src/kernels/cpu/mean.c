/* SPDX-License-Identifier: MIT */
/* mean.c: the mean over any axes of a strided tensor, and its gradient.
 *
 * First, axes are merged where one continues the other. Then a row, the elements of one mean,
 * either is contiguous, and its vectors run along it; or it lies across memory, and up to
 * RMX_COLUMNS rows along the last kept axis are summed side by side (partial_sums_across.h). The
 * order of each sum is the same. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums_across.h"

typedef struct axes { /* outermost first */
    int32_t count;
    int64_t shape[RMX_MAX_DIMS], stride[RMX_MAX_DIMS];
} axes;

/* The same index order with fewer axes: those of length 1 go, neighbours that run on merge. */
static axes merge(int32_t count, const int64_t *shape, const int64_t *stride)
{
    axes m = {0};
    for (int32_t i = 0; i < count; i++) {
        if (shape[i] == 1) continue;
        if (m.count > 0 && m.stride[m.count - 1] == shape[i] * stride[i]) {
            m.shape[m.count - 1] *= shape[i];
            m.stride[m.count - 1] = stride[i];
        } else {
            m.shape[m.count] = shape[i];
            m.stride[m.count++] = stride[i];
        }
    }
    return m;
}

static int64_t size_of(const axes *a)
{
    int64_t size = 1;
    for (int32_t i = 0; i < a->count; i++) size *= a->shape[i];
    return size;
}

/* Where element `index` of the axes' row-major order lies. */
static int64_t offset_of(const axes *a, int32_t count, int64_t index)
{
    int64_t offset = 0;
    for (int32_t i = count - 1; i >= 0; i--) {
        offset += index % a->shape[i] * a->stride[i];
        index /= a->shape[i];
    }
    return offset;
}

typedef struct mean_job {
    rmx_backend *backend;
    axes kept, reduced;
    int64_t inner, inner_stride; /* the last kept axis, or one row */
    int64_t column_blocks;       /* of RMX_COLUMNS rows, along it */
    int64_t n;
    const float *x;
    float *y;
} mean_job;

static void mean_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mean_job *m = job;
    (void)worker;
    for (int64_t o = begin; o < end; o++) {
        const float *row = m->x + offset_of(&m->kept, m->kept.count, o);
        m->y[o] = rmx_divf(rmx_row_sum(row, m->n), (float)m->n);
    }
}

/* Adds every element of the rows that begin at x, the last reduced axis in the inner loop. */
static void add_elements(const mean_job *m, const float *x, rmx_columns *sums)
{
    const int32_t last = m->reduced.count - 1;
    const int64_t run = last < 0 ? m->n : m->reduced.shape[last];
    const int64_t step = last < 0 ? 0 : m->reduced.stride[last];
    for (int64_t at = 0; at < m->n; at += run) {
        const float *p = x + offset_of(&m->reduced, last, at / run);
        if (m->inner_stride == 1) {
            for (int64_t i = 0; i < run; i++) rmx_columns_add(sums, p + i * step, 1);
        } else {
            for (int64_t i = 0; i < run; i++) rmx_columns_add(sums, p + i * step, m->inner_stride);
        }
    }
}

/* items: outer kept indices * column blocks */
static void mean_columns_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mean_job *m = job;
    rmx_columns *sums = rmx_cpu_scratch(m->backend, worker);
    for (int64_t item = begin; item < end; item++) {
        const int64_t outer = item / m->column_blocks;
        const int64_t col = item % m->column_blocks * RMX_COLUMNS, left = m->inner - col;
        const float *x = m->x + offset_of(&m->kept, m->kept.count - 1, outer);
        float *y = m->y + outer * m->inner + col;
        rmx_columns_start(sums, left < RMX_COLUMNS ? left : RMX_COLUMNS);
        add_elements(m, x + col * m->inner_stride, sums);
        const float *total = rmx_columns_total(sums), n = (float)m->n;
        RMX_INDEPENDENT
        for (int64_t w = 0; w < sums->width; w++) y[w] = rmx_divf(total[w], n);
    }
}

/* y[o] = sum over r of x[o, r], divided by their number.
 * order   the sum by partial sums, r in row-major order of the reduced axes
 * traffic x read once */
rmx_status rmx_cpu_mean(rmx_backend *backend, const rmx_mean_args *a)
{
    mean_job m = {.backend = backend, .x = a->x, .y = a->y};
    m.kept = merge(a->kept, a->kept_shape, a->kept_stride);
    m.reduced = merge(a->reduced, a->reduced_shape, a->reduced_stride);
    m.n = size_of(&m.reduced);
    const int64_t rows = size_of(&m.kept);
    if (rows == 0) return RMX_OK;
    if (m.n == 0) m.reduced = (axes){0};
    if (m.reduced.count == 0 || (m.reduced.count == 1 && m.reduced.stride[0] == 1)) {
        rmx_parallel(rmx_cpu_pool(backend), rows, 1 + 8192 / (m.n + 1), mean_rows_task, &m);
        return RMX_OK;
    }
    const int32_t last = m.kept.count - 1;
    m.inner = last < 0 ? 1 : m.kept.shape[last];
    m.inner_stride = last < 0 ? 1 : m.kept.stride[last];
    m.column_blocks = (m.inner + RMX_COLUMNS - 1) / RMX_COLUMNS;
    const int64_t width = m.inner < RMX_COLUMNS ? m.inner : RMX_COLUMNS;
    rmx_parallel(rmx_cpu_pool(backend), rows / m.inner * m.column_blocks, 1 + 8192 / (m.n * width),
                 mean_columns_task, &m);
    return RMX_OK;
}

/* items: outer indices */
static void mean_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_mean_backward_args *a = job;
    (void)worker;
    const float n = (float)a->n;
    for (int64_t o = begin; o < end; o++) {
        const float *dy = (const float *)a->dy + o * a->inner;
        float *dx = (float *)a->dx + o * a->n * a->inner;
        if (a->inner == 1) {
            const float v = rmx_divf(dy[0], n);
            for (int64_t r = 0; r < a->n; r++) dx[r] = v;
            continue;
        }
        for (int64_t i = 0; i < a->inner; i++) dx[i] = rmx_divf(dy[i], n);
        for (int64_t r = 1; r < a->n; r++) {
            memcpy(dx + r * a->inner, dx, sizeof *dx * (size_t)a->inner);
        }
    }
}

/* dx[o, r] = dy[o] / n: one division, then copies of it.
 * traffic dy read once, dx written once */
rmx_status rmx_cpu_mean_backward(rmx_backend *backend, const rmx_mean_backward_args *a)
{
    rmx_mean_backward_args job = *a;
    const int64_t size = a->n * a->inner;
    if (a->outer * size == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), a->outer, 1 + 8192 / size, mean_backward_task, &job);
    return RMX_OK;
}
