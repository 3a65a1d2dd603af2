/* SPDX-License-Identifier: MIT */
/* column_sum.cu: sums down the rows, in the two steps of ops.h: each row block by itself, then the
 * row blocks in order. */
#include "kernels/cuda/column_sum.cuh"
#include "kernels/cuda/async_copy.cuh"

#define THREADS 128

/* ---- the sums of a row block ---- */

/* ws[g, row block, j] = chain from +0 over the row block's rows of x[g, r, j].
 *   grid     (columns / THREADS, row blocks, groups)      traffic  x read once */
static __global__ void row_block_sums(rmx_column_sum_args a, int64_t row_blocks)
{
    const int64_t j = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (j >= a.cols) return;
    const int64_t block = blockIdx.y, g = blockIdx.z, first = block * RMX_ROW_BLOCK;
    const int64_t left = a.rows - first;
    const int rows = left < RMX_ROW_BLOCK ? (int)left : RMX_ROW_BLOCK;
    const float *x = rmx_f32(a.x) + g * a.group_stride + first * a.ld + j;
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
    ((float *)a.ws)[(g * row_blocks + block) * a.cols + j] = s;
}

/* ---- the sum of the row blocks ---- */

#define SUM_COLS 32
#define SUM_WARPS 8
#define SUM_THREADS (SUM_COLS * SUM_WARPS)
#define STAGE_ROWS 64 /* row blocks in a stage */
#define STAGES 5

/* Few columns, one chain each: the latency of memory is the limit, so it is hidden by a pipeline.
 * Block: all 8 warps copy by cp.async; warp 0 also adds.
 * Pipeline: STAGES buffers [STAGE_ROWS][SUM_COLS], one __syncthreads() a stage.
 *   grid     (columns / SUM_COLS, groups, 2)      traffic  sums read once */
static __global__ void __launch_bounds__(SUM_THREADS) sum_row_blocks(rmx_column_sum_blocks a)
{
    __shared__ float stage[STAGES][STAGE_ROWS][SUM_COLS];
    const int lane = threadIdx.x % SUM_COLS, warp = threadIdx.x / SUM_COLS;
    const int64_t j = (int64_t)blockIdx.x * SUM_COLS + lane, g = blockIdx.y;
    const float *sums = (blockIdx.z ? a.sums[1] : a.sums[0]) + g * a.row_blocks * a.cols + j;
    float *dst = blockIdx.z ? a.dst[1] : a.dst[0];
    if (!dst) return;
    dst += g * a.cols + j;
    const bool adds = warp == 0 && j < a.cols;
    const int64_t stages = (a.row_blocks + STAGE_ROWS - 1) / STAGE_ROWS;
    auto count_of = [&](int64_t p) {
        return (int)min((int64_t)STAGE_ROWS, a.row_blocks - p * STAGE_ROWS);
    };
    auto fetch = [&](int64_t p) {
        if (p < stages && j < a.cols) {
            for (int b = warp; b < count_of(p); b += SUM_WARPS)
                rmx_copy_async4(&stage[p % STAGES][b][lane], sums + (p * STAGE_ROWS + b) * a.cols);
        }
        rmx_copy_commit();
    };
    for (int p = 0; p < STAGES - 1; p++) fetch(p);
    float s = adds ? *dst : 0.0f;
    for (int64_t p = 0; p < stages; p++) {
        rmx_copy_wait<STAGES - 2>();
        __syncthreads(); /* this stage is full; the one before it has been read */
        fetch(p + STAGES - 1);
        if (!adds) continue;
        const float(*x)[SUM_COLS] = stage[p % STAGES];
        const int count = count_of(p);
        int b = 0;
        for (; b + 16 <= count; b += 16) {
            float v[16];
#pragma unroll
            for (int k = 0; k < 16; k++) v[k] = x[b + k][lane];
#pragma unroll
            for (int k = 0; k < 16; k++) s = rmx_addf(s, v[k]);
        }
        for (; b < count; b++) s = rmx_addf(s, x[b][lane]);
    }
    if (adds) *dst = s;
}

rmx_status rmx_cuda_column_sum_blocks(rmx_backend *backend, const rmx_column_sum_blocks *a)
{
    if (a->groups * a->row_blocks * a->cols == 0) return RMX_OK;
    const dim3 grid(rmx_blocks_for(a->cols, SUM_COLS), (unsigned)a->groups, a->dst[1] ? 2 : 1);
    sum_row_blocks<<<grid, SUM_THREADS, 0, rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "column sum");
}

/* ---- both ---- */

rmx_status rmx_cuda_column_sum(rmx_backend *backend, const rmx_column_sum_args *a)
{
    const int64_t row_blocks = rmx_row_blocks(a->rows);
    if (a->groups * row_blocks * a->cols == 0) return RMX_OK;
    /* y and z of a grid are at most 65,535: more row blocks take several launches. */
    const int64_t most = 65535;
    for (int64_t g = 0; g < a->groups; g += most) {
        for (int64_t b = 0; b < row_blocks; b += most) {
            rmx_column_sum_args part = *a;
            const int64_t ng = a->groups - g < most ? a->groups - g : most;
            const int64_t nb = row_blocks - b < most ? row_blocks - b : most;
            part.x = rmx_f32(a->x) + g * a->group_stride + b * RMX_ROW_BLOCK * a->ld;
            part.rows -= b * RMX_ROW_BLOCK;
            part.ws = (float *)a->ws + (g * row_blocks + b) * a->cols;
            const dim3 grid(rmx_blocks_for(a->cols, THREADS), (unsigned)nb, (unsigned)ng);
            row_block_sums<<<grid, THREADS, 0, rmx_cuda_stream(backend)>>>(part, row_blocks);
        }
    }
    const rmx_status status = rmx_cuda_check_launch(backend, "column sum");
    if (status != RMX_OK) return status;
    for (int64_t g = 0; g < a->groups; g += most) {
        const int64_t ng = a->groups - g < most ? a->groups - g : most;
        const rmx_column_sum_blocks sums = {
            ng,
            row_blocks,
            a->cols,
            {(const float *)a->ws + g * row_blocks * a->cols, NULL},
            {a->dst + g * a->cols, NULL}};
        const rmx_status summed = rmx_cuda_column_sum_blocks(backend, &sums);
        if (summed != RMX_OK) return summed;
    }
    return RMX_OK;
}
