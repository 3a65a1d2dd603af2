/* SPDX-License-Identifier: MIT */
/* arena.h: one block of memory, cut into pieces by a plan that is made before its allocation.
 *
 * The same code runs twice. With base NULL rmx_arena_take only counts. Then the memory is
 * allocated, and the second time rmx_arena_take hands out the pieces. So a plan cannot differ from
 * its use. */
#ifndef RMX_ARENA_H
#define RMX_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/size.h"

#define RMX_ALIGNMENT 256 /* of every piece; enough for any kernel and any copy engine */

static inline size_t rmx_align(size_t bytes) { return rmx_size_round_up(bytes, RMX_ALIGNMENT); }

typedef struct rmx_arena {
    char *base;  /* NULL while planning */
    size_t used; /* RMX_SIZE_TOO_LARGE where a plan overflows */
} rmx_arena;

/* Returns the next piece; NULL while planning or for 0 bytes. */
static inline void *rmx_arena_take(rmx_arena *arena, size_t bytes)
{
    void *piece = arena->base && bytes ? arena->base + arena->used : NULL;
    arena->used = rmx_size_add(arena->used, rmx_align(bytes));
    return piece;
}

static inline float *rmx_arena_floats(rmx_arena *arena, int64_t count)
{
    return (float *)rmx_arena_take(arena, rmx_size_mul(sizeof(float), count));
}

#endif /* RMX_ARENA_H */
