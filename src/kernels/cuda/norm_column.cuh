/* SPDX-License-Identifier: MIT */
/* norm_column.cuh: dgamma and dbeta of a norm: sums down the rows, in the two steps of ops.h.
 *
 * The sums of each row block come from the kernel that computes dx (row_partition.cuh) or, where
 * row blocks are few, from the kernel here. rmx_norm_add_sums then adds the row blocks in order. */
#ifndef RMX_NORM_COLUMN_CUH
#define RMX_NORM_COLUMN_CUH

#include "kernels/cuda/column_sum.cuh"
#include "kernels/cuda/norm_row.cuh"

typedef struct rmx_norm_sums {
    float *gamma, *beta; /* [row blocks, dim] */
    uint32_t *flags;     /* of row_partition.cuh */
    bool wanted, fused;  /* at all; by the kernel that computes dx */
} rmx_norm_sums;

static inline rmx_norm_sums rmx_norm_sums_in(float *ws, int64_t rows, int64_t dim, bool wanted,
                                             rmx_backend *backend)
{
    const rmx_norm_sums sums = {ws, ws + rmx_row_blocks(rows) * dim, rmx_cuda_flags(backend),
                                wanted, false};
    return sums;
}

/* The sums of the row blocks, a thread a column. z.column(j) chooses a column of the norm's input,
 * z.start(row) goes to a row, z.next() returns its element and goes to the next row.
 *   grid     (columns, row blocks)      traffic  dy and z read once */
template <rmx_norm_kind kind, class Column>
static __global__ void rmx_norm_column_sums(Column z, int64_t rows, int64_t dim, int64_t ld,
                                            const float *dy, const float *mean, const float *rstd,
                                            rmx_norm_sums sums)
{
    constexpr int UNROLL = 8;
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= dim) return;
    z.column(j);
    for (int64_t block = blockIdx.y; block * RMX_ROW_BLOCK < rows; block += gridDim.y) {
        const int64_t first = block * RMX_ROW_BLOCK;
        const int count = (int)min((int64_t)RMX_ROW_BLOCK, rows - first);
        float gamma = 0.0f, beta = 0.0f;
        z.start(first);
        for (int r = 0; r < count; r += UNROLL) {
            float v[UNROLL], x[UNROLL];
            rmx_stats st[UNROLL];
            bool halved = false; /* any of them (norm_large.h) */
#pragma unroll
            for (int k = 0; k < UNROLL; k++) {
                if (r + k >= count) continue;
                const int64_t row = first + r + k;
                v[k] = dy[row * ld + j];
                x[k] = z.next();
                st[k] = {kind == RMX_NORM_LAYER ? mean[row] : 0.0f, rstd[row]};
                halved |= rmx_norm_halved(st[k].rstd);
            }
            auto add = [&](auto normed) {
#pragma unroll
                for (int k = 0; k < UNROLL; k++) {
                    if (r + k >= count) continue;
                    gamma = rmx_fmaf(v[k], normed(x[k], st[k]), gamma);
                    beta = rmx_addf(beta, v[k]);
                }
            };
            if (kind == RMX_NORM_LAYER && halved)
                add([](float e, rmx_stats s) { return rmx_normed<kind>(e, s); });
            else
                add([](float e, rmx_stats s) { return rmx_normed_whole<kind>(e, s); });
        }
        sums.gamma[block * dim + j] = gamma;
        sums.beta[block * dim + j] = beta;
    }
}

template <rmx_norm_kind kind, class Column>
static cudaError_t rmx_norm_launch_sums(cudaStream_t stream, Column z, int64_t rows, int64_t dim,
                                        int64_t ld, const void *dy, const float *mean,
                                        const float *rstd, const rmx_norm_sums &sums)
{
    const int64_t row_blocks = rmx_row_blocks(rows);
    const unsigned threads = dim <= 32 ? 32 : dim <= 64 ? 64 : 128;
    const dim3 grid(rmx_blocks_for(dim, threads), (unsigned)min(row_blocks, (int64_t)65535));
    rmx_norm_column_sums<kind>
        <<<grid, threads, 0, stream>>>(z, rows, dim, ld, rmx_f32(dy), mean, rstd, sums);
    return cudaGetLastError();
}

static inline rmx_status rmx_norm_add_sums(rmx_backend *backend, int64_t rows, int64_t dim,
                                           const rmx_norm_sums &sums, float *dgamma, float *dbeta)
{
    const rmx_column_sum_blocks blocks = {
        1, rmx_row_blocks(rows), dim, {sums.gamma, sums.beta}, {dgamma, dbeta}};
    return rmx_cuda_column_sum_blocks(backend, &blocks);
}

#endif /* RMX_NORM_COLUMN_CUH */
