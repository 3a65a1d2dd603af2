/* SPDX-License-Identifier: MIT */
/* copies.cuh: copies to shared memory that go past the registers and are waited for in groups. */
#ifndef RMX_COPIES_CUH
#define RMX_COPIES_CUH

#include <stdint.h>

__device__ __forceinline__ void rmx_copy4(float *to, const float *from)
{
    asm volatile(
        "cp.async.ca.shared.global [%0], [%1], 4;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
        "l"(from));
}

__device__ __forceinline__ void rmx_copy16(float *to, const float *from)
{
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
        "l"(from));
}

__device__ __forceinline__ void rmx_copies_commit(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Until at most PENDING groups, the latest, are under way. */
template <int PENDING> __device__ __forceinline__ void rmx_copies_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

#endif /* RMX_COPIES_CUH */
