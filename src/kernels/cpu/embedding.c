/* SPDX-License-Identifier: MIT */
/* embedding.c: embedding tables: the lookup that builds the tokenizer's input, the sort of a
 * batch's entries by table row, and the gradient of each row that the batch touches.
 *
 * Backward, the sort comes first: it lists the distinct rows, and for each row the entries that
 * used it, in the order of the batch. Then threads take rows, and sum a row's gradients in that
 * order. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"

/* ---- lookup -------------------------------------------------------------------------------- */

/* items: samples */
static void lookup_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_embedding_lookup_args *a = job;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        float *out = (float *)a->out + b * a->out_width;
        const uint32_t *ids = a->ids + b * a->fields;
        for (int64_t f = 0; f < a->fields; f++) { /* the rows are far apart: prefetch them */
            __builtin_prefetch(a->table + (a->row_offset[f] + ids[f]) * a->width);
        }
        memset(out, 0, sizeof *out * (size_t)a->out_width);
        for (int64_t f = 0; f < a->fields; f++) {
            const float *row = a->table + (a->row_offset[f] + ids[f]) * a->width;
            if (a->width > RMX_VL) {
                memcpy(out + a->column[f], row, sizeof *row * (size_t)a->width);
            } else { /* a call would take longer than the copy */
                rmx_vec_store_some(out + a->column[f], rmx_vec_load_some(row, a->width), a->width);
            }
        }
        for (int64_t j = 0; j < a->dense_fields; j++) {
            out[a->dense_column[j]] = a->dense[b * a->dense_fields + j];
        }
    }
}

/* out[b] = embedding rows and dense values of sample b, each at its column, +0 elsewhere.
 * order   none: copies
 * traffic ids, dense and one table row per id read, out written once */
rmx_status rmx_cpu_embedding_lookup(rmx_backend *backend, const rmx_embedding_lookup_args *a)
{
    rmx_embedding_lookup_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->samples, 1 + 4096 / (a->out_width + 1), lookup_task,
                 &job);
    return RMX_OK;
}

/* ---- sort ----------------------------------------------------------------------------------
 *
 * A model's fields have tables of their own, so the keys of one lie between those of its
 * neighbours and each field is a group that can be sorted by itself. Where tables are shared, or
 * lie in another order, all entries are one group. */

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define GRAIN 4096 /* entries: about ten microseconds of work */

/* Entries whose keys no other group has. */
typedef struct group {
    uint32_t least, most; /* of its keys */
    uint32_t sorted;      /* which of key[] they are in at the end */
    uint32_t unique, first;
} group;

typedef struct sort_job {
    const rmx_embedding_sort_args *a;
    int64_t groups, each; /* entries of a group */
    group *group;
    uint32_t *key[2], *entry[2]; /* group after group; entry[0] is a->order */
} sort_job;

static int64_t round_up(int64_t n) { return (n + 63) / 64 * 64; }

size_t rmx_cpu_embedding_sort_scratch(int64_t samples, int64_t fields)
{
    const int64_t entries = round_up(samples * fields);
    return sizeof(uint32_t) * (size_t)(3 * entries) + sizeof(group) * (size_t)fields;
}

/* items: samples. A field's keys are written a line of a cache at a time, as those of other fields
 * may all map to the same set. */
static void key_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    enum { LINE = 16 };
    const sort_job *s = job;
    const int64_t fields = s->a->fields;
    const int64_t step = s->groups > 1 ? 1 : fields, apart = s->groups > 1 ? s->each : 1;
    (void)worker;
    for (int64_t first = begin; first < end; first += LINE) {
        const int64_t last = end - first < LINE ? end : first + LINE;
        for (int64_t f = 0; f < fields; f++) {
            const uint32_t offset = (uint32_t)s->a->row_offset[f], *id = s->a->ids + f;
            uint32_t *key = s->key[0] + f * apart;
            for (int64_t b = first; b < last; b++) key[b * step] = offset + id[b * fields];
        }
    }
}

/* items: groups */
static void bounds_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const sort_job *s = job;
    (void)worker;
    for (int64_t g = begin; g < end; g++) {
        const uint32_t *key = s->key[0] + g * s->each;
        uint32_t least = key[0], most = key[0];
        for (int64_t i = 1; i < s->each; i++) {
            least = key[i] < least ? key[i] : least;
            most = key[i] > most ? key[i] : most;
        }
        s->group[g] = (group){.least = least, .most = most};
    }
}

/* One digit of a group, stably. entry_in NULL: entry i of the group is first + i * step. */
static void sort_digit(int64_t n, uint32_t least, int shift, uint32_t mask, const uint32_t *key_in,
                       const uint32_t *entry_in, uint32_t first, uint32_t step, uint32_t *key_out,
                       uint32_t *entry_out)
{
    uint32_t position[DIGITS], next = 0; /* counts, then where a digit's next entry goes */
    memset(position, 0, sizeof *position * (mask + 1));
    for (int64_t i = 0; i < n; i++) position[(key_in[i] - least) >> shift & mask]++;
    for (uint32_t digit = 0; digit <= mask; digit++) {
        const uint32_t count = position[digit];
        position[digit] = next;
        next += count;
    }
    for (int64_t i = 0; i < n; i++, first += step) {
        const uint32_t to = position[(key_in[i] - least) >> shift & mask]++;
        key_out[to] = key_in[i];
        entry_out[to] = entry_in ? entry_in[i] : first;
    }
}

/* items: groups. Least significant digit first; the last pass ends in order. */
static void sort_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const sort_job *s = job;
    const bool apart = s->groups > 1;
    (void)worker;
    for (int64_t g = begin; g < end; g++) {
        group *it = &s->group[g];
        const int64_t at = g * s->each;
        int bits = 1;
        while (bits < 32 && (it->most - it->least) >> bits > 0) bits++;
        const int passes = (bits + DIGIT_BITS - 1) / DIGIT_BITS;
        const int digit_bits = (bits + passes - 1) / passes;
        for (int pass = 0; pass < passes; pass++) {
            const int to = (passes - 1 - pass) % 2;
            sort_digit(s->each, it->least, pass * digit_bits, (1u << digit_bits) - 1u,
                       s->key[pass % 2] + at, pass > 0 ? s->entry[1 - to] + at : NULL,
                       apart ? (uint32_t)g : 0, apart ? (uint32_t)s->groups : 1,
                       s->key[1 - pass % 2] + at, s->entry[to] + at);
        }
        const uint32_t *key = s->key[passes % 2] + at;
        it->sorted = (uint32_t)passes % 2;
        it->unique = 1;
        for (int64_t i = 1; i < s->each; i++) it->unique += key[i] != key[i - 1];
    }
}

/* items: groups. Distinct keys, and where each ends, which is where the next one begins. No branch:
 * where a key changes cannot be predicted. */
static void rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const sort_job *s = job;
    (void)worker;
    for (int64_t g = begin; g < end; g++) {
        const uint32_t *key = s->key[s->group[g].sorted] + g * s->each;
        uint32_t u = s->group[g].first;
        for (int64_t i = 0; i < s->each; i++) {
            u += i > 0 && key[i] != key[i - 1];
            s->a->rows[u] = key[i];
            s->a->start[u + 1] = (uint32_t)(g * s->each + i + 1);
        }
    }
}

static void find_bounds(rmx_pool *pool, sort_job *s)
{
    rmx_parallel(pool, s->a->samples, 1 + GRAIN / s->a->fields, key_task, s);
    rmx_parallel(pool, s->groups, 1 + GRAIN / s->each, bounds_task, s);
}

/* order, rows, start, unique of ops.h.
 * order   a stable sort has one result, however the work is cut
 * traffic per digit of up to 11 bits: keys read twice, keys and entries moved once */
rmx_status rmx_cpu_embedding_sort(rmx_backend *backend, const rmx_embedding_sort_args *a)
{
    rmx_pool *pool = rmx_cpu_pool(backend);
    const int64_t n = a->samples * a->fields;
    uint32_t *ws = a->ws;
    *a->unique = a->start[0] = 0;
    if (n == 0) return RMX_OK;
    sort_job job = {.a = a,
                    .groups = a->fields,
                    .each = a->samples,
                    .group = (group *)(void *)(ws + 3 * round_up(n)),
                    .key = {ws, ws + round_up(n)},
                    .entry = {a->order, ws + 2 * round_up(n)}};
    find_bounds(pool, &job);
    bool apart = true;
    for (int64_t g = 1; g < a->fields; g++)
        apart = apart && job.group[g - 1].most < job.group[g].least;
    if (!apart) {
        job.groups = 1;
        job.each = n;
        find_bounds(pool, &job);
    }
    const int64_t grain = 1 + GRAIN / job.each;
    rmx_parallel(pool, job.groups, grain, sort_task, &job);
    for (int64_t g = 0; g < job.groups; g++) {
        job.group[g].first = *a->unique;
        *a->unique += job.group[g].unique;
    }
    rmx_parallel(pool, job.groups, grain, rows_task, &job);
    return RMX_OK;
}

/* ---- gradients ---------------------------------------------------------------------------- */

/* The gradient of entry i of the sorted order. */
RMX_INLINE const float *entry_gradient(const rmx_embedding_gradient_args *a, uint32_t fields,
                                       uint32_t i)
{
    const uint32_t entry = a->order[i]; /* 32 bits: a shorter division */
    return (const float *)a->dout + (int64_t)(entry / fields) * a->out_width +
           a->column[entry % fields];
}

/* items: distinct rows */
static void grad_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_embedding_gradient_args *a = job;
    (void)worker;
    const int64_t width = a->width;
    const uint32_t fields = (uint32_t)a->fields;
    for (int64_t u = begin; u < end; u++) {
        const uint32_t first = a->start[u], last = a->start[u + 1];
        float *grad = a->grad + u * width;
        if (width <= RMX_VL) {
            rmx_vec sum = rmx_vec_zero();
            for (uint32_t i = first; i < last; i++)
                sum = sum + rmx_vec_load_some(entry_gradient(a, fields, i), width);
            rmx_vec_store_some(grad, sum, width);
            continue;
        }
        memset(grad, 0, sizeof *grad * (size_t)width);
        for (uint32_t i = first; i < last; i++) {
            const float *d = entry_gradient(a, fields, i);
            RMX_INDEPENDENT
            for (int64_t j = 0; j < width; j++) grad[j] = rmx_addf(grad[j], d[j]);
        }
    }
}

/* grad[u] = sum of the gradients of every entry that used row u.
 * order   from +0 over the entries, in the order of the batch
 * traffic dout read once, grad written once */
rmx_status rmx_cpu_embedding_gradient(rmx_backend *backend, const rmx_embedding_gradient_args *a)
{
    rmx_embedding_gradient_args job = *a;
    const int64_t entries = a->samples * a->fields, unique = *a->unique;
    if (entries * a->width == 0) return RMX_OK;
    const int64_t grain = 1 + 4096 / a->width * unique / entries; /* rows of so many entries */
    rmx_parallel(rmx_cpu_pool(backend), unique, grain, grad_task, &job);
    return RMX_OK;
}
