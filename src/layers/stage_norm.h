/* SPDX-License-Identifier: MIT */
/* stage_norm.h: what a LayerNorm needs, for stages that have one inside. */
#ifndef RMX_LAYERS_STAGE_NORM_H
#define RMX_LAYERS_STAGE_NORM_H

#include "layers/stage.h"

rmx_status rmx_stage_norm_check(rmx_context *ctx, const rmx_stage_desc *desc);
/* gamma, beta */
int32_t rmx_stage_norm_parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out);
/* mean, rstd */
int32_t rmx_stage_norm_saved(const rmx_stage_desc *desc, rmx_stage_tensor *out);

#endif /* RMX_LAYERS_STAGE_NORM_H */
