/* SPDX-License-Identifier: MIT */
/* failure.c: see failure.h. */
#include "kernels/cuda/failure.h"

#include <stdio.h>

#define LEAST_MAJOR 8 /* compute capability 8.0 */

/* Errors after which every call of this process fails. */
static bool lost(cudaError_t error)
{
    switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorContextIsDestroyed:
    case cudaErrorUnknown: return true;
    default: return false;
    }
}

rmx_status rmx_cuda_judge_count(cudaError_t error, int count, int driver, int runtime, char *why,
                                size_t why_bytes)
{
    if (error == cudaSuccess && count > 0) return RMX_OK;
    if (error == cudaSuccess || error == cudaErrorNoDevice)
        snprintf(why, why_bytes, "device cuda: no GPU found, or CUDA_VISIBLE_DEVICES hides it");
    else if (error != cudaErrorInsufficientDriver)
        return rmx_cuda_judge_error(error, "looking for a GPU", why, why_bytes);
    else if (driver == 0)
        snprintf(why, why_bytes, "device cuda: no NVIDIA driver on this machine");
    else
        snprintf(why, why_bytes,
                 "device cuda: the NVIDIA driver is too old: it is for CUDA %d.%d and this build "
                 "for %d.%d; install a newer driver",
                 driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    return RMX_ERR_DEVICE;
}

rmx_status rmx_cuda_judge_device(const char *name, int major, int minor, char *why,
                                 size_t why_bytes)
{
    if (major >= LEAST_MAJOR) return RMX_OK;
    snprintf(why, why_bytes,
             "device cuda: %.80s has compute capability %d.%d; %d.0 (Ampere) or newer is needed",
             name, major, minor, LEAST_MAJOR);
    return RMX_ERR_DEVICE;
}

rmx_status rmx_cuda_judge_error(cudaError_t error, const char *what, char *why, size_t why_bytes)
{
    if (error == cudaSuccess) return RMX_OK;
    snprintf(why, why_bytes, "device cuda: %s: %s (%s)%s", what, cudaGetErrorString(error),
             cudaGetErrorName(error),
             lost(error) ? "; the device is lost to this process: start it again" : "");
    return error == cudaErrorMemoryAllocation ? RMX_ERR_MEMORY : RMX_ERR_DEVICE;
}

rmx_status rmx_cuda_judge_memory(size_t requested, size_t unused, size_t total, char *why,
                                 size_t why_bytes)
{
    const size_t mib = (size_t)1 << 20;
    char rest[80] = "";
    if (total) snprintf(rest, sizeof rest, ", %zu of %zu MiB are free", unused / mib, total / mib);
    snprintf(why, why_bytes, "out of device memory: %zu MiB asked for%s",
             requested / mib + (requested % mib != 0), rest);
    return RMX_ERR_MEMORY;
}
