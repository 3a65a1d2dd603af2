/* SPDX-License-Identifier: MIT */
/* plain_threads.c: the pool under load, for ThreadSanitizer too (Criterion cannot run under it).
 *
 * Many short jobs in a row, with and without pauses in which the workers fall asleep: every item is
 * done once, at the thread counts 1 to 5; then several pools at once, each with its own caller, as
 * several contexts in several threads have. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/cpu/threads.h"

#define ITEMS 1000

typedef struct job {
    int count[ITEMS]; /* plain: an item done twice at once is a race that the sanitizer sees */
    int32_t threads;
    int bad;
} job;

static void task(void *argument, int64_t begin, int64_t end, int32_t worker)
{
    job *j = argument;
    if (worker < 0 || worker >= j->threads) j->bad = 1;
    for (int64_t i = begin; i < end; i++) j->count[i]++;
}

/* 0 if all is well */
static int run(int32_t threads, int jobs)
{
    rmx_pool *pool = rmx_pool_create(threads);
    job *j = calloc(1, sizeof *j);
    int bad = !pool || !j || rmx_pool_threads(pool) != threads;
    for (int n = 0; !bad && n < jobs; n++) {
        const int64_t items = n % 7 == 0 ? 0 : 1 + n * 37 % ITEMS, grain = 1 + n % 64;
        memset(j, 0, sizeof *j);
        j->threads = threads;
        rmx_parallel(pool, items, grain, task, j);
        for (int64_t i = 0; i < ITEMS; i++)
            if (j->count[i] != (i < items)) bad = 1;
        if (j->bad) bad = 1;
        if (n % 500 == 499) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    rmx_pool_destroy(pool);
    free(j);
    return bad;
}

static void *caller(void *argument)
{
    int *bad = argument;
    *bad = run(3, 2000);
    return NULL;
}

int main(void)
{
    int failed = 0;
    for (int32_t threads = 1; threads <= 5; threads++) {
        const int bad = run(threads, 4000);
        printf("%s %d threads\n", bad ? "not ok" : "ok", threads);
        failed += bad;
    }
    pthread_t callers[3];
    int bad[3] = {0};
    for (int i = 0; i < 3; i++)
        if (pthread_create(&callers[i], NULL, caller, &bad[i]) != 0) return 1;
    for (int i = 0; i < 3; i++) {
        pthread_join(callers[i], NULL);
        printf("%s pool %d of 3 at once\n", bad[i] ? "not ok" : "ok", i);
        failed += bad[i];
    }
    return failed != 0;
}
