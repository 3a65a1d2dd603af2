/* SPDX-License-Identifier: MIT */
/* context.h: where work runs, and what it said last.
 *
 * A context owns a backend (the CPU's threads, or a GPU's stream). It is used by one thread at a
 * time; several contexts may be used by several threads at once. The library never prints,
 * exits or aborts: errors are returned. */
#ifndef RANKMIXER_CONTEXT_H
#define RANKMIXER_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "rankmixer/status.h"
#include "rankmixer/version.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_context rmx_context;

typedef enum rmx_device {
    RMX_DEVICE_AUTO = 0, /* a GPU where one works, else the CPU */
    RMX_DEVICE_CPU = 1,
    RMX_DEVICE_CUDA = 2
} rmx_device;

/* Plain data; zero-initialise and set what differs from the default. */
typedef struct rmx_context_options {
    rmx_device device;    /* default RMX_DEVICE_AUTO */
    int32_t threads;      /* CPU threads, the caller's included; 0: one per online core */
    const char *cpu_code; /* NULL: the best for this machine; "generic", "avx2", "avx512" force
                             one, "reference" the plain code that defines the results, which is
                             slow and has one thread. Results are equal; the environment's
                             RMX_CPU is the default */
    int32_t ordinal; /* which GPU, as CUDA counts them; 0: the first that can run this build */
    void *stream;    /* a cudaStream_t of that GPU on which all work is enqueued; NULL: a stream of
                        the context's own. For RMX_DEVICE_CUDA only. It is the caller's: it must
                        outlive the context, may not be the legacy default stream, and orders the
                        library's work with the caller's without any waiting */
} rmx_context_options;

/* options may be NULL. On failure *out is NULL and, where error_text is given, it holds why
 * (cut to error_bytes). Returns RMX_OK, RMX_ERR_ARGUMENT, RMX_ERR_MEMORY, RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_context_create(const rmx_context_options *options,
                                                    rmx_context **out, char *error_text,
                                                    size_t error_bytes);
RMX_API void rmx_context_destroy(rmx_context *ctx); /* NULL is fine */

/* The text of the last error on ctx, "" if none; valid until the next call on ctx. */
RMX_API const char *rmx_last_error(const rmx_context *ctx);

/* Of ctx NULL these four give RMX_DEVICE_AUTO, "", "" and 0.
 * Which device runs the work: RMX_DEVICE_CPU or RMX_DEVICE_CUDA, never AUTO. */
RMX_API rmx_device rmx_context_device(const rmx_context *ctx);
/* One line for people, e.g. "cpu: AMD EPYC, avx2, 2 threads (built without CUDA)". */
RMX_API const char *rmx_context_describe(const rmx_context *ctx);
/* "reference", "generic", "avx2", "avx512", "cuda". */
RMX_API const char *rmx_context_code(const rmx_context *ctx);
RMX_API int32_t rmx_context_threads(const rmx_context *ctx);

/* Every array that a layer takes may also be memory of somebody else: on the CPU any host memory,
 * on a GPU whatever that GPU can reach (cudaMalloc, a framework's tensor), aligned as the layer
 * says. A call on a GPU context leaves its device current for the calling thread. */

/* Memory that the context's kernels can use, 256-byte aligned, contents undefined. On the CPU
 * it is plain host memory; on a GPU it must be reached through upload and download. bytes = 0
 * gives a valid pointer. Returns RMX_OK, RMX_ERR_ARGUMENT, RMX_ERR_MEMORY. */
RMX_NODISCARD RMX_API rmx_status rmx_alloc(rmx_context *ctx, size_t bytes, void **out);
RMX_API void rmx_free(rmx_context *ctx, void *memory);
/* Copies in order with the work already enqueued; upload may return before it is done but has
 * taken src; download returns when dst holds the data. */
RMX_NODISCARD RMX_API rmx_status rmx_upload(rmx_context *ctx, void *dst, const void *host_src,
                                            size_t bytes);
RMX_NODISCARD RMX_API rmx_status rmx_download(rmx_context *ctx, void *host_dst, const void *src,
                                              size_t bytes);
RMX_NODISCARD RMX_API rmx_status rmx_zero(rmx_context *ctx, void *dst, size_t bytes);
/* Waits for everything enqueued. Returns RMX_OK or RMX_ERR_DEVICE. */
RMX_NODISCARD RMX_API rmx_status rmx_sync(rmx_context *ctx);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_CONTEXT_H */
