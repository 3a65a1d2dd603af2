/* rows_sum.cuh: the second half of a sum down the rows: each column's block sums are chained. */
#ifndef RMX_ROWS_SUM_CUH
#define RMX_ROWS_SUM_CUH

#include "kernels/cuda/cuda.h"

static inline int64_t rmx_row_blocks(int64_t rows)
{
    return (rows + RMX_BLOCK_ROWS - 1) / RMX_BLOCK_ROWS;
}

/* dst[g, j] = chain over blocks from dst[g, j] of partial[g, block, j].
 * partial [groups, blocks, cols], dst [groups, cols]. */
rmx_status rmx_cuda_rows_chain(rmx_backend *backend, int64_t groups, int64_t blocks, int64_t cols,
                               const float *partial, float *dst);

#endif /* RMX_ROWS_SUM_CUH */
