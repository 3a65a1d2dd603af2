/* SPDX-License-Identifier: MIT */
/* container_head.h: what container_write.c and container_read.c agree on; for them only. */
#ifndef RMX_DATA_CONTAINER_HEAD_H
#define RMX_DATA_CONTAINER_HEAD_H

#include "data/container.h"

#define RMX_INDEX_MAX ((int64_t)1 << 28) /* bytes: a million tensors need as much */

typedef struct rmx_container_head {
    int64_t file_bytes, index_offset, index_bytes;
    uint64_t index_xxh3, rest_xxh3;
} rmx_container_head;

/* The 512 bytes. */
void rmx_container_head_print(const rmx_container_head *head, const char *kind, int version,
                              char out[RMX_CONTAINER_HEAD]);

/* A part of the file. */
typedef struct rmx_extent {
    int64_t offset, bytes;
} rmx_extent;

/* Sorts the extents. Hashes every byte from the head to file_bytes that is in none of them.
 * RMX_ERR_DATA with system_error 0: they overlap or leave the file. */
RMX_NODISCARD rmx_status rmx_container_rest(int fd, const char *path, int64_t file_bytes,
                                            rmx_extent *extent, int64_t extents, uint64_t *xxh3,
                                            rmx_error *error);
extern const char *const rmx_array_type_names[RMX_ARRAY_TYPES];

#endif /* RMX_DATA_CONTAINER_HEAD_H */
