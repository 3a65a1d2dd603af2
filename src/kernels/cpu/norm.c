/* SPDX-License-Identifier: MIT */
/* norm.c: LayerNorm and RMSNorm. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm_row.h"
#include "kernels/cpu/column_sum.h"

static void norm_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_args *a = job;
    (void)worker;
    const int64_t together = rmx_norm_together(a->dim);
    const bool stream =
        a->x != a->y && a->ld_y % RMX_VL == 0 && rmx_stream_wanted(a->y, a->rows * a->dim, a->dim);
    const rmx_norm_rows norm = {.kind = a->kind,
                                .dim = a->dim,
                                .ld_x = a->ld_x,
                                .ld_y = a->ld_y,
                                .eps = a->eps,
                                .gamma = a->gamma,
                                .beta = a->beta,
                                .stream = stream};
    for (int64_t r = begin, rows; r < end; r += rows) {
        const float *x = (const float *)a->x + r * a->ld_x;
        float *y = (float *)a->y + r * a->ld_y;
        rows = end - r < together ? end - r : together;
        const int64_t ahead = end - r - rows < rows ? 0 : rows; /* if as many follow */
        const float *next = x + ahead * a->ld_x;
        rmx_norm_stats stats;
        rmx_norm_rows_forward(&norm, rows, x, next, y, &stats);
        rmx_norm_keep(stats.mean, rows, a->mean && a->kind == RMX_NORM_LAYER ? a->mean + r : NULL);
        rmx_norm_keep(stats.rstd, rows, a->rstd ? a->rstd + r : NULL);
    }
    rmx_stream_end(stream);
}

/* y = (x - mean) / sqrt(var + eps) * gamma + beta of every row.
 * order   mean and variance by lanes, the variance from the centred row
 * traffic x read once (it stays in L1 for the second and third look), y written once */
rmx_status rmx_cpu_norm(rmx_backend *backend, const rmx_norm_args *a)
{
    rmx_norm_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->rows, 1 + 8192 / (a->dim + 1), norm_task, &job);
    return RMX_OK;
}

/* items: blocks of RMX_ROW_BLOCK rows, each with its row of partial sums */
static void norm_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_backward_args *a = job;
    (void)worker;
    const bool parameters = a->dgamma || a->dbeta;
    const int64_t blocks = rmx_row_blocks(a->rows), together = rmx_norm_together_backward(a->dim);
    const bool stream = a->dx != a->dy && a->dx != a->residual && a->ld % RMX_VL == 0 &&
                        rmx_stream_wanted(a->dx, a->rows * a->dim, a->dim);
    const rmx_norm_grads grads = {a->kind, a->dim, a->ld, a->gamma, stream};
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * RMX_ROW_BLOCK;
        const int64_t last = a->rows - first < RMX_ROW_BLOCK ? a->rows : first + RMX_ROW_BLOCK;
        float *pgamma = (float *)a->ws + block * a->dim;
        float *pbeta = (float *)a->ws + (blocks + block) * a->dim;
        if (parameters) {
            memset(pgamma, 0, sizeof *pgamma * (size_t)a->dim);
            memset(pbeta, 0, sizeof *pbeta * (size_t)a->dim);
        }
        for (int64_t r = first; r < last; r += together) {
            const int64_t rows = last - r < together ? last - r : together;
            const bool more = r + 2 * together <= a->rows;
            const rmx_norm_grads_at at = {
                .dy = (const float *)a->dy + r * a->ld,
                .x = (const float *)a->x + r * a->ld,
                .mean = a->mean ? a->mean + r : NULL,
                .rstd = a->rstd + r,
                .residual = a->residual ? (const float *)a->residual + r * a->ld : NULL,
                .next_dy = more ? (const float *)a->dy + (r + together) * a->ld : NULL,
                .next_x = more ? (const float *)a->x + (r + together) * a->ld : NULL,
                .dx = a->dx ? (float *)a->dx + r * a->ld : NULL,
                .pgamma = parameters ? pgamma : NULL,
                .pbeta = parameters ? pbeta : NULL};
            rmx_norm_rows_backward(&grads, rows, &at);
        }
    }
    rmx_stream_end(stream);
}

/* dx and the parameter gradients from dy, x and the saved statistics (ops.h).
 * order   along a row by lanes; down the rows in blocks of RMX_ROW_BLOCK, then over the blocks
 * traffic dy and x (and residual) read once, dx written once; the partial sums of a block stay
 *         in cache */
rmx_status rmx_cpu_norm_backward(rmx_backend *backend, const rmx_norm_backward_args *a)
{
    rmx_norm_backward_args job = *a;
    const int64_t blocks = rmx_row_blocks(a->rows);
    if (a->rows * a->dim == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), blocks, 1, norm_backward_task, &job);
    const float *partial = a->ws;
    if (a->dgamma) RMX_CPU(rows_chain)(backend, 1, blocks, a->dim, partial, a->dgamma);
    partial += blocks * a->dim;
    if (a->dbeta) RMX_CPU(rows_chain)(backend, 1, blocks, a->dim, partial, a->dbeta);
    return RMX_OK;
}
