/* SPDX-License-Identifier: MIT */
/* product_log.c: a table of kernels like the backend's own, but for the product. */
#include "product_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static product_log *open_log;
static const rmx_ops *real_ops;
static rmx_ops logging_ops;

static rmx_status log_and_run(rmx_backend *backend, const rmx_product_args *args)
{
    product_log *log = open_log;
    if (log->count == log->room) {
        const int32_t room = log->room ? 2 * log->room : 64;
        rmx_product_args *call = realloc(log->call, sizeof *call * (size_t)room);
        log->full = log->full || !call;
        if (call) {
            log->call = call;
            log->room = room;
        }
    }
    if (log->count < log->room) log->call[log->count++] = *args;
    return real_ops->product(backend, args);
}

void product_log_begin(product_log *log, rmx_context *ctx)
{
    rmx_backend *backend = rmx_context_backend(ctx);
    assert(!open_log);
    memset(log, 0, sizeof *log);
    open_log = log;
    real_ops = backend->ops;
    logging_ops = *real_ops;
    logging_ops.product = log_and_run;
    backend->ops = &logging_ops;
}

void product_log_end(rmx_context *ctx)
{
    rmx_context_backend(ctx)->ops = real_ops;
    open_log = NULL;
}

void product_log_free(product_log *log)
{
    free(log->call);
    memset(log, 0, sizeof *log);
}

double product_log_flop(const product_log *log)
{
    double flop = 0.0;
    for (int32_t i = 0; i < log->count; i++) {
        const rmx_product_args *a = &log->call[i];
        flop +=
            2.0 * (double)a->m * (double)a->n * (double)a->k * (double)(a->batch[0] * a->batch[1]);
    }
    return flop;
}

rmx_status product_log_replay(const product_log *log, rmx_context *ctx)
{
    rmx_backend *backend = rmx_context_backend(ctx);
    for (int32_t i = 0; i < log->count; i++) {
        const rmx_status status = backend->ops->product(backend, &log->call[i]);
        if (status != RMX_OK) return rmx_context_check(ctx, status);
    }
    return RMX_OK;
}

rmx_status product_log_replay_vendor(const product_log *log, rmx_context *ctx, const vendor *v)
{
    rmx_backend *backend = rmx_context_backend(ctx);
    for (int32_t i = 0; i < log->count; i++) {
        rmx_status status = vendor_run_args(v, &log->call[i]);
        if (status == RMX_ERR_ARGUMENT) status = backend->ops->product(backend, &log->call[i]);
        if (status != RMX_OK) return status;
    }
    return RMX_OK;
}
