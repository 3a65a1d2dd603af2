/* SPDX-License-Identifier: MIT */
/* table.c: this instruction set's table of kernels; memory is the same for all. */
#include "kernels/cpu/backend.h"
#include "kernels/cpu/cpu.h"

#define RMX_STRING_(x) #x
#define RMX_STRING(x) RMX_STRING_(x)

/* clang-format off */
const rmx_ops RMX_CPU(ops) = {
    .code = RMX_STRING(RMX_CPU_CODE),
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
    .embedding_sort_scratch = rmx_cpu_embedding_sort_scratch,
#define RMX_SLOT(kernel) .kernel = RMX_CPU(kernel),
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
#define RMX_SLOT(kernel) [RMX_KERNEL_##kernel] = RMX_TAKES_F32,
    .takes = {RMX_KERNELS(RMX_SLOT)},
#undef RMX_SLOT
};
/* clang-format on */
