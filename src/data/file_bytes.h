/* SPDX-License-Identifier: MIT */
/* file_bytes.h: all bytes of a piece of a file, read or written, or an error. */
#ifndef RMX_DATA_FILE_BYTES_H
#define RMX_DATA_FILE_BYTES_H

#include <stdint.h>

#include "core/error.h"

/* path: of the file, for errors. A file that is too short is RMX_ERR_DATA. */
RMX_NODISCARD rmx_status rmx_read_fully(int fd, const char *path, void *out, int64_t bytes,
                                        int64_t offset, rmx_error *error);
/* offset -1: where the file stands. */
RMX_NODISCARD rmx_status rmx_write_fully(int fd, const char *path, const void *from, int64_t bytes,
                                         int64_t offset, rmx_error *error);

#endif /* RMX_DATA_FILE_BYTES_H */
