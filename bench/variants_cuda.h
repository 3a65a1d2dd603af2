/* SPDX-License-Identifier: MIT */
/* variants_cuda.h: the kernels of the CUDA product, each to be timed by itself; built where the
 * CUDA backend is. */
#ifndef RMX_BENCH_VARIANTS_CUDA_H
#define RMX_BENCH_VARIANTS_CUDA_H

#include <stdint.h>

int32_t variants_cuda_count(void);
/* The one that every product takes from now on; -1: by shape. */
void variants_cuda_force(int32_t variant);

#endif /* RMX_BENCH_VARIANTS_CUDA_H */
