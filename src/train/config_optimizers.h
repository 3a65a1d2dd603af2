/* SPDX-License-Identifier: MIT */
/* config_optimizers.h: the settings of the optimisers in a config. train.embedding_NAME belongs to
 * the embedding tables, train.NAME to everything else. NaN stands for auto. */
#ifndef RMX_TRAIN_CONFIG_OPTIMIZERS_H
#define RMX_TRAIN_CONFIG_OPTIMIZERS_H

#include "rankmixer/model.h"
#include "train/config.h"

/* Returns RMX_ERR_ARGUMENT where a setting is given that no chosen optimiser reads. */
RMX_NODISCARD rmx_status rmx_config_check_optimizers(const rmx_config *config, rmx_error *error);
/* Replaces auto by its number where the optimiser reads the setting. */
void rmx_config_resolve_optimizers(rmx_config *config);
/* Makes the optimiser of the embedding tables, or of everything else, from a resolved config. */
rmx_optimizer_config rmx_config_optimizer(const rmx_config *resolved, bool tables);

#endif /* RMX_TRAIN_CONFIG_OPTIMIZERS_H */
