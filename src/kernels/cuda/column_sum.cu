/* SPDX-License-Identifier: MIT */
/* rows.cu: sums down the rows. */
#include "kernels/cuda/copies.cuh"
#include "kernels/cuda/column_sum.cuh"

#define THREADS 128

/* ---- the chain over the blocks ---- */

#define CHAIN_COLS 32
#define CHAIN_WARPS 8
#define CHAIN_THREADS (CHAIN_COLS * CHAIN_WARPS)
#define CHAIN_DEEP 64 /* block sums of a column in a stage */
#define CHAIN_STAGES 5

/* One warp has the chains; all fetch for it, several stages ahead, so that it hardly waits for
 * memory.
 *   grid     (columns / CHAIN_COLS, groups, 2)      traffic  partial read once */
static __global__ void __launch_bounds__(CHAIN_THREADS) rows_chain(rmx_rows_chain a)
{
    __shared__ float stage[CHAIN_STAGES][CHAIN_DEEP][CHAIN_COLS];
    const int lane = threadIdx.x % CHAIN_COLS, warp = threadIdx.x / CHAIN_COLS;
    const int64_t j = (int64_t)blockIdx.x * CHAIN_COLS + lane, g = blockIdx.y;
    const float *partial = (blockIdx.z ? a.partial[1] : a.partial[0]) + g * a.blocks * a.cols + j;
    float *dst = blockIdx.z ? a.dst[1] : a.dst[0];
    if (!dst) return;
    dst += g * a.cols + j;
    const bool chains = warp == 0 && j < a.cols;
    const int64_t pieces = (a.blocks + CHAIN_DEEP - 1) / CHAIN_DEEP;
    auto count_of = [&](int64_t p) {
        return (int)min((int64_t)CHAIN_DEEP, a.blocks - p * CHAIN_DEEP);
    };
    auto fetch = [&](int64_t p) {
        if (p < pieces && j < a.cols) {
            for (int b = warp; b < count_of(p); b += CHAIN_WARPS)
                rmx_copy4(&stage[p % CHAIN_STAGES][b][lane],
                          partial + (p * CHAIN_DEEP + b) * a.cols);
        }
        rmx_copies_commit();
    };
    for (int p = 0; p < CHAIN_STAGES - 1; p++) fetch(p);
    float s = chains ? *dst : 0.0f;
    for (int64_t p = 0; p < pieces; p++) {
        rmx_copies_wait<CHAIN_STAGES - 2>();
        __syncthreads(); /* the piece is there; the one before it has been used */
        fetch(p + CHAIN_STAGES - 1);
        if (!chains) continue;
        const float(*x)[CHAIN_COLS] = stage[p % CHAIN_STAGES];
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
    if (chains) *dst = s;
}

rmx_status rmx_cuda_rows_chain(rmx_backend *backend, const rmx_rows_chain *chain)
{
    if (chain->groups * chain->blocks * chain->cols == 0) return RMX_OK;
    const dim3 grid((unsigned)((chain->cols + CHAIN_COLS - 1) / CHAIN_COLS),
                    (unsigned)chain->groups, chain->dst[1] ? 2 : 1);
    rows_chain<<<grid, CHAIN_THREADS, 0, rmx_cuda_stream(backend)>>>(*chain);
    return rmx_cuda_check_launch(backend, "rows chain");
}

/* ---- sums of a block's rows ---- */

/* ws[g, block, j] = chain from +0 over the block's rows of x[g, r, j].
 *   grid     (columns / THREADS, blocks, groups)      traffic  x read once */
static __global__ void block_sums(rmx_column_sum_args a, int64_t blocks)
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
    ((float *)a.ws)[(g * blocks + block) * a.cols + j] = s;
}

rmx_status rmx_cuda_column_sum(rmx_backend *backend, const rmx_column_sum_args *a)
{
    const int64_t blocks = rmx_row_blocks(a->rows);
    if (a->groups * blocks * a->cols == 0) return RMX_OK;
    /* y and z of a grid end at 65,535: more blocks go in several launches. */
    const int64_t most = 65535;
    for (int64_t g = 0; g < a->groups; g += most) {
        for (int64_t b = 0; b < blocks; b += most) {
            rmx_column_sum_args part = *a;
            const int64_t ng = a->groups - g < most ? a->groups - g : most;
            const int64_t nb = blocks - b < most ? blocks - b : most;
            part.x = rmx_f32(a->x) + g * a->group_stride + b * RMX_ROW_BLOCK * a->ld;
            part.rows -= b * RMX_ROW_BLOCK;
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
        const rmx_rows_chain chain = {ng,
                                      blocks,
                                      a->cols,
                                      {(const float *)a->ws + g * blocks * a->cols, NULL},
                                      {a->dst + g * a->cols, NULL}};
        const rmx_status chained = rmx_cuda_rows_chain(backend, &chain);
        if (chained != RMX_OK) return chained;
    }
    return RMX_OK;
}
