/* rows.cu: sums down the rows. */
#include "kernels/cuda/rows_sum.cuh"

#define THREADS 128
#define AHEAD 32 /* loads in flight before a chain goes on */

/* The chain is short of parallelism, so each thread loads far ahead of it.
 *   grid     (columns / THREADS, groups)      traffic  partial read once */
static __global__ void rows_chain(int64_t blocks, int64_t cols, const float *partial, float *dst)
{
    const int64_t j = (int64_t)blockIdx.x * THREADS + threadIdx.x, g = blockIdx.y;
    if (j >= cols) return;
    const float *p = partial + g * blocks * cols + j;
    float s = dst[g * cols + j];
    int64_t b = 0;
    for (; b + AHEAD <= blocks; b += AHEAD) {
        float x[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++) x[i] = p[(b + i) * cols];
#pragma unroll
        for (int i = 0; i < AHEAD; i++) s = rmx_addf(s, x[i]);
    }
    for (; b < blocks; b++) s = rmx_addf(s, p[b * cols]);
    dst[g * cols + j] = s;
}

rmx_status rmx_cuda_rows_chain(rmx_backend *backend, int64_t groups, int64_t blocks, int64_t cols,
                               const float *partial, float *dst)
{
    if (groups * blocks * cols == 0) return RMX_OK;
    const dim3 grid((unsigned)((cols + THREADS - 1) / THREADS), (unsigned)groups);
    rows_chain<<<grid, THREADS, 0, rmx_cuda_stream(backend)>>>(blocks, cols, partial, dst);
    return rmx_cuda_check_launch(backend, "rows chain");
}

/* ws[g, block, j] = chain from +0 over the block's rows of x[g, r, j].
 *   grid     (columns / THREADS, blocks, groups)      traffic  x read once */
static __global__ void block_sums(rmx_col_sum_args a, int64_t blocks)
{
    const int64_t j = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (j >= a.cols) return;
    const int64_t block = blockIdx.y, g = blockIdx.z, first = block * RMX_BLOCK_ROWS;
    const int64_t left = a.rows - first;
    const int rows = left < RMX_BLOCK_ROWS ? (int)left : RMX_BLOCK_ROWS;
    const float *x = a.x + g * a.group_stride + first * a.ld + j;
    float s = 0.0f;
    int r = 0;
    for (; r + 16 <= rows; r += 16) {
        float v[16];
#pragma unroll
        for (int i = 0; i < 16; i++) v[i] = x[(r + i) * a.ld];
#pragma unroll
        for (int i = 0; i < 16; i++) s = rmx_addf(s, v[i]);
    }
    for (; r < rows; r++) s = rmx_addf(s, x[r * a.ld]);
    ((float *)a.ws)[(g * blocks + block) * a.cols + j] = s;
}

rmx_status rmx_cuda_col_sum(rmx_backend *backend, const rmx_col_sum_args *a)
{
    const int64_t blocks = rmx_row_blocks(a->rows);
    if (a->groups * blocks * a->cols == 0) return RMX_OK;
    /* y and z of a grid end at 65,535: more blocks go in several launches. */
    const int64_t most = 65535;
    for (int64_t g = 0; g < a->groups; g += most) {
        for (int64_t b = 0; b < blocks; b += most) {
            rmx_col_sum_args part = *a;
            const int64_t ng = a->groups - g < most ? a->groups - g : most;
            const int64_t nb = blocks - b < most ? blocks - b : most;
            part.x += g * a->group_stride + b * RMX_BLOCK_ROWS * a->ld;
            part.rows -= b * RMX_BLOCK_ROWS;
            part.ws = (float *)a->ws + (g * blocks + b) * a->cols;
            const dim3 grid((unsigned)((a->cols + THREADS - 1) / THREADS), (unsigned)nb,
                            (unsigned)ng);
            block_sums<<<grid, THREADS, 0, rmx_cuda_stream(backend)>>>(part, blocks);
        }
    }
    const rmx_status status = rmx_cuda_check_launch(backend, "column sums");
    if (status != RMX_OK) return status;
    for (int64_t g = 0; g < a->groups; g += most) {
        const int64_t ng = a->groups - g < most ? a->groups - g : most;
        const rmx_status chained =
            rmx_cuda_rows_chain(backend, ng, blocks, a->cols,
                                (const float *)a->ws + g * blocks * a->cols, a->dst + g * a->cols);
        if (chained != RMX_OK) return chained;
    }
    return RMX_OK;
}
