/* SPDX-License-Identifier: MIT */
/* backend.h: makes a CPU backend, and its memory calls. */
#ifndef RMX_CPU_BACKEND_H
#define RMX_CPU_BACKEND_H

#include "kernels/ops.h"

/* code: "generic", "avx2", "avx512", or NULL for the best of these that this machine runs; or
 * "reference", which has one thread, whatever threads says. threads >= 1.
 * On failure backend->error says why. RMX_ERR_ARGUMENT: an unknown code, or one that this
 * machine cannot run; RMX_ERR_MEMORY. */
rmx_status rmx_cpu_backend_create(const char *code, int32_t threads, rmx_backend *backend);
void rmx_cpu_backend_destroy(rmx_backend *backend);

/* Outputs of at least so many bytes are streamed (norm_row.h). A variable for the tests' sake. */
extern int64_t rmx_cpu_stream_bytes;

rmx_status rmx_cpu_alloc(rmx_backend *, size_t bytes, void **out);
void rmx_cpu_free(rmx_backend *, void *memory);
rmx_status rmx_cpu_copy(rmx_backend *, void *dst, const void *src, size_t bytes);
rmx_status rmx_cpu_zero(rmx_backend *, void *dst, size_t bytes);
rmx_status rmx_cpu_sync(rmx_backend *);
rmx_status rmx_cpu_signal(rmx_backend *, rmx_queue, int32_t event);
rmx_status rmx_cpu_wait(rmx_backend *, int32_t event);

/* The slots of rmx_ops for memory and queues, the same for every table of a CPU. */
/* clang-format off */
#define RMX_CPU_MEMORY \
    .alloc = rmx_cpu_alloc, \
    .free = rmx_cpu_free, \
    .upload = rmx_cpu_copy, \
    .download = rmx_cpu_copy, \
    .copy = rmx_cpu_copy, \
    .zero = rmx_cpu_zero, \
    .sync = rmx_cpu_sync, \
    .host_alloc = rmx_cpu_alloc, \
    .host_free = rmx_cpu_free, \
    .send = rmx_cpu_copy, \
    .fetch = rmx_cpu_copy, \
    .signal = rmx_cpu_signal, \
    .await = rmx_cpu_signal, \
    .wait = rmx_cpu_wait
/* clang-format on */

#endif /* RMX_CPU_BACKEND_H */
