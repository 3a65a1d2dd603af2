/* SPDX-License-Identifier: MIT */
/* container_head.c: the head of a container, and the checksum of what lies between its arrays. */
#include "data/container_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/file_bytes.h"

const char *const rmx_array_type_names[RMX_ARRAY_TYPES] = {"u8",  "u32",  "u64",
                                                           "f32", "bf16", "text"};

void rmx_container_head_print(const rmx_container_head *head, const char *kind, int version,
                              char out[RMX_CONTAINER_HEAD])
{
    memset(out, 0, RMX_CONTAINER_HEAD);
    const int n =
        snprintf(out, RMX_CONTAINER_HEAD,
                 "rankmixer %s %d\nfile %020lld\nindex %020lld %020lld %016llx\nrest %016llx\n",
                 kind, version, (long long)head->file_bytes, (long long)head->index_offset,
                 (long long)head->index_bytes, (unsigned long long)head->index_xxh3,
                 (unsigned long long)head->rest_xxh3);
    snprintf(out + n, RMX_CONTAINER_HEAD - (size_t)n, "head %016llx\n",
             (unsigned long long)XXH3_64bits(out, (size_t)n));
}

static int by_offset(const void *left, const void *right)
{
    const rmx_extent *a = left, *b = right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static rmx_status add_gap(int fd, const char *path, int64_t from, int64_t to, void *buffer,
                          int64_t room, XXH3_state_t *state, rmx_error *error)
{
    for (int64_t at = from; at < to; at += room) {
        const int64_t n = to - at < room ? to - at : room;
        const rmx_status status = rmx_read_fully(fd, path, buffer, n, at, error);
        if (status != RMX_OK) return status;
        (void)XXH3_64bits_update(state, buffer, (size_t)n);
    }
    return RMX_OK;
}

rmx_status rmx_container_rest(int fd, const char *path, int64_t file_bytes, rmx_extent *extent,
                              int64_t extents, uint64_t *xxh3, rmx_error *error)
{
    enum { ROOM = 1 << 16 };
    rmx_status status = RMX_OK;
    int64_t end = RMX_CONTAINER_HEAD;
    char *buffer = malloc(ROOM);
    XXH3_state_t *state = XXH3_createState();
    if (!buffer || !state || XXH3_64bits_reset(state) != XXH_OK) {
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory for a checksum", path);
        goto cleanup;
    }
    qsort(extent, (size_t)extents, sizeof *extent, by_offset);
    for (int64_t i = 0; i < extents && status == RMX_OK; i++) {
        if (extent[i].bytes == 0) continue;
        if (extent[i].offset < end || extent[i].bytes > file_bytes - extent[i].offset)
            status = rmx_fail(error, RMX_ERR_DATA, "%.400s: two arrays overlap or leave the file",
                              path);
        else
            status = add_gap(fd, path, end, extent[i].offset, buffer, ROOM, state, error);
        end = extent[i].offset + extent[i].bytes;
    }
    if (status == RMX_OK) status = add_gap(fd, path, end, file_bytes, buffer, ROOM, state, error);
    *xxh3 = XXH3_64bits_digest(state);
cleanup:
    XXH3_freeState(state);
    free(buffer);
    return status;
}
