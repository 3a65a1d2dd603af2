/* SPDX-License-Identifier: MIT */
/* stage_feed_forward.c: y = FFN(x) (+ residual), each token with its own weights or all with one
 * set. */
#include "layers/check_layers.h"
#include "layers/stage.h"

enum { W1, B1, W2, B2 };
enum { ACTIVATION_GRADIENT, HIDDEN };

static rmx_feed_forward_desc desc_of(const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    rmx_feed_forward_desc ffn = desc->block.ffn;
    ffn.dropout.site += (uint32_t)m->layer;
    return ffn;
}

static rmx_status check(rmx_context *ctx, const rmx_stage_desc *desc)
{
    return rmx_check_feed_forward_desc(ctx, &desc->block.ffn);
}

static int32_t parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out)
{
    const rmx_feed_forward_desc *ffn = &desc->block.ffn;
    const int64_t t = ffn->shared ? 1 : ffn->tokens;
    out[W1] = rmx_stage_weight(desc, "w1", t, ffn->width, ffn->hidden);
    out[B1] = rmx_stage_vector("b1", t, ffn->hidden, 0.0f);
    out[W2] = rmx_stage_weight(desc, "w2", t, ffn->hidden, ffn->width);
    out[B2] = rmx_stage_vector("b2", t, ffn->width, 0.0f);
    return 4;
}

static int32_t saved(const rmx_stage_desc *desc, rmx_stage_tensor *out)
{
    const int64_t hidden = rmx_stage_rows(desc) * desc->block.ffn.hidden;
    out[ACTIVATION_GRADIENT] = (rmx_stage_tensor){"activation_gradient", rmx_stage_dtype(desc),
                                                  desc->block.forward_only ? 0 : hidden};
    out[HIDDEN] = (rmx_stage_tensor){"hidden", rmx_stage_dtype(desc), hidden};
    return 2;
}

static size_t scratch(const rmx_stage_desc *desc)
{
    return rmx_feed_forward_backward_workspace(&desc->block.ffn);
}

static double flop(const rmx_stage_desc *desc)
{
    const rmx_feed_forward_desc *ffn = &desc->block.ffn;
    return 4.0 * ffn->tokens * ffn->width * ffn->hidden;
}

static rmx_feed_forward_weights weights_of(const rmx_stage_memory *m)
{
    return (rmx_feed_forward_weights){m->weight[W1], m->weight[B1], m->weight[W2], m->weight[B2]};
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_feed_forward_desc ffn = desc_of(desc, m);
    const rmx_feed_forward_weights weights = weights_of(m);
    return rmx_feed_forward_forward(
        ctx, &ffn, &weights, m->x, m->residual,
        desc->block.forward_only ? NULL : m->saved[ACTIVATION_GRADIENT], m->saved[HIDDEN], m->y);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_feed_forward_desc ffn = desc_of(desc, m);
    const rmx_feed_forward_weights weights = weights_of(m);
    const rmx_feed_forward_gradients gradients = {m->gradient[W1], m->gradient[B1],
                                                  m->gradient[W2], m->gradient[B2]};
    return rmx_feed_forward_backward(
        ctx, &ffn, &weights, m->dy, m->x, m->saved[ACTIVATION_GRADIENT], m->saved[HIDDEN],
        m->dx_residual, m->dx, &gradients, m->scratch, m->scratch_bytes);
}

const rmx_stage_kind rmx_stage_feed_forward = {.kernels = RMX_USES(product) |
                                                          RMX_USES(column_sum) | RMX_USES(dropout),
                                               .check = check,
                                               .parameters = parameters,
                                               .saved = saved,
                                               .scratch = scratch,
                                               .flop = flop,
                                               .forward = forward,
                                               .backward = backward,
                                               .adds = true};
