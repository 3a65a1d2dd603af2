/* SPDX-License-Identifier: MIT */
/* nonfinite.cu: counts the values that are NaN or infinite. */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/partial_sums.cuh"

#define THREADS 256

/* Adds a warp's count to *count. Integers: the order of additions does not matter.
 *   grid     n / 1024, at most 8 blocks a multiprocessor      traffic  x read once */
static __global__ void nonfinite(rmx_nonfinite_args a)
{
    uint32_t count = 0;
    const int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < a.n; i += step)
        count += (rmx_float_bits(rmx_f32(a.x)[i]) & 0x7f800000u) == 0x7f800000u;
    count = __reduce_add_sync(RMX_ALL, count);
    if (threadIdx.x % RMX_WARP == 0 && count) atomicAdd((unsigned *)a.count, count);
}

rmx_status rmx_cuda_nonfinite(rmx_backend *backend, const rmx_nonfinite_args *a)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const rmx_status status = rmx_cuda_check(
        backend, cudaMemsetAsync(a->count, 0, sizeof *a->count, stream), "nonfinite");
    if (status != RMX_OK || a->n <= 0) return status;
    const unsigned needed = rmx_blocks_for(a->n, 4 * THREADS);
    const unsigned most = 8 * (unsigned)rmx_cuda_multiprocessors(backend);
    const unsigned blocks = needed < most ? needed : most;
    nonfinite<<<blocks, THREADS, 0, stream>>>(*a);
    return rmx_cuda_check_launch(backend, "nonfinite");
}
