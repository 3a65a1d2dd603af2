/* SPDX-License-Identifier: MIT */
/* table.c: this instruction set's table of kernels; memory is the same for all. */
#include "kernels/cpu/backend.h"
#include "kernels/cpu/cpu.h"

#define RMX_STRING_(x) #x
#define RMX_STRING(x) RMX_STRING_(x)

/* clang-format off */
const rmx_ops RMX_CPU(ops) = {
    .code = RMX_STRING(RMX_CPU_CODE),
    RMX_CPU_MEMORY,
    .embedding_sort_scratch = rmx_cpu_embedding_sort_scratch,
#define RMX_SLOT(kernel) .kernel = RMX_CPU(kernel),
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
#define RMX_SLOT(kernel) [RMX_KERNEL_##kernel] = RMX_TAKES_F32,
    .takes = {RMX_KERNELS(RMX_SLOT)},
#undef RMX_SLOT
};
/* clang-format on */
