/* SPDX-License-Identifier: MIT */
/* column_sum.h: the second half of sums down the rows. First, a kernel computes one row of partial
 * sums per row block of RMX_ROW_BLOCK rows, in parallel. Then column_sum_blocks adds them up. */
#ifndef RMX_COLUMN_SUM_H
#define RMX_COLUMN_SUM_H

#include "kernels/cpu/cpu.h"

static inline int64_t rmx_row_blocks(int64_t rows)
{
    return (rows + RMX_ROW_BLOCK - 1) / RMX_ROW_BLOCK;
}

/* dst[g, j] += partial[g, block, j] for ascending blocks.
 * partial [groups, blocks, cols], dst [groups, cols]. */
void RMX_CPU(column_sum_blocks)(rmx_backend *backend, int64_t groups, int64_t blocks, int64_t cols,
                                const float *partial, float *dst);

#endif /* RMX_COLUMN_SUM_H */
