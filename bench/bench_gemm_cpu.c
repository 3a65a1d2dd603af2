/* bench_gemm_cpu.c: the CPU product against OpenBLAS sgemm at equal threads.
 *
 *   bench_gemm_cpu [threads] [seconds per shape] [part of a shape's name]
 *
 * Both sides take turns within one run and the medians are compared, as a shared machine drifts
 * by more than the difference. Results are compared before anything is timed. OpenBLAS is opened
 * at run time: the library never depends on it. */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/cpu/backend.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                      const float *a, int lda, const float *b, int ldb, float beta, float *c,
                      int ldc);
typedef void set_threads_fn(int threads);

/* batch products, one a token of [rows, batch, width] where batch > 1. */
typedef struct shape {
    const char *kind;
    int64_t m, n, k, batch;
    bool trans_a, trans_b, accumulate, tokens;
} shape;

typedef struct problem {
    rmx_gemm_args args;
    float *a, *b, *c, *other; /* other: OpenBLAS's result */
    int lda, ldb, ldc;
    const shape *s;
    rmx_backend *backend;
} problem;

static sgemm_fn *sgemm;
/* One thread is timed by its own processor time, which other programs disturb less. */
static clockid_t time_source = CLOCK_MONOTONIC;

static double now(void)
{
    struct timespec t;
    clock_gettime(time_source, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *filled(int64_t count, uint64_t seed)
{
    float *p = aligned_alloc(64, ((size_t)count * sizeof(float) / 64 + 1) * 64);
    if (!p) exit(1);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        p[i] = (float)((double)(seed >> 40) * 0x1p-24 - 0.5);
    }
    return p;
}

static void setup(problem *p, const shape *s, rmx_backend *backend)
{
    const int64_t spread = s->tokens ? s->batch : 1;
    const int64_t a_width = s->trans_a ? s->m : s->k, b_width = s->trans_b ? s->k : s->n;
    /* weights lie one after another; activations and their gradients token by token */
    const int64_t lda = a_width * spread, ldc = s->trans_a ? s->n : s->n * spread;
    const int64_t ldb = s->trans_a ? b_width * spread : b_width;
    p->s = s;
    p->backend = backend;
    p->lda = (int)lda;
    p->ldb = (int)ldb;
    p->ldc = (int)ldc;
    p->a = filled(s->batch * s->m * s->k, 1);
    p->b = filled(s->batch * s->k * s->n, 2);
    p->c = filled(s->batch * s->m * s->n, 3);
    p->other = filled(s->batch * s->m * s->n, 3);
    const int64_t step_a = s->tokens ? a_width : s->m * s->k;
    const int64_t step_b = s->tokens && s->trans_a ? b_width : s->k * s->n;
    const int64_t step_c = s->tokens && !s->trans_a ? s->n : s->m * s->n;
    p->args = (rmx_gemm_args){.m = s->m,
                              .n = s->n,
                              .k = s->k,
                              .batch = {1, s->batch},
                              .a = {.p = p->a,
                                    .rs = s->trans_a ? 1 : lda,
                                    .cs = s->trans_a ? lda : 1,
                                    .batch = {0, step_a}},
                              .b = {.p = p->b,
                                    .rs = s->trans_b ? 1 : ldb,
                                    .cs = s->trans_b ? ldb : 1,
                                    .batch = {0, step_b}},
                              .c = {.p = p->c, .rs = ldc, .batch = {0, step_c}},
                              .accumulate = s->accumulate,
                              .alpha = 1.0f};
}

static void teardown(problem *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
    free(p->other);
}

static void ours(problem *p)
{
    if (p->backend->ops->gemm(p->backend, &p->args) != RMX_OK) exit(1);
}

static void theirs(problem *p)
{
    const shape *s = p->s;
    for (int64_t t = 0; t < s->batch; t++)
        sgemm(ROW_MAJOR, s->trans_a ? TRANS : NO_TRANS, s->trans_b ? TRANS : NO_TRANS, (int)s->m,
              (int)s->n, (int)s->k, 1.0f, p->a + t * p->args.a.batch[1], p->lda,
              p->b + t * p->args.b.batch[1], p->ldb, s->accumulate ? 1.0f : 0.0f,
              p->other + t * p->args.c.batch[1], p->ldc);
}

static void compare(const problem *p)
{
    const shape *s = p->s;
    const double bound = 1e-6 * (double)(s->k + 8) * 0.25;
    for (int64_t i = 0; i < s->batch * s->m * s->n; i++) {
        if (fabs((double)p->c[i] - (double)p->other[i]) <= bound) continue;
        fprintf(stderr, "results differ at %ld: %g and %g\n", (long)i, p->c[i], p->other[i]);
        exit(1);
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void rest(double seconds)
{
    const struct timespec t = {.tv_nsec = (long)(seconds * 1e9)};
    nanosleep(&t, NULL);
}

/* Seconds a call of one side. With several threads it is warmed up after a rest, as OpenBLAS's
 * threads spin for a while after their last call and would hold the cores that ours need. */
static double sample(problem *p, void (*side)(problem *), int64_t repeat, bool alone)
{
    if (!alone) {
        rest(0.05);
        side(p);
    }
    const double t0 = now();
    for (int64_t r = 0; r < repeat; r++) side(p);
    return (now() - t0) / (double)repeat;
}

/* Medians of seconds a call. */
static void measure(problem *p, double seconds, bool alone, double median[2])
{
    enum { MOST = 2000 };
    static double samples[2][MOST];
    const double least = alone ? 2e-4 : 5e-3; /* length of a sample */
    void (*const side[2])(problem *) = {ours, theirs};
    int64_t repeat[2] = {1, 1};
    for (int i = 0; i < 2; i++) {
        while (sample(p, side[i], repeat[i], alone) * (double)repeat[i] < least) repeat[i] *= 2;
    }
    size_t count = 0;
    for (const double end = now() + seconds; count < MOST && (now() < end || count < 5); count++) {
        for (int i = 0; i < 2; i++) samples[i][count] = sample(p, side[i], repeat[i], alone);
    }
    for (int i = 0; i < 2; i++) {
        qsort(samples[i], count, sizeof(double), by_value);
        median[i] = samples[i][count / 2];
    }
}

static const shape training[] = {
    {.kind = "dact = dv W2^T", .m = 512, .n = 3072, .k = 768, .batch = 1, .trans_b = true},
    {.kind = "dact tokens",
     .m = 256,
     .n = 512,
     .k = 128,
     .batch = 16,
     .trans_b = true,
     .tokens = true},
    {.kind = "dW = x^T dy",
     .m = 768,
     .n = 3072,
     .k = 512,
     .batch = 1,
     .trans_a = true,
     .accumulate = true},
    {.kind = "dW tokens",
     .m = 128,
     .n = 512,
     .k = 256,
     .batch = 16,
     .trans_a = true,
     .accumulate = true,
     .tokens = true},
    {.kind = "dW tokens small",
     .m = 64,
     .n = 128,
     .k = 1024,
     .batch = 16,
     .trans_a = true,
     .accumulate = true,
     .tokens = true},
    {.kind = "ffn up tokens", .m = 256, .n = 512, .k = 128, .batch = 16, .tokens = true},
    {.kind = "ffn down tokens", .m = 256, .n = 128, .k = 512, .batch = 16, .tokens = true},
    {.kind = "ffn tokens small", .m = 64, .n = 64, .k = 64, .batch = 16, .tokens = true},
    {.kind = "head", .m = 4096, .n = 1, .k = 768, .batch = 1},
    {.kind = "head dW",
     .m = 768,
     .n = 1,
     .k = 4096,
     .batch = 1,
     .trans_a = true,
     .accumulate = true},
    {.kind = "head dx", .m = 4096, .n = 768, .k = 1, .batch = 1},
    {.kind = "three tasks", .m = 4096, .n = 3, .k = 768, .batch = 1},
    {.kind = "attention q k^T", .m = 16, .n = 16, .k = 4, .batch = 4096, .trans_b = true},
    {.kind = "attention p v", .m = 16, .n = 4, .k = 16, .batch = 4096},
    {.kind = "B^T few rows", .m = 4, .n = 768, .k = 3072, .batch = 1, .trans_b = true},
};

static double bench(const shape *s, rmx_backend *backend, double seconds, const char *only)
{
    char name[96];
    snprintf(name, sizeof name, "%-18s %5ld x %4ld x %4ld, %4ld", s->kind, (long)s->m, (long)s->n,
             (long)s->k, (long)s->batch);
    if (only && !strstr(name, only)) return 1.0;
    problem p;
    setup(&p, s, backend);
    ours(&p);
    theirs(&p);
    compare(&p);
    double median[2];
    measure(&p, seconds, time_source != CLOCK_MONOTONIC, median);
    const double flop = 2.0 * (double)(s->batch * s->m * s->n * s->k);
    printf("%-46s %8.2f %8.2f %6.2f\n", name, flop / median[0] * 1e-9, flop / median[1] * 1e-9,
           median[1] / median[0]);
    fflush(stdout);
    teardown(&p);
    return median[1] / median[0];
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    const double seconds = argc > 2 ? atof(argv[2]) : 0.5;
    const char *only = argc > 3 ? argv[3] : NULL;
    void *blas = dlopen("libopenblas.so.0", RTLD_NOW);
    rmx_backend backend;
    if (!blas || rmx_cpu_backend_create(getenv("RMX_CPU"), threads, &backend) != RMX_OK) {
        fprintf(stderr, "%s\n", blas ? backend.error : "needs libopenblas.so.0");
        return 1;
    }
    void *symbols[2] = {dlsym(blas, "cblas_sgemm"), dlsym(blas, "openblas_set_num_threads")};
    set_threads_fn *set_threads;
    memcpy(&sgemm, &symbols[0], sizeof sgemm);
    memcpy(&set_threads, &symbols[1], sizeof set_threads);
    set_threads(threads);
    if (threads == 1) time_source = CLOCK_THREAD_CPUTIME_ID;
    printf("%s, %d thread%s        m    n    k  batch  GFLOP/s OpenBLAS  ratio\n",
           backend.ops->code, threads, threads == 1 ? "" : "s");
    static const int64_t rows[] = {1, 16, 128, 1024, 4096};
    static const int64_t nk[][2] = {{3072, 768}, {768, 3072}, {256, 64}, {1024, 1024}};
    double logs = 0.0;
    int count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < sizeof nk / sizeof *nk; j++) {
            const shape s = {
                .kind = "x W", .m = rows[i], .n = nk[j][0], .k = nk[j][1], .batch = 1};
            logs += log(bench(&s, &backend, seconds, only));
            count++;
        }
    }
    printf("geometric mean of the ratios %34.3f\n", exp(logs / count));
    for (size_t i = 0; i < sizeof training / sizeof *training; i++)
        bench(&training[i], &backend, seconds, only);
    rmx_cpu_backend_destroy(&backend);
    return 0;
}
