/* SPDX-License-Identifier: MIT */
/* column_sum.c: sums down the rows of a matrix: the gradient of a bias.
 *
 * First, tasks sum the columns of each row block, a column block at a time, in registers. Then the
 * partial sums of the row blocks are added to dst in ascending order. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"
#include "kernels/cpu/column_sum.h"

#define COLS 128 /* of a column block: whole cache lines of a row, and work for every thread */

typedef struct blocks_job {
    int64_t blocks, cols;
    const float *partial;
    float *dst;
} blocks_job;

/* items: groups * column blocks */
static void blocks_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const blocks_job *c = job;
    (void)worker;
    const int64_t column_blocks = (c->cols + COLS - 1) / COLS;
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / column_blocks, col = item % column_blocks * COLS;
        const int64_t width = c->cols - col < COLS ? c->cols - col : COLS;
        float *dst = c->dst + group * c->cols + col;
        for (int64_t block = 0; block < c->blocks; block++) {
            const float *p = c->partial + (group * c->blocks + block) * c->cols + col;
            RMX_INDEPENDENT
            for (int64_t j = 0; j < width; j++) dst[j] = rmx_addf(dst[j], p[j]);
        }
    }
}

void RMX_CPU(column_sum_blocks)(rmx_backend *backend, int64_t groups, int64_t blocks, int64_t cols,
                                const float *partial, float *dst)
{
    blocks_job job = {blocks, cols, partial, dst};
    const int64_t column_blocks = (cols + COLS - 1) / COLS;
    const int64_t grain = 1 + 16384 / (blocks * (cols < COLS ? cols : COLS) + 1);
    rmx_parallel(rmx_cpu_pool(backend), groups * column_blocks, grain, blocks_task, &job);
}

/* p = the sums of `vectors` vectors of columns, in registers; count: columns of the last vector. */
RMX_INLINE void sum_vectors(int vectors, int64_t count, const float *x, int64_t ld, int64_t rows,
                            float *p)
{
    rmx_vec s[8];
    for (int k = 0; k < vectors; k++) s[k] = rmx_vec_zero();
    for (int64_t r = 0; r < rows; r++, x += ld) {
        for (int k = 0; k < vectors - 1; k++) s[k] = s[k] + rmx_vec_load(x + k * RMX_VL);
        s[vectors - 1] = s[vectors - 1] + rmx_vec_load_some(x + (vectors - 1) * RMX_VL, count);
    }
    for (int k = 0; k < vectors - 1; k++) rmx_vec_store(p + k * RMX_VL, s[k]);
    rmx_vec_store_some(p + (vectors - 1) * RMX_VL, s[vectors - 1], count);
}

static void sum_columns(const float *x, int64_t ld, int64_t rows, int64_t cols, float *p)
{
    int64_t j = 0;
    for (; j + 8 * RMX_VL <= cols; j += 8 * RMX_VL) sum_vectors(8, RMX_VL, x + j, ld, rows, p + j);
    for (; j + 2 * RMX_VL <= cols; j += 2 * RMX_VL) sum_vectors(2, RMX_VL, x + j, ld, rows, p + j);
    for (; j < cols; j += RMX_VL)
        sum_vectors(1, cols - j < RMX_VL ? cols - j : RMX_VL, x + j, ld, rows, p + j);
}

/* items: groups * row blocks * column blocks */
static void col_sum_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_column_sum_args *a = job;
    (void)worker;
    const int64_t blocks = rmx_row_blocks(a->rows), column_blocks = (a->cols + COLS - 1) / COLS;
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / (blocks * column_blocks),
                      block = item / column_blocks % blocks;
        const int64_t col = item % column_blocks * COLS;
        const int64_t width = a->cols - col < COLS ? a->cols - col : COLS;
        const int64_t first = block * RMX_ROW_BLOCK;
        const int64_t last = a->rows - first < RMX_ROW_BLOCK ? a->rows : first + RMX_ROW_BLOCK;
        sum_columns((const float *)a->x + group * a->group_stride + first * a->ld + col, a->ld,
                    last - first, width,
                    (float *)a->ws + (group * blocks + block) * a->cols + col);
    }
}

/* dst[g, j] += sum down the rows of x[g, r, j].
 * order   blocks of RMX_ROW_BLOCK rows, each in ascending order from +0; then over the blocks
 * traffic x read once */
rmx_status rmx_cpu_column_sum(rmx_backend *backend, const rmx_column_sum_args *a)
{
    rmx_column_sum_args job = *a;
    if (a->group_stride == a->cols) { /* groups side by side are columns: longer loops */
        job.groups = 1;
        job.cols = a->groups * a->cols;
    }
    const int64_t blocks = rmx_row_blocks(job.rows), column_blocks = (job.cols + COLS - 1) / COLS;
    if (job.groups * blocks * job.cols == 0) return RMX_OK;
    const int64_t width = job.cols < COLS ? job.cols : COLS;
    const int64_t grain = 1 + 16384 / (width * RMX_ROW_BLOCK);
    rmx_parallel(rmx_cpu_pool(backend), job.groups * blocks * column_blocks, grain, col_sum_task,
                 &job);
    RMX_CPU(column_sum_blocks)(backend, job.groups, blocks, job.cols, job.ws, job.dst);
    return RMX_OK;
}
