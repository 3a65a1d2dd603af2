/* SPDX-License-Identifier: MIT */
/* measure.c: time, in turns; see bench.h. */
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "clock_cuda.h"

#define RUNS_MOST 301
#define REST_S 0.12 /* OpenBLAS's threads spin for 2^28 cycles after a call */

/* ---- clocks ------------------------------------------------------------------------------ */

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* On a GPU its own events tell the time: launches are not waited for between two calls. */
static rmx_status clock_start(const bench *b, double *began)
{
#ifdef RMX_WITH_CUDA
    if (b->cuda) return clock_cuda_start(b->backend);
#endif
    (void)b;
    *began = wall();
    return RMX_OK;
}

static rmx_status clock_stop(const bench *b, double began, double *seconds)
{
#ifdef RMX_WITH_CUDA
    if (b->cuda) return clock_cuda_stop(b->backend, seconds);
#endif
    (void)b;
    *seconds = wall() - began;
    return RMX_OK;
}

/* ---- turns ------------------------------------------------------------------------------- */

typedef struct lane { /* of one side */
    const bench_side *side;
    int64_t turn, repeat;
    double call;     /* seconds, about */
    bool settle;     /* rest and warm up before a sample */
    void *recording; /* of repeat calls, or NULL */
    double sample[RUNS_MOST];
} lane;

static rmx_status calls(lane *l, int64_t count)
{
    for (int64_t i = 0; i < count; i++) BENCH_TRY(l->side->run(l->side->user, l->turn++));
    return RMX_OK;
}

static rmx_status replay(const bench *b, const lane *l)
{
    return rmx_context_check(b->ctx, b->backend->ops->replay(b->backend, l->recording));
}

/* Threads of the other side that still spin would take this one's cores, so it rests; then its
 * own threads are woken by a call that is not counted, unless a call is so long that it does not
 * matter. */
static rmx_status sample(const bench *b, lane *l, double *seconds)
{
    double began = 0.0;
    if (l->settle) {
        const struct timespec rest = {.tv_nsec = (long)((b->quick ? 0.1 : 1.0) * REST_S * 1e9)};
        nanosleep(&rest, NULL);
    }
    if (l->settle && l->call < 0.02) BENCH_TRY(calls(l, 1));
    BENCH_TRY(clock_start(b, &began));
    BENCH_TRY(l->recording ? replay(b, l) : calls(l, l->repeat));
    BENCH_TRY(clock_stop(b, began, seconds));
    *seconds /= (double)l->repeat;
    return RMX_OK;
}

/* Whole rounds of the sets, so that none is met again sooner than the others. */
static rmx_status record(const bench *b, lane *l)
{
    const rmx_ops *ops = b->backend->ops;
    const int64_t sets = l->side->sets;
    if (sets == 0 || !ops->record_begin || b->launched) return RMX_OK;
    l->repeat = (l->repeat + sets - 1) / sets * sets;
    l->turn = 0;
    BENCH_TRY(rmx_context_check(b->ctx, ops->record_begin(b->backend)));
    const rmx_status run = calls(l, l->repeat);
    const rmx_status end = ops->record_end(b->backend, &l->recording);
    BENCH_TRY(run);
    BENCH_TRY(rmx_context_check(b->ctx, end));
    return replay(b, l); /* the first one is slower */
}

static void forget(const bench *b, lane *l)
{
    if (l->recording) b->backend->ops->record_free(b->backend, l->recording);
    l->recording = NULL;
}

/* Warms up, and finds how many calls make a sample that the clock resolves well. */
static rmx_status calibrate(const bench *b, lane *l)
{
    const double least = b->quick ? 1e-4 : b->cuda ? 1e-3 : 3e-3;
    BENCH_TRY(calls(l, 1));
    for (l->repeat = 1;; l->repeat *= 2) {
        BENCH_TRY(sample(b, l, &l->call));
        if (l->call * (double)l->repeat >= least || l->repeat >= 65536) break;
    }
    return record(b, l);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_times bench_times_of(double *seconds, int32_t runs)
{
    qsort(seconds, (size_t)runs, sizeof(double), by_value);
    return (bench_times){.median = seconds[runs / 2],
                         .p10 = seconds[runs / 10],
                         .p90 = seconds[runs - 1 - runs / 10],
                         .runs = runs};
}

static rmx_status measure(const bench *b, lane *lanes, int sides, bool settle, bench_times *out)
{
    const int32_t least = b->quick ? 3 : 5;
    int32_t runs = 0;
    for (int s = 0; s < sides; s++) BENCH_TRY(calibrate(b, &lanes[s]));
    for (int s = 0; s < sides; s++) lanes[s].settle = settle;
    const double end = wall() + b->seconds * sides;
    while (runs < RUNS_MOST && (runs < least || wall() < end)) {
        for (int s = 0; s < sides; s++) BENCH_TRY(sample(b, &lanes[s], &lanes[s].sample[runs]));
        runs++;
    }
    for (int s = 0; s < sides; s++) out[s] = bench_times_of(lanes[s].sample, runs);
    return RMX_OK;
}

rmx_status bench_measure(bench *b, const bench_side *side, int sides, bench_times *out)
{
    static lane lanes[BENCH_SIDES]; /* too large for a stack; one measurement at a time */
    bool spins = false;
    for (int s = 0; s < sides; s++) spins = spins || side[s].spins;
    for (int s = 0; s < sides; s++) lanes[s] = (lane){.side = &side[s]};
    const bool settle = spins && !b->cuda && b->threads > 1;
    const rmx_status status = measure(b, lanes, sides, settle, out);
    for (int s = 0; s < sides; s++) forget(b, &lanes[s]);
    return status;
}

bench_record bench_record_of(const bench *b, const char *op, const char *shape,
                             const bench_times *times, double bytes, double flop)
{
    bench_record r = bench_record_none(b->noun, op, shape);
    r.time = *times;
    r.bytes = bytes;
    r.flop = flop;
    const double copy = bytes / b->copy_rate, fma = flop / b->fma_rate;
    const bool by_copy = !(fma > copy) && isfinite(copy); /* also where fma is unknown */
    const double bound = by_copy ? copy : fma;
    if (!isfinite(bound)) return r;
    snprintf(r.ceiling, sizeof r.ceiling, "%s", by_copy ? "copy" : "fma");
    r.share = bound / times->median;
    return r;
}

rmx_status bench_add(bench *b, const bench_record *record)
{
    if (records_add(b->out, record)) return RMX_OK;
    return rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
}
