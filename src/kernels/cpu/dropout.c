/* dropout.c: dropout whose mask is a function of (seed, step, site, element). */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"
#include "kernels/philox.h"

#define QUADS 64 /* counters whose words are made at a time, four words each */

/* The words of elements 4 quad .. 4 (quad + QUADS) - 1. First all counters' word 0, then all
 * word 1 ...: so the rounds of many counters run side by side. */
static void make_words(uint64_t seed, uint64_t step, uint64_t quad, uint32_t words[4][QUADS])
{
    for (uint32_t q = 0; q < QUADS; q++) {
        uint32_t out[4];
        rmx_random_words4(seed, RMX_RANDOM_DROPOUT, step, quad + q, out);
        words[0][q] = out[0];
        words[1][q] = out[1];
        words[2][q] = out[2];
        words[3][q] = out[3];
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
        const float *x = a->x + i;
        float *y = a->y + i;
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
rmx_status RMX_CPU(dropout)(rmx_backend *backend, const rmx_dropout_args *a)
{
    rmx_dropout_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->n, 8192, dropout_task, &job);
    return RMX_OK;
}
