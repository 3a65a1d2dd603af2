/* SPDX-License-Identifier: MIT */
/* bench.c: opening, memory and checks; see bench.h. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define PATTERN ((int64_t)1 << 20) /* host values that are repeated, from changing places */
#define PATTERN_SHIFTS 4096
#define SETS_MOST 4096

/* ---- open and close ---------------------------------------------------------------------- */

static rmx_status make_pattern(bench *b)
{
    uint64_t state = 1;
    b->pattern = malloc(sizeof(float) * (size_t)(PATTERN + PATTERN_SHIFTS));
    if (!b->pattern) return rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < PATTERN + PATTERN_SHIFTS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        b->pattern[i] = (float)((double)(state >> 40) * 0x1p-24 - 0.5);
    }
    return RMX_OK;
}

rmx_status bench_open(bench *b, const bench_options *options)
{
    char why[512] = "";
    const rmx_context_options context = {.device = options->device, .threads = options->threads};
    rmx_status status = rmx_context_create(&context, &b->ctx, why, sizeof why);
    if (status != RMX_OK) return rmx_fail(&b->error, status, "%s", why);
    b->backend = rmx_context_backend(b->ctx);
    b->cuda = rmx_context_device(b->ctx) == RMX_DEVICE_CUDA;
    b->quick = options->quick;
    b->launched = options->launched;
    b->variants = options->variants;
    b->only = options->only;
    b->seconds = options->quick ? 0.02 : b->cuda ? 0.25 : 0.9;
    if (options->seconds > 0.0) b->seconds = options->seconds;
    b->threads = rmx_context_threads(b->ctx);
    vendor_open(&b->yardstick, b->ctx, b->cuda ? options->cublas : options->openblas);
    status = make_pattern(b);
    if (status == RMX_OK) status = machine_measure(b);
    return status;
}

void bench_close(bench *b)
{
    if (!b->ctx) return;
    bench_release(b);
    vendor_close(&b->yardstick);
    rmx_context_destroy(b->ctx);
    free(b->pattern);
    b->ctx = NULL;
}

bool bench_wants(const bench *b, const char *op, const char *shape)
{
    char text[128];
    snprintf(text, sizeof text, "%s %s", op, shape);
    return !b->only || strstr(text, b->only);
}

/* ---- memory ------------------------------------------------------------------------------ */

rmx_status bench_fill(bench *b, float *at, int64_t count, uint32_t seed)
{
    for (int64_t first = 0; first < count; first += PATTERN) {
        const int64_t rest = count - first, part = rest < PATTERN ? rest : PATTERN;
        const float *from = b->pattern + (seed * 977u + (uint64_t)first / 64) % PATTERN_SHIFTS;
        BENCH_TRY(rmx_upload(b->ctx, at + first, from, sizeof(float) * (size_t)part));
    }
    return RMX_OK;
}

static rmx_status take(bench *b, int64_t count, float **out)
{
    void *memory = NULL;
    *out = NULL;
    if (b->buffers == BENCH_BUFFERS)
        return rmx_fail(&b->error, RMX_ERR_INTERNAL, "more than %d buffers", BENCH_BUFFERS);
    BENCH_TRY(rmx_alloc(b->ctx, sizeof(float) * (size_t)count, &memory));
    b->buffer[b->buffers++] = memory;
    *out = memory;
    return RMX_OK;
}

rmx_status bench_floats(bench *b, int64_t count, float **out)
{
    BENCH_TRY(take(b, count, out));
    return bench_fill(b, *out, count, (uint32_t)b->buffers);
}

rmx_status bench_zeros(bench *b, int64_t count, float **out)
{
    BENCH_TRY(take(b, count, out));
    return rmx_zero(b->ctx, *out, sizeof(float) * (size_t)count);
}

void bench_release(bench *b)
{
    while (b->buffers > 0) rmx_free(b->ctx, b->buffer[--b->buffers]);
}

int64_t bench_sets(const bench *b, double set_bytes, double shared_bytes)
{
    const double sets = ceil((2.0 * (double)b->cache_bytes - shared_bytes) / set_bytes);
    if (b->quick) return sets < 2.0 ? 1 : 2;
    return sets < 1.0 ? 1 : sets > SETS_MOST ? SETS_MOST : (int64_t)sets;
}

rmx_status bench_fetch(bench *b, const float *from, int64_t count, float **out)
{
    *out = malloc(sizeof(float) * (size_t)count);
    if (!*out) return rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
    const rmx_status status = rmx_download(b->ctx, *out, from, sizeof(float) * (size_t)count);
    if (status == RMX_OK) return status;
    free(*out);
    *out = NULL;
    return status;
}

/* ---- checks ------------------------------------------------------------------------------ */

typedef struct check {
    bench *b;
    const char *what;
    bench_part *run;
    rmx_status (*refresh)(void *user);
    void *user;
    const float *out;
    int64_t width, samples;
} check;

/* Sample i as it came out of the whole batch, then alone. */
static rmx_status check_one(const check *c, int64_t i, float *together, float *alone)
{
    const size_t bytes = sizeof(float) * (size_t)c->width;
    const float *at = c->out + i * c->width;
    if (c->refresh) BENCH_TRY(c->refresh(c->user));
    BENCH_TRY(c->run(c->user, 0, c->samples));
    BENCH_TRY(rmx_download(c->b->ctx, together, at, bytes));
    if (c->refresh) BENCH_TRY(c->refresh(c->user));
    BENCH_TRY(c->run(c->user, i, 1));
    BENCH_TRY(rmx_download(c->b->ctx, alone, at, bytes));
    for (int64_t j = 0; j < c->width; j++) {
        if (!isfinite(together[j]))
            return rmx_fail(&c->b->error, RMX_ERR_NUMERIC, "%s: sample %lld has a %g", c->what,
                            (long long)i, (double)together[j]);
    }
    if (memcmp(together, alone, bytes) != 0)
        return rmx_fail(&c->b->error, RMX_ERR_NUMERIC,
                        "%s: sample %lld of %lld is not what it is alone", c->what, (long long)i,
                        (long long)c->samples);
    return RMX_OK;
}

rmx_status bench_check_alone(bench *b, const char *what, bench_part *run,
                             rmx_status (*refresh)(void *user), void *user, const float *out,
                             int64_t width, int64_t samples)
{
    const check c = {b, what, run, refresh, user, out, width, samples};
    float *both = malloc(2 * sizeof(float) * (size_t)width);
    if (!both) return rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
    rmx_status status = check_one(&c, samples / 3, both, both + width);
    if (status == RMX_OK && samples > 1) status = check_one(&c, samples - 1, both, both + width);
    free(both);
    return status;
}
