/* SPDX-License-Identifier: MIT */
/* order.c: see order.h. */
#include "data/order.h"

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "kernels/philox.h"

#define CHUNKS_MAX ((int64_t)1 << 27) /* so windows fit the 24 bits that streams have */

/* Uniform in 0 .. last. */
static uint32_t draw(const rmx_order *order, uint64_t stream, uint32_t last)
{
    const uint64_t n = (uint64_t)last + 1;
    const uint64_t limit = ((uint64_t)1 << 32) / n * n;
    const uint64_t element = stream << 40 | (uint64_t)last << 8;
    uint32_t word = 0;
    for (uint64_t attempt = 0; attempt < 256; attempt++) { /* all 256 fail once in 2^256 */
        word = rmx_random_word(order->seed, RMX_RANDOM_SHUFFLE, order->epoch, element + attempt);
        if (word < limit) break;
    }
    return (uint32_t)(word % n);
}

static void permute(const rmx_order *order, uint64_t stream, int64_t n, uint32_t *out)
{
    for (int64_t i = 0; i < n; i++) out[i] = (uint32_t)i;
    if (!order->shuffle) return;
    for (int64_t i = n - 1; i >= 1; i--) {
        const uint32_t j = draw(order, stream, (uint32_t)i);
        const uint32_t kept = out[i];
        out[i] = out[j];
        out[j] = kept;
    }
}

rmx_status rmx_order_create(rmx_order *out, int64_t rows, int64_t block_rows, bool shuffle,
                            uint64_t seed, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    const int64_t blocks = (rows - 1) / block_rows + 1;
    if (blocks > CHUNKS_MAX)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%lld blocks of %lld rows are too many to shuffle (2^27): import the file "
                        "with larger blocks",
                        (long long)blocks, (long long)block_rows);
    out->block = malloc((size_t)blocks * sizeof *out->block);
    if (!out->block) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the order of rows");
    out->rows = rows;
    out->block_rows = block_rows;
    out->blocks = blocks;
    out->windows = (blocks - 1) / RMX_SHUFFLE_BLOCKS + 1;
    out->shuffle = shuffle;
    out->seed = seed;
    return RMX_OK;
}

void rmx_order_destroy(rmx_order *order)
{
    free(order->block);
    order->block = NULL;
}

void rmx_order_set_epoch(rmx_order *order, uint64_t epoch)
{
    order->epoch = epoch;
    permute(order, 0, order->blocks, order->block);
    order->short_at = order->blocks;
    if (rmx_order_block_rows(order, order->blocks - 1) < order->block_rows)
        for (int64_t i = 0; i < order->blocks; i++)
            if (order->block[i] == order->blocks - 1) order->short_at = i;
}

int64_t rmx_order_block_rows(const rmx_order *order, int64_t block)
{
    const int64_t left = order->rows - block * order->block_rows;
    return left < order->block_rows ? left : order->block_rows;
}

int64_t rmx_order_window_start(const rmx_order *order, int64_t v)
{
    const int64_t place = v * RMX_SHUFFLE_BLOCKS;
    if (place >= order->blocks) return order->rows;
    const int64_t missing = order->block_rows - rmx_order_block_rows(order, order->blocks - 1);
    return place * order->block_rows - (order->short_at < place ? missing : 0);
}

int64_t rmx_order_window_at(const rmx_order *order, int64_t position)
{
    int64_t v = position / (order->block_rows * RMX_SHUFFLE_BLOCKS);
    /* a short block moves the windows after it forward by less than a block */
    if (position >= rmx_order_window_start(order, v + 1)) v++;
    return v;
}

void rmx_order_permute(const rmx_order *order, int64_t v, int64_t n, uint32_t *out)
{
    permute(order, 1 + (uint64_t)v, n, out);
}
