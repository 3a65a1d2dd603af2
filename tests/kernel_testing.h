/* SPDX-License-Identifier: MIT */
/* kernel_testing.h: the harness of the kernels: every backend in turn, the reference's results to
 * compare theirs with, guarded operands. */
#ifndef RMX_KERNEL_TESTING_H
#define RMX_KERNEL_TESTING_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "kernels/cpu/backend.h"
#include "testing.h"

/* ---- host memory --------------------------------------------------------------------------- */

static inline float *host_floats(int64_t count)
{
    float *p = malloc(sizeof(float) * (size_t)(count + 1));
    if (!p) abort();
    memset(p, 0xff, sizeof(float) * (size_t)(count + 1));
    return p;
}

/* Values that one backend after the other needs: making them takes longer than most kernels. */
typedef struct kernel_values {
    int count;
    struct {
        int64_t count;
        testing_pattern pattern;
        uint64_t seed;
        float *values;
    } at[64];
} kernel_values;
static kernel_values kernel_made;

static inline float *host_filled(int64_t count, testing_pattern pattern, uint64_t seed)
{
    kernel_values *made = &kernel_made;
    float *p = host_floats(count);
    int i = 0;
    while (i < made->count && (made->at[i].count != count || made->at[i].pattern != pattern ||
                               made->at[i].seed != seed))
        i++;
    if (i < made->count) return memcpy(p, made->at[i].values, sizeof *p * (size_t)count);
    testing_fill(p, count, pattern, seed);
    if (i == 64) return p; /* these are made again */
    made->at[i].count = count;
    made->at[i].pattern = pattern;
    made->at[i].seed = seed;
    made->at[i].values = memcpy(host_floats(count), p, sizeof *p * (size_t)count);
    made->count = i + 1;
    return p;
}

static inline void kernel_forget_values(void)
{
    for (int i = 0; i < kernel_made.count; i++) free(kernel_made.at[i].values);
    kernel_made.count = 0;
}

/* ---- backends ------------------------------------------------------------------------------ */

#define KERNEL_BACKENDS 11

/* Backend i of KERNEL_BACKENDS: the reference, each CPU code with 1, 2 and 3 threads, then the GPU;
 * NULL where this machine has none. name says which, for messages. */
static inline rmx_backend *kernel_backend(int i, char name[32])
{
    static const char *const codes[] = {"generic", "avx2", "avx512", "cuda"};
    const char *code = i == 0 ? "reference" : codes[(i - 1) / 3];
    const int threads = i == 0 ? 1 : (i - 1) % 3 + 1;
    snprintf(name, 32, "%s, %d threads", code, threads);
    return testing_backend(code, threads);
}

static inline bool kernel_is_reference(const rmx_backend *backend)
{
    return strcmp(backend->ops->code, "reference") == 0;
}

/* Runs body on every backend, the reference among them: for what has to hold on each by itself. */
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
    kernel_forget_values();
    cr_assert_geq(ran, 4, "only %d backends ran", ran);
}

/* ---- the reference's results --------------------------------------------------------------- */

/* Of one case, in the order in which its test compares them. */
typedef struct kernel_results {
    int count, next;
    void *value[32];
    size_t bytes[32];
    int wrong; /* results that differ from the reference's */
    char why[256];
} kernel_results;
static kernel_results kernel_expected;

typedef void kernel_case(rmx_backend *backend, const char *name, int i);

/* Runs case i. What it hands to the kernel_compare functions is kept when the backend is the
 * reference, and compared with that otherwise. Returns how many results were wrong. */
static inline int kernel_run(kernel_case *body, rmx_backend *backend, const char *name, int i)
{
    kernel_results *expected = &kernel_expected;
    expected->next = expected->wrong = 0;
    body(backend, name, i);
    cr_assert(expected->count > 0 && expected->next == expected->count,
              "%s: case %d: compared %d of %d results", name, i, expected->next, expected->count);
    return expected->wrong;
}

static inline void kernel_forget_results(void)
{
    for (int r = 0; r < kernel_expected.count; r++) free(kernel_expected.value[r]);
    kernel_expected.count = 0;
    kernel_forget_values();
}

static inline void kernel_cases_on(rmx_backend *const *backends, int count, int cases,
                                   kernel_case *body, char (*names)[32])
{
    for (int i = 0; i < cases; i++) {
        for (int b = 0; b < count; b++)
            cr_assert(!backends[b] || kernel_run(body, backends[b], names[b], i) == 0,
                      "case %d: %s", i, kernel_expected.why);
        kernel_forget_results();
    }
}

/* Runs each case on the reference and then on every other backend. */
static inline void kernel_cases(int cases, kernel_case *body)
{
    rmx_backend *backends[KERNEL_BACKENDS];
    char names[KERNEL_BACKENDS][32];
    int ran = 0;
    for (int b = 0; b < KERNEL_BACKENDS; b++) {
        backends[b] = kernel_backend(b, names[b]);
        ran += backends[b] != NULL;
    }
    cr_assert_geq(ran, 4, "only %d backends ran", ran);
    kernel_cases_on(backends, KERNEL_BACKENDS, cases, body, names);
    for (int b = 0; b < KERNEL_BACKENDS; b++) testing_backend_free(backends[b]);
}

/* Cases that only a GPU treats as special: on the reference, then twice on the GPU, which must find
 * its flags as it left them. Skips the test where there is no GPU. */
static inline void kernel_cases_on_gpu(int cases, kernel_case *body)
{
    static char names[3][32] = {"reference", "cuda", "cuda, again"};
    rmx_backend *gpu = testing_backend("cuda", 1), *reference = testing_backend("reference", 1);
    if (!gpu) cr_skip("no GPU");
    rmx_backend *const backends[] = {reference, gpu, gpu};
    kernel_cases_on(backends, 3, cases, body, names);
    testing_backend_free(gpu);
    testing_backend_free(reference);
}

/* The backend's bytes, to be freed, and in *reference what they should be. NULL on the reference,
 * whose bytes are kept. */
static inline void *kernel_result(rmx_backend *backend, const void *got, size_t bytes,
                                  const char *name, const char *what, const void **reference)
{
    kernel_results *expected = &kernel_expected;
    const int at = expected->next++;
    void *host = malloc(bytes + 1);
    if (!host) abort();
    testing_get(backend, host, got, bytes);
    if (kernel_is_reference(backend)) {
        cr_assert_lt(at, 32, "%s: %s is one result too many", name, what);
        expected->value[at] = host;
        expected->bytes[at] = bytes;
        expected->count = at + 1;
        return NULL;
    }
    cr_assert(at < expected->count && bytes == expected->bytes[at],
              "%s: %s was not computed by the reference", name, what);
    *reference = expected->value[at];
    return host;
}

/* Notes a result that differs at element at, or, at < 0, none. */
static inline void kernel_note(const char *name, const char *what, int64_t at, double got,
                               double expected)
{
    kernel_results *results = &kernel_expected;
    if (at < 0 || results->wrong++ > 0) return;
    snprintf(results->why, sizeof results->why, "%s: %s differs at %lld: %a, expected %a", name,
             what, (long long)at, got, expected);
}

/* The backend's values have the bits of the reference's (any NaN is a NaN): floats; whole numbers;
 * one double. */
static inline void kernel_compare(rmx_backend *backend, const float *got, int64_t count,
                                  const char *name, const char *what)
{
    const void *kept = NULL;
    float *host = kernel_result(backend, got, sizeof *got * (size_t)count, name, what, &kept);
    if (!host) return;
    const float *expected = kept;
    const int64_t at = testing_first_difference(host, expected, count);
    if (at < 0)
        cr_assert(testing_sees_flipped_bit(host, expected, count),
                  "%s: %s: a wrong bit would pass", name, what);
    else
        kernel_note(name, what, at, (double)host[at], (double)expected[at]);
    free(host);
}

static inline void kernel_compare_words(rmx_backend *backend, const uint32_t *got, int64_t count,
                                        const char *name, const char *what)
{
    const void *kept = NULL;
    uint32_t *host = kernel_result(backend, got, sizeof *got * (size_t)count, name, what, &kept);
    const uint32_t *expected = kept;
    for (int64_t i = 0; host && i < count; i++)
        if (host[i] != expected[i]) kernel_note(name, what, i, host[i], expected[i]);
    free(host);
}

static inline void kernel_compare_double(rmx_backend *backend, const double *got, const char *name,
                                         const char *what)
{
    const void *expected = NULL;
    double *host = kernel_result(backend, got, sizeof *got, name, what, &expected), value;
    if (!host) return;
    memcpy(&value, expected, sizeof value);
    if (memcmp(host, &value, sizeof value) != 0 && !(isnan(*host) && isnan(value)))
        kernel_note(name, what, 0, *host, value);
    free(host);
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

/* Where a kernel writes that may work in place: on input itself. The reference never does: it gets
 * memory that holds what input held (host; NULL: NaNs), so that what is expected of a kernel in
 * place was not computed in place. */
static inline float *kernel_in_place(kernel_operands *all, float *input, const float *host,
                                     int64_t count)
{
    return kernel_is_reference(all->backend) ? kernel_floats(all, host, count) : input;
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

/* Two arrays on the host are equal bit by bit (any NaN is a NaN). */
static inline void kernel_same(const float *got, const float *expected, int64_t count,
                               const char *name, const char *what)
{
    const int64_t at = testing_first_difference(got, expected, count);
    cr_assert_eq(at, -1, "%s: %s differs at %lld: %a, expected %a", name, what, (long long)at,
                 (double)got[at < 0 ? 0 : at], (double)expected[at < 0 ? 0 : at]);
}

/* The backend's values equal those that the test itself expects. */
static inline void kernel_expect(rmx_backend *backend, const float *got, const float *expected,
                                 int64_t count, const char *name, const char *what)
{
    float *host = host_floats(count);
    testing_get(backend, host, got, sizeof(float) * (size_t)count);
    kernel_same(host, expected, count, name, what);
    free(host);
}

/* Every output counts as large: the CPU uses streaming stores for small ones too. */
static inline void kernel_stream_everything(void) { rmx_cpu_stream_bytes = 0; }

#endif /* RMX_KERNEL_TESTING_H */
