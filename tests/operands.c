/* SPDX-License-Identifier: MIT */
/* operands.c: see operands.h. */
#include "operands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 256
#define GUARD_BYTE 0x5a

rmx_context *operands_context(int i)
{
    static const rmx_context_options options[OPERANDS_CONTEXTS] = {
        {.device = RMX_DEVICE_CPU, .cpu_code = "reference"},
        {.device = RMX_DEVICE_CPU, .threads = 1, .cpu_code = "generic"},
        {.device = RMX_DEVICE_CPU, .threads = 3},
        {.device = RMX_DEVICE_CUDA},
    };
    rmx_context *ctx = NULL;
    char text[256];
    if (rmx_context_create(&options[i], &ctx, text, sizeof text) == RMX_OK) return ctx;
    if (options[i].device == RMX_DEVICE_CUDA && !getenv("RMX_REQUIRE_GPU")) return NULL;
    fprintf(stderr, "context %d: %s\n", i, text);
    abort();
}

void operands_must(rmx_context *ctx, rmx_status status)
{
    if (status == RMX_OK) return;
    fprintf(stderr, "%s: %s\n", rmx_status_name(status), rmx_last_error(ctx));
    abort();
}

void operands_begin(operands *all, rmx_context *ctx) { *all = (operands){.ctx = ctx}; }

static void *add(operands *all, const void *host, int fill, size_t bytes)
{
    if (all->n == OPERANDS_MAX) abort();
    const size_t whole = GUARD + bytes + GUARD;
    unsigned char *image = malloc(whole);
    if (!image) abort();
    memset(image, GUARD_BYTE, whole);
    if (host && bytes)
        memcpy(image + GUARD, host, bytes);
    else
        memset(image + GUARD, fill, bytes);
    void *block = NULL;
    operands_must(all->ctx, rmx_alloc(all->ctx, whole, &block));
    operands_must(all->ctx, rmx_upload(all->ctx, block, image, whole));
    operands_must(all->ctx, rmx_sync(all->ctx));
    free(image);
    all->block[all->n] = block;
    all->bytes[all->n++] = bytes;
    return (unsigned char *)block + GUARD;
}

float *operands_put(operands *all, const float *host, int64_t count)
{
    return add(all, host, 0, (size_t)count * sizeof(float));
}

void *operands_put_bytes(operands *all, const void *host, size_t bytes)
{
    return add(all, host, 0, bytes);
}

float *operands_new(operands *all, int64_t count)
{
    return add(all, NULL, 0xff, (size_t)count * sizeof(float));
}

float *operands_zeros(operands *all, int64_t count)
{
    return add(all, NULL, 0, (size_t)count * sizeof(float));
}

void *operands_bytes(operands *all, size_t bytes) { return add(all, NULL, 0xff, bytes); }

void operands_get(operands *all, void *host, const void *from, size_t bytes)
{
    operands_must(all->ctx, rmx_download(all->ctx, host, from, bytes));
}

bool operands_same(operands *all, const float *from, const float *host, int64_t count)
{
    const size_t bytes = (size_t)count * sizeof(float);
    float *now = malloc(bytes ? bytes : 1);
    if (!now) abort();
    operands_get(all, now, from, bytes);
    const bool same = bytes == 0 || memcmp(now, host, bytes) == 0;
    free(now);
    return same;
}

bool operands_untouched(operands *all, const float *from, int64_t count)
{
    const size_t bytes = (size_t)count * sizeof(float);
    float *nan = malloc(bytes ? bytes : 1);
    if (!nan) abort();
    memset(nan, 0xff, bytes);
    const bool same = operands_same(all, from, nan, count);
    free(nan);
    return same;
}

static bool guard_ok(operands *all, const unsigned char *at)
{
    unsigned char guard[GUARD];
    operands_get(all, guard, at, sizeof guard);
    for (size_t i = 0; i < sizeof guard; i++)
        if (guard[i] != GUARD_BYTE) return false;
    return true;
}

bool operands_free(operands *all)
{
    bool good = true;
    for (int32_t i = 0; i < all->n; i++) {
        const unsigned char *block = all->block[i];
        if (!guard_ok(all, block) || !guard_ok(all, block + GUARD + all->bytes[i])) {
            fprintf(stderr, "operand %d: written outside its %zu bytes\n", i, all->bytes[i]);
            good = false;
        }
        rmx_free(all->ctx, all->block[i]);
    }
    all->n = 0;
    return good;
}
