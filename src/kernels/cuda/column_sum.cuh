/* SPDX-License-Identifier: MIT */
/* column_sum.cuh: the second half of a sum down the rows: each column's block sums are chained. */
#ifndef RMX_ROWS_SUM_CUH
#define RMX_ROWS_SUM_CUH

#include "kernels/cuda/cuda.h"

static inline int64_t rmx_row_blocks(int64_t rows)
{
    return (rows + RMX_ROW_BLOCK - 1) / RMX_ROW_BLOCK;
}

/* dst[i][g, j] = chain over blocks from dst[i][g, j] of partial[i][g, block, j], for up to two
 * i; NULL where a sum is not wanted. partial [groups, blocks, cols], dst [groups, cols]. */
typedef struct rmx_rows_chain {
    int64_t groups, blocks, cols;
    const float *partial[2];
    float *dst[2];
} rmx_rows_chain;
rmx_status rmx_cuda_rows_chain(rmx_backend *backend, const rmx_rows_chain *chain);

#endif /* RMX_ROWS_SUM_CUH */
