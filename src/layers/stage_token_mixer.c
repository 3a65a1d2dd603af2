/* SPDX-License-Identifier: MIT */
/* stage_token_mixer.c: token mixing. rmx_stage_token_mixer: y = LayerNorm(x + mix(x)), in one pass;
 * rmx_stage_token_mix: y = mix(x) + residual. */
#include "layers/check_layers.h"
#include "layers/stage.h"
#include "rankmixer/token_mixer.h"

enum { GAMMA, BETA };
enum { MEAN, RSTD };

static rmx_token_mixer_desc desc_of(const rmx_stage_desc *desc)
{
    return (rmx_token_mixer_desc){.dtype = rmx_stage_dtype(desc),
                                  .samples = desc->block.ffn.samples,
                                  .tokens = desc->block.ffn.tokens,
                                  .width = desc->block.ffn.width,
                                  .heads = desc->block.heads,
                                  .eps = desc->block.eps};
}

static rmx_status check_mix(rmx_context *ctx, const rmx_stage_desc *desc)
{
    return rmx_check_heads(ctx, desc->block.heads, desc->block.ffn.width);
}

static rmx_status check(rmx_context *ctx, const rmx_stage_desc *desc)
{
    RMX_TRY(rmx_stage_norm_check(ctx, desc));
    return check_mix(ctx, desc);
}

static size_t scratch(const rmx_stage_desc *desc)
{
    const rmx_token_mixer_desc mixer = desc_of(desc);
    return rmx_token_mixer_backward_workspace(&mixer);
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_token_mixer_desc mixer = desc_of(desc);
    return rmx_token_mixer_forward(ctx, &mixer, m->x, m->weight[GAMMA], m->weight[BETA], m->y,
                                   m->saved[MEAN], m->saved[RSTD]);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_token_mixer_desc mixer = desc_of(desc);
    return rmx_token_mixer_backward(ctx, &mixer, m->dy, m->x, m->weight[GAMMA], m->saved[MEAN],
                                    m->saved[RSTD], m->dx, m->gradient[GAMMA], m->gradient[BETA],
                                    m->scratch, m->scratch_bytes);
}

const rmx_stage_kind rmx_stage_token_mixer = {.kernels = RMX_USES(token_mixer) |
                                                         RMX_USES(token_mixer_backward),
                                              .check = check,
                                              .parameters = rmx_stage_norm_parameters,
                                              .saved = rmx_stage_norm_saved,
                                              .scratch = scratch,
                                              .forward = forward,
                                              .backward = backward};

static rmx_status mix(rmx_context *ctx, const rmx_stage_desc *desc, bool inverse, const void *x,
                      const void *residual, void *y)
{
    const rmx_token_mix_args args = {.dtype = rmx_stage_dtype(desc),
                                     .samples = desc->block.ffn.samples,
                                     .tokens = desc->block.ffn.tokens,
                                     .width = desc->block.ffn.width,
                                     .heads = desc->block.heads,
                                     .inverse = inverse,
                                     .x = x,
                                     .residual = residual,
                                     .y = y};
    return rmx_run_token_mix(ctx, &args);
}

static rmx_status mix_forward(rmx_context *ctx, const rmx_stage_desc *desc,
                              const rmx_stage_memory *m)
{
    return mix(ctx, desc, false, m->x, m->residual, m->y);
}

static rmx_status mix_backward(rmx_context *ctx, const rmx_stage_desc *desc,
                               const rmx_stage_memory *m)
{
    return mix(ctx, desc, true, m->dy, m->dx_residual, m->dx);
}

const rmx_stage_kind rmx_stage_token_mix = {.kernels = RMX_USES(token_mix),
                                            .check = check_mix,
                                            .forward = mix_forward,
                                            .backward = mix_backward,
                                            .adds = true};
