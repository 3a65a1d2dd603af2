/* SPDX-License-Identifier: MIT */
/* backend.c: the CPU backend: it chooses this machine's table of kernels, starts the threads, and
 * owns the memory. */
#include "kernels/cpu/backend.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels/cpu/threads.h"

#define ALIGNMENT 256 /* of every block, so that layers may ask for it on any backend */
#define LARGE_PAGE ((size_t)2 << 20)

int64_t rmx_cpu_stream_bytes = (int64_t)16 << 20; /* beyond most caches' share of a core */

typedef struct cpu_state {
    rmx_pool *pool;
    char *scratch; /* one block per worker */
} cpu_state;

#if defined(__x86_64__) || defined(_M_X64)
#define RMX_X86 1
#endif

extern const rmx_ops rmx_cpu_ops_generic, rmx_reference_ops;
#ifdef RMX_X86
extern const rmx_ops rmx_cpu_ops_avx2, rmx_cpu_ops_avx512;

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

static bool always(void) { return true; }

static const struct {
    const rmx_ops *ops;
    bool (*runs)(void);
} tables[] = {
/* best first; the reference comes after a code that runs everywhere: only its name selects it */
#ifdef RMX_X86
    {&rmx_cpu_ops_avx512, has_avx512},
    {&rmx_cpu_ops_avx2, has_avx2},
#endif
    {&rmx_cpu_ops_generic, always},
    {&rmx_reference_ops, always},
};

static rmx_status choose_table(const char *code, rmx_backend *backend)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (code && strcmp(code, tables[i].ops->code) != 0) continue;
        if (tables[i].runs()) {
            backend->ops = tables[i].ops;
            return RMX_OK;
        }
        if (code) {
            snprintf(backend->error, sizeof backend->error,
                     "this machine cannot run the cpu code \"%s\"; leave it unset, or use "
                     "\"generic\"",
                     code);
            return RMX_ERR_ARGUMENT;
        }
    }
    snprintf(backend->error, sizeof backend->error,
             "unknown cpu code \"%.40s\"; use generic, avx2, avx512 or reference",
             code ? code : "");
    return RMX_ERR_ARGUMENT;
}

rmx_status rmx_cpu_backend_create(const char *code, int32_t threads, rmx_backend *backend)
{
    memset(backend, 0, sizeof *backend);
#ifdef RMX_X86
    __builtin_cpu_init();
#endif
    const rmx_status status = choose_table(code, backend);
    if (status != RMX_OK) return status;
    if (backend->ops == &rmx_reference_ops) threads = 1; /* more would have nothing to do */

    cpu_state *state = calloc(1, sizeof *state);
    if (!state) goto failed;
    backend->state = state;
    state->pool = rmx_pool_create(threads);
    state->scratch = aligned_alloc(ALIGNMENT, (size_t)threads * RMX_CPU_SCRATCH_BYTES);
    if (!state->pool || !state->scratch) goto failed;
    return RMX_OK;
failed:
    rmx_cpu_backend_destroy(backend);
    snprintf(backend->error, sizeof backend->error,
             "could not start %d threads with their scratch memory; use fewer threads", threads);
    return RMX_ERR_MEMORY;
}

void rmx_cpu_backend_destroy(rmx_backend *backend)
{
    cpu_state *state = backend->state;
    if (!state) return;
    rmx_pool_destroy(state->pool);
    free(state->scratch);
    free(state);
    backend->state = NULL;
}

rmx_pool *rmx_cpu_pool(rmx_backend *backend) { return ((cpu_state *)backend->state)->pool; }

void *rmx_cpu_scratch(rmx_backend *backend, int32_t worker)
{
    return ((cpu_state *)backend->state)->scratch + (size_t)worker * RMX_CPU_SCRATCH_BYTES;
}

/* Large blocks request large pages: each kernel reads several arrays at once, and gathers. */
rmx_status rmx_cpu_alloc(rmx_backend *backend, size_t bytes, void **out)
{
    const bool large = bytes >= 2 * LARGE_PAGE;
    const size_t alignment = large ? LARGE_PAGE : ALIGNMENT;
    const size_t rounded = (bytes / alignment + 1) * alignment;
    *out = rounded > bytes ? aligned_alloc(alignment, rounded) : NULL;
#ifdef MADV_HUGEPAGE /* not for the last part, which would fill a page; a refusal does no harm */
    if (*out && large) (void)madvise(*out, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
#endif
    if (*out) return RMX_OK;
    snprintf(backend->error, sizeof backend->error, "out of memory: %zu MiB asked for",
             bytes / ((size_t)1 << 20) + (bytes % ((size_t)1 << 20) != 0));
    return RMX_ERR_MEMORY;
}

void rmx_cpu_free(rmx_backend *backend, void *memory)
{
    (void)backend;
    free(memory);
}

rmx_status rmx_cpu_copy(rmx_backend *backend, void *dst, const void *src, size_t bytes)
{
    (void)backend;
    if (bytes) memmove(dst, src, bytes);
    return RMX_OK;
}

rmx_status rmx_cpu_zero(rmx_backend *backend, void *dst, size_t bytes)
{
    (void)backend;
    if (bytes) memset(dst, 0, bytes);
    return RMX_OK;
}

rmx_status rmx_cpu_sync(rmx_backend *backend)
{
    (void)backend;
    return RMX_OK;
}

/* Work is done when its call returns: there is nothing to signal, and nothing to wait for. */
rmx_status rmx_cpu_signal(rmx_backend *backend, rmx_queue queue, int32_t event)
{
    (void)backend;
    (void)queue;
    (void)event;
    return RMX_OK;
}

rmx_status rmx_cpu_wait(rmx_backend *backend, int32_t event)
{
    (void)backend;
    (void)event;
    return RMX_OK;
}
