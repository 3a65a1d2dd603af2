/* SPDX-License-Identifier: MIT */
/* dropout.cu: random zeros; the words are cuRAND's Philox 4x32-10, equal to philox.h's. */
#include <curand_philox4x32_x.h>

#include "kernels/cuda/cuda.h"
#include "kernels/philox.h"

#define THREADS 256

/* y_i = uniform(word of element first + i) >= p ? x_i * scale : +0.
 *   grid     one thread per Philox counter: 4 neighbouring elements of the global batch
 *   traffic  x read once, y written once; ten rounds for each four elements */
static __global__ void dropout(rmx_dropout_args a)
{
    const uint64_t quad = a.first / 4 + (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    if (4 * quad >= a.first + (uint64_t)a.n) return;
    const uint64_t step = *a.step_counter * 256 + a.site;
    const uint4 counter =
        make_uint4((unsigned)quad, (unsigned)(quad >> 32), (unsigned)step,
                   (unsigned)RMX_RANDOM_DROPOUT << 24 | ((unsigned)(step >> 32) & 0xffffffu));
    const uint2 key = make_uint2((unsigned)a.seed, (unsigned)(a.seed >> 32));
    const uint4 w = curand_Philox4x32_10(counter, key);
    const uint32_t words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
    for (int k = 0; k < 4; k++) {
        const int64_t i = (int64_t)(4 * quad + k - a.first); /* negative before the first */
        if (i < 0 || i >= a.n) continue;
        rmx_f32(a.y)[i] =
            rmx_uniformf(words[k]) >= a.p ? rmx_mulf(rmx_f32(a.x)[i], a.scale) : 0.0f;
    }
}

rmx_status rmx_cuda_dropout(rmx_backend *backend, const rmx_dropout_args *a)
{
    if (a->n <= 0) return RMX_OK;
    const uint64_t quads = (a->first + (uint64_t)a->n + 3) / 4 - a->first / 4;
    const unsigned blocks = (unsigned)((quads + THREADS - 1) / THREADS);
    dropout<<<blocks, THREADS, 0, rmx_cuda_stream(backend)>>>(*a);
    return rmx_cuda_check_launch(backend, "dropout");
}
