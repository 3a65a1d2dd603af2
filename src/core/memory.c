/* SPDX-License-Identifier: MIT */
/* memory.c: the public memory calls check their arguments and call the backend. */
#include "core/context.h"

static rmx_status check(rmx_context *ctx, const char *call, const void *a, const void *b,
                        size_t bytes)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    if (bytes && (!a || !b))
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: NULL with %zu bytes", call, bytes);
    return RMX_OK;
}

rmx_status rmx_alloc(rmx_context *ctx, size_t bytes, void **out)
{
    const rmx_status status = check(ctx, "rmx_alloc", out, out, 1);
    if (status != RMX_OK) return status;
    *out = NULL;
    rmx_backend *backend = rmx_context_backend(ctx);
    return rmx_context_check(ctx, backend->ops->alloc(backend, bytes, out));
}

void rmx_free(rmx_context *ctx, void *memory)
{
    if (!ctx || !memory) return;
    rmx_backend *backend = rmx_context_backend(ctx);
    backend->ops->free(backend, memory);
}

rmx_status rmx_upload(rmx_context *ctx, void *dst, const void *host_src, size_t bytes)
{
    const rmx_status status = check(ctx, "rmx_upload", dst, host_src, bytes);
    if (status != RMX_OK || !bytes) return status;
    rmx_backend *backend = rmx_context_backend(ctx);
    return rmx_context_check(ctx, backend->ops->upload(backend, dst, host_src, bytes));
}

rmx_status rmx_download(rmx_context *ctx, void *host_dst, const void *src, size_t bytes)
{
    const rmx_status status = check(ctx, "rmx_download", host_dst, src, bytes);
    if (status != RMX_OK || !bytes) return status;
    rmx_backend *backend = rmx_context_backend(ctx);
    return rmx_context_check(ctx, backend->ops->download(backend, host_dst, src, bytes));
}

rmx_status rmx_zero(rmx_context *ctx, void *dst, size_t bytes)
{
    const rmx_status status = check(ctx, "rmx_zero", dst, dst, bytes);
    if (status != RMX_OK || !bytes) return status;
    rmx_backend *backend = rmx_context_backend(ctx);
    return rmx_context_check(ctx, backend->ops->zero(backend, dst, bytes));
}

rmx_status rmx_sync(rmx_context *ctx)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    rmx_backend *backend = rmx_context_backend(ctx);
    return rmx_context_check(ctx, backend->ops->sync(backend));
}
