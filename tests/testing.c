/* SPDX-License-Identifier: MIT */
/* testing.c: see testing.h. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu/backend.h"
#ifdef RMX_WITH_CUDA
#include "kernels/cuda/backend.h"
#endif

#define GUARD 256
#define GUARD_BYTE 0x5a

/* A block is [header and guard][payload][guard]; the header remembers the payload's size. */
typedef struct header {
    uint64_t bytes;
    unsigned char guard[GUARD - sizeof(uint64_t)];
} header;

/* Of the bundle, which is the folder above the program's own and has what the tests read; "" where
 * the program lies where it was built. */
static const char *bundle(void)
{
    static char root[4096];
    char marker[4160];
    const ssize_t length = readlink("/proc/self/exe", root, sizeof root - 1);
    root[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2 && *root; up++) *strrchr(root, '/') = '\0';
    snprintf(marker, sizeof marker, "%s/tests/programs", root);
    if (access(marker, R_OK) != 0) root[0] = '\0';
    return root;
}

const char *testing_path(const char *relative)
{
    static char path[8192];
    const char *root = bundle();
    snprintf(path, sizeof path, "%s/%s", *root ? root : RMX_SOURCE_DIR, relative);
    return path;
}

const char *testing_programs(void) { return *bundle() ? testing_path("bin") : RMX_BINARY_DIR; }

rmx_backend *testing_backend(const char *code, int32_t threads)
{
    rmx_backend *backend = calloc(1, sizeof *backend);
    if (!backend) abort();
    rmx_status status = RMX_ERR_DEVICE;
    if (strcmp(code, "cuda") == 0) {
#ifdef RMX_WITH_CUDA
        char describe[256];
        status = rmx_cuda_backend_create(backend, 0, NULL, describe, sizeof describe);
#endif
        if (status != RMX_OK && getenv("RMX_REQUIRE_GPU")) {
            fprintf(stderr, "RMX_REQUIRE_GPU is set, but %s\n", backend->error);
            abort();
        }
    } else {
        status = rmx_cpu_backend_create(code, threads, backend);
    }
    if (status == RMX_OK) return backend;
    free(backend);
    return NULL;
}

void testing_backend_free(rmx_backend *backend)
{
    if (!backend) return;
#ifdef RMX_WITH_CUDA
    if (strcmp(backend->ops->code, "cuda") == 0)
        rmx_cuda_backend_destroy(backend);
    else
#endif
        rmx_cpu_backend_destroy(backend);
    free(backend);
}

static void must(rmx_status status)
{
    if (status != RMX_OK) abort(); /* a test cannot go on; its process dies and it fails */
}

void *testing_bytes(rmx_backend *backend, size_t bytes)
{
    const size_t whole = sizeof(header) + bytes + GUARD;
    unsigned char *host = malloc(whole);
    if (!host) abort();
    memset(host, GUARD_BYTE, whole);
    const uint64_t size = bytes;
    memcpy(host, &size, sizeof size);
    memset(host + sizeof(header), 0xff, bytes);
    void *block = NULL;
    must(backend->ops->alloc(backend, whole, &block));
    must(backend->ops->upload(backend, block, host, whole));
    must(backend->ops->sync(backend));
    free(host);
    return (unsigned char *)block + sizeof(header);
}

float *testing_floats(rmx_backend *backend, int64_t count)
{
    return testing_bytes(backend, (size_t)count * sizeof(float));
}

void testing_put(rmx_backend *backend, void *dst, const void *src, size_t bytes)
{
    must(backend->ops->upload(backend, dst, src, bytes));
    must(backend->ops->sync(backend));
}

void testing_get(rmx_backend *backend, void *dst, const void *src, size_t bytes)
{
    must(backend->ops->download(backend, dst, src, bytes));
}

bool testing_guards_ok(rmx_backend *backend, const void *payload)
{
    const unsigned char *block = (const unsigned char *)payload - sizeof(header);
    header before;
    unsigned char after[GUARD];
    testing_get(backend, &before, block, sizeof before);
    testing_get(backend, after, (const unsigned char *)payload + before.bytes, sizeof after);
    for (size_t i = 0; i < sizeof before.guard; i++)
        if (before.guard[i] != GUARD_BYTE) return false;
    for (size_t i = 0; i < sizeof after; i++)
        if (after[i] != GUARD_BYTE) return false;
    return true;
}

void testing_free(rmx_backend *backend, void *payload)
{
    if (payload) backend->ops->free(backend, (unsigned char *)payload - sizeof(header));
}

/* splitmix64 of (seed, index) */
static uint64_t mix(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + (index + 1) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static float normal(uint64_t seed, uint64_t index)
{
    double sum = -6.0; /* twelve uniforms: near enough to N(0, 1) */
    for (uint64_t i = 0; i < 12; i++) sum += (double)(mix(seed, index * 12 + i) >> 11) * 0x1p-53;
    return (float)sum;
}

static float value(testing_pattern pattern, uint64_t seed, uint64_t i)
{
    const float x = normal(seed, i);
    const uint64_t bits = mix(~seed, i);
    switch (pattern) {
    case PATTERN_WIDE: return ldexpf(x, (int)(bits % 81) - 40);
    case PATTERN_CANCELLATION:
        return (i & 1 ? -1.0f : 1.0f) * (1000.0f + normal(seed, i / 2)) + ldexpf(x, -12);
    case PATTERN_SUBNORMAL: return ldexpf(x, -126 - (int)(bits % 20) + 4);
    case PATTERN_SPECIAL:
        switch (bits % 61) {
        case 0: return INFINITY;
        case 1: return -INFINITY;
        case 2: return NAN;
        case 3: return -0.0f;
        case 4: return 0.0f;
        default: return x;
        }
    case PATTERN_NORMAL:
    case PATTERN_COUNT: break;
    }
    return x;
}

void testing_fill(float *host, int64_t count, testing_pattern pattern, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++) host[i] = value(pattern, seed, (uint64_t)i);
}

const char *testing_pattern_name(testing_pattern pattern)
{
    static const char *const names[] = {"normal", "wide", "cancellation", "subnormal", "special"};
    return pattern < PATTERN_COUNT ? names[pattern] : "unknown";
}

int64_t testing_first_difference(const float *a, const float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (isnan(a[i]) && isnan(b[i])) continue;
        if (memcmp(&a[i], &b[i], sizeof(float)) != 0) return i;
    }
    return -1;
}

bool testing_sees_flipped_bit(float *got, const float *expected, int64_t count)
{
    int64_t at = count / 2;
    while (at < count && !isfinite(got[at])) at++;
    if (at == count) return true;
    const float right = got[at];
    uint32_t bits;
    memcpy(&bits, &right, sizeof bits);
    bits ^= 1;
    memcpy(&got[at], &bits, sizeof bits);
    const bool seen = testing_first_difference(got, expected, count) == at;
    got[at] = right;
    return seen;
}
