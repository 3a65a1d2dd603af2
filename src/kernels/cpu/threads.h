/* SPDX-License-Identifier: MIT */
/* threads.h: the CPU backend's threads. They split independent work only: no result depends on
 * how many there are. */
#ifndef RMX_THREADS_H
#define RMX_THREADS_H

#include <stdint.h>

#include "kernels/ops.h"

typedef struct rmx_pool rmx_pool;

/* threads counts the caller; >= 1. NULL where a thread or memory could not be had. */
rmx_pool *rmx_pool_create(int32_t threads);
void rmx_pool_destroy(rmx_pool *pool);
int32_t rmx_pool_threads(const rmx_pool *pool);

/* Does items [begin, end) of a job; worker is 0 .. threads-1 and differs between two calls that
 * run at the same time. */
typedef void (*rmx_task)(void *job, int64_t begin, int64_t end, int32_t worker);

/* Runs task over [0, items) in chunks of at least grain items and returns when all are done.
 * Chunks begin at multiples of grain. Not re-entrant: a task does not start another. */
void rmx_parallel(rmx_pool *pool, int64_t items, int64_t grain, rmx_task task, void *job);

/* The pool of a CPU backend. */
rmx_pool *rmx_cpu_pool(rmx_backend *backend);
/* Scratch of one worker, kept from call to call, 64-byte aligned, at least
 * RMX_CPU_SCRATCH_BYTES; contents undefined. */
#define RMX_CPU_SCRATCH_BYTES ((size_t)4 << 20)
void *rmx_cpu_scratch(rmx_backend *backend, int32_t worker);

#endif /* RMX_THREADS_H */
