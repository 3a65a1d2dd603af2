/* SPDX-License-Identifier: MIT */
/* bench_memory.c: the memory that training takes against what rmx_model_plan says. */
#include "bench.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock_cuda.h"
#include "workload.h"

/* ---- the child --------------------------------------------------------------------------- */

/* "VmHWM", the most that ever was resident, or "VmRSS". */
static int64_t of_process(const char *key)
{
    char line[128];
    long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) != 0 || line[strlen(key)] != ':') continue;
        kib = strtoll(line + strlen(key) + 1, NULL, 10);
        break;
    }
    fclose(file);
    return kib * 1024;
}

static int64_t in_use(const bench *b, bool peak)
{
#ifdef RMX_WITH_CUDA
    if (b->cuda) return clock_cuda_used_bytes();
#endif
    (void)b;
    return of_process(peak ? "VmHWM" : "VmRSS");
}

/* What was resident before is not this model's: what was freed goes back, the peak starts over. */
static void forget_peak(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return; /* then the count is too low by what was freed before, if at all */
    fputs("5", file);
    fclose(file);
}

static rmx_status train(bench *b, workload *w, int64_t rows, rmx_model **model)
{
    rmx_step_result result;
    rmx_model_config config = w->setup.model;
    const rmx_batch batch = workload_batch(w, 0, rows);
    config.batch = rows;
    BENCH_TRY(rmx_model_create(b->ctx, &config, &w->setup.training, model));
    for (uint64_t step = 1; step <= 3; step++) {
        const rmx_step s = {.step = step, .lr = 1e-4f, .embedding_lr = 1e-3f};
        BENCH_TRY(rmx_model_set_batch(*model, &batch));
        BENCH_TRY(rmx_model_step(*model, &s));
    }
    return rmx_model_read(*model, &result);
}

/* The program's code and the context's own scratch are there before the count begins: a small
 * batch is trained on first. */
static rmx_status count(bench *b, workload *w, rmx_model **model)
{
    rmx_model_memory plan;
    BENCH_TRY(rmx_model_plan(b->ctx, &w->setup.model, &w->setup.training, &plan));
    BENCH_TRY(train(b, w, w->rows < 128 ? w->rows : 128, model));
    rmx_model_destroy(*model);
    *model = NULL;
    forget_peak();
    const int64_t before = in_use(b, false);
    BENCH_TRY(train(b, w, w->rows, model));
    /* a CPU's process holds the host's part of the plan, too */
    const int64_t planned = plan.total_bytes + (b->cuda ? 0 : plan.host_bytes);
    printf("planned %lld grown %lld\n", (long long)planned, (long long)(in_use(b, true) - before));
    return RMX_OK;
}

rmx_status bench_memory_child(bench *b, const char *config, int64_t batch)
{
    workload w;
    rmx_model *model = NULL;
    rmx_status status = workload_open(config, batch, &w, &b->error);
    if (status == RMX_OK) status = count(b, &w, &model);
    rmx_model_destroy(model);
    workload_close(&w);
    return status;
}

/* ---- the parent -------------------------------------------------------------------------- */

typedef struct memory_child {
    int64_t planned_bytes; /* of rmx_model_plan */
    int64_t grown_bytes;   /* of the process at its peak, or of the device */
} memory_child;

static void start_child(const bench *b, const char *config, int64_t batch, int out)
{
    char self[4096], threads[32], rows[48], from[4200];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) _exit(127);
    self[length] = '\0';
    snprintf(threads, sizeof threads, "--threads=%d", b->threads);
    snprintf(rows, sizeof rows, "--memory-of=%lld", (long long)batch);
    snprintf(from, sizeof from, "--config=%s", config ? config : "");
    char device[] = "--device=cuda", cpu[] = "--device=cpu", quick[] = "--quick";
    char *arguments[] = {self,  b->cuda ? device : cpu, threads, rows,
                         quick, config ? from : NULL,   NULL};
    if (dup2(out, STDOUT_FILENO) < 0) _exit(127);
    execv(self, arguments);
    _exit(127);
}

static rmx_status no_child(bench *b, const char *what)
{
    return rmx_fail(&b->error, RMX_ERR_INTERNAL, "the process that trains for memory: %s", what);
}

/* Starts this program again with --memory-of BATCH and reads what it prints. */
static rmx_status ask_child(bench *b, const char *config, int64_t batch, memory_child *out)
{
    int ends[2], status = 0;
    char text[128] = "";
    long long planned = 0, grown = 0;
    if (pipe(ends) != 0) return no_child(b, strerror(errno));
    const pid_t child = fork();
    if (child == 0) start_child(b, config, batch, ends[1]);
    close(ends[1]);
    FILE *from = child > 0 ? fdopen(ends[0], "r") : NULL;
    const bool read = from && fgets(text, sizeof text, from) &&
                      sscanf(text, "planned %lld grown %lld", &planned, &grown) == 2;
    if (from)
        fclose(from);
    else
        close(ends[0]);
    if (child < 0) return no_child(b, strerror(errno));
    if (waitpid(child, &status, 0) != child || status != 0 || !read)
        return no_child(b, "it failed");
    *out = (memory_child){planned, grown};
    return RMX_OK;
}

static rmx_status line(bench *b, const char *config, int64_t batch)
{
    memory_child child = {0, 0};
    char shape[48];
    snprintf(shape, sizeof shape, "B=%lld %s", (long long)batch, workload_name(config).text);
    bench_record r =
        bench_record_none(b->noun, b->cuda ? "device memory" : "peak resident memory", shape);
    if (!bench_wants(b, r.op, r.shape)) return RMX_OK;
    BENCH_TRY(ask_child(b, config, batch, &child));
    snprintf(r.yardstick, sizeof r.yardstick, "planned");
    r.x = (double)batch;
    r.memory = (double)child.grown_bytes;
    r.ratio = (double)child.grown_bytes / (double)child.planned_bytes;
    return bench_add(b, &r);
}

static rmx_status lines(bench *b, const char *config, const int64_t *size)
{
    for (; *size; size++) BENCH_TRY(line(b, config, *size));
    return RMX_OK;
}

rmx_status bench_memory(bench *b)
{
    static const int64_t sizes[] = {512, 2048, 8192, 0}, quick[] = {512, 0};
    static const int64_t large[] = {256, 0}, large_cuda[] = {4096, 0};
    for (int32_t i = 0; i < b->config_count; i++)
        BENCH_TRY(lines(b, b->configs[i], b->quick ? quick : sizes));
    if (b->config_count > 0) return RMX_OK;
    BENCH_TRY(lines(b, SHIPPED "base.ini", b->quick ? quick : sizes));
    return b->quick ? RMX_OK
                    : lines(b, SHIPPED "rankmixer-100m.ini", b->cuda ? large_cuda : large);
}
