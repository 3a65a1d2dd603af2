/* SPDX-License-Identifier: MIT */
/* column_sum.cuh: the second half of a sum down the rows: adds each column's row block sums. */
#ifndef RMX_COLUMN_SUM_CUH
#define RMX_COLUMN_SUM_CUH

#include "kernels/cuda/cuda.h"

static inline int64_t rmx_row_blocks(int64_t rows)
{
    return (rows + RMX_ROW_BLOCK - 1) / RMX_ROW_BLOCK;
}

/* dst[i][g, j] = chain from dst[i][g, j] over the row blocks of sums[i][g, row block, j], for up to
 * two i. dst[i] NULL: not wanted. sums [groups, row_blocks, cols], dst [groups, cols]. */
typedef struct rmx_column_sum_blocks {
    int64_t groups, row_blocks, cols;
    const float *sums[2];
    float *dst[2];
} rmx_column_sum_blocks;
rmx_status rmx_cuda_column_sum_blocks(rmx_backend *backend, const rmx_column_sum_blocks *blocks);

#endif /* RMX_COLUMN_SUM_CUH */
