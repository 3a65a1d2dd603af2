/* SPDX-License-Identifier: MIT */
/* config_check.h: checks whether the values of a config fit each other. */
#ifndef RMX_TRAIN_CONFIG_CHECK_H
#define RMX_TRAIN_CONFIG_CHECK_H

#include "train/config.h"

/* Returns RMX_OK, or RMX_ERR_ARGUMENT with the place of the key that is most likely wrong. */
RMX_NODISCARD rmx_status rmx_config_check(const rmx_config *config, rmx_error *error);

/* Returns RMX_ERR_ARGUMENT with "FILE:LINE: text", where FILE:LINE is the place of the key. */
rmx_status rmx_config_refuse(const rmx_config *config, rmx_error *error, const char *section,
                             const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif /* RMX_TRAIN_CONFIG_CHECK_H */
