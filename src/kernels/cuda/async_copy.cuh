/* SPDX-License-Identifier: MIT */
/* async_copy.cuh: asynchronous copies to shared memory, which bypass the registers.
 *
 * cp.async: a thread copies 4 or 16 bytes. It commits its copies in groups and waits for groups.
 * TMA: from compute capability 9.0 on, one thread fetches a box of a tensor map. The box counts its
 * bytes on an mbarrier, for which any thread waits. Addresses are those of shared memory. */
#ifndef RMX_ASYNC_COPY_CUH
#define RMX_ASYNC_COPY_CUH

#include <stdint.h>

#include <cuda.h>

/* ---- cp.async ---- */

__device__ __forceinline__ void rmx_copy_async4(float *to, const float *from)
{
    asm volatile(
        "cp.async.ca.shared.global [%0], [%1], 4;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
        "l"(from));
}

__device__ __forceinline__ void rmx_copy_async16(float *to, const float *from)
{
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
        "l"(from));
}

__device__ __forceinline__ void rmx_copy_commit(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Waits until at most PENDING of this thread's groups, the latest, are under way. */
template <int PENDING> __device__ __forceinline__ void rmx_copy_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

/* ---- TMA and mbarriers ---- */

/* One thread arrives for each phase: the one that fetches. */
__device__ __forceinline__ void rmx_mbarrier_init(uint32_t barrier)
{
    asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(barrier) : "memory");
}

/* After the last rmx_mbarrier_init: the copy engine sees the barriers too. */
__device__ __forceinline__ void rmx_mbarrier_init_fence(void)
{
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/* The phase ends when so many bytes have arrived. */
__device__ __forceinline__ void rmx_mbarrier_expect(uint32_t barrier, uint32_t bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}

/* Waits until the phase of this parity has ended; the first phase has parity 0. */
__device__ __forceinline__ void rmx_mbarrier_wait(uint32_t barrier, uint32_t parity)
{
    uint32_t ended = 0;
    while (!ended)
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; "
                     "selp.u32 %0, 1, 0, p; }"
                     : "=r"(ended)
                     : "r"(barrier), "r"(parity)
                     : "memory");
}

/* Fetches the box whose first element has these coordinates. */
__device__ __forceinline__ void rmx_tma_fetch(uint32_t to, const CUtensorMap *map, int32_t col,
                                              int32_t row, int32_t v, int32_t u, uint32_t barrier)
{
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(to),
                 "l"(map), "r"(col), "r"(row), "r"(v), "r"(u), "r"(barrier)
                 : "memory");
}

#endif /* RMX_ASYNC_COPY_CUH */
