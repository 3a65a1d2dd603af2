/* SPDX-License-Identifier: MIT */
/* machine.c: the ceilings: how fast memory is copied and how many multiply-adds a second. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "clock_cuda.h"
#include "kernels/cpu/threads.h"

/* ---- copy -------------------------------------------------------------------------------- */

typedef struct copy_job {
    float *to;
    const float *from;
    int64_t count;
    int64_t parts;
} copy_job;

/* Stores go past the caches: a memcpy that reads what it overwrites was seen to reach little over
 * half of this, and shares of it would flatter every kernel. */
static void copy_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const copy_job *c = job;
    const int64_t first = c->count / 16 * begin / c->parts * 16;
    const int64_t last = end == c->parts ? c->count : c->count / 16 * end / c->parts * 16;
    int64_t i = first;
    (void)worker;
#if defined(__x86_64__)
    for (; i + 4 <= last; i += 4) _mm_stream_ps(c->to + i, _mm_load_ps(c->from + i));
    _mm_sfence();
#endif
    memcpy(c->to + i, c->from + i, sizeof(float) * (size_t)(last - i));
}

rmx_status machine_copy(bench *b, float *to, const float *from, int64_t count)
{
    if (b->cuda) return b->backend->ops->copy(b->backend, to, from, sizeof(float) * (size_t)count);
    copy_job job = {to, from, count, b->threads};
    rmx_parallel(rmx_cpu_pool(b->backend), b->threads, 1, copy_task, &job);
    return RMX_OK;
}

typedef struct probe {
    bench *b;
    float *to, *from;
    int64_t count;
    double flop; /* of one run */
} probe;

static rmx_status copy_run(void *user, int64_t turn)
{
    const probe *p = user;
    (void)turn;
    return machine_copy(p->b, p->to, p->from, p->count);
}

/* ---- multiply-adds ----------------------------------------------------------------------- */

enum { STEPS = 100000, CHAINS = 12 }; /* chains enough to hide the latency of each other */

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float chains_avx2(float a, float b)
{
    const __m256 va = _mm256_set1_ps(a), vb = _mm256_set1_ps(b);
    __m256 acc[CHAINS];
    for (int c = 0; c < CHAINS; c++) acc[c] = _mm256_set1_ps((float)c);
    for (int s = 0; s < STEPS; s++) {
        for (int c = 0; c < CHAINS; c++) acc[c] = _mm256_fmadd_ps(acc[c], va, vb);
    }
    for (int c = 1; c < CHAINS; c++) acc[0] = _mm256_add_ps(acc[0], acc[c]);
    return _mm256_cvtss_f32(acc[0]);
}

__attribute__((target("avx512f"))) static float chains_avx512(float a, float b)
{
    const __m512 va = _mm512_set1_ps(a), vb = _mm512_set1_ps(b);
    __m512 acc[CHAINS];
    for (int c = 0; c < CHAINS; c++) acc[c] = _mm512_set1_ps((float)c);
    for (int s = 0; s < STEPS; s++) {
        for (int c = 0; c < CHAINS; c++) acc[c] = _mm512_fmadd_ps(acc[c], va, vb);
    }
    for (int c = 1; c < CHAINS; c++) acc[0] = _mm512_add_ps(acc[0], acc[c]);
    return _mm512_cvtss_f32(acc[0]);
}
#endif

typedef struct chain_job {
    float (*chains)(float a, float b);
    float *out;
} chain_job;

static void chain_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const chain_job *c = job;
    (void)worker;
    for (int64_t i = begin; i < end; i++) c->out[i * 16] = c->chains(0.999f, 0.001f);
}

/* Floats in the registers that the context's kernels use; 0: there is no such loop here. */
static int chain_width(const bench *b, chain_job *job)
{
    const char *code = rmx_context_code(b->ctx);
    job->chains = NULL;
#if defined(__x86_64__)
    if (!strcmp(code, "avx512")) job->chains = chains_avx512;
    if (!strcmp(code, "avx2")) job->chains = chains_avx2;
#endif
    return !job->chains ? 0 : !strcmp(code, "avx512") ? 16 : 8;
}

static rmx_status fma_run(void *user, int64_t turn)
{
    probe *p = user;
    chain_job job = {NULL, p->to};
    (void)turn;
#ifdef RMX_WITH_CUDA
    if (p->b->cuda) return clock_cuda_fma(p->b->backend, p->to, &p->flop);
#endif
    p->flop = 2.0 * STEPS * CHAINS * p->b->threads * chain_width(p->b, &job);
    rmx_parallel(rmx_cpu_pool(p->b->backend), p->b->threads, 1, chain_task, &job);
    return RMX_OK;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* As the kernel says: what the C library makes of a virtual machine's answer can be too much. */
static int64_t cpu_cache(void)
{
    long long kib = 0;
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
    if (file) {
        char text[32] = "";
        if (fgets(text, sizeof text, file)) kib = strtoll(text, NULL, 10);
        fclose(file);
    }
    return kib * 1024;
}

static int64_t last_level_cache(const bench *b)
{
    int64_t bytes = 0;
#ifdef RMX_WITH_CUDA
    if (b->cuda) bytes = clock_cuda_cache_bytes();
#endif
    if (!b->cuda) bytes = cpu_cache();
    return bytes > 0 ? bytes : (int64_t)32 << 20; /* a guess, where nobody says */
}

rmx_status machine_measure(bench *b)
{
    bench_times times;
    chain_job job;
    probe p = {.b = b};
    b->cache_bytes = last_level_cache(b);
    p.count = b->quick ? (int64_t)1 << 20 : b->cache_bytes / 2; /* 2 caches each way */
    BENCH_TRY(bench_floats(b, p.count, &p.from));
    BENCH_TRY(bench_floats(b, p.count, &p.to));
    BENCH_TRY(bench_measure(b, &(bench_side){.run = copy_run, .user = &p}, 1, &times));
    b->copy_rate = 2.0 * sizeof(float) * (double)p.count / times.p10;
    b->fma_rate = NAN;
    if (b->cuda || chain_width(b, &job)) {
        BENCH_TRY(bench_measure(b, &(bench_side){.run = fma_run, .user = &p}, 1, &times));
        b->fma_rate = p.flop / times.p10;
    }
    bench_release(b);
    return RMX_OK;
}
