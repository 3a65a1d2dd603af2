/* SPDX-License-Identifier: MIT */
/* config_check.h: whether the values of a config fit each other. */
#ifndef RMX_TRAIN_CONFIG_CHECK_H
#define RMX_TRAIN_CONFIG_CHECK_H

#include "train/config.h"

/* Returns RMX_OK or RMX_ERR_ARGUMENT, with the place of the key that most likely is wrong. */
RMX_NODISCARD rmx_status rmx_config_check(const rmx_config *config, rmx_error *error);

/* A setting of an optimiser: its places as train.NAME and train.embedding_NAME in rmx_config
 * (double) and in rmx_optimizer_config (float), and who reads it. */
typedef struct rmx_optimizer_setting {
    const char *name;
    size_t dense, embedding, own;
    unsigned kinds;   /* bits, 1 << rmx_optimizer */
    const char *none; /* what to say where no optimiser reads it */
} rmx_optimizer_setting;

enum { RMX_OPTIMIZER_SETTINGS = 5 };
extern const rmx_optimizer_setting rmx_optimizer_settings[RMX_OPTIMIZER_SETTINGS];

#endif /* RMX_TRAIN_CONFIG_CHECK_H */
