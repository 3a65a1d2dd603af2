/* SPDX-License-Identifier: MIT */
/* embedding.h: lookup in tables of rows, with exact sparse gradients. */
#ifndef RANKMIXER_EMBEDDING_H
#define RANKMIXER_EMBEDDING_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_embedding_desc {
    rmx_dtype dtype;    /* of out and dout; tables and their gradient are fp32 */
    int64_t samples;    /* B, >= 0; samples * fields < 2^32 */
    int32_t fields;     /* F, >= 1 */
    int32_t width;      /* E, >= 1 */
    int64_t table_rows; /* rows of all tables together, 1 .. 2^32 - 1 */
    int64_t out_width;  /* elements of an output row, >= every column + E */
} rmx_embedding_desc;

/* out[b, column[f] .. +E-1] = table[row_offset[f] + ids[b, f], :]; every other column is +0.
 *
 *   in   table       [table_rows, E]
 *   in   row_offset  [F] int64
 *   in   column      [F] int32        columns of different fields do not overlap
 *   in   ids         [B, F] uint32    row_offset[f] + id < table_rows: the caller's promise
 *   out  out         [B, out_width]   overlaps no input
 *
 * All pointers live on ctx. Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_embedding_forward(
    rmx_context *ctx, const rmx_embedding_desc *desc, const float *table,
    const int64_t *row_offset, const int32_t *column, const uint32_t *ids, void *out);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_embedding_backward_workspace(rmx_context *ctx, const rmx_embedding_desc *desc);
/* The gradient of the rows that the batch touched: for each, a sum over its places, in ascending
 * order.
 *
 *   in   dout        [B, out_width]
 *   in   row_offset, column, ids      as forward
 *   out  rows        [B * F] uint32   the distinct rows, ascending; only *unique are written
 *   out  gradient    [B * F, E]       row u belongs to table row rows[u]
 *   out  unique      [1] uint32
 *   scratch ws       ws_bytes >= rmx_embedding_backward_workspace(ctx, desc), 256-byte aligned
 *
 * Result:  the same bits on every backend and thread count.
 * Returns: as forward; also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_embedding_backward(
    rmx_context *ctx, const rmx_embedding_desc *desc, const void *dout, const int64_t *row_offset,
    const int32_t *column, const uint32_t *ids, uint32_t *rows, float *gradient, uint32_t *unique,
    void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_EMBEDDING_H */
