/* SPDX-License-Identifier: MIT */
/* stage_loss.c: the loss of logits x [B, tasks]. It has no output and no gradient of one: the
 * backward pass begins here. */
#include "layers/stage.h"
#include "rankmixer/loss.h"

static rmx_loss_desc desc_of(const rmx_stage_desc *desc)
{
    return (rmx_loss_desc){.dtype = rmx_stage_dtype(desc),
                           .samples = desc->block.ffn.samples,
                           .tasks = desc->tasks,
                           .scale = desc->loss_scale};
}

static int64_t output(const rmx_stage_desc *desc)
{
    (void)desc;
    return 0;
}

static size_t scratch(const rmx_stage_desc *desc)
{
    const rmx_loss_desc loss = desc_of(desc);
    return rmx_loss_workspace(&loss);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_loss_desc loss = desc_of(desc);
    return rmx_loss_forward_backward(ctx, &loss, m->x, desc->labels, desc->task_weight,
                                     desc->sample_weight, desc->loss, m->dx, m->scratch,
                                     m->scratch_bytes);
}

const rmx_stage_kind rmx_stage_loss = {
    .kernels = RMX_USES(loss), .output = output, .scratch = scratch, .backward = backward};
