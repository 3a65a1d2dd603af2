/* SPDX-License-Identifier: MIT */
/* product_log.h: the products of a stretch of work, written down as they are called, to be run
 * again alone: how much of a training step they are. */
#ifndef RMX_BENCH_PRODUCT_LOG_H
#define RMX_BENCH_PRODUCT_LOG_H

#include "vendor.h"

typedef struct product_log {
    rmx_product_args *call;
    int32_t count, room;
    bool full; /* out of memory: not all calls are there */
} product_log;

/* Between begin and end every product of the context is run and written down. One at a time in
 * a process. */
void product_log_begin(product_log *log, rmx_context *ctx);
void product_log_end(rmx_context *ctx);
void product_log_free(product_log *log);

double product_log_flop(const product_log *log);
/* Launches only, so that a device can record it. */
rmx_status product_log_replay(const product_log *log, rmx_context *ctx);
/* The same with the vendor's product, without what follows it (bias, GELU, residual); calls that
 * its interface cannot say are ours. */
rmx_status product_log_replay_vendor(const product_log *log, rmx_context *ctx, const vendor *v);

#endif /* RMX_BENCH_PRODUCT_LOG_H */
