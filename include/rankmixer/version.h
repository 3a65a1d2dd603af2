/* SPDX-License-Identifier: MIT */
/* version.h: the version of these headers, and that of the library that is linked. */
#ifndef RANKMIXER_VERSION_H
#define RANKMIXER_VERSION_H

#include "rankmixer/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RMX_VERSION_MAJOR 0
#define RMX_VERSION_MINOR 1
#define RMX_VERSION_PATCH 0
#define RMX_VERSION_STRING "0.1.0"

/* The library's own RMX_VERSION_STRING. */
RMX_API const char *rmx_version(void);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_VERSION_H */
