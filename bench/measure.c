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
    double call; /* seconds, about */
    bool settle; /* rest and warm up before a sample */
    double sample[RUNS_MOST];
} lane;

static rmx_status calls(lane *l, int64_t count)
{
    for (int64_t i = 0; i < count; i++) BENCH_TRY(l->side->run(l->side->user, l->turn++));
    return RMX_OK;
}

/* Threads of the other side that still spin would take this one's cores, so it rests; then its
 * own threads are woken by a call that is not counted, unless a call is so long that it does not
 * matter. */
static rmx_status sample(const bench *b, lane *l, double *seconds)
{
    double began = 0.0;
    if (l->settle) {
        const struct timespec rest = {.tv_nsec = (long)(REST_S * 1e9)};
        nanosleep(&rest, NULL);
    }
    if (l->settle && l->call < 0.02) BENCH_TRY(calls(l, 1));
    BENCH_TRY(clock_start(b, &began));
    BENCH_TRY(calls(l, l->repeat));
    BENCH_TRY(clock_stop(b, began, seconds));
    *seconds /= (double)l->repeat;
    return RMX_OK;
}

/* Warms up, and finds how many calls make a sample that the clock resolves well. */
static rmx_status calibrate(const bench *b, lane *l)
{
    const double least = b->quick ? 1e-4 : b->cuda ? 5e-4 : 3e-3;
    BENCH_TRY(calls(l, 1));
    for (l->repeat = 1;; l->repeat *= 2) {
        BENCH_TRY(sample(b, l, &l->call));
        if (l->call * (double)l->repeat >= least || l->repeat >= 65536) return RMX_OK;
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bench_times times_of(lane *l, int32_t runs)
{
    qsort(l->sample, (size_t)runs, sizeof(double), by_value);
    return (bench_times){.median = l->sample[runs / 2],
                         .p10 = l->sample[runs / 10],
                         .p90 = l->sample[runs - 1 - runs / 10],
                         .runs = runs};
}

rmx_status bench_measure(bench *b, const bench_side *side, int sides, bench_times *out)
{
    static lane lanes[BENCH_SIDES]; /* too large for a stack; one measurement at a time */
    const int32_t least = b->quick ? 3 : 5;
    bool spins = false;
    for (int s = 0; s < sides; s++) spins = spins || side[s].spins;
    for (int s = 0; s < sides; s++) {
        lanes[s] = (lane){.side = &side[s], .settle = spins && !b->cuda && b->threads > 1};
        BENCH_TRY(calibrate(b, &lanes[s]));
    }
    int32_t runs = 0;
    const double end = wall() + b->seconds * sides;
    while (runs < RUNS_MOST && (runs < least || wall() < end)) {
        for (int s = 0; s < sides; s++) BENCH_TRY(sample(b, &lanes[s], &lanes[s].sample[runs]));
        runs++;
    }
    for (int s = 0; s < sides; s++) out[s] = times_of(&lanes[s], runs);
    return RMX_OK;
}

bench_record bench_record_of(const bench *b, const char *group, const bench_times *times,
                             double bytes, double flop)
{
    bench_record r = bench_record_none(group);
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
