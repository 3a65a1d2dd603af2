/* SPDX-License-Identifier: MIT */
/* stage_attention.c: y = self-attention over the tokens of x (+ residual). */
#include "layers/check_layers.h"
#include "layers/stage.h"

enum { WQKV, BQKV, WO, BO };
enum { QKV, PROBABILITIES, MIXED };

static rmx_attention_desc desc_of(const rmx_stage_desc *desc)
{
    return (rmx_attention_desc){.dtype = rmx_stage_dtype(desc),
                                .samples = desc->block.ffn.samples,
                                .tokens = desc->block.ffn.tokens,
                                .width = desc->block.ffn.width,
                                .heads = desc->block.heads};
}

static rmx_status check(rmx_context *ctx, const rmx_stage_desc *desc)
{
    const rmx_attention_desc attention = desc_of(desc);
    return rmx_check_attention_desc(ctx, &attention);
}

static int32_t parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out)
{
    const int64_t d = desc->block.ffn.width;
    out[WQKV] = rmx_stage_weight(desc, "wqkv", 3, d, d);
    out[BQKV] = rmx_stage_vector("bqkv", 3, d, 0.0f);
    out[WO] = rmx_stage_weight(desc, "wo", 0, d, d);
    out[BO] = rmx_stage_vector("bo", 0, d, 0.0f);
    return 4;
}

static int32_t saved(const rmx_stage_desc *desc, rmx_stage_tensor *out)
{
    const rmx_dtype type = rmx_stage_dtype(desc);
    const int64_t rows = rmx_stage_rows(desc), x = rows * desc->block.ffn.width;
    out[QKV] = (rmx_stage_tensor){"qkv", type, 3 * x};
    out[PROBABILITIES] = (rmx_stage_tensor){"probabilities", type,
                                            rows * desc->block.heads * desc->block.ffn.tokens};
    out[MIXED] = (rmx_stage_tensor){"mixed", type, x};
    return 3;
}

static size_t scratch(const rmx_stage_desc *desc)
{
    const rmx_attention_desc attention = desc_of(desc);
    return rmx_attention_backward_workspace(&attention);
}

static double flop(const rmx_stage_desc *desc)
{
    const double t = desc->block.ffn.tokens, d = desc->block.ffn.width;
    return 8.0 * t * d * d + 4.0 * t * t * d;
}

static rmx_attention_weights weights_of(const rmx_stage_memory *m)
{
    return (rmx_attention_weights){m->weight[WQKV], m->weight[BQKV], m->weight[WO], m->weight[BO]};
}

static rmx_attention_saved saved_of(const rmx_stage_memory *m)
{
    return (rmx_attention_saved){m->saved[QKV], m->saved[PROBABILITIES], m->saved[MIXED]};
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_attention_desc attention = desc_of(desc);
    const rmx_attention_weights weights = weights_of(m);
    const rmx_attention_saved kept = saved_of(m);
    return rmx_attention_forward(ctx, &attention, &weights, m->x, m->residual, &kept, m->y);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_attention_desc attention = desc_of(desc);
    const rmx_attention_weights weights = weights_of(m);
    const rmx_attention_saved kept = saved_of(m);
    const rmx_attention_gradients gradients = {m->gradient[WQKV], m->gradient[BQKV],
                                               m->gradient[WO], m->gradient[BO]};
    return rmx_attention_backward(ctx, &attention, &weights, m->dy, m->x, &kept, m->dx_residual,
                                  m->dx, &gradients, m->scratch, m->scratch_bytes);
}

const rmx_stage_kind rmx_stage_attention = {.kernels = RMX_USES(product) | RMX_USES(column_sum) |
                                                       RMX_USES(softmax) |
                                                       RMX_USES(softmax_backward),
                                            .check = check,
                                            .parameters = parameters,
                                            .saved = saved,
                                            .scratch = scratch,
                                            .flop = flop,
                                            .forward = forward,
                                            .backward = backward,
                                            .adds = true};
