/* SPDX-License-Identifier: MIT */
/* order.c: see order.h. */
#include "data/order.h"

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "kernels/philox.h"

#define CHUNKS_MAX ((int64_t)1 << 27) /* windows then fit the 24 bits that streams have */

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

rmx_status rmx_order_create(rmx_order *out, int64_t rows, int64_t chunk_rows, bool shuffle,
                            uint64_t seed, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    const int64_t chunks = (rows - 1) / chunk_rows + 1;
    if (chunks > CHUNKS_MAX)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%lld chunks of %lld rows are too many to shuffle (2^27): import the file "
                        "with larger chunks",
                        (long long)chunks, (long long)chunk_rows);
    out->chunk = malloc((size_t)chunks * sizeof *out->chunk);
    if (!out->chunk) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the order of rows");
    out->rows = rows;
    out->chunk_rows = chunk_rows;
    out->chunks = chunks;
    out->windows = (chunks - 1) / RMX_SHUFFLE_CHUNKS + 1;
    out->shuffle = shuffle;
    out->seed = seed;
    return RMX_OK;
}

void rmx_order_destroy(rmx_order *order)
{
    free(order->chunk);
    order->chunk = NULL;
}

void rmx_order_set_epoch(rmx_order *order, uint64_t epoch)
{
    order->epoch = epoch;
    permute(order, 0, order->chunks, order->chunk);
    order->short_at = order->chunks;
    if (rmx_order_chunk_rows(order, order->chunks - 1) < order->chunk_rows)
        for (int64_t i = 0; i < order->chunks; i++)
            if (order->chunk[i] == order->chunks - 1) order->short_at = i;
}

int64_t rmx_order_chunk_rows(const rmx_order *order, int64_t chunk)
{
    const int64_t left = order->rows - chunk * order->chunk_rows;
    return left < order->chunk_rows ? left : order->chunk_rows;
}

int64_t rmx_order_window_start(const rmx_order *order, int64_t v)
{
    const int64_t place = v * RMX_SHUFFLE_CHUNKS;
    if (place >= order->chunks) return order->rows;
    const int64_t missing = order->chunk_rows - rmx_order_chunk_rows(order, order->chunks - 1);
    return place * order->chunk_rows - (order->short_at < place ? missing : 0);
}

int64_t rmx_order_window_at(const rmx_order *order, int64_t position)
{
    int64_t v = position / (order->chunk_rows * RMX_SHUFFLE_CHUNKS);
    /* a short chunk moves the windows after it forward by less than a chunk */
    if (position >= rmx_order_window_start(order, v + 1)) v++;
    return v;
}

void rmx_order_permute(const rmx_order *order, int64_t v, int64_t n, uint32_t *out)
{
    permute(order, 1 + (uint64_t)v, n, out);
}
