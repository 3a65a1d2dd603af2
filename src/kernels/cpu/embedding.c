/* embedding.c: the rows of the embedding tables that a batch touches, and their gradients. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"

/* ---- sort: least significant digit first, each pass stable -------------------------------- */

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define CHUNKS 16 /* of the entries, counted and moved in parallel; fixed: a sort has one result */

typedef struct sort_job {
    int64_t n, chunk; /* entries, entries of a chunk */
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
        memset(count, 0, sizeof *count * DIGITS);
        for (int64_t i = c * s->chunk; i < last; i++) count[s->key_in[i] >> s->shift & s->mask]++;
    }
}

/* Counts become places: all entries of smaller digits come first, then those of earlier chunks. */
static void counts_to_places(uint32_t (*place)[DIGITS])
{
    uint32_t next = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        for (int c = 0; c < CHUNKS; c++) {
            const uint32_t count = place[c][digit];
            place[c][digit] = next;
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

/* Distinct keys, and where each begins. */
static void find_unique(const uint32_t *key, int64_t n, uint32_t *rows, uint32_t *start,
                        uint32_t *unique)
{
    uint32_t u = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && key[i] == key[i - 1]) continue;
        rows[u] = key[i];
        start[u++] = (uint32_t)i;
    }
    start[u] = (uint32_t)n;
    *unique = u;
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
    sort_job job = {.n = n,
                    .chunk = (n + CHUNKS - 1) / CHUNKS,
                    .a = a,
                    .mask = (1u << digit_bits) - 1u,
                    .key_out = key[from],
                    .entry_out = entry[from],
                    .place = (uint32_t(*)[DIGITS])(void *)(ws + 3 * round_up(n))};
    const int64_t chunk_grain = job.chunk < 4096 ? CHUNKS : 1;
    rmx_parallel(pool, a->samples, 1 + 16384 / a->fields, key_task, &job);
    for (int pass = 0; pass < passes; pass++, from = 1 - from) {
        job.shift = pass * digit_bits;
        job.key_in = key[from];
        job.entry_in = entry[from];
        job.key_out = key[1 - from];
        job.entry_out = entry[1 - from];
        rmx_parallel(pool, CHUNKS, chunk_grain, count_task, &job);
        counts_to_places(job.place);
        rmx_parallel(pool, CHUNKS, chunk_grain, move_task, &job);
    }
    find_unique(key[0], n, a->rows, a->start, a->unique);
    return RMX_OK;
}

/* ---- gradients ---------------------------------------------------------------------------- */

/* items: distinct rows */
static void grad_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_embedding_grad_args *a = job;
    (void)worker;
    for (int64_t u = begin; u < end; u++) {
        float *grad = a->grad + u * a->width;
        memset(grad, 0, sizeof *grad * (size_t)a->width);
        for (uint32_t i = a->start[u]; i < a->start[u + 1]; i++) {
            const int64_t sample = a->order[i] / a->fields, field = a->order[i] % a->fields;
            const float *d = a->dout + sample * a->out_width + a->column[field];
            RMX_INDEPENDENT
            for (int64_t j = 0; j < a->width; j++) grad[j] = rmx_addf(grad[j], d[j]);
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
