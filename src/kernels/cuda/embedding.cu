/* SPDX-License-Identifier: MIT */
/* embedding.cu: lookup, and the gradient of the rows that a batch touches.
 *
 * lookup: gathers a sample's embeddings and dense values into its input row.
 * sort: CUB's stable radix sort orders the entries by key. A row begins where the key changes, and
 *   a prefix sum numbers the rows.
 * gradient: one chain for each row and column, over the row's entries. */
#include <cub/cub.cuh>

#include "kernels/cuda/cuda.h"

#define THREADS 256
#define LOOKUP_THREADS 128
#define PREFETCH 8 /* loads in flight before their additions */

/* ---- lookup ---- */

/* A block clears a sample's row, then writes its fields and dense values.
 *   grid     samples
 *   traffic  ids and dense read once, width floats read per field, out written about once */
static __global__ void lookup(rmx_embedding_lookup_args a)
{
    const int64_t b = blockIdx.x;
    float *out = rmx_f32(a.out) + b * a.out_width;
    for (int64_t j = threadIdx.x; j < a.out_width; j += LOOKUP_THREADS) out[j] = 0.0f;
    __syncthreads();
    for (int64_t e = threadIdx.x; e < a.fields * a.width; e += LOOKUP_THREADS) {
        const int64_t f = e / a.width, k = e % a.width;
        const int64_t row = a.row_offset[f] + a.ids[b * a.fields + f];
        out[a.column[f] + k] = a.table[row * a.width + k];
    }
    for (int64_t j = threadIdx.x; j < a.dense_fields; j += LOOKUP_THREADS)
        out[a.dense_column[j]] = a.dense[b * a.dense_fields + j];
}

rmx_status rmx_cuda_embedding_lookup(rmx_backend *backend, const rmx_embedding_lookup_args *a)
{
    if (a->samples <= 0) return RMX_OK;
    lookup<<<(unsigned)a->samples, LOOKUP_THREADS, 0, rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "embedding lookup");
}

/* ---- sort ---- */

/* The arrays in ws; base NULL: only their size. */
typedef struct workspace {
    uint32_t *keys, *sorted, *entries, *number;
    void *cub;
    size_t cub_bytes, bytes;
} workspace;

static workspace partition(int64_t n, void *base)
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
    return entries > 0 ? partition(entries, NULL).bytes : 0;
}

/* keys[i] = row_offset[field] + ids[i], entries[i] = i. */
static __global__ void make_keys(rmx_embedding_sort_args a, int64_t n, uint32_t *keys,
                                 uint32_t *entries)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    keys[i] = (uint32_t)(a.row_offset[i % a.fields] + a.ids[i]);
    entries[i] = (uint32_t)i;
}

/* number[i] = 1 where a new key begins. */
static __global__ void mark_new_keys(int64_t n, const uint32_t *sorted, uint32_t *number)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < n) number[i] = i == 0 || sorted[i] != sorted[i - 1];
}

/* number is now the inclusive sum: where it grows at i, row number[i] - 1 begins. */
static __global__ void write_rows(int64_t n, const uint32_t *sorted, const uint32_t *number,
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

static __global__ void write_no_rows(uint32_t *start, uint32_t *unique)
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
        write_no_rows<<<1, 1, 0, stream>>>(a->start, a->unique);
        return rmx_cuda_check_launch(backend, "embedding sort");
    }
    const workspace w = partition(n, a->ws);
    const unsigned blocks = rmx_blocks_for(n, THREADS);
    size_t bytes = w.cub_bytes;
    make_keys<<<blocks, THREADS, 0, stream>>>(*a, n, w.keys, w.entries);
    rmx_status status = rmx_cuda_check(
        backend,
        cub::DeviceRadixSort::SortPairs(w.cub, bytes, w.keys, w.sorted, w.entries, a->order, n, 0,
                                        bits_for(a->table_rows), stream),
        "embedding sort");
    if (status != RMX_OK) return status;
    mark_new_keys<<<blocks, THREADS, 0, stream>>>(n, w.sorted, w.keys);
    bytes = w.cub_bytes;
    status = rmx_cuda_check(
        backend, cub::DeviceScan::InclusiveSum(w.cub, bytes, w.keys, w.number, n, stream),
        "embedding sort");
    if (status != RMX_OK) return status;
    write_rows<<<blocks, THREADS, 0, stream>>>(n, w.sorted, w.number, a->rows, a->start,
                                               a->unique);
    return rmx_cuda_check_launch(backend, "embedding sort");
}

/* ---- gradient ---- */

/* grad[u, k] = chain over the row's entries in dout. A frequent row is one long chain, so PREFETCH
 * values are loaded before they are added.
 *   grid     one thread per (entry, k); those beyond *unique rows leave
 *   traffic  each entry's part of dout read once, grad written once */
static __global__ void gradient(rmx_embedding_gradient_args a)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int64_t u = i / a.width, k = i % a.width;
    if (u >= *a.unique) return;
    const uint32_t end = a.start[u + 1];
    float s = 0.0f;
    for (uint32_t at = a.start[u]; at < end; at += PREFETCH) {
        float x[PREFETCH];
#pragma unroll
        for (int p = 0; p < PREFETCH; p++) {
            const uint32_t entry = a.order[at + p < end ? at + p : end - 1];
            const uint32_t b = entry / (uint32_t)a.fields, f = entry % (uint32_t)a.fields;
            x[p] = rmx_f32(a.dout)[b * a.out_width + a.column[f] + k];
        }
#pragma unroll
        for (int p = 0; p < PREFETCH; p++)
            if (at + p < end) s = rmx_addf(s, x[p]);
    }
    a.grad[i] = s;
}

rmx_status rmx_cuda_embedding_gradient(rmx_backend *backend, const rmx_embedding_gradient_args *a)
{
    const int64_t n = a->samples * a->fields * a->width;
    if (n <= 0) return RMX_OK;
    gradient<<<rmx_blocks_for(n, THREADS), THREADS, 0, rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "embedding gradient");
}
