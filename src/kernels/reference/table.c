/* SPDX-License-Identifier: MIT */
/* table.c: the reference's table of kernels. It uses the CPU backend's memory and queues. */
#include "kernels/cpu/backend.h"
#include "kernels/reference/reference.h"

/* clang-format off */
const rmx_ops rmx_reference_ops = {
    .code = "reference",
    .alloc = rmx_cpu_alloc,
    .free = rmx_cpu_free,
    .upload = rmx_cpu_copy,
    .download = rmx_cpu_copy,
    .copy = rmx_cpu_copy,
    .zero = rmx_cpu_zero,
    .sync = rmx_cpu_sync,
    .host_alloc = rmx_cpu_alloc,
    .host_free = rmx_cpu_free,
    .send = rmx_cpu_copy,
    .fetch = rmx_cpu_copy,
    .signal = rmx_cpu_signal,
    .await = rmx_cpu_signal,
    .wait = rmx_cpu_wait,
    .embedding_sort_scratch = rmx_reference_embedding_sort_scratch,
#define RMX_SLOT(kernel) .kernel = rmx_reference_##kernel,
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
#define RMX_SLOT(kernel) [RMX_KERNEL_##kernel] = RMX_TAKES_F32,
    .takes = {RMX_KERNELS(RMX_SLOT)},
#undef RMX_SLOT
};
/* clang-format on */
