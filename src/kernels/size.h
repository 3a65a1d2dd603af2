/* SPDX-License-Identifier: MIT */
/* size.h: sizes of memory that cannot overflow.
 *
 * A size that is too large or has a negative factor becomes RMX_SIZE_TOO_LARGE. Every sum and
 * every product with it is RMX_SIZE_TOO_LARGE too. No allocation of that size can succeed. */
#ifndef RMX_SIZE_H
#define RMX_SIZE_H

#include <stddef.h>
#include <stdint.h>

#define RMX_SIZE_TOO_LARGE SIZE_MAX

static inline size_t rmx_size_mul(size_t size, int64_t count)
{
    size_t product;
    if (size == RMX_SIZE_TOO_LARGE || count < 0) return RMX_SIZE_TOO_LARGE;
    if (__builtin_mul_overflow(size, (size_t)count, &product)) return RMX_SIZE_TOO_LARGE;
    return product;
}

static inline size_t rmx_size_add(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? RMX_SIZE_TOO_LARGE : sum;
}

/* Returns the least multiple of step that is >= size. step is a power of two. */
static inline size_t rmx_size_round_up(size_t size, size_t step)
{
    if (size > RMX_SIZE_TOO_LARGE - step) return RMX_SIZE_TOO_LARGE;
    return (size + step - 1) & ~(step - 1);
}

/* Returns count / step, rounded up. count >= 0, step > 0. */
static inline int64_t rmx_size_parts(int64_t count, int64_t step)
{
    return count / step + (count % step > 0);
}

#endif /* RMX_SIZE_H */
