/* SPDX-License-Identifier: MIT */
/* cuda.h: what the CUDA kernels share.
 *
 * A kernel's host function launches on rmx_cuda_stream(backend) and returns what rmx_cuda_check
 * says. It neither allocates nor waits, so that a graph can capture every kernel of ops.h. All
 * arithmetic goes through numerics.h and is compiled with -fmad=false. Grids may depend on the
 * device, results never do. */
#ifndef RMX_CUDA_H
#define RMX_CUDA_H

#include <cuda_runtime_api.h>

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const rmx_ops rmx_cuda_ops;

/* The backend's stream, with its device made current for the calling thread. */
cudaStream_t rmx_cuda_stream(rmx_backend *);
/* The stream of a queue, and an event of ops.h. */
cudaStream_t rmx_cuda_queue(rmx_backend *, rmx_queue);
cudaEvent_t rmx_cuda_event(rmx_backend *, int32_t event);
/* Multiprocessors of the device: for the choice of a grid, never of an order. */
int32_t rmx_cuda_multiprocessors(const rmx_backend *);
/* Device memory for one call's intermediate results; the next call may overwrite it. */
#define RMX_CUDA_SCRATCH_BYTES ((size_t)32 << 20)
void *rmx_cuda_scratch(rmx_backend *);
/* Zeros in device memory, which a kernel with row_partition.cuh sets and clears again. */
#define RMX_CUDA_FLAGS 4096
uint32_t *rmx_cuda_flags(rmx_backend *);
/* Dynamic shared memory that a block of threads may have. */
size_t rmx_cuda_shared_bytes(const rmx_backend *);
/* How many blocks with so much shared memory the device holds at once, at most `most` a
 * multiprocessor: the grid of persistent kernels. */
int64_t rmx_cuda_resident(const rmx_backend *, size_t shared_bytes, int most);
/* RMX_OK, or RMX_ERR_MEMORY or RMX_ERR_DEVICE with backend->error saying what failed and why. */
rmx_status rmx_cuda_check(rmx_backend *, cudaError_t error, const char *what);
/* The same for the launches since the last check. */
rmx_status rmx_cuda_check_launch(rmx_backend *, const char *what);

/* For tests and tuning: the variant that all products take (product.h), -1 to choose by shape. */
extern int rmx_cuda_product_variant;

/* The kernels; contracts in ops.h. */
#define RMX_SLOT(kernel) rmx_status rmx_cuda_##kernel(rmx_backend *, const rmx_##kernel##_args *);
RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
size_t rmx_cuda_embedding_sort_scratch(int64_t samples, int64_t fields);

#ifdef __cplusplus
}
#endif

#ifdef __CUDACC__
/* An operand of ops.h as the fp32 values that it holds. */
static __host__ __device__ __forceinline__ const float *rmx_f32(const void *p)
{
    return (const float *)p;
}
static __host__ __device__ __forceinline__ float *rmx_f32(void *p) { return (float *)p; }

/* May all of these be accessed by 16 bytes? NULL may. */
template <class... P> static inline bool rmx_aligned16(P... p)
{
    return ((... | (uintptr_t)p) & 15) == 0;
}

/* Blocks for so many items, `each` a block. */
static inline unsigned rmx_blocks_for(int64_t items, int64_t each)
{
    return (unsigned)((items + each - 1) / each);
}
#endif

#endif /* RMX_CUDA_H */
