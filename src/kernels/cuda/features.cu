/* SPDX-License-Identifier: MIT */
/* features.cu: gathers a sample's embeddings and dense values into its input row. */
#include "kernels/cuda/cuda.h"

#define THREADS 128

/* A block takes a sample: the row is cleared, then fields and dense values are put in place.
 *   grid     samples
 *   traffic  ids and dense read once, width floats per field gathered, out written about once */
static __global__ void features(rmx_embedding_lookup_args a)
{
    const int64_t b = blockIdx.x;
    float *out = rmx_f32(a.out) + b * a.out_width;
    for (int64_t j = threadIdx.x; j < a.out_width; j += THREADS) out[j] = 0.0f;
    __syncthreads();
    for (int64_t e = threadIdx.x; e < a.fields * a.width; e += THREADS) {
        const int64_t f = e / a.width, k = e % a.width;
        const int64_t row = a.row_offset[f] + a.ids[b * a.fields + f];
        out[a.column[f] + k] = a.table[row * a.width + k];
    }
    for (int64_t j = threadIdx.x; j < a.dense_fields; j += THREADS)
        out[a.dense_column[j]] = a.dense[b * a.dense_fields + j];
}

rmx_status rmx_cuda_embedding_lookup(rmx_backend *backend, const rmx_embedding_lookup_args *a)
{
    if (a->samples <= 0) return RMX_OK;
    features<<<(unsigned)a->samples, THREADS, 0, rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "features");
}
