/* SPDX-License-Identifier: MIT */
/* backend.h: makes a CUDA backend, and its memory calls. */
#ifndef RMX_CUDA_BACKEND_H
#define RMX_CUDA_BACKEND_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes device `ordinal`; 0: the first device that can run this build. CUDA_VISIBLE_DEVICES hides
 * devices. Work runs in `stream`, a cudaStream_t of the caller; NULL: in a stream of its own.
 * describe: one line that names the device. On failure backend->error says in one line why there is
 * none: RMX_ERR_DEVICE, RMX_ERR_MEMORY. */
rmx_status rmx_cuda_backend_create(rmx_backend *backend, int32_t ordinal, void *stream,
                                   char *describe, size_t describe_bytes);
void rmx_cuda_backend_destroy(rmx_backend *backend);

rmx_status rmx_cuda_alloc(rmx_backend *, size_t bytes, void **out);
void rmx_cuda_free(rmx_backend *, void *memory);
/* host_src may change when the call returns; the copy itself may still be on its way. Not to be
 * captured in a graph, which would repeat today's bytes. */
rmx_status rmx_cuda_upload(rmx_backend *, void *dst, const void *host_src, size_t bytes);
rmx_status rmx_cuda_download(rmx_backend *, void *host_dst, const void *src, size_t bytes);
rmx_status rmx_cuda_copy(rmx_backend *, void *dst, const void *src, size_t bytes);
rmx_status rmx_cuda_zero(rmx_backend *, void *dst, size_t bytes);
rmx_status rmx_cuda_sync(rmx_backend *);

/* Queues, events and recorded steps: queue.c. */
rmx_status rmx_cuda_host_alloc(rmx_backend *, size_t bytes, void **out);
void rmx_cuda_host_free(rmx_backend *, void *memory);
rmx_status rmx_cuda_send(rmx_backend *, void *dst, const void *host_src, size_t bytes);
rmx_status rmx_cuda_fetch(rmx_backend *, void *host_dst, const void *src, size_t bytes);
rmx_status rmx_cuda_signal(rmx_backend *, rmx_queue, int32_t event);
rmx_status rmx_cuda_await(rmx_backend *, rmx_queue, int32_t event);
rmx_status rmx_cuda_wait(rmx_backend *, int32_t event);
rmx_status rmx_cuda_record_begin(rmx_backend *);
rmx_status rmx_cuda_record_end(rmx_backend *, void **recording);
rmx_status rmx_cuda_replay(rmx_backend *, void *recording);
void rmx_cuda_record_free(rmx_backend *, void *recording);

#ifdef __cplusplus
}
#endif
#endif /* RMX_CUDA_BACKEND_H */
