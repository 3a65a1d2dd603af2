/* SPDX-License-Identifier: MIT */
/* testing.h: what the tests share: a backend at hand, guarded buffers, value patterns. */
#ifndef RMX_TESTING_H
#define RMX_TESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/ops.h"
#include "rankmixer/context.h"

/* A file of the source tree by its path from the root, and the folder of the rmx-* programs: those
 * of the bundle that the running program lies in, or else where it was built. The text is good
 * until the next call. */
const char *testing_path(const char *relative);
const char *testing_programs(void);

/* A backend of its own for kernel tests: code "reference", "generic", "avx2", "avx512" or "cuda";
 * NULL where this machine cannot run it; where RMX_REQUIRE_GPU is set, want of "cuda" aborts. */
rmx_backend *testing_backend(const char *code, int32_t threads);
void testing_backend_free(rmx_backend *backend);

/* Memory with RMX_GUARD bytes of a known pattern before and after, on the backend. Every byte
 * of the payload starts as NaN (0xff), so that what was never written shows. */
float *testing_floats(rmx_backend *backend, int64_t count);
void *testing_bytes(rmx_backend *backend, size_t bytes);
/* Copies host data in or out. */
void testing_put(rmx_backend *backend, void *dst, const void *src, size_t bytes);
void testing_get(rmx_backend *backend, void *dst, const void *src, size_t bytes);
/* True if both guards are untouched. */
bool testing_guards_ok(rmx_backend *backend, const void *payload);
void testing_free(rmx_backend *backend, void *payload);

/* Value patterns of numerics.md. Values depend on (seed, index) only. */
typedef enum testing_pattern {
    PATTERN_NORMAL,       /* about N(0, 1) */
    PATTERN_WIDE,         /* magnitudes from 2^-40 to 2^40 */
    PATTERN_CANCELLATION, /* pairs that nearly cancel */
    PATTERN_SUBNORMAL,    /* tiny values around FLT_MIN */
    PATTERN_SPECIAL,      /* normal values with infinities, NaN and signed zeros strewn in */
    PATTERN_COUNT
} testing_pattern;
void testing_fill(float *host, int64_t count, testing_pattern pattern, uint64_t seed);
const char *testing_pattern_name(testing_pattern pattern);

/* Index of the first element whose bits differ, or -1; all NaNs count as equal. */
int64_t testing_first_difference(const float *a, const float *b, int64_t count);
/* Of equal arrays: flips the lowest bit of one element of got and puts it back; false if that is
 * not seen as a difference. Elements that are NaN are left out, so is an array of these alone. */
bool testing_sees_flipped_bit(float *got, const float *expected, int64_t count);

#endif /* RMX_TESTING_H */
