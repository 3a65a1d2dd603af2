/* SPDX-License-Identifier: MIT */
/* order.h: the order of a file's rows in an epoch. It depends on file, seed and epoch alone;
 * docs/formats.md has the algorithm. Without shuffling its permutations are the identity. */
#ifndef RMX_DATA_ORDER_H
#define RMX_DATA_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

typedef struct rmx_order {
    int64_t rows, block_rows, blocks, windows;
    bool shuffle;
    uint64_t seed, epoch;
    uint32_t *block;  /* [blocks], the permutation of this epoch */
    int64_t short_at; /* place in it of the shorter last block; blocks where none is shorter */
} rmx_order;

/* Stands at no epoch yet. RMX_ERR_DATA: more than 2^27 blocks. */
RMX_NODISCARD rmx_status rmx_order_create(rmx_order *out, int64_t rows, int64_t block_rows,
                                          bool shuffle, uint64_t seed, rmx_error *error);
void rmx_order_destroy(rmx_order *order);
void rmx_order_set_epoch(rmx_order *order, uint64_t epoch);

/* Rows in block number `block` of the file, and its first row. */
int64_t rmx_order_block_rows(const rmx_order *order, int64_t block);
/* Position in the epoch at which window v begins; v may be windows: rows. */
int64_t rmx_order_window_start(const rmx_order *order, int64_t v);
/* The window that position lies in, 0 <= position < rows. */
int64_t rmx_order_window_at(const rmx_order *order, int64_t position);
/* out[n]: the permutation of window v's n rows. */
void rmx_order_permute(const rmx_order *order, int64_t v, int64_t n, uint32_t *out);

#endif /* RMX_DATA_ORDER_H */
