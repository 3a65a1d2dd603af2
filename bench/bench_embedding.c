/* SPDX-License-Identifier: MIT */
/* bench_embedding.c: lookups, the exact gradient of the rows that a batch touched, and the
 * optimizer's update of these rows. Ids are uniform over tables that exceed the last-level
 * cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/optimizer_internal.h"
#include "rankmixer/embedding.h"
#include "rows.h"

enum { FIELDS = 32, WIDTH = 64, OUT = FIELDS * WIDTH };
#define LR 1e-3f

typedef struct embedding {
    rows *r; /* x: the tables; dy: the gradient of the output; y: outputs */
    rmx_embedding_desc desc;
    int64_t entries, touched;
    uint32_t *host_ids; /* rows of the tables, all fields in one numbering */
    uint32_t *ids, *rows, *unique;
    int64_t *row_offset;
    int32_t *column;
    rmx_optimizer_scalars *scalars;
    void *ws;
    size_t ws_bytes;
} embedding;

/* ---- operands ---------------------------------------------------------------------------- */

static rmx_status memory(bench *b, size_t bytes, const void *from, void *out)
{
    float *p = NULL;
    BENCH_TRY(bench_zeros(b, (int64_t)(bytes / sizeof(float)) + 1, &p));
    memcpy(out, &p, sizeof p);
    return from ? rmx_upload(b->ctx, p, from, bytes) : RMX_OK;
}

/* Draws ids below each field's vocabulary and uploads them; fills host_ids and counts the rows
 * that they touch. */
static rmx_status draw_ids(embedding *e)
{
    const uint32_t vocabulary = (uint32_t)(e->desc.table_rows / FIELDS);
    const size_t bytes = sizeof(uint32_t) * (size_t)e->entries;
    uint32_t *ids = malloc(bytes);
    uint8_t *seen = calloc((size_t)e->desc.table_rows, 1);
    uint64_t state = 5;
    e->host_ids = malloc(bytes);
    for (int64_t i = 0; ids && seen && e->host_ids && i < e->entries; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        ids[i] = (uint32_t)(state >> 33) % vocabulary;
        e->host_ids[i] = (uint32_t)(i % FIELDS) * vocabulary + ids[i];
        e->touched += !seen[e->host_ids[i]];
        seen[e->host_ids[i]] = 1;
    }
    const bool good = ids && seen && e->host_ids;
    const rmx_status status = good ? memory(e->r->b, bytes, ids, &e->ids)
                                   : rmx_fail(&e->r->b->error, RMX_ERR_MEMORY, "out of memory");
    free(ids);
    free(seen);
    return status;
}

static rmx_status operands(embedding *e)
{
    bench *b = e->r->b;
    int64_t row_offset[FIELDS];
    int32_t column[FIELDS];
    const rmx_optimizer_config config = rmx_optimizer_default(RMX_OPTIMIZER_ADAGRAD);
    const rmx_optimizer_scalars scalars = rmx_optimizer_scalars_of(&config, 1, LR);
    for (int32_t f = 0; f < FIELDS; f++) {
        row_offset[f] = e->desc.table_rows / FIELDS * f;
        column[f] = f * WIDTH;
    }
    BENCH_TRY(draw_ids(e));
    BENCH_TRY(memory(b, sizeof row_offset, row_offset, &e->row_offset));
    BENCH_TRY(memory(b, sizeof column, column, &e->column));
    BENCH_TRY(memory(b, sizeof scalars, &scalars, &e->scalars));
    BENCH_TRY(memory(b, sizeof(uint32_t) * (size_t)e->entries, NULL, &e->rows));
    BENCH_TRY(memory(b, sizeof *e->unique, NULL, &e->unique));
    e->ws_bytes = rmx_embedding_backward_workspace(b->ctx, &e->desc);
    return memory(b, e->ws_bytes, NULL, &e->ws);
}

/* ---- calls ------------------------------------------------------------------------------- */

static rmx_status lookup(void *user, int64_t first, int64_t samples)
{
    const embedding *e = user;
    rmx_embedding_desc desc = e->desc;
    desc.samples = samples;
    return rmx_embedding_forward(e->r->b->ctx, &desc, e->r->x, e->row_offset, e->column,
                                 e->ids + first * FIELDS, e->r->y + first * OUT);
}

static rmx_status lookup_all(void *user, int64_t turn)
{
    const embedding *e = user;
    (void)turn;
    return lookup(user, 0, e->desc.samples);
}

static rmx_status gradient(void *user, int64_t turn)
{
    const embedding *e = user;
    (void)turn;
    return rmx_embedding_backward(e->r->b->ctx, &e->desc, e->r->dy, e->row_offset, e->column,
                                  e->ids, e->rows, e->r->y, e->unique, e->ws, e->ws_bytes);
}

/* Updates the rows whose gradients lie in r->y; here the tables are r->dx. */
static rmx_status update(void *user, int64_t turn)
{
    const embedding *e = user;
    const rmx_optimizer_args args = {.kind = RMX_OPTIMIZER_ADAGRAD,
                                     .rows = e->entries,
                                     .width = WIDTH,
                                     .w = e->r->dx,
                                     .s1 = e->r->s1,
                                     .grad = e->r->y,
                                     .row_index = e->rows,
                                     .unique = e->unique,
                                     .scalars = e->scalars};
    (void)turn;
    return rmx_run_optimizer(e->r->b->ctx, &args);
}

/* ---- checks ------------------------------------------------------------------------------ */

typedef struct touched_row { /* row u of a gradient, and the same by the chain of ops.h */
    uint32_t row;
    float gradient[WIDTH], should[WIDTH];
} touched_row;

static rmx_status touched_row_of(const embedding *e, const float *dout, int64_t u,
                                 touched_row *out)
{
    rmx_context *ctx = e->r->b->ctx;
    BENCH_TRY(rmx_download(ctx, &out->row, e->rows + u, sizeof out->row));
    BENCH_TRY(rmx_download(ctx, out->gradient, e->r->y + u * WIDTH, sizeof out->gradient));
    memset(out->should, 0, sizeof out->should);
    for (int64_t i = 0; i < e->entries; i++) {
        if (e->host_ids[i] != out->row) continue;
        for (int64_t j = 0; j < WIDTH; j++)
            out->should[j] = rmx_addf(out->should[j], dout[i * WIDTH + j]);
    }
    return RMX_OK;
}

static rmx_status wrong(const embedding *e, const char *what, const touched_row *t)
{
    return rmx_fail(&e->r->b->error, RMX_ERR_NUMERIC, "%s: row %u is not as it should be", what,
                    t->row);
}

static rmx_status check_gradient(embedding *e)
{
    touched_row t;
    uint32_t unique = 0;
    float *dout = NULL;
    BENCH_TRY(gradient(e, 0));
    BENCH_TRY(rmx_download(e->r->b->ctx, &unique, e->unique, sizeof unique));
    if ((int64_t)unique != e->touched)
        return rmx_fail(&e->r->b->error, RMX_ERR_NUMERIC,
                        "embedding gradient: %u rows were touched, not %lld", unique,
                        (long long)e->touched);
    BENCH_TRY(bench_fetch(e->r->b, e->r->dy, e->entries * WIDTH, &dout));
    rmx_status status = RMX_OK;
    for (int64_t i = 0; status == RMX_OK && i < 5; i++) {
        status = touched_row_of(e, dout, i * (e->touched - 1) / 4, &t);
        if (status == RMX_OK && memcmp(t.gradient, t.should, sizeof t.should) != 0)
            status = wrong(e, "embedding gradient", &t);
    }
    free(dout);
    return status;
}

/* By the formula of ops.h, one update after states that were zero. */
static rmx_status check_update(embedding *e)
{
    touched_row t;
    float before[WIDTH], after[WIDTH];
    rmx_context *ctx = e->r->b->ctx;
    const float eps = rmx_optimizer_default(RMX_OPTIMIZER_ADAGRAD).eps;
    BENCH_TRY(rmx_zero(ctx, e->r->s1, sizeof(float) * (size_t)e->r->count));
    BENCH_TRY(rmx_download(ctx, &t.row, e->rows + e->touched / 2, sizeof t.row));
    BENCH_TRY(rmx_download(ctx, t.gradient, e->r->y + e->touched / 2 * WIDTH, sizeof t.gradient));
    BENCH_TRY(rmx_download(ctx, before, e->r->dx + (int64_t)t.row * WIDTH, sizeof before));
    BENCH_TRY(update(e, 0));
    BENCH_TRY(rmx_download(ctx, after, e->r->dx + (int64_t)t.row * WIDTH, sizeof after));
    for (int j = 0; j < WIDTH; j++) {
        const float g = t.gradient[j], s1 = rmx_mulf(g, g);
        t.should[j] = rmx_subf(before[j], rmx_divf(rmx_mulf(LR, g), rmx_addf(rmx_sqrtf(s1), eps)));
    }
    return memcmp(after, t.should, sizeof after) ? wrong(e, "sparse adagrad", &t) : RMX_OK;
}

/* ---- lines ------------------------------------------------------------------------------- */

enum { LOOKUP, GRADIENT, UPDATE, LINES };
static const char *const op[LINES] = {"embedding lookup", "embedding gradient", "sparse adagrad"};

static rmx_status measure(embedding *e, const char *shape, const bool wanted[LINES])
{
    rows *r = e->r;
    const double out = 4.0 * (double)e->entries * WIDTH, ids = 4.0 * (double)e->entries;
    const double index = 4.0 * (double)e->touched, touched = index * WIDTH;
    const double bytes[LINES] = {out + ids + touched, out + ids + touched + index,
                                 5.0 * touched + index};
    const bench_side side[LINES] = {{.run = lookup_all, .user = e, .sets = 1},
                                    {.run = gradient, .user = e, .sets = 1},
                                    {.run = update, .user = e, .sets = 1}};
    if (wanted[LOOKUP]) {
        BENCH_TRY(
            bench_check_alone(r->b, op[LOOKUP], lookup, NULL, e, r->y, OUT, e->desc.samples));
        BENCH_TRY(rows_line(r, op[LOOKUP], shape, &side[LOOKUP], bytes[LOOKUP]));
    }
    if (wanted[GRADIENT]) {
        BENCH_TRY(check_gradient(e));
        BENCH_TRY(rows_line(r, op[GRADIENT], shape, &side[GRADIENT], bytes[GRADIENT]));
    }
    if (!wanted[UPDATE]) return RMX_OK;
    BENCH_TRY(check_gradient(e)); /* once more: the copy beside the last line went over it */
    BENCH_TRY(check_update(e));
    return rows_line(r, op[UPDATE], shape, &side[UPDATE], bytes[UPDATE]);
}

rmx_status bench_embedding(bench *b)
{
    const int64_t count = rows_count(b);
    rows r = {.b = b};
    embedding e = {.r = &r, .desc = {.fields = FIELDS, .width = WIDTH, .out_width = OUT}};
    char shape[48];
    bool wanted[LINES], any = false;
    e.desc.samples = count / OUT;
    e.desc.table_rows = count / WIDTH / FIELDS * FIELDS;
    e.entries = e.desc.samples * FIELDS;
    snprintf(shape, sizeof shape, "B=%lld F=%d E=%d", (long long)e.desc.samples, FIELDS, WIDTH);
    for (int i = 0; i < LINES; i++) any |= wanted[i] = bench_wants(b, op[i], shape);
    if (!any) return RMX_OK;
    BENCH_TRY(rows_open(&r, b, 0));
    rmx_status status = operands(&e);
    if (status == RMX_OK) status = measure(&e, shape, wanted);
    free(e.host_ids);
    bench_release(b);
    return status;
}
