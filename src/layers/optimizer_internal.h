/* SPDX-License-Identifier: MIT */
/* optimizer_internal.h: what an optimiser's config means to the kernels. */
#ifndef RMX_LAYERS_OPTIMIZER_INTERNAL_H
#define RMX_LAYERS_OPTIMIZER_INTERNAL_H

#include "core/context.h"
#include "rankmixer/optimizer.h"

/* Every field in range; name is the argument's: "config", "training.dense". */
rmx_status rmx_check_optimizer(rmx_context *ctx, const char *name,
                               const rmx_optimizer_config *config);
/* The scalars of one step (1, 2, ...), the one place where they are rounded. */
rmx_optimizer_scalars rmx_optimizer_scalars_of(const rmx_optimizer_config *config, uint64_t step,
                                               float lr);
/* Which states a config keeps: s1 per element, s1 per row, s2 per element. */
bool rmx_optimizer_has_s1(const rmx_optimizer_config *config);
bool rmx_optimizer_s1_is_per_row(const rmx_optimizer_config *config);
bool rmx_optimizer_has_s2(const rmx_optimizer_config *config);

#endif /* RMX_LAYERS_OPTIMIZER_INTERNAL_H */
