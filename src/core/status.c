/* SPDX-License-Identifier: MIT */
/* status.c: the names of statuses, and the version. */
#include "rankmixer/status.h"

#include "rankmixer/context.h"

const char *rmx_status_name(rmx_status status)
{
    switch (status) {
    case RMX_OK: return "ok";
    case RMX_ERR_ARGUMENT: return "argument";
    case RMX_ERR_WORKSPACE: return "workspace";
    case RMX_ERR_MEMORY: return "memory";
    case RMX_ERR_DEVICE: return "device";
    case RMX_ERR_DATA: return "data";
    case RMX_ERR_NUMERIC: return "numeric";
    case RMX_ERR_INTERNAL: return "internal";
    }
    return "unknown";
}

const char *rmx_version(void) { return RMX_VERSION; }
