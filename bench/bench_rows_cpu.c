/* bench_rows_cpu.c: the CPU's memory-bound kernels against the machine's own copy bandwidth.
 *
 *   bench_rows_cpu [threads] [code] [part of a kernel's name]
 *
 * A kernel's GB/s are the bytes it cannot avoid (inputs once, outputs once) over its median time.
 * The yardstick is a copy by as many threads between buffers of the same size, measured in turns
 * with the kernel: a shared machine drifts by more than the difference. The copy stores past the
 * caches: memcpy, which reads what it overwrites, was seen to reach little over half of it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "kernels/cpu/backend.h"
#include "kernels/cpu/threads.h"

#define FLOATS ((int64_t)24 << 20) /* 96 MiB a buffer: larger than the L3 cache */
#define TURNS 9

typedef struct bench {
    rmx_backend *backend;
    float *x, *y, *z, *small, *ws;
} bench;

/* One thread is timed by its own processor time, which other programs disturb less. */
static clockid_t time_source = CLOCK_MONOTONIC;

static double now(void)
{
    struct timespec t;
    clock_gettime(time_source, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(rmx_status status)
{
    if (status != RMX_OK) abort();
}

/* ---- kernels; each returns the bytes it cannot avoid --------------------------------------- */

typedef double bench_fn(bench *b, int64_t width);

static const double once = 4.0 * (double)FLOATS; /* bytes of one whole buffer */

static void copy_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const bench *b = job;
    (void)worker;
#ifdef __SSE__
    for (int64_t i = begin; i < end; i += 4) _mm_stream_ps(b->y + i, _mm_load_ps(b->x + i));
    _mm_sfence();
#else
    memcpy(b->y + begin, b->x + begin, sizeof(float) * (size_t)(end - begin));
#endif
}

static double copy(bench *b, int64_t width)
{
    (void)width;
    rmx_parallel(rmx_cpu_pool(b->backend), FLOATS, 1 << 20, copy_task, b);
    return 2 * once;
}

static double token_mix(bench *b, int64_t width)
{
    const rmx_token_mix_args a = {.samples = FLOATS / (16 * width),
                                  .tokens = 16,
                                  .width = width,
                                  .heads = 16,
                                  .x = b->x,
                                  .y = b->y};
    must(b->backend->ops->token_mix(b->backend, &a));
    return 2 * once;
}

static double token_mixer(bench *b, int64_t width)
{
    const rmx_token_mixer_args a = {.samples = FLOATS / (16 * width),
                                    .tokens = 16,
                                    .width = width,
                                    .heads = 16,
                                    .eps = 1e-5f,
                                    .x = b->x,
                                    .gamma = b->small,
                                    .beta = b->small + width,
                                    .y = b->y,
                                    .mean = b->z,
                                    .rstd = b->z + FLOATS / width};
    must(b->backend->ops->token_mixer(b->backend, &a));
    return 2 * once;
}

static double token_mixer_backward(bench *b, int64_t width)
{
    const int64_t samples = FLOATS / (32 * width); /* half: dy and x share a buffer's length */
    const rmx_token_mixer_backward_args a = {.samples = samples,
                                             .tokens = 16,
                                             .width = width,
                                             .heads = 16,
                                             .dy = b->x,
                                             .x = b->x + FLOATS / 2,
                                             .gamma = b->small,
                                             .mean = b->z,
                                             .rstd = b->z + FLOATS / width,
                                             .dx = b->y,
                                             .dgamma = b->small + 4 * width,
                                             .dbeta = b->small + 5 * width,
                                             .ws = b->ws};
    must(b->backend->ops->token_mixer_backward(b->backend, &a));
    return 1.5 * once;
}

static double norm(bench *b, int64_t width)
{
    const rmx_norm_args a = {.kind = RMX_NORM_LAYER,
                             .rows = FLOATS / width,
                             .dim = width,
                             .ld_x = width,
                             .ld_y = width,
                             .eps = 1e-5f,
                             .x = b->x,
                             .gamma = b->small,
                             .beta = b->small + width,
                             .y = b->y,
                             .mean = b->z,
                             .rstd = b->z + FLOATS / width};
    must(b->backend->ops->norm(b->backend, &a));
    return 2 * once;
}

static double norm_backward(bench *b, int64_t width)
{
    const rmx_norm_backward_args a = {.kind = RMX_NORM_LAYER,
                                      .rows = FLOATS / (2 * width),
                                      .dim = width,
                                      .ld = width,
                                      .dy = b->x,
                                      .x = b->x + FLOATS / 2,
                                      .gamma = b->small,
                                      .mean = b->z,
                                      .rstd = b->z + FLOATS / width,
                                      .dx = b->y,
                                      .dgamma = b->small + 4 * width,
                                      .dbeta = b->small + 5 * width,
                                      .ws = b->ws};
    must(b->backend->ops->norm_backward(b->backend, &a));
    return 1.5 * once;
}

static double softmax(bench *b, int64_t width)
{
    const rmx_softmax_args a = {
        .outer = FLOATS / width, .n = width, .inner = 1, .x = b->x, .y = b->y};
    must(b->backend->ops->softmax(b->backend, &a));
    return 2 * once;
}

static double softmax_across(bench *b, int64_t width)
{
    const rmx_softmax_args a = {
        .outer = FLOATS / (16 * width), .n = 16, .inner = width, .x = b->x, .y = b->y};
    must(b->backend->ops->softmax(b->backend, &a));
    return 2 * once;
}

static double softmax_backward(bench *b, int64_t width)
{
    const rmx_softmax_backward_args a = {.outer = FLOATS / (2 * width),
                                         .n = width,
                                         .inner = 1,
                                         .y = b->x,
                                         .dy = b->x + FLOATS / 2,
                                         .dx = b->y};
    must(b->backend->ops->softmax_backward(b->backend, &a));
    return 1.5 * once;
}

static double mean_tokens(bench *b, int64_t width)
{
    const rmx_mean_args a = {.kept = 2,
                             .reduced = 1,
                             .kept_shape = {FLOATS / (16 * width), width},
                             .kept_stride = {16 * width, 1},
                             .reduced_shape = {16},
                             .reduced_stride = {width},
                             .x = b->x,
                             .y = b->y};
    must(b->backend->ops->mean(b->backend, &a));
    return once * (1 + 1 / 16.0);
}

static double mean_rows(bench *b, int64_t width)
{
    const rmx_mean_args a = {.kept = 1,
                             .reduced = 1,
                             .kept_shape = {FLOATS / width},
                             .kept_stride = {width},
                             .reduced_shape = {width},
                             .reduced_stride = {1},
                             .x = b->x,
                             .y = b->y};
    must(b->backend->ops->mean(b->backend, &a));
    return once * (1 + 1 / (double)width);
}

static double mean_backward(bench *b, int64_t width)
{
    const rmx_mean_backward_args a = {
        .outer = FLOATS / (16 * width), .n = 16, .inner = width, .dy = b->x, .dx = b->y};
    must(b->backend->ops->mean_backward(b->backend, &a));
    return once * (1 + 1 / 16.0);
}

static double col_sum(bench *b, int64_t width)
{
    const rmx_col_sum_args a = {.groups = 1,
                                .rows = FLOATS / width,
                                .cols = width,
                                .ld = width,
                                .x = b->x,
                                .dst = b->small + 4 * width,
                                .ws = b->ws};
    must(b->backend->ops->col_sum(b->backend, &a));
    return once;
}

static double act(bench *b, int64_t kind)
{
    const rmx_act_args a = {.act = (rmx_act)kind, .n = FLOATS, .x = b->x, .y = b->y};
    must(b->backend->ops->act(b->backend, &a));
    return 2 * once;
}

static double act_backward(bench *b, int64_t kind)
{
    const rmx_act_backward_args a = {
        .act = (rmx_act)kind, .n = FLOATS / 2, .x = b->x, .dy = b->x + FLOATS / 2, .dx = b->y};
    must(b->backend->ops->act_backward(b->backend, &a));
    return 1.5 * once;
}

static double add(bench *b, int64_t width)
{
    const rmx_add_args a = {.n = FLOATS / 2, .x = b->x, .r = b->x + FLOATS / 2, .y = b->y};
    (void)width;
    must(b->backend->ops->add(b->backend, &a));
    return 1.5 * once;
}

static double dropout(bench *b, int64_t width)
{
    const uint64_t step = 1;
    const rmx_dropout_args a = {.n = FLOATS,
                                .seed = 1,
                                .step_counter = &step,
                                .p = 0.1f,
                                .scale = 1 / 0.9f,
                                .x = b->x,
                                .y = b->y};
    (void)width;
    must(b->backend->ops->dropout(b->backend, &a));
    return 2 * once;
}

static double sum_squares(bench *b, int64_t width)
{
    double sum = 0;
    const rmx_sum_squares_args a = {.n = FLOATS, .g = b->x, .sum = &sum, .ws = b->ws};
    (void)width;
    must(b->backend->ops->sum_squares(b->backend, &a));
    return once;
}

static double adamw(bench *b, int64_t width)
{
    const rmx_optim_scalars s = {.lr = 1e-3f,
                                 .beta1 = 0.9f,
                                 .beta2 = 0.99f,
                                 .eps = 1e-8f,
                                 .decay = 1,
                                 .bias1 = 1,
                                 .bias2 = 1,
                                 .one_minus_beta1 = 0.1f,
                                 .one_minus_beta2 = 0.01f};
    const int64_t n = FLOATS / 2;
    const rmx_optim_args a = {.kind = RMX_OPTIM_ADAMW,
                              .rows = 1,
                              .width = n,
                              .w = b->y,
                              .s1 = b->y + n,
                              .s2 = b->z,
                              .grad = b->x,
                              .scalars = &s};
    (void)width;
    must(b->backend->ops->optim(b->backend, &a));
    return 3.5 * once; /* three arrays read and written, one read */
}

static const struct {
    const char *name;
    bench_fn *run;
    int64_t parameter;
} kernels[] = {
    {"token_mix D=64", token_mix, 64},
    {"token_mix D=768", token_mix, 768},
    {"token_mixer D=64", token_mixer, 64},
    {"token_mixer D=768", token_mixer, 768},
    {"token_mixer_backward D=64", token_mixer_backward, 64},
    {"token_mixer_backward D=768", token_mixer_backward, 768},
    {"norm D=64", norm, 64},
    {"norm D=768", norm, 768},
    {"norm_backward D=64", norm_backward, 64},
    {"norm_backward D=768", norm_backward, 768},
    {"softmax n=16", softmax, 16},
    {"softmax n=1024", softmax, 1024},
    {"softmax n=16 across D=64", softmax_across, 64},
    {"softmax_backward n=16", softmax_backward, 16},
    {"mean of 16 tokens D=64", mean_tokens, 64},
    {"mean of 16 tokens D=768", mean_tokens, 768},
    {"mean of rows D=64", mean_rows, 64},
    {"mean_backward D=64", mean_backward, 64},
    {"col_sum D=256", col_sum, 256},
    {"gelu erf", act, RMX_ACT_GELU_ERF},
    {"gelu tanh", act, RMX_ACT_GELU_TANH},
    {"gelu erf backward", act_backward, RMX_ACT_GELU_ERF},
    {"add", add, 0},
    {"dropout", dropout, 0},
    {"sum_squares", sum_squares, 0},
    {"adamw", adamw, 0},
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* GB/s of one run */
static double rate(bench *b, bench_fn *run, int64_t parameter)
{
    const double start = now();
    const double bytes = run(b, parameter);
    return bytes / (now() - start) * 1e-9;
}

static float *buffer(int64_t count)
{
    float *p = aligned_alloc(256, (size_t)count * sizeof(float));
    if (!p) abort();
    for (int64_t i = 0; i < count; i++) p[i] = (float)(i * 7919 % 1021) / 500.0f - 1.0f;
    return p;
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 2;
    const char *code = argc > 2 && *argv[2] ? argv[2] : NULL, *part = argc > 3 ? argv[3] : "";
    rmx_backend backend;
    if (threads < 1 || rmx_cpu_backend_create(code, threads, &backend) != RMX_OK) {
        fprintf(stderr, "bench_rows_cpu: %s\n", threads < 1 ? "threads >= 1" : backend.error);
        return 1;
    }
    if (threads == 1) time_source = CLOCK_THREAD_CPUTIME_ID;
    bench b = {&backend,       buffer(FLOATS),  buffer(FLOATS),
               buffer(FLOATS), buffer(1 << 16), buffer(FLOATS)};
    printf("code %s, %d threads, medians of %d\n%-28s %8s %8s %7s\n", backend.ops->code, threads,
           TURNS, "kernel", "GB/s", "copy", "share");
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        double got[TURNS], of_copy[TURNS];
        if (!strstr(kernels[k].name, part)) continue;
        rate(&b, kernels[k].run, kernels[k].parameter); /* first touch of every page */
        for (int i = 0; i < TURNS; i++) {
            of_copy[i] = rate(&b, copy, 0);
            got[i] = rate(&b, kernels[k].run, kernels[k].parameter);
        }
        qsort(got, TURNS, sizeof *got, ascending);
        qsort(of_copy, TURNS, sizeof *of_copy, ascending);
        printf("%-28s %8.2f %8.2f %6.0f%%\n", kernels[k].name, got[TURNS / 2], of_copy[TURNS / 2],
               100 * got[TURNS / 2] / of_copy[TURNS / 2]);
        fflush(stdout);
    }
    rmx_cpu_backend_destroy(&backend);
    free(b.x), free(b.y), free(b.z), free(b.small), free(b.ws);
    return 0;
}
