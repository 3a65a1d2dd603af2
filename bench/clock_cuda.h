/* SPDX-License-Identifier: MIT */
/* clock_cuda.h: what timing on a GPU needs; built where the CUDA backend is. */
#ifndef RMX_BENCH_CLOCK_CUDA_H
#define RMX_BENCH_CLOCK_CUDA_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Marks the stream; the seconds between the marks, measured by the device. */
rmx_status clock_cuda_start(rmx_backend *backend);
rmx_status clock_cuda_stop(rmx_backend *backend, double *seconds);
/* The backend's stream, for a library that is given one. */
void *clock_cuda_stream(rmx_backend *backend);
/* Bytes of the last-level cache, and of device memory in use by everyone. */
int64_t clock_cuda_cache_bytes(void);
int64_t clock_cuda_used_bytes(void);
/* Enqueues fused multiply-adds on every core; returns how many floating point operations. out
 * holds 4 MiB of device memory. */
rmx_status clock_cuda_fma(rmx_backend *backend, float *out, double *flop);

#ifdef __cplusplus
}
#endif
#endif /* RMX_BENCH_CLOCK_CUDA_H */
