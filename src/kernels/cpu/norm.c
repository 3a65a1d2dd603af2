/* norm.c: LayerNorm and RMSNorm. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm_row.h"
#include "kernels/cpu/rows_sum.h"

static void norm_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_args *a = job;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r * a->ld_x;
        const rmx_norm_stats s = rmx_norm_row_stats(a->kind, x, a->dim, a->eps);
        if (a->dim >= 256 && r + 1 < end) { /* the next row comes while this one is written */
            for (int64_t j = 0; j < a->dim && j < 4096; j += 16) {
                __builtin_prefetch(x + a->ld_x + j);
            }
        }
        rmx_norm_row_apply(x, s, a->gamma, a->beta, a->dim, a->y + r * a->ld_y);
        if (a->mean && a->kind == RMX_NORM_LAYER) a->mean[r] = s.mean;
        if (a->rstd) a->rstd[r] = s.rstd;
    }
}

/* y = (x - mean) / sqrt(var + eps) * gamma + beta of every row.
 * order   mean and variance by lanes, the variance from the centred row
 * traffic x read once (it stays in L1 for the second and third look), y written once */
rmx_status RMX_CPU(norm)(rmx_backend *backend, const rmx_norm_args *a)
{
    rmx_norm_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->rows, 1 + 8192 / (a->dim + 1), norm_task, &job);
    return RMX_OK;
}

/* items: blocks of RMX_BLOCK_ROWS rows, each with its row of partial sums */
static void norm_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_backward_args *a = job;
    (void)worker;
    const bool parameters = a->dgamma || a->dbeta;
    const int64_t blocks = rmx_row_blocks(a->rows);
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * RMX_BLOCK_ROWS;
        const int64_t last = a->rows - first < RMX_BLOCK_ROWS ? a->rows : first + RMX_BLOCK_ROWS;
        float *pgamma = (float *)a->ws + block * a->dim;
        float *pbeta = (float *)a->ws + (blocks + block) * a->dim;
        if (parameters) {
            memset(pgamma, 0, sizeof *pgamma * (size_t)a->dim);
            memset(pbeta, 0, sizeof *pbeta * (size_t)a->dim);
        }
        for (int64_t r = first; r < last; r++) {
            const float mean = a->kind == RMX_NORM_LAYER ? a->mean[r] : 0.0f;
            const rmx_norm_grad_row row = {a->dy + r * a->ld, a->x + r * a->ld, a->gamma, mean,
                                           a->rstd[r]};
            const float *residual = a->residual ? a->residual + r * a->ld : NULL;
            if (parameters) rmx_norm_row_parameters(&row, a->dim, pgamma, pbeta);
            if (a->dx)
                rmx_norm_row_backward(a->kind, &row, residual, a->dim, a->dx + r * a->ld);
        }
    }
}

/* dx and the parameter gradients from dy, x and the saved statistics (ops.h).
 * order   along a row by lanes; down the rows in blocks of RMX_BLOCK_ROWS, then over the blocks
 * traffic dy and x (and residual) read once, dx written once; the partial sums of a block stay
 *         in cache */
rmx_status RMX_CPU(norm_backward)(rmx_backend *backend, const rmx_norm_backward_args *a)
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
