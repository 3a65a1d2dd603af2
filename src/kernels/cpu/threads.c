/* SPDX-License-Identifier: MIT */
/* threads.c: a pool that hands out pieces of one job at a time.
 *
 * Every thread has a share of the job's pieces, neighbours of each other: jobs in a row work on the
 * same rows, and find them in the cache of the core that wrote them. A thread takes its own share
 * from the front, then what others have left of theirs from the end. `left` of a share is the range
 * of pieces that nobody has taken; whoever shortens it by compare-and-swap owns a piece.
 *
 * The caller writes the job, deals the shares, counts `jobs` up for those who wait, works too, and
 * leaves when every piece is `done`: it does not wait for a worker that slept through the job. The
 * job's fields change only while no piece is claimed or left, so a worker that holds a piece may
 * read them. Workers look for the next job for a short while before they sleep: a training step is
 * hundreds of short jobs in a row. What threads write to has a cache line of its own. */
#include "kernels/cpu/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SPINS 4000 /* looks before sleeping, about 50 us */
#define LINE 64    /* bytes */

typedef struct worker {
    rmx_pool *pool;
    pthread_t thread;
    int32_t index;
} worker;

typedef struct share {
    _Alignas(LINE) atomic_uint_fast64_t left; /* range_of(first, end) */
} share;

struct rmx_pool {
    int32_t threads;
    worker *workers; /* threads - 1 of them; the caller is worker 0 */
    share *shares;   /* [threads] */

    rmx_task task;
    void *job;
    int64_t items, piece; /* items in all, and of a piece */
    int64_t pieces;

    _Alignas(LINE) atomic_int_fast64_t done; /* pieces */
    _Alignas(LINE) atomic_uint_fast64_t jobs;
    atomic_bool stop;
    atomic_int sleepers;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* another job, or stop */
};

/* Pieces first .. end - 1 in one word. */
static uint_fast64_t range_of(uint32_t first, uint32_t end)
{
    return (uint_fast64_t)first << 32 | end;
}

static uint32_t range_first(uint_fast64_t range) { return (uint32_t)(range >> 32); }

static uint32_t range_end(uint_fast64_t range) { return (uint32_t)range; }

static bool range_empty(uint_fast64_t range) { return range_first(range) == range_end(range); }

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* The first or last piece that is left of a share; false: none is. */
static bool claim(share *from, bool front, int64_t *piece)
{
    uint_fast64_t range = atomic_load(&from->left);
    while (!range_empty(range)) {
        const uint32_t first = range_first(range), last = range_end(range) - 1;
        const uint_fast64_t others = front ? range_of(first + 1, last + 1) : range_of(first, last);
        *piece = front ? first : last;
        if (atomic_compare_exchange_weak(&from->left, &range, others)) return true;
    }
    return false;
}

/* Does pieces until none is left. */
static void work(rmx_pool *pool, int32_t index)
{
    int64_t finished = 0, piece;
    for (int32_t i = 0; i < pool->threads; i++) {
        share *from = &pool->shares[(index + i) % pool->threads];
        for (; claim(from, i == 0, &piece); finished++) {
            const int64_t begin = piece * pool->piece, rest = pool->items - begin;
            pool->task(pool->job, begin, rest < pool->piece ? pool->items : begin + pool->piece,
                       index);
        }
    }
    if (finished > 0) atomic_fetch_add(&pool->done, finished);
}

/* Waits for another job than the `seen` first; false when the pool stops. The sleeper counts itself
 * before its last look and the caller looks for sleepers after publishing, so one of them sees the
 * other. */
static bool wait_for_work(rmx_pool *pool, uint_fast64_t *seen)
{
    for (int spin = 0; spin < SPINS; spin++) {
        if (atomic_load(&pool->jobs) != *seen) break;
        pause_briefly();
    }
    if (atomic_load(&pool->jobs) == *seen) {
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        while (atomic_load(&pool->jobs) == *seen) pthread_cond_wait(&pool->wake, &pool->lock);
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->lock);
    }
    *seen = atomic_load(&pool->jobs);
    return !atomic_load(&pool->stop);
}

static void *worker_main(void *argument)
{
    const worker *self = argument;
    uint_fast64_t seen = 0;
    while (wait_for_work(self->pool, &seen)) work(self->pool, self->index);
    return NULL;
}

static void wake_sleepers(rmx_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void stop_workers(rmx_pool *pool, int32_t started)
{
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->jobs, 1);
    wake_sleepers(pool);
    for (int32_t i = 0; i < started; i++) pthread_join(pool->workers[i].thread, NULL);
}

static void release(rmx_pool *pool)
{
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool->shares);
    free(pool);
}

static void *zeroed(size_t bytes)
{
    bytes = (bytes + LINE - 1) / LINE * LINE;
    void *p = aligned_alloc(LINE, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

rmx_pool *rmx_pool_create(int32_t threads)
{
    rmx_pool *pool = zeroed(sizeof *pool);
    if (!pool) return NULL;
    pool->threads = threads;
    pool->workers = zeroed((size_t)threads * sizeof *pool->workers);
    pool->shares = zeroed((size_t)threads * sizeof *pool->shares);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    if (!pool->workers || !pool->shares) {
        release(pool);
        return NULL;
    }
    for (int32_t i = 0; i < threads - 1; i++) {
        worker *w = &pool->workers[i];
        *w = (worker){.pool = pool, .index = i + 1};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            stop_workers(pool, i);
            release(pool);
            return NULL;
        }
    }
    return pool;
}

void rmx_pool_destroy(rmx_pool *pool)
{
    if (!pool) return;
    stop_workers(pool, pool->threads - 1);
    release(pool);
}

int32_t rmx_pool_threads(const rmx_pool *pool) { return pool->threads; }

/* Shares of pieces, even but for one, the caller's among the larger ones. */
static void deal(rmx_pool *pool)
{
    const int64_t threads = pool->threads;
    for (int64_t i = 0, first = 0, end; i < threads; i++, first = end) {
        end = ((i + 1) * pool->pieces + threads - 1) / threads;
        atomic_store(&pool->shares[i].left, range_of((uint32_t)first, (uint32_t)end));
    }
}

void rmx_parallel(rmx_pool *pool, int64_t items, int64_t grain, rmx_task task, void *job)
{
    if (items <= 0) return;
    if (grain < 1) grain = 1;
    if (pool->threads == 1 || items <= grain) {
        task(job, 0, items, 0);
        return;
    }
    /* About four pieces a thread: enough to even out, few enough to cost nothing. */
    const int64_t grains = (items + grain - 1) / grain;
    const int64_t pieces =
        grains < 4 * (int64_t)pool->threads ? grains : 4 * (int64_t)pool->threads;
    pool->task = task;
    pool->job = job;
    pool->items = items;
    pool->piece = (grains + pieces - 1) / pieces * grain;
    pool->pieces = (items + pool->piece - 1) / pool->piece;
    atomic_store(&pool->done, 0);
    deal(pool);
    atomic_fetch_add(&pool->jobs, 1);
    wake_sleepers(pool);
    work(pool, 0);
    for (int spin = 0; atomic_load(&pool->done) != pool->pieces; spin++) {
        if (spin < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}
