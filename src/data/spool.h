/* SPDX-License-Identifier: MIT */
/* spool.h: a file without a name, for bytes whose number is not known yet. It is gone when it is
 * closed or the process ends. */
#ifndef RMX_DATA_SPOOL_H
#define RMX_DATA_SPOOL_H

#include <stdint.h>

#include "core/error.h"

typedef struct rmx_spool {
    int fd; /* -1: closed */
    int64_t bytes;
} rmx_spool;

/* In the folder of `near`, a path that need not exist. name: for errors. */
RMX_NODISCARD rmx_status rmx_spool_open(const char *near, rmx_spool *out, rmx_error *error);
RMX_NODISCARD rmx_status rmx_spool_write(rmx_spool *spool, const char *name, const void *from,
                                         int64_t bytes, rmx_error *error);
void rmx_spool_close(rmx_spool *spool); /* twice is fine */

#endif /* RMX_DATA_SPOOL_H */
