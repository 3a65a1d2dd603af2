/* SPDX-License-Identifier: MIT */
/* tokenizer.h: features to tokens: embeddings and dense values, gathered and projected. */
#ifndef RANKMIXER_TOKENIZER_H
#define RANKMIXER_TOKENIZER_H

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where each feature lies in a sample's input row of tokens * slice values, slice values a
 * token. A sparse field takes embedding_width columns, a dense one takes one. */
typedef struct rmx_tokenizer_desc {
    rmx_dtype dtype;         /* of features, x, their gradients and w; all else is fp32 */
    int64_t samples;         /* B, >= 0 */
    int32_t sparse_fields;   /* >= 0 */
    int32_t dense_fields;    /* >= 0; one of the two is >= 1 */
    int32_t embedding_width; /* E, >= 1 where there are sparse fields */
    int32_t tokens;          /* T, >= 1 */
    int32_t width;           /* D, >= 1 */
    int32_t slice;           /* W, columns a token; of rmx_tokenizer_layout */
} rmx_tokenizer_desc;

/* Fills desc->slice and column[sparse_fields + dense_fields] (host memory, sparse first).
 * token_of_field NULL: auto: the concatenation, sparse fields first, is cut in T equal slices,
 * the last one padded with zeros; where that leaves a token without any column, the F fields are
 * dealt whole instead, field i to token floor(i T / F). Otherwise field i goes to token
 * token_of_field[i], fields of a token in ascending order, every token gets at least one field,
 * shorter tokens are padded.
 * *cut (may be NULL) is the first field that auto cuts in two, or -1.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (the text names the field, the empty token, the largest T);
 *          RMX_ERR_MEMORY. */
RMX_NODISCARD RMX_API rmx_status rmx_tokenizer_layout(rmx_context *ctx, rmx_tokenizer_desc *desc,
                                                      const int32_t *token_of_field,
                                                      int32_t *column, int32_t *cut);

/* features[b, column[f] ..] = table[row_offset[f] + ids[b, f], :], dense values likewise, the
 * rest 0;  x_t = features_t W_t + b_t.
 *
 *   in   table       [rows, E]              every field's table, one after another
 *   in   row_offset  [sparse_fields] int64  first row of each field's table
 *   in   column      [fields] int32         of rmx_tokenizer_layout, copied to ctx
 *   in   ids         [B, sparse_fields]     each below its field's vocabulary
 *   in   dense       [B, dense_fields]
 *   in   w           [T, W, D]
 *   in   b           [T, D]
 *   out  features    [B, T * W]             kept for the backward pass
 *   out  x           [B, T, D]
 *
 * Result:  the same bits on every backend, for every batch size and thread count.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_DEVICE.
 * Source:  RankMixer, arXiv:2507.15551, Eq. 2. */
typedef struct rmx_tokenizer_inputs {
    const float *table;
    const int64_t *row_offset;
    const int32_t *column;
    const uint32_t *ids;
    const float *dense;
} rmx_tokenizer_inputs;
RMX_NODISCARD RMX_API rmx_status rmx_tokenizer_forward(rmx_context *ctx,
                                                       const rmx_tokenizer_desc *desc,
                                                       const rmx_tokenizer_inputs *inputs,
                                                       const void *w, const float *b,
                                                       void *features, void *x);

/* Bytes of scratch that the backward pass needs. Pure; 0 for a bad desc. */
RMX_API size_t rmx_tokenizer_backward_workspace(const rmx_tokenizer_desc *desc);
/*   in      dx         [B, T, D]    in features [B, T * W]    in w [T, W, D]
 *   out     dfeatures  [B, T * W]   overwritten: rmx_embedding_backward takes it from here
 *   in,out  dw, db                  accumulated
 *   scratch ws                      ws_bytes >= rmx_tokenizer_backward_workspace(desc) */
RMX_NODISCARD RMX_API rmx_status rmx_tokenizer_backward(rmx_context *ctx,
                                                        const rmx_tokenizer_desc *desc,
                                                        const void *dx, const void *features,
                                                        const void *w, void *dfeatures, float *dw,
                                                        float *db, void *ws, size_t ws_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_TOKENIZER_H */
