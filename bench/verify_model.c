/* SPDX-License-Identifier: MIT */
/* verify_model.c: see verify_model.h. */
#include "verify_model.h"

#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define POOL 2048 /* requests to draw from */

/* ---- the vendor's product in our product's place ----------------------------------------- */

static const vendor *replacement;
static const rmx_ops *real_ops;
static rmx_ops replaced_ops;

/* The vendor's chain, then what follows it by ours: a product over no k that starts from C. */
static rmx_status replaced_product(rmx_backend *backend, const rmx_product_args *args)
{
    rmx_product_args rest = *args;
    const rmx_status status = args->residual.p == args->c.p || args->multiplier.p == args->c.p
                                  ? RMX_ERR_ARGUMENT
                                  : vendor_run_args(replacement, args);
    if (status == RMX_ERR_ARGUMENT) return real_ops->product(backend, args);
    if (status != RMX_OK) return status;
    rest.k = 0;
    rest.accumulate = true;
    return real_ops->product(backend, &rest);
}

static void replace(bench *b, bool yes)
{
    if (yes) {
        replacement = &b->yardstick;
        real_ops = b->backend->ops;
        replaced_ops = *real_ops;
        replaced_ops.product = replaced_product;
        b->backend->ops = &replaced_ops;
    } else if (real_ops) {
        b->backend->ops = real_ops;
        real_ops = NULL;
    }
}

/* ---- scoring ----------------------------------------------------------------------------- */

typedef struct scorer {
    bench *b;
    workload w;
    rmx_model *model;
    int32_t scorings;
    int64_t most; /* requests of a batch */
    uint32_t *ids;
    float *dense, *logits, *results;
} scorer;

static rmx_status prepare(scorer *s, const char *config)
{
    bench *b = s->b;
    BENCH_TRY(workload_open(config, POOL, &s->w, &b->error));
    rmx_model_config *c = &s->w.setup.model;
    c->batch = s->most;
    c->micro_batch = s->most; /* all in one pass */
    c->dropout = 0.0f;
    s->ids = malloc(sizeof(uint32_t) * (size_t)(s->most * c->sparse_fields + 1));
    s->dense = malloc(sizeof(float) * (size_t)(s->most * c->dense_fields + 1));
    s->logits = malloc(sizeof(float) * (size_t)(s->most * c->tasks));
    s->results = malloc(sizeof(float) * (size_t)s->scorings);
    if (!s->ids || !s->dense || !s->logits || !s->results)
        return rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
    return rmx_model_create(b->ctx, c, NULL, &s->model);
}

/* Row `from` of the workload becomes row `to` of the batch. */
static void put_row(scorer *s, int64_t to, int64_t from)
{
    const rmx_model_config *c = &s->w.setup.model;
    memcpy(s->ids + to * c->sparse_fields, s->w.ids + from * c->sparse_fields,
           sizeof(uint32_t) * (size_t)c->sparse_fields);
    memcpy(s->dense + to * c->dense_fields, s->w.dense + from * c->dense_fields,
           sizeof(float) * (size_t)c->dense_fields);
}

/* Request 0 at a random place among others, in a batch of random size. */
static rmx_status score_once(scorer *s, uint64_t *state, float *out)
{
    uint32_t draw[3];
    for (int i = 0; i < 3; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        draw[i] = (uint32_t)(*state >> 33);
    }
    const int64_t samples = 1 + draw[0] % s->most, place = draw[1] % samples;
    for (int64_t i = 0; i < samples; i++) put_row(s, i, 1 + (draw[2] + i) % (POOL - 1));
    put_row(s, place, 0);
    const rmx_batch batch = {.samples = samples, .sparse = s->ids, .dense = s->dense};
    BENCH_TRY(rmx_model_set_batch(s->model, &batch));
    BENCH_TRY(rmx_model_forward(s->model));
    BENCH_TRY(rmx_model_logits(s->model, s->logits));
    *out = s->logits[place * s->w.setup.model.tasks];
    return RMX_OK;
}

static int by_bits(const void *a, const void *b) { return memcmp(a, b, sizeof(float)); }

static rmx_status score_all(scorer *s, int32_t *distinct)
{
    uint64_t state = 5;
    for (int32_t i = 0; i < s->scorings; i++) BENCH_TRY(score_once(s, &state, &s->results[i]));
    qsort(s->results, (size_t)s->scorings, sizeof(float), by_bits);
    *distinct = 1;
    for (int32_t i = 1; i < s->scorings; i++)
        *distinct += memcmp(&s->results[i], &s->results[i - 1], sizeof(float)) != 0;
    return RMX_OK;
}

rmx_status verify_model(bench *b, const char *config, verify_scores *out)
{
    scorer s = {.b = b, .scorings = b->quick ? 100 : 1000, .most = b->quick ? 64 : 300};
    *out = (verify_scores){.scorings = s.scorings};
    rmx_status status = prepare(&s, config);
    if (status == RMX_OK) status = score_all(&s, &out->distinct);
    if (status == RMX_OK && b->yardstick.open) {
        replace(b, true);
        status = score_all(&s, &out->vendor_distinct);
        replace(b, false);
    }
    rmx_model_destroy(s.model);
    workload_close(&s.w);
    free(s.ids);
    free(s.dense);
    free(s.logits);
    free(s.results);
    return status;
}
