/* SPDX-License-Identifier: MIT */
/* column_sum.h: sums down the rows: a kernel fills one row of partial sums per block of
 * RMX_ROW_BLOCK rows, in parallel over blocks; then each column's partials are chained. */
#ifndef RMX_ROWS_SUM_H
#define RMX_ROWS_SUM_H

#include "kernels/cpu/cpu.h"

static inline int64_t rmx_row_blocks(int64_t rows)
{
    return (rows + RMX_ROW_BLOCK - 1) / RMX_ROW_BLOCK;
}

/* dst[g, j] = chain over blocks from dst[g, j] of partial[g, block, j].
 * partial [groups, blocks, cols], dst [groups, cols]. */
void RMX_CPU(rows_chain)(rmx_backend *backend, int64_t groups, int64_t blocks, int64_t cols,
                         const float *partial, float *dst);

#endif /* RMX_ROWS_SUM_H */
