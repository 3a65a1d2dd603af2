/* SPDX-License-Identifier: MIT */
/* machine.h: what this machine can do at most, measured. */
#ifndef RMX_BENCH_MACHINE_H
#define RMX_BENCH_MACHINE_H

#include "bench.h"

/* Fills cache_bytes, copy_rate and fma_rate. */
rmx_status machine_measure(bench *b);

/* One copy of count floats by all threads, or by the device. */
rmx_status machine_copy(bench *b, float *to, const float *from, int64_t count);

#endif /* RMX_BENCH_MACHINE_H */
