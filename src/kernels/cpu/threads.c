/* SPDX-License-Identifier: MIT */
/* threads.c: a thread pool with one task queue per thread and work stealing.
 *
 * rmx_parallel cuts a job into chunks of items, and gives each thread's queue a range of
 * neighbouring chunks. So jobs over the same rows find them in the cache of the core that wrote
 * them. A thread takes its own chunks from the front of its queue. Then it steals from the end of
 * the others'. `left` of a queue is the range of chunks that nobody has taken. Whoever shortens it
 * by compare-and-swap owns a chunk.
 *
 * The caller writes the job, fills the queues, increments `jobs`, works too, and returns when every
 * chunk is `done`: it does not wait for a worker that slept through the job. The job's fields
 * change only while no chunk is taken or left, so a worker that holds a chunk may read them.
 * Workers poll for the next job for a short while before they sleep, as a training step is hundreds
 * of short jobs. What threads write to has a cache line of its own. */
#include "kernels/cpu/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SPINS 4000 /* polls before sleeping, about 50 us */
#define LINE 64    /* bytes */

typedef struct worker {
    rmx_pool *pool;
    pthread_t thread;
    int32_t index;
} worker;

typedef struct queue {
    _Alignas(LINE) atomic_uint_fast64_t left; /* range_of(first, end) */
} queue;

struct rmx_pool {
    int32_t threads;
    worker *workers; /* threads - 1 of them; the caller is worker 0 */
    queue *queues;   /* [threads] */

    rmx_task task;
    void *job;
    int64_t items, chunk; /* items in all, and per chunk */
    int64_t chunks;

    _Alignas(LINE) atomic_int_fast64_t done; /* chunks */
    _Alignas(LINE) atomic_uint_fast64_t jobs;
    atomic_bool stop;
    atomic_int sleepers;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* another job, or stop */
};

/* Chunks first .. end - 1 in one word. */
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

/* Takes the first or last chunk that is left in a queue; false: none is. */
static bool take(queue *from, bool front, int64_t *chunk)
{
    uint_fast64_t range = atomic_load(&from->left);
    while (!range_empty(range)) {
        const uint32_t first = range_first(range), last = range_end(range) - 1;
        const uint_fast64_t others = front ? range_of(first + 1, last + 1) : range_of(first, last);
        *chunk = front ? first : last;
        if (atomic_compare_exchange_weak(&from->left, &range, others)) return true;
    }
    return false;
}

/* Does chunks until none is left. */
static void work(rmx_pool *pool, int32_t index)
{
    int64_t finished = 0, chunk;
    for (int32_t i = 0; i < pool->threads; i++) {
        queue *from = &pool->queues[(index + i) % pool->threads];
        for (; take(from, i == 0, &chunk); finished++) {
            const int64_t begin = chunk * pool->chunk, rest = pool->items - begin;
            pool->task(pool->job, begin, rest < pool->chunk ? pool->items : begin + pool->chunk,
                       index);
        }
    }
    if (finished > 0) atomic_fetch_add(&pool->done, finished);
}

/* Waits until `jobs` is not `seen`; false when the pool stops. A sleeper counts itself before it
 * looks at `jobs` for the last time. The caller looks at `sleepers` after it has incremented
 * `jobs`. So one of them sees the other. */
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
    free(pool->queues);
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
    pool->queues = zeroed((size_t)threads * sizeof *pool->queues);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    if (!pool->workers || !pool->queues) {
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

/* Equal ranges of chunks, but for one chunk; the caller's is among the larger ones. */
static void fill_queues(rmx_pool *pool)
{
    const int64_t threads = pool->threads;
    for (int64_t i = 0, first = 0, end; i < threads; i++, first = end) {
        end = ((i + 1) * pool->chunks + threads - 1) / threads;
        atomic_store(&pool->queues[i].left, range_of((uint32_t)first, (uint32_t)end));
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
    /* About four chunks a thread: enough to balance the load, few enough to cost nothing. */
    const int64_t grains = (items + grain - 1) / grain;
    const int64_t chunks =
        grains < 4 * (int64_t)pool->threads ? grains : 4 * (int64_t)pool->threads;
    pool->task = task;
    pool->job = job;
    pool->items = items;
    pool->chunk = (grains + chunks - 1) / chunks * grain;
    pool->chunks = (items + pool->chunk - 1) / pool->chunk;
    atomic_store(&pool->done, 0);
    fill_queues(pool);
    atomic_fetch_add(&pool->jobs, 1);
    wake_sleepers(pool);
    work(pool, 0);
    for (int spin = 0; atomic_load(&pool->done) != pool->chunks; spin++) {
        if (spin < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}
