/* SPDX-License-Identifier: MIT */
/* context.c: contexts are created and destroyed, a backend is chosen, errors are kept. */
#include "core/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu/backend.h"
#include "kernels/cpu/threads.h"
#ifdef RMX_WITH_CUDA
#include "kernels/cuda/backend.h"
#endif

#define THREADS_MAX 1024

struct rmx_context {
    rmx_backend backend;
    rmx_device device;
    int32_t threads;
    void *scratch;
    char describe[256];
    char error[1024];
};

static void processor_name(char *out, size_t size)
{
    snprintf(out, size, "%s", "unknown processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, size, "%s", colon + 2);
        break;
    }
    fclose(file);
}

static rmx_status create_cpu(rmx_context *ctx, const rmx_context_options *options,
                             const char *why_no_gpu)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    int32_t threads = options->threads;
    if (threads == 0)
        threads = online < 1 ? 1 : online > THREADS_MAX ? THREADS_MAX : (int32_t)online;
    const char *code = options->cpu_code ? options->cpu_code : getenv("RMX_CPU");
    if (code && !*code) code = NULL;
    const rmx_status status = rmx_cpu_backend_create(code, threads, &ctx->backend);
    if (status != RMX_OK) return rmx_context_check(ctx, status);
    char name[96];
    processor_name(name, sizeof name);
    ctx->device = RMX_DEVICE_CPU;
    ctx->threads = rmx_pool_threads(rmx_cpu_pool(&ctx->backend));
    snprintf(ctx->describe, sizeof ctx->describe, "cpu: %s, %s, %d thread%s%s%s%s", name,
             ctx->backend.ops->code, ctx->threads, ctx->threads == 1 ? "" : "s",
             *why_no_gpu ? " (" : "", why_no_gpu, *why_no_gpu ? ")" : "");
    return RMX_OK;
}

/* Only this file knows whether CUDA was built in. */
static rmx_status create_cuda(rmx_context *ctx, const rmx_context_options *options)
{
#ifdef RMX_WITH_CUDA
    const rmx_status status = rmx_cuda_backend_create(
        &ctx->backend, options->ordinal, options->stream, ctx->describe, sizeof ctx->describe);
    if (status != RMX_OK) return rmx_context_check(ctx, status);
    ctx->device = RMX_DEVICE_CUDA;
    ctx->threads = 1;
    return RMX_OK;
#else
    (void)options;
    return rmx_context_fail(ctx, RMX_ERR_DEVICE,
                            "device cuda: this build has no CUDA backend; configure with "
                            "-DRMX_CUDA=ON, or use device cpu");
#endif
}

static rmx_status create_backend(rmx_context *ctx, const rmx_context_options *options)
{
    if (options->threads < 0 || options->threads > THREADS_MAX)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "threads = %d: must be 0 (all) to %d",
                                options->threads, THREADS_MAX);
    if (options->ordinal < 0 || (options->ordinal > 0 && options->device == RMX_DEVICE_CPU))
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "ordinal = %d: must be 0, or the number of a GPU with device cuda",
                                options->ordinal);
    if (options->stream && options->device != RMX_DEVICE_CUDA)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "stream: only with RMX_DEVICE_CUDA");
    switch (options->device) {
    case RMX_DEVICE_CPU: return create_cpu(ctx, options, "");
    case RMX_DEVICE_CUDA: return create_cuda(ctx, options);
    case RMX_DEVICE_AUTO: break;
    default:
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "device = %d: unknown",
                                (int)options->device);
    }
#ifdef RMX_WITH_CUDA
    if (create_cuda(ctx, options) == RMX_OK) return RMX_OK;
    char why[160];
    snprintf(why, sizeof why, "no GPU: %.140s", ctx->error);
    ctx->error[0] = '\0';
    return create_cpu(ctx, options, why);
#else
    return create_cpu(ctx, options, "built without CUDA");
#endif
}

static void destroy_backend(rmx_context *ctx)
{
    if (ctx->scratch) ctx->backend.ops->free(&ctx->backend, ctx->scratch);
#ifdef RMX_WITH_CUDA
    if (ctx->device == RMX_DEVICE_CUDA) rmx_cuda_backend_destroy(&ctx->backend);
#endif
    if (ctx->device == RMX_DEVICE_CPU) rmx_cpu_backend_destroy(&ctx->backend);
}

rmx_status rmx_context_create(const rmx_context_options *options, rmx_context **out,
                              char *error_text, size_t error_bytes)
{
    static const rmx_context_options defaults = {0};
    if (error_text && error_bytes) error_text[0] = '\0';
    if (!out) return RMX_ERR_ARGUMENT;
    *out = NULL;
    if (!options) options = &defaults;
    rmx_context *ctx = calloc(1, sizeof *ctx);
    if (!ctx) {
        if (error_text && error_bytes) snprintf(error_text, error_bytes, "out of memory");
        return RMX_ERR_MEMORY;
    }
    rmx_status status = create_backend(ctx, options);
    if (status == RMX_OK)
        status = rmx_context_check(
            ctx, ctx->backend.ops->alloc(&ctx->backend, RMX_CONTEXT_SCRATCH_BYTES, &ctx->scratch));
    if (status == RMX_OK) {
        *out = ctx;
        return RMX_OK;
    }
    if (error_text && error_bytes) snprintf(error_text, error_bytes, "%s", ctx->error);
    rmx_context_destroy(ctx);
    return status;
}

void rmx_context_destroy(rmx_context *ctx)
{
    if (!ctx) return;
    destroy_backend(ctx);
    free(ctx);
}

const char *rmx_last_error(const rmx_context *ctx) { return ctx ? ctx->error : ""; }
rmx_device rmx_context_device(const rmx_context *ctx)
{
    return ctx ? ctx->device : RMX_DEVICE_AUTO;
}
const char *rmx_context_describe(const rmx_context *ctx) { return ctx ? ctx->describe : ""; }
const char *rmx_context_code(const rmx_context *ctx) { return ctx ? ctx->backend.ops->code : ""; }
int32_t rmx_context_threads(const rmx_context *ctx) { return ctx ? ctx->threads : 0; }
rmx_backend *rmx_context_backend(rmx_context *ctx) { return &ctx->backend; }
rmx_status rmx_context_takes(rmx_context *ctx, rmx_kernel kernel, const char *name, int needs)
{
    const int lacks = needs & ~ctx->backend.ops->takes[kernel];
    if (!lacks) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: the %s backend has no kernel for %s", name,
                            ctx->backend.ops->code,
                            lacks & RMX_TAKES_BF16     ? "bf16"
                            : lacks & RMX_TAKES_TENSOR ? "tensor-core products"
                                                       : "this type");
}

void *rmx_context_scratch(rmx_context *ctx) { return ctx->scratch; }

rmx_status rmx_context_fail(rmx_context *ctx, rmx_status status, const char *format, ...)
{
    va_list arguments;
    if (!ctx) return status;
    va_start(arguments, format);
    vsnprintf(ctx->error, sizeof ctx->error, format, arguments);
    va_end(arguments);
    return status;
}

rmx_status rmx_context_check(rmx_context *ctx, rmx_status status)
{
    if (status != RMX_OK) snprintf(ctx->error, sizeof ctx->error, "%s", ctx->backend.error);
    return status;
}
