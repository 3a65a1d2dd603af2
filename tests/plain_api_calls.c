/* SPDX-License-Identifier: MIT */
/* plain_api_calls.c: random calls of every public function, to be run under the sanitizers too.
 *
 * Descriptors are small and valid, or have a zero, a negative, an extreme or any number in some
 * place. Pointers are NULL or memory that is large enough; operands of one call often overlap. A
 * descriptor that would be accepted and take more memory than there is gets NULL pointers only. A
 * call may give any status, but no fault; a bad descriptor gives RMX_ERR_ARGUMENT and a size of 0.
 *
 *   plain_api_calls [CALLS [SEED]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_calls.h"

int64_t api_calls, api_accepted, api_wrong;
rmx_context *api_ctx;

enum { BUFFERS = 24 };
static float *buffers[BUFFERS];
static void *zeros;
static uint64_t state;
static bool without; /* the last call had no context */

/* A sanitizer ends the program where an allocation cannot be had, so there the last three of
 * call_memory's sizes are left out. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SIZES = 4 };
#else
enum { SIZES = 7 };
#endif

uint64_t api_random(uint64_t below) /* splitmix64 */
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

bool api_chance(uint64_t in) { return api_random(in) == 0; }

int64_t api_count(int64_t least)
{
    static const int64_t extreme[] = {0,
                                      -1,
                                      INT32_MIN,
                                      INT32_MAX,
                                      1 << 16,
                                      1 << 20,
                                      1 << 30,
                                      INT32_MAX - 1,
                                      INT64_MIN,
                                      INT64_MAX,
                                      INT64_MAX - 1,
                                      (int64_t)1 << 48,
                                      (int64_t)1 << 32,
                                      (int64_t)1 << 62};
    if (!api_chance(12)) return least + (int64_t)api_random((uint64_t)(7 - least));
    if (api_chance(4)) return (int64_t)api_random(UINT64_MAX);
    return extreme[api_random(sizeof extreme / sizeof *extreme)];
}

int32_t api_size(int32_t least)
{
    const int64_t value = api_count(least);
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

float api_number(void)
{
    static const float special[] = {0.0f,  -0.0f,    NAN,   INFINITY, -INFINITY, 1e-40f,
                                    1e38f, -3.4e38f, 1e-5f, 0.5f,     1.0f,      -1.0f};
    if (api_chance(3)) return special[api_random(sizeof special / sizeof *special)];
    return (float)api_random(2000) / 1000.0f - 1.0f;
}

rmx_dtype api_dtype(void)
{
    if (!api_chance(5)) return RMX_F32;
    return api_chance(9) ? (rmx_dtype)api_random(99) : RMX_BF16;
}

float *api_buffer(void) { return api_chance(40) ? NULL : buffers[api_random(BUFFERS)]; }
void *api_zeros(void) { return zeros; }

api_sizes api_measure(const int64_t *sizes, int32_t n, int32_t may_be_zero)
{
    api_sizes s = {.elements = 1};
    for (int32_t i = 0; i < n; i++) {
        if (sizes[i] < (i < may_be_zero ? 0 : 1)) s.bad = true;
        if (sizes[i] <= 0) continue;
        if (s.elements > API_ELEMENTS_MAX / (double)sizes[i]) s.bad = true;
        s.elements *= (double)sizes[i];
    }
    return s;
}

/* Every operand is at most a few times this product. */
float *api_operand(const api_sizes *sizes)
{
    return sizes->bad || sizes->elements * 8 < API_FLOATS ? api_buffer() : NULL;
}

rmx_context *api_context(void)
{
    without = api_chance(60);
    return without ? NULL : api_ctx;
}

void api_status(const char *what, rmx_status status, bool bad)
{
    api_calls++;
    api_accepted += status == RMX_OK;
    if ((int)status < RMX_OK || status >= RMX_ERR_INTERNAL ||
        (bad && status != RMX_ERR_ARGUMENT) ||
        (status == RMX_ERR_ARGUMENT && !without && !*rmx_last_error(api_ctx))) {
        fprintf(stderr, "%s: %s\n", what, rmx_status_name(status));
        api_wrong++;
    }
}

void api_typed(const char *what, rmx_status status, bool bad, rmx_dtype dtype, uint32_t kernels,
               int64_t rows)
{
    api_status(what, status, bad);
    if (bad || rows == 0 || status != RMX_OK) return;
    if (rmx_check_kernels(api_ctx, dtype, kernels) == RMX_OK) return;
    fprintf(stderr, "%s: ran on %s, without a kernel\n", what, rmx_dtype_name(dtype));
    api_wrong++;
}

size_t api_bytes(const char *what, size_t bytes, bool bad)
{
    api_calls++;
    if (bad && bytes) fprintf(stderr, "%s: %zu bytes for a bad desc\n", what, bytes);
    api_wrong += bad && bytes;
    return bytes;
}

/* ---- contexts ------------------------------------------------------------------------------ */

static void call_context(void)
{
    static const char *const codes[] = {NULL, "", "generic", "reference", "nonsense"};
    char text[64];
    rmx_context *ctx = NULL, *current = api_chance(2) ? api_ctx : NULL;
    const rmx_context_options options = {.device = (rmx_device)api_random(5),
                                         .threads =
                                             api_chance(2) ? 1 : (int32_t)api_random(5000) - 2000,
                                         .cpu_code = codes[api_random(5)]};
    if (options.threads <= 4) {
        const rmx_status status =
            rmx_context_create(api_chance(9) ? NULL : &options, api_chance(9) ? NULL : &ctx,
                               api_chance(3) ? NULL : text, api_random(2) * sizeof text);
        api_calls++;
        api_accepted += status == RMX_OK;
        rmx_context_destroy(ctx);
    }
    api_calls += 8;
    (void)rmx_last_error(current);
    if (rmx_context_device(current) != (current ? RMX_DEVICE_CPU : RMX_DEVICE_AUTO)) api_wrong++;
    if (!rmx_context_describe(current) || !rmx_context_code(current)) api_wrong++;
    if (rmx_context_threads(current) < 0 || !*rmx_version()) api_wrong++;
    if (!*rmx_status_name((rmx_status)api_random(12))) api_wrong++;
    rmx_context_destroy(NULL);
}

static void call_memory(void)
{
    static const size_t sizes[7] = {0, 1, 255, 4096, SIZE_MAX, SIZE_MAX - 300, (size_t)1 << 62};
    rmx_context *ctx = api_context();
    void *memory = NULL;
    const size_t bytes = api_random(API_FLOATS);
    api_status("alloc", rmx_alloc(ctx, sizes[api_random(SIZES)], api_chance(9) ? NULL : &memory),
               !ctx);
    rmx_free(ctx, memory);
    float *a = buffers[0], *b = buffers[1];
    api_status("upload", rmx_upload(ctx, api_chance(9) ? NULL : a, b, bytes), !ctx);
    api_status("download", rmx_download(ctx, api_chance(9) ? NULL : b, a, bytes), !ctx);
    api_status("zero", rmx_zero(ctx, api_chance(9) ? NULL : a, bytes), !ctx);
    api_status("sync", rmx_sync(ctx), !ctx);
    api_calls++;
}

static void call_values(void)
{
    const rmx_schedule schedule = {
        .kind = (rmx_schedule_kind)api_random(5), .warmup = api_count(0), .steps = api_count(0)};
    (void)rmx_schedule_lr(api_chance(9) ? NULL : &schedule, (double)api_number(), api_count(0));
    (void)rmx_optimizer_default((rmx_optimizer)api_random(9));
    api_calls += 2;
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool prepare(const char *code)
{
    const rmx_context_options options = {.device = RMX_DEVICE_CPU, .threads = 2, .cpu_code = code};
    if (rmx_context_create(&options, &api_ctx, NULL, 0) != RMX_OK) return false;
    for (int i = 0; i < BUFFERS; i++) {
        void *memory;
        if (rmx_alloc(api_ctx, API_FLOATS * sizeof(float), &memory) != RMX_OK) return false;
        buffers[i] = memory;
        for (int64_t j = 0; j < API_FLOATS; j++) buffers[i][j] = api_number();
    }
    if (rmx_alloc(api_ctx, API_FLOATS * sizeof(float), &zeros) != RMX_OK) return false;
    return rmx_zero(api_ctx, zeros, API_FLOATS * sizeof(float)) == RMX_OK;
}

static void finish(void)
{
    for (int i = 0; i < BUFFERS; i++) rmx_free(api_ctx, buffers[i]);
    rmx_free(api_ctx, zeros);
    rmx_context_destroy(api_ctx);
}

int main(int argc, char **argv)
{
    static void (*const all[])(void) = {
        call_context,      call_memory,       call_values,    api_call_rows,  api_call_blocks,
        api_call_rows,     api_call_blocks,   api_call_views, api_call_views, api_call_products,
        api_call_products, api_call_products, api_call_model};
    const int64_t wanted = argc > 1 ? atoll(argv[1]) : 100000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    static const char *const codes[] = {NULL, "generic", "reference"};
    for (int i = 0; i < 3; i++) {
        state = seed + (uint64_t)i;
        if (!prepare(codes[i])) return fprintf(stderr, "no context of the CPU\n"), 1;
        while (api_calls < wanted * (i + 1) / 3) all[api_random(sizeof all / sizeof *all)]();
        finish();
    }
    printf("%lld calls, %lld accepted, seed %llu: %lld wrong\n", (long long)api_calls,
           (long long)api_accepted, (unsigned long long)seed, (long long)api_wrong);
    return api_wrong != 0;
}
