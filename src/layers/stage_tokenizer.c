/* SPDX-License-Identifier: MIT */
/* stage_tokenizer.c: the batch's features, projected to tokens. Its gradient is that of the
 * features. */
#include "layers/check_layers.h"
#include "layers/stage.h"

enum { WEIGHT, BIAS };
enum { FEATURES };

static rmx_tokenizer_desc desc_of(const rmx_stage_desc *desc)
{
    rmx_tokenizer_desc tokenizer = desc->tokenizer;
    tokenizer.dtype = rmx_stage_dtype(desc);
    tokenizer.samples = desc->block.ffn.samples;
    return tokenizer;
}

static int64_t features(const rmx_tokenizer_desc *tokenizer)
{
    return (int64_t)tokenizer->tokens * tokenizer->slice;
}

static rmx_status check(rmx_context *ctx, const rmx_stage_desc *desc)
{
    const rmx_tokenizer_desc tokenizer = desc_of(desc);
    return rmx_check_tokenizer_desc(ctx, &tokenizer);
}

static int32_t parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out)
{
    const rmx_tokenizer_desc *t = &desc->tokenizer;
    out[WEIGHT] = rmx_stage_weight(desc, "weight", t->tokens, t->slice, t->width);
    out[BIAS] = rmx_stage_vector("bias", t->tokens, t->width, 0.0f);
    return 2;
}

static int32_t saved(const rmx_stage_desc *desc, rmx_stage_tensor *out)
{
    const int64_t count = desc->block.ffn.samples * features(&desc->tokenizer);
    out[FEATURES] = (rmx_stage_tensor){"features", rmx_stage_dtype(desc), count};
    return 1;
}

static size_t scratch(const rmx_stage_desc *desc)
{
    const rmx_tokenizer_desc tokenizer = desc_of(desc);
    return rmx_tokenizer_backward_workspace(&tokenizer);
}

static double flop(const rmx_stage_desc *desc)
{
    return 2.0 * (double)features(&desc->tokenizer) * desc->tokenizer.width;
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_tokenizer_desc tokenizer = desc_of(desc);
    return rmx_tokenizer_forward(ctx, &tokenizer, &desc->inputs, m->weight[WEIGHT],
                                 m->weight[BIAS], m->saved[FEATURES], m->y);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_tokenizer_desc tokenizer = desc_of(desc);
    return rmx_tokenizer_backward(ctx, &tokenizer, m->dy, m->saved[FEATURES], m->weight[WEIGHT],
                                  desc->dfeatures, m->gradient[WEIGHT], m->gradient[BIAS],
                                  m->scratch, m->scratch_bytes);
}

const rmx_stage_kind rmx_stage_tokenizer = {.kernels = RMX_USES(embedding_lookup) |
                                                       RMX_USES(product) | RMX_USES(column_sum),
                                            .check = check,
                                            .parameters = parameters,
                                            .saved = saved,
                                            .scratch = scratch,
                                            .flop = flop,
                                            .forward = forward,
                                            .backward = backward};
