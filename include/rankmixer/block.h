/* SPDX-License-Identifier: MIT */
/* block.h: a RankMixer block: mixing between tokens, then a feed-forward within each. */
#ifndef RANKMIXER_BLOCK_H
#define RANKMIXER_BLOCK_H

#include <stdbool.h>

#include "rankmixer/attention.h"
#include "rankmixer/feed_forward.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rmx_mixer {
    RMX_MIXER_TOKEN,     /* parameter-free token mixing */
    RMX_MIXER_ATTENTION, /* self-attention over the tokens: the baseline */
    RMX_MIXER_NONE       /* tokens never meet: the ablation */
} rmx_mixer;
typedef enum rmx_norm_place { RMX_NORM_PLACE_POST, RMX_NORM_PLACE_PRE } rmx_norm_place;

typedef struct rmx_block_desc {
    rmx_mixer mixer;
    rmx_norm_place norm_place;
    int32_t heads;             /* H, divides D; RMX_MIXER_NONE ignores it */
    float eps;                 /* of both LayerNorms, > 0 */
    rmx_feed_forward_desc ffn; /* its dtype, samples, tokens and width are the block's */
    bool forward_only;         /* scoring: GELU's derivative is not computed and not kept */
} rmx_block_desc;

/* The parameters of a block of this kind, in the order in which weights and gradients are handed
 * over: two arrays of pointers. Returns their number; fills at most `capacity` of them; 0 for a bad
 * desc. */
#define RMX_BLOCK_NAME 64
typedef struct rmx_block_parameter {
    char name[RMX_BLOCK_NAME]; /* "norm1.gamma", "ffn.w1", ...: docs/model.md has them all */
    rmx_dtype dtype;           /* desc.ffn.dtype where products read it, else RMX_F32 */
    int32_t dims;
    int64_t shape[3];
    int64_t count; /* elements */
} rmx_block_parameter;
RMX_API int32_t rmx_block_parameters(const rmx_block_desc *desc, rmx_block_parameter *parameters,
                                     int32_t capacity);

/* post-norm (RankMixer, Eq. 1):  S = LN1(X + M(X));   Y = LN2(S + FFN(S))
 * pre-norm:                      S = X + M(LN1(X));   Y = S + FFN(LN2(S))
 * M is token mixing, self-attention, or nothing (then S = LN1(X), or S = X without any LN1).
 *
 *   in   weights           one pointer for each of rmx_block_parameters(desc)
 *   in   x      [B, T, D]
 *   out  saved             rmx_block_saved_bytes(desc), 256-byte aligned: what backward needs;
 *                          with forward_only scratch
 *   out  y      [B, T, D]  overlaps no input
 *
 * Result:  the same bits on every backend, for every batch size and thread count.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_WORKSPACE; RMX_ERR_DEVICE.
 * Source:  RankMixer, arXiv:2507.15551, Eq. 1. */
RMX_NODISCARD RMX_API rmx_status rmx_block_forward(rmx_context *ctx, const rmx_block_desc *desc,
                                                   const void *const *weights, const void *x,
                                                   void *y, void *saved, size_t saved_bytes);
/* Pure; 0 for a bad desc. */
RMX_API size_t rmx_block_saved_bytes(const rmx_block_desc *desc);
RMX_API size_t rmx_block_backward_workspace(const rmx_block_desc *desc);

/* desc is forward's; not forward_only.
 *
 *   in      dy, x      [B, T, D]
 *   in      saved                 of forward
 *   out     dx         [B, T, D]  overwritten; overlaps no input
 *   in,out  gradients             as weights, fp32; accumulated
 *   scratch ws         ws_bytes >= rmx_block_backward_workspace(desc), 256-byte aligned */
RMX_NODISCARD RMX_API rmx_status rmx_block_backward(rmx_context *ctx, const rmx_block_desc *desc,
                                                    const void *const *weights, const void *dy,
                                                    const void *x, const void *saved,
                                                    size_t saved_bytes, void *dx,
                                                    float *const *gradients, void *ws,
                                                    size_t ws_bytes);

/* The parts of `saved`, for looking inside. Returns their number; fills at most `capacity` of
 * them; 0 for a bad desc. */
typedef struct rmx_block_part {
    char name[RMX_BLOCK_NAME]; /* "mixed", "ffn.hidden", ... */
    size_t offset_bytes;
    rmx_dtype dtype;
    int64_t count; /* elements */
} rmx_block_part;
RMX_API int32_t rmx_block_parts(const rmx_block_desc *desc, rmx_block_part *parts,
                                int32_t capacity);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_BLOCK_H */
