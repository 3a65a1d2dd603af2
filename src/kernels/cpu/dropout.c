/* SPDX-License-Identifier: MIT */
/* dropout.c: dropout whose mask is a function of (seed, step, site, element). */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"
#include "kernels/philox.h"

#define QUADS 64 /* counters whose words are made at a time, four words each */

/* The words of elements 4 quad .. 4 (quad + QUADS) - 1, as rmx_random_words4 gives them: first all
 * counters' word 0, then all word 1 ... Each of philox.h's rounds is a loop over the counters, so
 * that they run side by side. */
static void make_words(uint64_t seed, uint64_t step, uint64_t quad, uint32_t c[4][QUADS])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (uint32_t q = 0; q < QUADS; q++) {
        c[0][q] = (uint32_t)(quad + q);
        c[1][q] = (uint32_t)((quad + q) >> 32);
        c[2][q] = (uint32_t)step;
        c[3][q] = (uint32_t)RMX_RANDOM_DROPOUT << 24 | ((uint32_t)(step >> 32) & 0xffffffu);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        for (uint32_t q = 0; q < QUADS; q++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c[0][q];
            const uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2][q];
            c[0][q] = (uint32_t)(p1 >> 32) ^ c[1][q] ^ k0;
            c[1][q] = (uint32_t)p1;
            c[2][q] = (uint32_t)(p0 >> 32) ^ c[3][q] ^ k1;
            c[3][q] = (uint32_t)p0;
        }
    }
}

static void dropout_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_dropout_args *a = job;
    (void)worker;
    const uint64_t step = *a->step_counter * 256 + a->site;
    const float p = a->p, scale = a->scale;
    uint32_t words[4][QUADS], word[4 * QUADS];
    for (int64_t i = begin; i < end;) {
        const uint64_t element = a->first + (uint64_t)i;
        const int64_t skip = (int64_t)(element % 4);
        const int64_t count = end - i < 4 * QUADS - skip ? end - i : 4 * QUADS - skip;
        make_words(a->seed, step, element / 4, words);
        for (int q = 0; q < QUADS; q++) {
            for (int k = 0; k < 4; k++) word[4 * q + k] = words[k][q];
        }
        const float *x = (const float *)a->x + i;
        float *y = (float *)a->y + i;
        RMX_INDEPENDENT
        for (int64_t j = 0; j < count; j++) {
            const float kept = rmx_mulf(x[j], scale);
            y[j] = rmx_uniformf(word[skip + j]) >= p ? kept : 0.0f;
        }
        i += count;
    }
}

/* y = keep ? x * scale : +0.
 * order   none: each element's number is its own
 * traffic x read once, y written once; ten Philox rounds for each four elements */
rmx_status rmx_cpu_dropout(rmx_backend *backend, const rmx_dropout_args *a)
{
    rmx_dropout_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->n, 8192, dropout_task, &job);
    return RMX_OK;
}
