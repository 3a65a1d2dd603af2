/* SPDX-License-Identifier: MIT */
/* reader.c: a thread prepares the batches of an epoch ahead.
 *
 * The thread owns the file, the order and two windows. It gathers batches from one window and
 * reads a share of the next one after every batch, so that no batch waits for a whole window.
 * Finished batches stand in a ring of slots. The mutex guards the fields below "shared". A slot
 * belongs to the thread until it is counted in `made`, then to the caller.
 *
 * A seek starts a new generation. A batch that was begun in an older one is thrown away. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/dataset_file.h"
#include "data/order.h"

#define SLOTS 4 /* one held by the caller, three ahead */

typedef struct window {
    bool used;
    int64_t index; /* in the order's epoch */
    uint64_t epoch;
    int64_t blocks, blocks_read, rows_read;
    rmx_rows rows;
    uint64_t *number;      /* [rows] row numbers in the file */
    uint32_t *permutation; /* [rows] */
} window;

typedef struct slot {
    rmx_status status;
    rmx_error error;
    rmx_rows rows;
    uint64_t *number;
    rmx_reader_view view;
} slot;

struct rmx_reader {
    rmx_dataset_file file;
    int64_t batch, batches;
    rmx_order order; /* at `order_ready`'s epoch */
    bool order_ready;
    window windows[2];
    slot slots[SLOTS];

    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    atomic_uint_fast64_t generation; /* shared; written under the mutex, read anywhere */
    bool quit;                       /* shared, as is all below */
    int64_t made, taken;             /* batches since the last seek */
    uint64_t epoch;                  /* of the next batch to make */
    int64_t index;                   /* likewise; batches: the end of the epoch */
    bool failed;                     /* the last batch made is an error: nothing follows */
};

/* ---- Windows (the thread's) ----------------------------------------------------------------- */

static bool outdated(const rmx_reader *r, uint64_t generation)
{
    return atomic_load_explicit(&r->generation, memory_order_relaxed) != generation;
}

static void window_begin(const rmx_reader *r, window *w, int64_t index)
{
    const int64_t left = r->order.blocks - index * RMX_SHUFFLE_BLOCKS;
    w->used = true;
    w->index = index;
    w->epoch = r->order.epoch;
    w->blocks = left < RMX_SHUFFLE_BLOCKS ? left : RMX_SHUFFLE_BLOCKS;
    w->blocks_read = w->rows_read = 0;
}

/* Reads until `blocks` of the window's blocks are there or a newer generation began. */
static rmx_status window_read(const rmx_reader *r, window *w, int64_t blocks, uint64_t generation,
                              rmx_error *error)
{
    if (blocks > w->blocks) blocks = w->blocks;
    while (w->blocks_read < blocks && !outdated(r, generation)) {
        const int64_t block = r->order.block[w->index * RMX_SHUFFLE_BLOCKS + w->blocks_read];
        const int64_t first = block * r->order.block_rows;
        const int64_t count = rmx_order_block_rows(&r->order, block);
        const rmx_status status =
            rmx_dataset_file_read(&r->file, block, &w->rows, w->rows_read, error);
        if (status != RMX_OK) {
            w->used = false;
            return status;
        }
        for (int64_t i = 0; i < count; i++) w->number[w->rows_read + i] = (uint64_t)(first + i);
        w->rows_read += count;
        if (++w->blocks_read == w->blocks)
            rmx_order_permute(&r->order, w->index, w->rows_read, w->permutation);
    }
    return RMX_OK;
}

/* The window number `index` of the order's epoch. It is begun where it was not, in place of a
 * window that is not number `keep`. */
static window *window_find(rmx_reader *r, int64_t index, int64_t keep)
{
    for (int i = 0; i < 2; i++) {
        window *w = &r->windows[i];
        if (w->used && w->epoch == r->order.epoch && w->index == index) return w;
    }
    window *w = &r->windows[0];
    if (w->used && w->epoch == r->order.epoch && w->index == keep) w = &r->windows[1];
    window_begin(r, w, index);
    return w;
}

/* ---- Batches (the thread's) ----------------------------------------------------------------- */

static void gather(const rmx_reader *r, const window *w, int64_t from, int64_t count, slot *s,
                   int64_t at)
{
    for (int set = 0; set < RMX_SETS; set++) {
        const size_t bytes = (size_t)rmx_set_row_bytes(&r->file.schema, set);
        char *to = rmx_rows_pointer(&s->rows, set);
        if (bytes == 0 || !to) continue;
        const char *source = rmx_rows_pointer(&w->rows, set);
        for (int64_t i = 0; i < count; i++)
            memcpy(to + (size_t)(at + i) * bytes, source + w->permutation[from + i] * bytes,
                   bytes);
    }
    for (int64_t i = 0; i < count; i++) s->number[at + i] = w->number[w->permutation[from + i]];
}

/* After the rows up to `position` of window w: reads the same share of the next window. A failure
 * does not matter to this batch. The batch that needs the rows meets it again. */
static void read_ahead(rmx_reader *r, const window *w, int64_t position, uint64_t generation)
{
    if (w->index + 1 >= r->order.windows) return;
    const int64_t start = rmx_order_window_start(&r->order, w->index);
    const int64_t share = (position - start) * RMX_SHUFFLE_BLOCKS / w->rows_read + 1;
    window *next = window_find(r, w->index + 1, w->index);
    if (window_read(r, next, share, generation, NULL) != RMX_OK) next->used = false;
}

static rmx_status fill(rmx_reader *r, slot *s, int64_t index, uint64_t generation)
{
    const int64_t first = index * r->batch;
    const int64_t left = r->order.rows - first;
    const int64_t samples = left < r->batch ? left : r->batch;
    for (int64_t done = 0; done < samples;) {
        const int64_t v = rmx_order_window_at(&r->order, first + done);
        const int64_t from = first + done - rmx_order_window_start(&r->order, v);
        window *w = window_find(r, v, v + 1);
        const rmx_status status = window_read(r, w, w->blocks, generation, &s->error);
        if (status != RMX_OK || outdated(r, generation)) return status;
        const int64_t count =
            w->rows_read - from < samples - done ? w->rows_read - from : samples - done;
        gather(r, w, from, count, s, done);
        done += count;
        read_ahead(r, w, first + done, generation);
    }
    s->view.samples = samples;
    return RMX_OK;
}

static void make(rmx_reader *r, slot *s, uint64_t epoch, int64_t index, uint64_t generation)
{
    s->view.epoch = epoch;
    s->view.index = index;
    s->view.samples = 0;
    s->status = RMX_OK;
    if (index == r->batches) return;
    if (!r->order_ready || r->order.epoch != epoch) {
        rmx_order_set_epoch(&r->order, epoch);
        r->order_ready = true;
    }
    s->status = fill(r, s, index, generation);
}

static void *work(void *argument)
{
    rmx_reader *r = argument;
    pthread_mutex_lock(&r->mutex);
    for (;;) {
        while (!r->quit && (r->failed || r->made - r->taken >= SLOTS - 1))
            pthread_cond_wait(&r->changed, &r->mutex);
        if (r->quit) break;
        const uint64_t generation = atomic_load(&r->generation), epoch = r->epoch;
        const int64_t index = r->index;
        slot *s = &r->slots[r->made % SLOTS];
        pthread_mutex_unlock(&r->mutex);
        make(r, s, epoch, index, generation);
        pthread_mutex_lock(&r->mutex);
        if (outdated(r, generation)) continue;
        r->failed = s->status != RMX_OK;
        r->made++;
        r->index = index == r->batches ? 0 : index + 1;
        r->epoch = index == r->batches ? epoch + 1 : epoch;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

/* ---- The caller's side ---------------------------------------------------------------------- */

static uint64_t *alloc_numbers(int64_t count)
{
    return aligned_alloc(64, ((size_t)count * sizeof(uint64_t) + 63) / 64 * 64);
}

/* Arrays without memory are not read. */
static void leave_out_keys(rmx_rows *rows)
{
    free(rows->row);
    free(rows->text);
    rows->row = NULL;
    rows->text = NULL;
}

static rmx_status allocate(rmx_reader *r, bool keys, rmx_error *error)
{
    const rmx_schema *schema = &r->file.schema;
    const int64_t most = r->file.block_rows * RMX_SHUFFLE_BLOCKS;
    const int64_t rows = schema->rows < most ? schema->rows : most;
    const int64_t batch = schema->rows < r->batch ? schema->rows : r->batch;
    rmx_status status = RMX_OK;
    bool good = true;
    for (int i = 0; i < 2 && status == RMX_OK; i++) {
        window *w = &r->windows[i];
        status = rmx_rows_alloc(&w->rows, schema, rows, error);
        if (!keys) leave_out_keys(&w->rows);
        w->number = alloc_numbers(rows);
        w->permutation = malloc((size_t)rows * sizeof *w->permutation);
        good = good && w->number && w->permutation;
    }
    for (int i = 0; i < SLOTS && status == RMX_OK; i++) {
        slot *s = &r->slots[i];
        status = rmx_rows_alloc(&s->rows, schema, batch, error);
        if (!keys) leave_out_keys(&s->rows);
        s->number = alloc_numbers(batch);
        good = good && s->number;
        s->view.sparse = s->rows.sparse;
        s->view.dense = s->rows.dense;
        s->view.labels = s->rows.label;
        s->view.group = s->rows.group;
        s->view.rows = s->number;
        s->view.source = s->rows.row;
        s->view.text = s->rows.text;
    }
    if (status == RMX_OK && !good)
        status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for %lld rows", (long long)rows);
    return status;
}

rmx_status rmx_reader_open(const char *path, const rmx_reader_options *options, rmx_reader **out,
                           rmx_error *error)
{
    *out = NULL;
    if (options->batch < 1)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: batch %lld is not at least 1", path,
                        (long long)options->batch);
    rmx_reader *r = calloc(1, sizeof *r);
    if (!r) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a reader");
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    rmx_status status = rmx_dataset_file_open(path, &r->file, error);
    if (status == RMX_OK) {
        const int64_t rows = r->file.schema.rows;
        r->batch = options->batch < rows ? options->batch : rows; /* the same batches */
        r->batches = (rows - 1) / r->batch + 1;
        status = rmx_order_create(&r->order, rows, r->file.block_rows, options->shuffle,
                                  options->seed, error);
    }
    if (status == RMX_OK) status = allocate(r, options->keys, error);
    if (status == RMX_OK) {
        r->started = pthread_create(&r->thread, NULL, work, r) == 0;
        if (!r->started)
            status = rmx_fail(error, RMX_ERR_MEMORY, "%.400s: cannot start a thread", path);
    }
    if (status == RMX_OK)
        *out = r;
    else
        rmx_reader_close(r);
    return status;
}

void rmx_reader_close(rmx_reader *r)
{
    if (!r) return;
    if (r->started) {
        pthread_mutex_lock(&r->mutex);
        r->quit = true;
        atomic_fetch_add(&r->generation, 1);
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->thread, NULL);
    }
    for (int i = 0; i < 2; i++) {
        rmx_rows_free(&r->windows[i].rows);
        free(r->windows[i].number);
        free(r->windows[i].permutation);
    }
    for (int i = 0; i < SLOTS; i++) {
        rmx_rows_free(&r->slots[i].rows);
        free(r->slots[i].number);
    }
    rmx_order_destroy(&r->order);
    rmx_dataset_file_close(&r->file);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

const rmx_schema *rmx_reader_schema(const rmx_reader *r) { return &r->file.schema; }

const char *rmx_reader_path(const rmx_reader *r) { return r->file.container.path; }

int64_t rmx_reader_batches(const rmx_reader *r) { return r->batches; }

rmx_status rmx_reader_next(rmx_reader *r, rmx_reader_view *out, rmx_error *error)
{
    pthread_mutex_lock(&r->mutex);
    while (r->made == r->taken) pthread_cond_wait(&r->changed, &r->mutex);
    const slot *s = &r->slots[r->taken % SLOTS];
    if (s->status == RMX_OK) { /* an error stays in its slot, so each call repeats it */
        r->taken++;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->mutex);
    if (s->status != RMX_OK) return rmx_fail(error, s->status, "%s", s->error.text);
    *out = s->view;
    return RMX_OK;
}

rmx_status rmx_reader_seek(rmx_reader *r, uint64_t epoch, int64_t batch, rmx_error *error)
{
    if (epoch >> 48 != 0 || batch < 0 || batch > r->batches)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "%.400s: no batch %lld of epoch %llu: an epoch has %lld batches",
                        r->file.container.path, (long long)batch, (unsigned long long)epoch,
                        (long long)r->batches);
    pthread_mutex_lock(&r->mutex);
    atomic_fetch_add(&r->generation, 1);
    r->made = r->taken = 0;
    r->failed = false;
    r->epoch = epoch;
    r->index = batch;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return RMX_OK;
}

rmx_batch rmx_reader_batch(const rmx_reader_view *view)
{
    const rmx_batch batch = {view->samples, view->sparse, view->dense, view->labels, NULL};
    return batch;
}
