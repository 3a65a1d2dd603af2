/* SPDX-License-Identifier: MIT */
/* memory_child.h: a model trained in a process of its own, whose memory is then that model's. */
#ifndef RMX_BENCH_MEMORY_CHILD_H
#define RMX_BENCH_MEMORY_CHILD_H

#include "bench.h"

typedef struct memory_child {
    int64_t planned_bytes; /* of rmx_model_plan */
    int64_t grown_bytes;   /* of the process at its peak, or of the device */
} memory_child;

/* The body of that process: makes the model, takes some steps and prints what came of it. */
rmx_status memory_child_run(bench *b, const char *config, int64_t batch);
/* Starts this program again with --memory-of BATCH and reads what it prints. */
rmx_status memory_child_ask(bench *b, const char *config, int64_t batch, memory_child *out);

#endif /* RMX_BENCH_MEMORY_CHILD_H */
