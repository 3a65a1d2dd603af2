/* SPDX-License-Identifier: MIT */
/* stage_norm.c: y = LayerNorm(x). */
#include "layers/stage.h"

enum { GAMMA, BETA };
enum { MEAN, RSTD };

rmx_status rmx_stage_norm_check(rmx_context *ctx, const rmx_stage_desc *desc)
{
    return rmx_check_positive(ctx, "desc.eps", desc->block.eps);
}

int32_t rmx_stage_norm_parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out)
{
    out[GAMMA] = rmx_stage_vector("gamma", 0, desc->block.ffn.width, 1.0f);
    out[BETA] = rmx_stage_vector("beta", 0, desc->block.ffn.width, 0.0f);
    return 2;
}

int32_t rmx_stage_norm_saved(const rmx_stage_desc *desc, rmx_stage_tensor *out)
{
    out[MEAN] = (rmx_stage_tensor){"mean", RMX_F32, rmx_stage_rows(desc)};
    out[RSTD] = (rmx_stage_tensor){"rstd", RMX_F32, rmx_stage_rows(desc)};
    return 2;
}

static size_t scratch(const rmx_stage_desc *desc)
{
    return rmx_column_sum_scratch(1, rmx_stage_rows(desc), desc->block.ffn.width, 2);
}

static rmx_status forward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const int64_t width = desc->block.ffn.width;
    const rmx_norm_args args = {.kind = RMX_NORM_LAYER,
                                .dtype = rmx_stage_dtype(desc),
                                .rows = rmx_stage_rows(desc),
                                .dim = width,
                                .ld_x = width,
                                .ld_y = width,
                                .eps = desc->block.eps,
                                .x = m->x,
                                .gamma = m->weight[GAMMA],
                                .beta = m->weight[BETA],
                                .y = m->y,
                                .mean = m->saved[MEAN],
                                .rstd = m->saved[RSTD]};
    return rmx_run_norm(ctx, &args);
}

static rmx_status backward(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m)
{
    const rmx_norm_backward_args args = {.kind = RMX_NORM_LAYER,
                                         .dtype = rmx_stage_dtype(desc),
                                         .rows = rmx_stage_rows(desc),
                                         .dim = desc->block.ffn.width,
                                         .ld = desc->block.ffn.width,
                                         .dy = m->dy,
                                         .x = m->x,
                                         .gamma = m->weight[GAMMA],
                                         .mean = m->saved[MEAN],
                                         .rstd = m->saved[RSTD],
                                         .residual = m->dx_residual,
                                         .dx = m->dx,
                                         .dgamma = m->gradient[GAMMA],
                                         .dbeta = m->gradient[BETA],
                                         .ws = m->scratch};
    return rmx_run_norm_backward(ctx, &args);
}

const rmx_stage_kind rmx_stage_norm = {.kernels = RMX_USES(norm) | RMX_USES(norm_backward),
                                       .check = rmx_stage_norm_check,
                                       .parameters = rmx_stage_norm_parameters,
                                       .saved = rmx_stage_norm_saved,
                                       .scratch = scratch,
                                       .forward = forward,
                                       .backward = backward,
                                       .adds = true,
                                       .in_place = true};
