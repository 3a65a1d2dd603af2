/* SPDX-License-Identifier: MIT */
/* table.c: the reference's table of kernels. It uses the CPU backend's memory and queues. */
#include "kernels/cpu/backend.h"
#include "kernels/reference/reference.h"

/* clang-format off */
const rmx_ops rmx_reference_ops = {
    .code = "reference",
    RMX_CPU_MEMORY,
    .embedding_sort_scratch = rmx_reference_embedding_sort_scratch,
#define RMX_SLOT(kernel) .kernel = rmx_reference_##kernel,
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
#define RMX_SLOT(kernel) [RMX_KERNEL_##kernel] = RMX_TAKES_F32,
    .takes = {RMX_KERNELS(RMX_SLOT)},
#undef RMX_SLOT
};
/* clang-format on */
