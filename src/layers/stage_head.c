/* SPDX-License-Identifier: MIT */
/* stage_head.c: one linear head a task: logits [B, tasks] of x [B, D]. */
#include "layers/stage.h"
#include "rankmixer/linear.h"

enum { WEIGHT, BIAS };

static rmx_linear_desc desc_of(const rmx_stage_desc *desc)
{
    return (rmx_linear_desc){.dtype = rmx_stage_dtype(desc),
                             .rows = desc->block.ffn.samples,
                             .in_features = desc->block.ffn.width,
                             .out_features = desc->tasks};
}

static int32_t parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out)
{
    out[WEIGHT] = rmx_stage_weight(desc, "weight", 0, desc->block.ffn.width, desc->tasks);
    out[BIAS] = rmx_stage_vector("bias", 0, desc->tasks, 0.0f);
    return 2;
}

static int64_t output(const rmx_stage_desc *desc) { return desc->block.ffn.samples * desc->tasks; }

static size_t scratch(const rmx_stage_desc *desc)
{
    const rmx_linear_desc linear = desc_of(desc);
    return rmx_linear_backward_workspace(&linear);
}

static double flop(const rmx_stage_desc *desc)
{
    return 2.0 * desc->block.ffn.width * desc->tasks;
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_linear_desc linear = desc_of(desc);
    return rmx_linear_forward(ctx, &linear, m->x, m->weight[WEIGHT], m->weight[BIAS], m->y);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_linear_desc linear = desc_of(desc);
    return rmx_linear_backward(ctx, &linear, m->dy, m->x, m->weight[WEIGHT], m->dx,
                               m->gradient[WEIGHT], m->gradient[BIAS], m->scratch,
                               m->scratch_bytes);
}

const rmx_stage_kind rmx_stage_head = {.kernels = RMX_USES(product) | RMX_USES(column_sum),
                                       .parameters = parameters,
                                       .output = output,
                                       .scratch = scratch,
                                       .flop = flop,
                                       .forward = forward,
                                       .backward = backward};
