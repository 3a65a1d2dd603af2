/* SPDX-License-Identifier: MIT */
/* table.c: the CUDA backend's table of kernels. */
#include "kernels/cuda/backend.h"
#include "kernels/cuda/cuda.h"

int rmx_cuda_product_variant = -1;

/* clang-format off */
const rmx_ops rmx_cuda_ops = {
    .code = "cuda",
    .alloc = rmx_cuda_alloc,
    .free = rmx_cuda_free,
    .upload = rmx_cuda_upload,
    .download = rmx_cuda_download,
    .copy = rmx_cuda_copy,
    .zero = rmx_cuda_zero,
    .sync = rmx_cuda_sync,
    .host_alloc = rmx_cuda_host_alloc,
    .host_free = rmx_cuda_host_free,
    .send = rmx_cuda_send,
    .fetch = rmx_cuda_fetch,
    .signal = rmx_cuda_signal,
    .await = rmx_cuda_await,
    .wait = rmx_cuda_wait,
    .record_begin = rmx_cuda_record_begin,
    .record_end = rmx_cuda_record_end,
    .replay = rmx_cuda_replay,
    .record_free = rmx_cuda_record_free,
    .embedding_sort_scratch = rmx_cuda_embedding_sort_scratch,
#define RMX_SLOT(kernel) .kernel = rmx_cuda_##kernel,
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
#define RMX_SLOT(kernel) [RMX_KERNEL_##kernel] = RMX_TAKES_F32,
    .takes = {RMX_KERNELS(RMX_SLOT)},
#undef RMX_SLOT
};
/* clang-format on */
