/* SPDX-License-Identifier: MIT */
/* kernel_testing.h: what the kernel tests share: every backend in turn, guarded operands, and
 * row sums written from numerics.h's text, one element at a time. */
#ifndef RMX_KERNEL_TESTING_H
#define RMX_KERNEL_TESTING_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

/* ---- backends ------------------------------------------------------------------------------ */

#define KERNEL_BACKENDS 10

/* Backend i of KERNEL_BACKENDS: each CPU code with 1, 2 and 3 threads, then the GPU; NULL where
 * this machine has none. name says which, for messages. */
static inline rmx_backend *kernel_backend(int i, char name[32])
{
    static const char *const codes[] = {"generic", "avx2", "avx512", "cuda"};
    snprintf(name, 32, "%s, %d threads", codes[i / 3], i % 3 + 1);
    return testing_backend(codes[i / 3], i % 3 + 1);
}

/* Runs body on every backend. At least the generic code must have run. */
static inline void kernel_each(void (*body)(rmx_backend *backend, const char *name))
{
    int ran = 0;
    for (int i = 0; i < KERNEL_BACKENDS; i++) {
        char name[32];
        rmx_backend *backend = kernel_backend(i, name);
        if (!backend) continue;
        body(backend, name);
        testing_backend_free(backend);
        ran++;
    }
    cr_assert_geq(ran, 3, "only %d backends ran", ran);
}

/* ---- operands ------------------------------------------------------------------------------ */

typedef struct kernel_operands {
    rmx_backend *backend;
    int count;
    void *block[24];
} kernel_operands;

/* On the backend: a copy of host's bytes, or, host NULL, memory full of NaNs. */
static inline void *kernel_put(kernel_operands *all, const void *host, size_t bytes)
{
    void *block = testing_bytes(all->backend, bytes);
    if (host && bytes) testing_put(all->backend, block, host, bytes);
    all->block[all->count++] = block;
    return block;
}

static inline float *kernel_floats(kernel_operands *all, const float *host, int64_t count)
{
    return kernel_put(all, host, sizeof(float) * (size_t)count);
}

/* Frees everything; false if a guard byte was written. */
static inline bool kernel_end(kernel_operands *all)
{
    bool good = true;
    for (int i = 0; i < all->count; i++) {
        good = testing_guards_ok(all->backend, all->block[i]) && good;
        testing_free(all->backend, all->block[i]);
    }
    all->count = 0;
    return good;
}

static inline float *host_floats(int64_t count)
{
    float *p = malloc(sizeof(float) * (size_t)(count + 1));
    if (!p) abort();
    memset(p, 0xff, sizeof(float) * (size_t)(count + 1));
    return p;
}

static inline float *host_filled(int64_t count, testing_pattern pattern, uint64_t seed)
{
    float *p = host_floats(count);
    testing_fill(p, count, pattern, seed);
    return p;
}

/* The backend's values equal the expected ones bit by bit (any NaN is a NaN). */
static inline void kernel_expect(rmx_backend *backend, const float *got, const float *expected,
                                 int64_t count, const char *name, const char *what)
{
    float *host = host_floats(count);
    testing_get(backend, host, got, sizeof(float) * (size_t)count);
    const int64_t at = testing_first_difference(host, expected, count);
    cr_assert_eq(at, -1, "%s: %s differs at %lld: %a, expected %a", name, what, (long long)at,
                 (double)host[at < 0 ? 0 : at], (double)expected[at < 0 ? 0 : at]);
    free(host);
}

/* ---- naive sums ---------------------------------------------------------------------------- */

/* The lanes sum of a[0..n-1], or of products a b; strides in elements. */
static inline float naive_lanes_strided(const float *a, const float *b, int64_t stride, int64_t n)
{
    if (n > 4096) {
        const int64_t spans = (n + 4095) / 4096;
        float *sums = host_floats(spans);
        for (int64_t i = 0; i < spans; i++) {
            const int64_t at = i * 4096 * stride,
                          count = n - i * 4096 < 4096 ? n - i * 4096 : 4096;
            sums[i] = naive_lanes_strided(a + at, b ? b + at : NULL, stride, count);
        }
        const float sum = naive_lanes_strided(sums, NULL, 1, spans);
        free(sums);
        return sum;
    }
    float s[128] = {0};
    for (int64_t j = 0; j < n; j++) {
        if (b)
            s[j % 128] = fmaf(a[j * stride], b[j * stride], s[j % 128]);
        else
            s[j % 128] = s[j % 128] + a[j * stride];
    }
    for (int off = 64; off > 0; off /= 2) {
        for (int l = 0; l < off; l++) s[l] = s[l] + s[l + off];
    }
    return s[0];
}

static inline float naive_lanes(const float *a, const float *b, int64_t n)
{
    return naive_lanes_strided(a, b, 1, n);
}

/* dst += the sum down the rows of column values v[r * stride], or of products. */
static inline float naive_rows(const float *a, const float *b, int64_t stride, int64_t rows,
                               float dst)
{
    for (int64_t first = 0; first < rows; first += 128) {
        float block = 0.0f;
        for (int64_t r = first; r < rows && r < first + 128; r++) {
            block = b ? fmaf(a[r * stride], b[r * stride], block) : block + a[r * stride];
        }
        dst = dst + block;
    }
    return dst;
}

#endif /* RMX_KERNEL_TESTING_H */
