/* SPDX-License-Identifier: MIT */
/* bench_optimizer.c: one step of each optimizer over a dense table. */
#include "rankmixer/optimizer.h"
#include "rows.h"

/* y is the parameter, x its gradient. */
static rmx_status optimizer(const rows *r, int64_t first, int64_t samples)
{
    const rmx_optimizer kind = (rmx_optimizer)r->c->kind;
    const rmx_optimizer_config config = rmx_optimizer_default(kind);
    const int64_t at = first * rows_unit(r);
    const bool by_row = kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD;
    float *s1 = kind == RMX_OPTIMIZER_SGD ? NULL : r->s1 + (by_row ? first : at);
    float *s2 = kind == RMX_OPTIMIZER_ADAMW ? r->s2 + at : NULL;
    return rmx_optimizer_step(r->b->ctx, &config, 3, 1e-3f, samples, r->c->width, r->x + at,
                              r->y + at, s1, s2);
}

static rmx_status reset(rows *r)
{
    const size_t bytes = sizeof(float) * (size_t)r->count;
    BENCH_TRY(bench_fill(r->b, r->y, r->count, 3));
    BENCH_TRY(rmx_zero(r->b->ctx, r->s1, bytes));
    return rmx_zero(r->b->ctx, r->s2, bytes);
}

/* A step uploads its rates, which no graph can record. */
#define STEP .run = optimizer, .reset = reset, .launched = true
static const row_case cases[] = {
    {"sgd", "width 64", 64, 1, 3, STEP, .kind = RMX_OPTIMIZER_SGD},
    {"rmsprop", "width 64", 64, 1, 5, STEP, .kind = RMX_OPTIMIZER_RMSPROP},
    {"adagrad", "width 64", 64, 1, 5, STEP, .kind = RMX_OPTIMIZER_ADAGRAD},
    {"rowwise_adagrad", "width 64", 64, 1, 3 + 2.0 / 64, STEP,
     .kind = RMX_OPTIMIZER_ROWWISE_ADAGRAD},
    {"adamw", "width 64", 64, 1, 7, STEP, .kind = RMX_OPTIMIZER_ADAMW},
};

rmx_status bench_optimizer(bench *b) { return ROWS_MEASURE(b, cases); }
