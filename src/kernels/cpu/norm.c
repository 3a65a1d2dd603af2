/* SPDX-License-Identifier: MIT */
/* norm.c: LayerNorm and RMSNorm of independent rows, forward and backward.
 *
 * Work: threads take rows forward, and row blocks of RMX_ROW_BLOCK rows backward, as each block has
 * partial sums of the parameter gradients of its own. The arithmetic is in norm_row.h, and in
 * norm_narrow.h for narrow rows. */
#include <string.h>

#include "kernels/cpu/column_sum.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm_narrow.h"

/* items: rows */
static void norm_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_args *a = job;
    (void)worker;
    const rmx_norm_rows norm = {.kind = a->kind,
                                .dim = a->dim,
                                .ld_x = a->ld_x,
                                .ld_y = a->ld_y,
                                .eps = a->eps,
                                .gamma = a->gamma,
                                .beta = a->beta,
                                .stream = a->x != a->y &&
                                          rmx_norm_streams(a->y, a->rows, a->dim, a->ld_y)};
    rmx_norm_rows_forward(&norm, end - begin, (const float *)a->x + begin * a->ld_x,
                          (float *)a->y + begin * a->ld_y,
                          a->mean && a->kind == RMX_NORM_LAYER ? a->mean + begin : NULL,
                          a->rstd ? a->rstd + begin : NULL);
    rmx_stream_end(norm.stream);
}

/* y = (x - mean) / sqrt(var + eps) * gamma + beta of every row.
 * order   mean and variance by partial sums, the variance from the centred row
 * traffic x read once (it stays in L1 for the second and third look), y written once */
rmx_status rmx_cpu_norm(rmx_backend *backend, const rmx_norm_args *a)
{
    rmx_norm_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->rows, 1 + 8192 / (a->dim + 1), norm_task, &job);
    return RMX_OK;
}

/* items: row blocks, each with its row of partial sums */
static void norm_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_backward_args *a = job;
    (void)worker;
    const bool parameters = a->dgamma || a->dbeta;
    const int64_t blocks = rmx_row_blocks(a->rows);
    const bool apart = a->dx && a->dx != a->dy && a->dx != a->residual;
    const rmx_norm_grads norm = {.kind = a->kind,
                                 .dim = a->dim,
                                 .ld = a->ld,
                                 .gamma = a->gamma,
                                 .stream =
                                     apart && rmx_norm_streams(a->dx, a->rows, a->dim, a->ld)};
    const rmx_norm_grads_at all = {.dy = a->dy,
                                   .x = a->x,
                                   .mean = a->mean,
                                   .rstd = a->rstd,
                                   .residual = a->residual,
                                   .dx = a->dx};
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * RMX_ROW_BLOCK, left = a->rows - first;
        rmx_norm_grads_at at = rmx_norm_grads_from(&norm, &all, first);
        if (parameters) {
            at.pgamma = (float *)a->ws + block * a->dim;
            at.pbeta = (float *)a->ws + (blocks + block) * a->dim;
            memset(at.pgamma, 0, sizeof *at.pgamma * (size_t)a->dim);
            memset(at.pbeta, 0, sizeof *at.pbeta * (size_t)a->dim);
        }
        rmx_norm_rows_backward(&norm, left < RMX_ROW_BLOCK ? left : RMX_ROW_BLOCK, &at);
    }
    rmx_stream_end(norm.stream);
}

/* dx and the parameter gradients from dy, x and the saved statistics (ops.h).
 * order   along a row by partial sums; down the rows in row blocks, then over the blocks
 * traffic dy and x (and residual) read once, dx written once; the partial sums of a block stay
 *         in cache */
rmx_status rmx_cpu_norm_backward(rmx_backend *backend, const rmx_norm_backward_args *a)
{
    rmx_norm_backward_args job = *a;
    const int64_t blocks = rmx_row_blocks(a->rows);
    if (a->rows * a->dim == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), blocks, 1, norm_backward_task, &job);
    const float *partial = a->ws;
    if (a->dgamma) RMX_CPU(column_sum_blocks)(backend, 1, blocks, a->dim, partial, a->dgamma);
    partial += blocks * a->dim;
    if (a->dbeta) RMX_CPU(column_sum_blocks)(backend, 1, blocks, a->dim, partial, a->dbeta);
    return RMX_OK;
}
