/* SPDX-License-Identifier: MIT */
/* training_loop.h: how long a step takes in the trainer's own loop. */
#ifndef RMX_BENCH_TRAINING_LOOP_H
#define RMX_BENCH_TRAINING_LOOP_H

#include "bench.h"

/* Trains a config (workload.h) on its synthetic data with this batch, as rmx-train does: batches
 * are read and shuffled by a thread, results are looked at a step behind, metrics are logged.
 * Times are of a step on the wall, without evaluations and checkpoints. What the run writes lies
 * in a folder of its own that is removed. */
rmx_status training_loop_measure(bench *b, const char *config, int64_t batch, bench_times *out);

#endif /* RMX_BENCH_TRAINING_LOOP_H */
