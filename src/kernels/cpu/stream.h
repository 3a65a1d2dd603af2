/* SPDX-License-Identifier: MIT */
/* stream.h: stores past the caches, for an output too large to be found there again.
 *
 * An ordinary store first reads the line that it changes: of a large output that is a third more
 * traffic, for nothing. A streaming store writes whole lines as they are. It is slow where the
 * output is read again soon, so only calls with large outputs use it. The values are the same. */
#ifndef RMX_STREAM_H
#define RMX_STREAM_H

#include <stdbool.h>

#include "kernels/cpu/backend.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"

/* Whether an output of count floats at p, cut into rows of `row` floats, is to be streamed: then
 * every vector of a row can be. A kernel in place does not ask: its lines are in cache. */
static inline bool rmx_stream_wanted(const float *p, int64_t count, int64_t row)
{
    return count >= rmx_cpu_stream_bytes / (int64_t)sizeof *p && row % RMX_VL == 0 &&
           (uintptr_t)p % sizeof(rmx_vec) == 0;
}

/* p aligned to a vector. */
RMX_INLINE void rmx_stream_vec(float *p, rmx_vec v)
{
#if RMX_VL == 16
    _mm512_stream_ps(p, v);
#elif RMX_VL == 8
    _mm256_stream_ps(p, v);
#else
    rmx_vec_store(p, v);
#endif
}

/* A vector of an output that is streamed, or not. */
RMX_INLINE void rmx_stream_put(bool stream, float *p, rmx_vec v)
{
    if (stream)
        rmx_stream_vec(p, v);
    else
        rmx_vec_store(p, v);
}

/* n floats, a multiple of RMX_VL, from a buffer in L1. */
static inline void rmx_stream_row(float *to, const float *from, int64_t n)
{
    for (int64_t j = 0; j < n; j += RMX_VL) rmx_stream_vec(to + j, rmx_vec_load(from + j));
}

/* At the end of a task: streamed stores become visible before those that follow. */
static inline void rmx_stream_end(bool stream)
{
#if RMX_VL >= 8
    if (stream) _mm_sfence();
#else
    (void)stream;
#endif
}

#endif /* RMX_STREAM_H */
