/* SPDX-License-Identifier: MIT */
/* stage_pooling.c: y [B, D] = mean of x over the tokens. */
#include "layers/stage.h"
#include "rankmixer/pooling.h"

static rmx_pooling_desc desc_of(const rmx_stage_desc *desc)
{
    const rmx_feed_forward_desc *sizes = &desc->block.ffn;
    return (rmx_pooling_desc){sizes->dtype, sizes->samples, sizes->tokens, sizes->width};
}

static int64_t output(const rmx_stage_desc *desc)
{
    return desc->block.ffn.samples * desc->block.ffn.width;
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_pooling_desc pooling = desc_of(desc);
    return rmx_pooling_forward(ctx, &pooling, m->x, m->y);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_pooling_desc pooling = desc_of(desc);
    return rmx_pooling_backward(ctx, &pooling, m->dy, m->dx);
}

const rmx_stage_kind rmx_stage_pooling = {.kernels = RMX_USES(mean) | RMX_USES(mean_backward),
                                          .output = output,
                                          .forward = forward,
                                          .backward = backward};
