/* SPDX-License-Identifier: MIT */
/* failure.h: turns the runtime's errors into a status and one line of text.
 *
 * Pure functions of what the runtime said: any test machine can test drivers, devices and losses
 * that it does not have. */
#ifndef RMX_CUDA_FAILURE_H
#define RMX_CUDA_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include <cuda_runtime_api.h>

#include "rankmixer/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How cudaGetDeviceCount went, with the versions of driver (0: none) and runtime as CUDA numbers
 * them, 1000 major + 10 minor. RMX_OK, or RMX_ERR_DEVICE and why. */
rmx_status rmx_cuda_judge_count(cudaError_t error, int count, int driver, int runtime, char *why,
                                size_t why_bytes);
/* Whether a device can run this build: RMX_OK, or RMX_ERR_DEVICE and why. */
rmx_status rmx_cuda_judge_device(const char *name, int major, int minor, char *why,
                                 size_t why_bytes);
/* What else went wrong while doing what: RMX_ERR_MEMORY or RMX_ERR_DEVICE, or RMX_OK. */
rmx_status rmx_cuda_judge_error(cudaError_t error, const char *what, char *why, size_t why_bytes);
/* RMX_ERR_MEMORY, with the bytes requested, free and in total; total 0: unknown. */
rmx_status rmx_cuda_judge_memory(size_t requested, size_t unused, size_t total, char *why,
                                 size_t why_bytes);

#ifdef __cplusplus
}
#endif
#endif /* RMX_CUDA_FAILURE_H */
