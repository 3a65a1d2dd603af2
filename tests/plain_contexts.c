/* SPDX-License-Identifier: MIT */
/* plain_contexts.c: several contexts in several threads at once, for ThreadSanitizer too.
 *
 * Each of four threads makes a context on the CPU and, where there is a GPU, one on it, and trains
 * a small model on each in turn, step by step. All have the bits of a run that was alone. Without
 * a GPU the half on the CPU is done all the same: exit status 77 means that it passed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rankmixer/model.h"

enum { THREADS = 4, FIELDS = 5, DENSE = 2, BATCH = 200, STEPS = 12 };

typedef struct run {
    rmx_context *ctx;
    rmx_model *model;
} run;

static pthread_barrier_t start;
static bool with_gpu;
static uint64_t expected;

/* Says what went wrong, and where. */
static bool good(const run *r, const char *call, rmx_status status)
{
    if (status == RMX_OK) return true;
    printf("%s: %s: %s\n", call, rmx_status_name(status), rmx_last_error(r->ctx));
    return false;
}

static bool open_run(run *r, rmx_device device)
{
    static const int64_t vocabulary[FIELDS] = {40, 41, 42, 43, 44};
    const rmx_context_options options = {.device = device, .threads = 2};
    const rmx_model_config config = {.tokens = 4,
                                     .width = 16,
                                     .layers = 2,
                                     .expansion = 2,
                                     .dropout = 0.1f,
                                     .embedding_width = 4,
                                     .sparse_fields = FIELDS,
                                     .vocabulary = vocabulary,
                                     .dense_fields = DENSE,
                                     .tasks = 1,
                                     .batch = BATCH,
                                     .micro_batch = 128,
                                     .seed = 5};
    const rmx_model_training how = {.dense = rmx_optimizer_default(RMX_OPTIMIZER_ADAMW),
                                    .embedding = rmx_optimizer_default(RMX_OPTIMIZER_ADAGRAD),
                                    .clip = 1.0f};
    char why[512] = "";
    memset(r, 0, sizeof *r);
    if (rmx_context_create(&options, &r->ctx, why, sizeof why) != RMX_OK) {
        printf("a context: %s\n", why);
        return false;
    }
    return good(r, "create", rmx_model_create(r->ctx, &config, &how, &r->model));
}

static void close_run(run *r)
{
    rmx_model_destroy(r->model);
    rmx_context_destroy(r->ctx);
}

/* Data of a step: a hash of step and place. */
static uint32_t word(uint64_t step, int i)
{
    uint32_t x = (uint32_t)step * 2654435761u + (uint32_t)i * 40503u;
    x = (x ^ (x >> 15)) * 0x2c1b3c6du;
    x = (x ^ (x >> 12)) * 0x297a2d39u;
    return x ^ (x >> 15);
}

static bool train_step(run *r, uint64_t number)
{
    uint32_t ids[BATCH * FIELDS];
    float dense[BATCH * DENSE];
    uint8_t labels[BATCH];
    for (int i = 0; i < BATCH * FIELDS; i++) ids[i] = word(number, i) % 40;
    for (int i = 0; i < BATCH * DENSE; i++)
        dense[i] = (float)(word(number, 5000 + i) >> 8) * 0x1p-23f - 1.0f;
    for (int i = 0; i < BATCH; i++) labels[i] = word(number, 9000 + i) % 3 == 0;
    const rmx_batch batch = {.samples = BATCH, .sparse = ids, .dense = dense, .labels = labels};
    const rmx_step step = {.step = number, .lr = 0.01f, .embedding_lr = 0.05f};
    return good(r, "load", rmx_model_set_batch(r->model, &batch)) &&
           good(r, "step", rmx_model_step(r->model, &step));
}

/* FNV-1a over the bytes of all parameters. */
static bool checksum(run *r, uint64_t *sum)
{
    static _Thread_local float host[1 << 14];
    rmx_step_result result;
    if (!good(r, "read", rmx_model_read(r->model, &result))) return false;
    *sum = 0xcbf29ce484222325u;
    for (int32_t i = 0; i < rmx_model_parameter_count(r->model); i++) {
        rmx_parameter p;
        if (!good(r, "parameter", rmx_model_parameter(r->model, i, &p))) return false;
        const size_t bytes = (size_t)p.count * sizeof *host;
        if (bytes > sizeof host ||
            !good(r, "download", rmx_download(r->ctx, host, p.value, bytes)))
            return false;
        for (size_t b = 0; b < bytes; b++)
            *sum = (*sum ^ ((const unsigned char *)host)[b]) * 0x100000001b3u;
    }
    return result.finite;
}

/* One context on the CPU and perhaps one on the GPU, step by step in turn. */
static bool work(bool gpu)
{
    static const rmx_device devices[2] = {RMX_DEVICE_CPU, RMX_DEVICE_CUDA};
    run runs[2] = {{0}};
    const int count = gpu ? 2 : 1;
    bool fine = true;
    uint64_t sum[2] = {0};
    for (int i = 0; fine && i < count; i++) fine = open_run(&runs[i], devices[i]);
    for (uint64_t s = 1; fine && s <= STEPS; s++)
        for (int i = 0; fine && i < count; i++) fine = train_step(&runs[i], s);
    for (int i = 0; fine && i < count; i++) fine = checksum(&runs[i], &sum[i]);
    for (int i = 0; fine && i < count; i++) {
        if (!expected) expected = sum[i]; /* the first of all, alone */
        fine = sum[i] == expected;
        if (!fine)
            printf("%s: %016llx, alone %016llx\n", rmx_context_code(runs[i].ctx),
                   (unsigned long long)sum[i], (unsigned long long)expected);
    }
    for (int i = 0; i < count; i++) close_run(&runs[i]);
    return fine;
}

static void *worker(void *argument)
{
    bool *fine = argument;
    (void)pthread_barrier_wait(&start);
    *fine = true;
    for (int i = 0; *fine && i < 2; i++) *fine = work(with_gpu); /* one goes, others work on */
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    bool fine[THREADS] = {false};
    char why[512] = "";
    rmx_context *ctx = NULL;
    const rmx_context_options gpu = {.device = RMX_DEVICE_CUDA};
    setvbuf(stdout, NULL, _IOLBF, 0);
    with_gpu = rmx_context_create(&gpu, &ctx, why, sizeof why) == RMX_OK;
    rmx_context_destroy(ctx);
    if (!work(false) || (with_gpu && !work(true))) return 1;
    if (pthread_barrier_init(&start, NULL, THREADS) != 0) return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, worker, &fine[i]) != 0) return 1;
    bool all = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all = all && fine[i];
    }
    pthread_barrier_destroy(&start);
    if (!all) return 1;
    if (with_gpu) {
        printf("%d threads, a context on the CPU and one on the GPU each: equal\n", THREADS);
        return 0;
    }
    printf("no GPU: %s; %d contexts on the CPU were equal\n", why, THREADS);
    return 77;
}
