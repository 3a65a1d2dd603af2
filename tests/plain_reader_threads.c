/* SPDX-License-Identifier: MIT */
/* plain_reader_threads.c: readers and a writer at once, for ThreadSanitizer, which cannot start
 * Criterion. Exits 0 if all they read is right. */
#include <pthread.h>
#include <stdatomic.h>

#include "data_testing.h"

enum { ROWS = 3000, THREADS = 3 };

static char shared_path[512];
static atomic_int faults;

static void *read_some(void *argument)
{
    const uint64_t seed = (uint64_t)(uintptr_t)argument;
    const rmx_reader_options options = {
        .batch = 64 + (int64_t)seed, .shuffle = seed % 2 == 0, .seed = seed};
    rmx_schema s = small_schema(3, 2, 1, true);
    rmx_reader *reader;
    rmx_reader_view view;
    rmx_rows want;
    if (rmx_rows_alloc(&want, &s, 1, NULL) != RMX_OK ||
        rmx_reader_open(shared_path, &options, &reader, NULL) != RMX_OK)
        abort();
    for (int step = 0; step < 200; step++) {
        if (step % 9 == 8 && rmx_reader_seek(reader, seed + (uint64_t)step, step % 40, NULL) != 0)
            faults++;
        if (rmx_reader_next(reader, &view, NULL) != RMX_OK) faults++;
        for (int64_t i = 0; i < view.samples; i++) {
            small_rows(&s, (int64_t)view.rows[i], 1, &want);
            if (memcmp(view.sparse + 3 * i, want.sparse, 12) != 0 ||
                memcmp(view.dense + 2 * i, want.dense, 8) != 0)
                faults++;
        }
    }
    rmx_reader_close(reader); /* while its thread is at work */
    rmx_rows_free(&want);
    rmx_schema_free(&s);
    return NULL;
}

int main(void)
{
    rmx_schema s = small_schema(3, 2, 1, true);
    snprintf(shared_path, sizeof shared_path, "%s", in_folder("r.h5"));
    write_small(shared_path, &s, ROWS, 32, 1000);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, read_some, (void *)i) != 0) abort();
    write_small(in_folder("w.h5"), &s, ROWS, 32, 100);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    rmx_schema_free(&s);
    remove_folder();
    printf("%d faults\n", atomic_load(&faults));
    return atomic_load(&faults) == 0 ? 0 : 1;
}
