/* embedding.c: the rows of the embedding tables that a batch touches, and their gradients. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"

/* ---- sort: least significant digit first, each pass stable -------------------------------- */

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define CHUNKS 16   /* of the entries at most, counted and moved in parallel */
#define CHUNK 32768 /* entries of a chunk at least: smaller ones move into the same cache lines */

typedef struct sort_job {
    int64_t n, chunk, chunks; /* entries, entries of a chunk; a stable sort has one result */
    int shift;
    uint32_t mask;
    const uint32_t *key_in, *entry_in;
    uint32_t *key_out, *entry_out;
    uint32_t (*place)[DIGITS]; /* [CHUNKS]: counts, then where a chunk's next entry goes */
    const rmx_embedding_sort_args *a;
} sort_job;

static int64_t round_up(int64_t n) { return (n + 63) / 64 * 64; }

size_t RMX_CPU(embedding_sort_workspace)(int64_t entries)
{
    return sizeof(uint32_t) * (size_t)(3 * round_up(entries) + CHUNKS * DIGITS);
}

/* items: samples */
static void key_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const sort_job *s = job;
    const int64_t fields = s->a->fields;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        for (int64_t f = 0; f < fields; f++) {
            const int64_t i = b * fields + f;
            s->key_out[i] = (uint32_t)(s->a->row_offset[f] + s->a->ids[i]);
            s->entry_out[i] = (uint32_t)i;
        }
    }
}

/* items: chunks */
static void count_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const sort_job *s = job;
    (void)worker;
    for (int64_t c = begin; c < end; c++) {
        uint32_t *count = s->place[c];
        const int64_t last = (c + 1) * s->chunk < s->n ? (c + 1) * s->chunk : s->n;
        memset(count, 0, sizeof *count * (s->mask + 1));
        for (int64_t i = c * s->chunk; i < last; i++) count[s->key_in[i] >> s->shift & s->mask]++;
    }
}

/* Counts become places: all entries of smaller digits come first, then those of earlier chunks. */
static void counts_to_places(const sort_job *s)
{
    uint32_t next = 0;
    for (uint32_t digit = 0; digit <= s->mask; digit++) {
        for (int64_t c = 0; c < s->chunks; c++) {
            const uint32_t count = s->place[c][digit];
            s->place[c][digit] = next;
            next += count;
        }
    }
}

/* items: chunks */
static void move_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const sort_job *s = job;
    (void)worker;
    for (int64_t c = begin; c < end; c++) {
        uint32_t *place = s->place[c];
        const int64_t last = (c + 1) * s->chunk < s->n ? (c + 1) * s->chunk : s->n;
        for (int64_t i = c * s->chunk; i < last; i++) {
            const uint32_t key = s->key_in[i];
            const uint32_t to = place[key >> s->shift & s->mask]++;
            s->key_out[to] = key;
            s->entry_out[to] = s->entry_in[i];
        }
    }
}

/* Distinct keys, and where each begins. No branch: nobody can foresee where a key changes. */
static void find_unique(const uint32_t *key, int64_t n, uint32_t *rows, uint32_t *start,
                        uint32_t *unique)
{
    uint32_t u = 0; /* the key that entry i has; its successor begins at i + 1 or later */
    start[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        u += i > 0 && key[i] != key[i - 1];
        rows[u] = key[i];
        start[u + 1] = (uint32_t)(i + 1);
    }
    *unique = u + 1;
}

/* order, rows, start, unique of ops.h.
 * order   a stable sort has one result, however the work is cut
 * traffic per digit of up to 11 bits: keys read twice, keys and entries moved once */
rmx_status RMX_CPU(embedding_sort)(rmx_backend *backend, const rmx_embedding_sort_args *a)
{
    rmx_pool *pool = rmx_cpu_pool(backend);
    const int64_t n = a->samples * a->fields;
    uint32_t *ws = a->ws;
    if (n == 0) {
        *a->unique = a->start[0] = 0;
        return RMX_OK;
    }
    int bits = 0;
    while ((a->table_rows - 1) >> bits > 0) bits++;
    const int passes = (bits + DIGIT_BITS - 1) / DIGIT_BITS;
    const int digit_bits = passes ? (bits + passes - 1) / passes : 0;

    uint32_t *key[2] = {ws, ws + round_up(n)};
    uint32_t *entry[2] = {a->order, ws + 2 * round_up(n)}; /* the last pass ends in order */
    int from = passes % 2;
    const int64_t chunks = n < 2 * CHUNK ? 1 : n / CHUNK < CHUNKS ? n / CHUNK : CHUNKS;
    sort_job job = {.n = n,
                    .chunk = (n + chunks - 1) / chunks,
                    .chunks = chunks,
                    .a = a,
                    .mask = (1u << digit_bits) - 1u,
                    .key_out = key[from],
                    .entry_out = entry[from],
                    .place = (uint32_t(*)[DIGITS])(void *)(ws + 3 * round_up(n))};
    rmx_parallel(pool, a->samples, 1 + 16384 / a->fields, key_task, &job);
    for (int pass = 0; pass < passes; pass++, from = 1 - from) {
        job.shift = pass * digit_bits;
        job.key_in = key[from];
        job.entry_in = entry[from];
        job.key_out = key[1 - from];
        job.entry_out = entry[1 - from];
        rmx_parallel(pool, chunks, 1, count_task, &job);
        counts_to_places(&job);
        rmx_parallel(pool, chunks, 1, move_task, &job);
    }
    find_unique(key[0], n, a->rows, a->start, a->unique);
    return RMX_OK;
}

/* ---- gradients ---------------------------------------------------------------------------- */

/* The gradient at the place of entry i in order. */
RMX_INLINE const float *place_gradient(const rmx_embedding_grad_args *a, uint32_t fields,
                                       uint32_t i)
{
    const uint32_t entry = a->order[i]; /* 32 bits: a shorter division */
    return a->dout + (int64_t)(entry / fields) * a->out_width + a->column[entry % fields];
}

/* items: distinct rows */
static void grad_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_embedding_grad_args *a = job;
    (void)worker;
    const int64_t width = a->width;
    const uint32_t fields = (uint32_t)a->fields;
    for (int64_t u = begin; u < end; u++) {
        const uint32_t first = a->start[u], last = a->start[u + 1];
        float *grad = a->grad + u * width;
        if (width <= RMX_VL) {
            rmx_vec sum = rmx_vec_zero();
            for (uint32_t i = first; i < last; i++)
                sum = sum + rmx_lanes_load(place_gradient(a, fields, i), width);
            rmx_lanes_store(grad, sum, width);
            continue;
        }
        memset(grad, 0, sizeof *grad * (size_t)width);
        for (uint32_t i = first; i < last; i++) {
            const float *d = place_gradient(a, fields, i);
            RMX_INDEPENDENT
            for (int64_t j = 0; j < width; j++) grad[j] = rmx_addf(grad[j], d[j]);
        }
    }
}

/* grad[u] = sum of the gradients of every place where row u was used.
 * order   one chain from +0 over the places, in the order of the batch
 * traffic dout read once, grad written once */
rmx_status RMX_CPU(embedding_grad)(rmx_backend *backend, const rmx_embedding_grad_args *a)
{
    rmx_embedding_grad_args job = *a;
    if (a->samples * a->fields * a->width == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), *a->unique, 1 + 4096 / a->width, grad_task, &job);
    return RMX_OK;
}
