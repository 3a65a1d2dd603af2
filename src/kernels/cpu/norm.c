/* norm.c: LayerNorm and RMSNorm. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm_row.h"
#include "kernels/cpu/rows_sum.h"

/* Rows whose statistics are taken together: few enough to stay in L1 until they are scaled. */
static int64_t rows_together(int64_t dim) { return dim <= 4096 / RMX_ROWS ? RMX_ROWS : 1; }

/* Asks for the rows that come next while these are written. */
static void prefetch_rows(const float *x, int64_t ld, int64_t rows, int64_t dim)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < dim && j < 4096; j += 16) __builtin_prefetch(x + r * ld + j);
    }
}

static void norm_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_norm_args *a = job;
    (void)worker;
    const int64_t together = rows_together(a->dim);
    const bool stream =
        a->x != a->y && a->ld_y % RMX_VL == 0 && rmx_stream_wanted(a->y, a->rows * a->dim, a->dim);
    rmx_norm_stats s[RMX_ROWS];
    for (int64_t r = begin; r < end; r += together) {
        const float *x = a->x + r * a->ld_x;
        const int64_t rows = end - r < together ? end - r : together;
        if (together > 1)
            rmx_norm_rows_stats(a->kind, x, a->ld_x, rows, a->dim, a->eps, s);
        else
            s[0] = rmx_norm_row_stats(a->kind, x, a->dim, a->eps);
        const int64_t ahead = end - r - rows < rows ? 0 : rows; /* the next rows, if as many */
        if (!stream && a->dim >= 16) prefetch_rows(x + ahead * a->ld_x, a->ld_x, ahead, a->dim);
        for (int64_t i = 0; i < rows; i++) {
            rmx_norm_row_apply(x + i * a->ld_x, s[i], a->gamma, a->beta, a->dim, stream,
                               x + (i + ahead) * a->ld_x, a->y + (r + i) * a->ld_y);
            if (a->mean && a->kind == RMX_NORM_LAYER) a->mean[r + i] = s[i].mean;
            if (a->rstd) a->rstd[r + i] = s[i].rstd;
        }
    }
    rmx_stream_end(stream);
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
            if (a->dx) rmx_norm_row_backward(a->kind, &row, residual, a->dim, a->dx + r * a->ld);
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
