/* threads.c: a pool that hands out pieces of one job at a time.
 *
 * A job is published under the lock by raising `generation`; workers claim pieces with an atomic
 * counter and the caller works too. Workers look for the next job for a short while before they
 * sleep: a training step is hundreds of short jobs in a row. */
#include "kernels/cpu/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define SPINS 4000 /* looks before sleeping, about 50 us */

typedef struct worker {
    rmx_pool *pool;
    pthread_t thread;
    int32_t index;
} worker;

struct rmx_pool {
    int32_t threads;
    worker *workers; /* threads - 1 of them; the caller is worker 0 */

    rmx_task task;
    void *job;
    int64_t items, piece;
    atomic_int_fast64_t next;      /* first item nobody has claimed */
    atomic_uint_fast32_t busy;     /* workers that have not finished this job */
    atomic_uint_fast64_t generation; /* number of the current job */
    atomic_bool stop;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* a new generation, or stop */
};

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void work(rmx_pool *pool, int32_t index)
{
    for (;;) {
        const int64_t begin = atomic_fetch_add(&pool->next, pool->piece);
        if (begin >= pool->items) return;
        const int64_t end = pool->items - begin < pool->piece ? pool->items : begin + pool->piece;
        pool->task(pool->job, begin, end, index);
    }
}

/* Waits for a job newer than `seen`; false when the pool stops. */
static bool wait_for_job(rmx_pool *pool, uint_fast64_t seen)
{
    for (int spin = 0; spin < SPINS; spin++) {
        if (atomic_load(&pool->generation) != seen) return !atomic_load(&pool->stop);
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return !atomic_load(&pool->stop);
}

static void *worker_main(void *argument)
{
    const worker *self = argument;
    rmx_pool *pool = self->pool;
    for (uint_fast64_t seen = 0; wait_for_job(pool, seen);) {
        seen++; /* jobs come one at a time: the caller waits for every worker */
        work(pool, self->index);
        atomic_fetch_sub(&pool->busy, 1);
    }
    return NULL;
}

static void publish(rmx_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void stop_workers(rmx_pool *pool, int32_t started)
{
    atomic_store(&pool->stop, true);
    publish(pool);
    for (int32_t i = 0; i < started; i++) pthread_join(pool->workers[i].thread, NULL);
}

static void release(rmx_pool *pool)
{
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

rmx_pool *rmx_pool_create(int32_t threads)
{
    rmx_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->threads = threads;
    pool->workers = calloc((size_t)threads, sizeof *pool->workers);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    if (!pool->workers) {
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
    const int64_t pieces = grains < 4 * (int64_t)pool->threads ? grains : 4 * (int64_t)pool->threads;
    pool->task = task;
    pool->job = job;
    pool->items = items;
    pool->piece = (grains + pieces - 1) / pieces * grain;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->busy, (uint_fast32_t)(pool->threads - 1));
    publish(pool);
    work(pool, 0);
    for (int spin = 0; atomic_load(&pool->busy) != 0; spin++) {
        if (spin < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}
