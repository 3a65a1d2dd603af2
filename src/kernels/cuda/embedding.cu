/* SPDX-License-Identifier: MIT */
/* embedding.cu: which rows a batch touched, and the gradient of each.
 *
 * Entries are sorted by key with CUB's stable radix sort, a row's first entry is where the key
 * changes, and a prefix sum numbers the rows. */
#include <cub/cub.cuh>

#include "kernels/cuda/cuda.h"

#define THREADS 256
#define AHEAD 8

/* The pieces of ws; base NULL only counts. */
typedef struct workspace {
    uint32_t *keys, *sorted, *entries, *number;
    void *cub;
    size_t cub_bytes, bytes;
} workspace;

static workspace cut(int64_t n, void *base)
{
    workspace w = {};
    size_t sort = 0, scan = 0;
    cub::DeviceRadixSort::SortPairs(NULL, sort, (uint32_t *)NULL, (uint32_t *)NULL,
                                    (uint32_t *)NULL, (uint32_t *)NULL, n);
    cub::DeviceScan::InclusiveSum(NULL, scan, (uint32_t *)NULL, (uint32_t *)NULL, n);
    w.cub_bytes = sort > scan ? sort : scan;
    const size_t array = ((size_t)n * sizeof(uint32_t) + 255) / 256 * 256;
    char *p = (char *)base;
    uint32_t **const arrays[] = {&w.keys, &w.sorted, &w.entries, &w.number};
    for (int i = 0; i < 4; i++) *arrays[i] = (uint32_t *)(p + (size_t)i * array);
    w.cub = p + 4 * array;
    w.bytes = 4 * array + (w.cub_bytes + 255) / 256 * 256;
    return w;
}

size_t rmx_cuda_embedding_sort_scratch(int64_t samples, int64_t fields)
{
    const int64_t entries = samples * fields;
    return entries > 0 ? cut(entries, NULL).bytes : 0;
}

/* keys[i] = row_offset[field] + ids[i], entries[i] = i */
static __global__ void make_keys(rmx_embedding_sort_args a, int64_t n, uint32_t *keys,
                                 uint32_t *entries)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    keys[i] = (uint32_t)(a.row_offset[i % a.fields] + a.ids[i]);
    entries[i] = (uint32_t)i;
}

/* number[i] = 1 where a new key begins */
static __global__ void mark(int64_t n, const uint32_t *sorted, uint32_t *number)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < n) number[i] = i == 0 || sorted[i] != sorted[i - 1];
}

/* number holds the inclusive sum: row number[i] - 1 begins at i where it grew. */
static __global__ void place(int64_t n, const uint32_t *sorted, const uint32_t *number,
                             uint32_t *rows, uint32_t *start, uint32_t *unique)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    if (i == 0 || number[i] != number[i - 1]) {
        rows[number[i] - 1] = sorted[i];
        start[number[i] - 1] = (uint32_t)i;
    }
    if (i == n - 1) {
        start[number[i]] = (uint32_t)n;
        *unique = number[i];
    }
}

static __global__ void nothing_touched(uint32_t *start, uint32_t *unique)
{
    *start = 0;
    *unique = 0;
}

static int bits_for(int64_t rows)
{
    int bits = 1;
    while (bits < 32 && (rows - 1) >> bits > 0) bits++;
    return bits;
}

rmx_status rmx_cuda_embedding_sort(rmx_backend *backend, const rmx_embedding_sort_args *a)
{
    const int64_t n = a->samples * a->fields;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    if (n == 0) {
        nothing_touched<<<1, 1, 0, stream>>>(a->start, a->unique);
        return rmx_cuda_check_launch(backend, "embedding sort");
    }
    const workspace w = cut(n, a->ws);
    const unsigned blocks = (unsigned)((n + THREADS - 1) / THREADS);
    size_t bytes = w.cub_bytes;
    make_keys<<<blocks, THREADS, 0, stream>>>(*a, n, w.keys, w.entries);
    rmx_status status = rmx_cuda_check(
        backend,
        cub::DeviceRadixSort::SortPairs(w.cub, bytes, w.keys, w.sorted, w.entries, a->order, n, 0,
                                        bits_for(a->table_rows), stream),
        "embedding sort");
    if (status != RMX_OK) return status;
    mark<<<blocks, THREADS, 0, stream>>>(n, w.sorted, w.keys);
    bytes = w.cub_bytes;
    status = rmx_cuda_check(
        backend, cub::DeviceScan::InclusiveSum(w.cub, bytes, w.keys, w.number, n, stream),
        "embedding sort");
    if (status != RMX_OK) return status;
    place<<<blocks, THREADS, 0, stream>>>(n, w.sorted, w.number, a->rows, a->start, a->unique);
    return rmx_cuda_check_launch(backend, "embedding sort");
}

/* grad[u, k] = chain over the row's places of dout. A popular row is one long chain, so its
 * values are fetched AHEAD at a time before they are added.
 *   grid     one thread per (place, k); those beyond *unique rows leave
 *   traffic  each touched place of dout read once, grad written once */
static __global__ void embedding_grad(rmx_embedding_gradient_args a)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int64_t u = i / a.width, k = i % a.width;
    if (u >= *a.unique) return;
    const uint32_t end = a.start[u + 1];
    float s = 0.0f;
    for (uint32_t at = a.start[u]; at < end; at += AHEAD) {
        float x[AHEAD];
#pragma unroll
        for (int p = 0; p < AHEAD; p++) {
            const uint32_t entry = a.order[at + p < end ? at + p : end - 1];
            const uint32_t b = entry / (uint32_t)a.fields, f = entry % (uint32_t)a.fields;
            x[p] = rmx_f32(a.dout)[b * a.out_width + a.column[f] + k];
        }
#pragma unroll
        for (int p = 0; p < AHEAD; p++)
            if (at + p < end) s = rmx_addf(s, x[p]);
    }
    a.grad[i] = s;
}

rmx_status rmx_cuda_embedding_gradient(rmx_backend *backend, const rmx_embedding_gradient_args *a)
{
    const int64_t n = a->samples * a->fields * a->width;
    if (n <= 0) return RMX_OK;
    embedding_grad<<<(unsigned)((n + THREADS - 1) / THREADS), THREADS, 0,
                     rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "embedding gradient");
}
