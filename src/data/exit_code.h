/* SPDX-License-Identifier: MIT */
/* exit_code.h: what a program leaves with. */
#ifndef RMX_DATA_EXIT_CODE_H
#define RMX_DATA_EXIT_CODE_H

#include "rankmixer/status.h"

enum {
    RMX_EXIT_OK = 0,
    RMX_EXIT_ERROR = 1,
    RMX_EXIT_USAGE = 2, /* usage, config or column spec */
    RMX_EXIT_DATA = 3,
    RMX_EXIT_DEVICE = 4,   /* no usable device, or too little memory, its own or the host's */
    RMX_EXIT_STOPPED = 143 /* by SIGTERM or SIGINT, after saving */
};

static inline int rmx_exit_code(rmx_status status)
{
    switch (status) {
    case RMX_OK: return RMX_EXIT_OK;
    case RMX_ERR_ARGUMENT: return RMX_EXIT_USAGE;
    case RMX_ERR_DATA: return RMX_EXIT_DATA;
    case RMX_ERR_DEVICE:
    case RMX_ERR_MEMORY: return RMX_EXIT_DEVICE;
    default: return RMX_EXIT_ERROR;
    }
}

#endif /* RMX_DATA_EXIT_CODE_H */
