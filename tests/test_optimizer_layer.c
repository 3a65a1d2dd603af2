/* SPDX-License-Identifier: MIT */
/* test_optimizer_layer.c: every optimiser against a float64 transcription of its formula, sparse
 * updates against dense ones, the scalars of a step, and what is refused. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "layer_testing.h"
#include "layers/optimizer_internal.h"
#include "rankmixer/optimizer.h"
#include "refusals.h"

#define MUST(call) operands_must(ctx, call)

enum { KINDS = 6, ROWS = 7, WIDTH = 150, COUNT = ROWS * WIDTH, STEPS = 100 };

/* Settings in which every term matters: a large eps, weight decay, momentum in one of two sgds. */
static rmx_optimizer_config config_of(int which)
{
    static const rmx_optimizer kinds[KINDS] = {RMX_OPTIMIZER_SGD,
                                               RMX_OPTIMIZER_SGD,
                                               RMX_OPTIMIZER_RMSPROP,
                                               RMX_OPTIMIZER_ADAGRAD,
                                               RMX_OPTIMIZER_ROWWISE_ADAGRAD,
                                               RMX_OPTIMIZER_ADAMW};
    rmx_optimizer_config config = rmx_optimizer_default(kinds[which]);
    config.eps = 0.1f;
    config.weight_decay = 0.05f;
    config.momentum = which == 1 ? 0.9f : 0.0f;
    config.initial_sum = which == 3 || which == 4 ? 0.5f : 0.0f;
    return config;
}

static const char *const names[KINDS] = {"sgd",     "sgd with momentum", "rmsprop",
                                         "adagrad", "row-wise adagrad",  "adamw"};

static float rate(uint64_t step) { return 0.02f / (1.0f + 0.01f * (float)step); }

/* ---- against float64 ----------------------------------------------------------------------- */

typedef struct exact {
    double w[COUNT], s1[COUNT], s2[COUNT];
} exact;

static void exact_row(exact *e, const rmx_optimizer_config *c, const float *g, double lr, double t,
                      int row)
{
    double mean_square = 0.0;
    for (int j = 0; j < WIDTH; j++)
        mean_square += (double)g[row * WIDTH + j] * (double)g[row * WIDTH + j] / WIDTH;
    for (int j = 0; j < WIDTH; j++) {
        const int i = row * WIDTH + j;
        const double gi = g[i], b1 = c->beta1, b2 = c->beta2, eps = c->eps;
        double *w = &e->w[i], *s1 = &e->s1[i], *s2 = &e->s2[i];
        *w *= 1.0 - lr * (double)c->weight_decay;
        switch (c->kind) {
        case RMX_OPTIMIZER_SGD:
            *s1 = (double)c->momentum * *s1 + gi;
            *w -= lr * *s1;
            break;
        case RMX_OPTIMIZER_RMSPROP:
            *s1 = b2 * *s1 + (1.0 - b2) * gi * gi;
            *w -= lr * gi / (sqrt(*s1) + eps);
            break;
        case RMX_OPTIMIZER_ADAGRAD:
            *s1 += gi * gi;
            *w -= lr * gi / (sqrt(*s1) + eps);
            break;
        case RMX_OPTIMIZER_ROWWISE_ADAGRAD:
            *s1 += mean_square;
            *w -= lr * gi / (sqrt(*s1) + eps);
            break;
        case RMX_OPTIMIZER_ADAMW:
            *s1 = b1 * *s1 + (1.0 - b1) * gi;
            *s2 = b2 * *s2 + (1.0 - b2) * gi * gi;
            *w -= lr * (*s1 / (1.0 - pow(b1, t))) / (sqrt(*s2 / (1.0 - pow(b2, t))) + eps);
            break;
        }
    }
}

/* Device memory of one optimiser: parameter and states, filled as the first step finds them. */
typedef struct state {
    float *w, *s1, *s2;
    int64_t s1_count;
} state;

static state make_state(operands *all, const rmx_optimizer_config *c, const float *w)
{
    state s = {.w = operands_put(all, w, COUNT)};
    float first[COUNT];
    for (int i = 0; i < COUNT; i++) first[i] = c->initial_sum;
    s.s1_count = rmx_optimizer_s1_is_per_row(c) ? ROWS : COUNT;
    if (rmx_optimizer_has_s1(c)) s.s1 = operands_put(all, first, s.s1_count);
    if (rmx_optimizer_has_s2(c)) s.s2 = operands_zeros(all, COUNT);
    return s;
}

/* Each step rounds w a few times, by 2^-24 of its size or of the step's: STEPS times that is the
 * worst that can add up, and what is allowed here; a tenth of it is seen. */
static void hundred_steps(rmx_context *ctx, int which)
{
    const rmx_optimizer_config config = config_of(which);
    exact *e = calloc(1, sizeof *e);
    float w[COUNT], g[COUNT], got[COUNT];
    operands all;
    operands_begin(&all, ctx);
    testing_fill(w, COUNT, PATTERN_NORMAL, 1);
    for (int i = 0; i < COUNT; i++) {
        e->w[i] = w[i];
        e->s1[i] = config.initial_sum;
    }
    const state s = make_state(&all, &config, w);
    float *tg = operands_new(&all, COUNT);
    for (uint64_t step = 1; step <= STEPS; step++) {
        testing_fill(g, COUNT, PATTERN_NORMAL, 1 + step);
        MUST(rmx_upload(ctx, tg, g, sizeof g));
        MUST(rmx_optimizer_step(ctx, &config, step, rate(step), ROWS, WIDTH, tg, s.w, s.s1, s.s2));
        for (int row = 0; row < ROWS; row++)
            exact_row(e, &config, g, rate(step), (double)step, row);
    }
    operands_get(&all, got, s.w, sizeof got);
    double worst = 0.0, largest = 1.0;
    for (int i = 0; i < COUNT; i++) {
        worst = fmax(worst, fabs((double)got[i] - e->w[i]));
        largest = fmax(largest, fabs(e->w[i]));
    }
    cr_expect_leq(worst, STEPS * 0x1p-24 * largest, "%s on %s: off by %g", names[which],
                  rmx_context_describe(ctx), worst);
    cr_expect_gt(worst, 0.0, "%s: fp32 cannot be exact here", names[which]);
    cr_expect(operands_free(&all));
    free(e);
}

Test(optimizer_layer, float64_transcription)
{
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        rmx_context *ctx = operands_context(i);
        if (!ctx) continue;
        for (int which = 0; which < KINDS; which++) hundred_steps(ctx, which);
        rmx_context_destroy(ctx);
    }
}

/* ---- sparse -------------------------------------------------------------------------------- */

static void step_of(rmx_context *ctx, const rmx_optimizer_config *config, const state *s,
                    const float *grad, const uint32_t *rows, const uint32_t *unique, void *scalars)
{
    rmx_backend *backend = rmx_context_backend(ctx);
    const rmx_optimizer_scalars host = rmx_optimizer_scalars_of(config, 3, 0.05f);
    MUST(rmx_upload(ctx, scalars, &host, sizeof host));
    const rmx_optimizer_args args = {.kind = config->kind,
                                     .rows = rows ? 5 : ROWS,
                                     .width = WIDTH,
                                     .w = s->w,
                                     .s1 = s->s1,
                                     .s2 = s->s2,
                                     .grad = grad,
                                     .row_index = rows,
                                     .unique = unique,
                                     .scalars = scalars};
    MUST(backend->ops->optimizer(backend, &args));
}

/* A sparse step over some rows gives those rows the bits of a dense step, and leaves the rest. */
static void sparse_equals_dense(rmx_context *ctx, int which)
{
    static const uint32_t touched[5] = {1, 4, 6, 99, 99}; /* *unique = 3: two are room */
    const uint32_t n = 3;
    const rmx_optimizer_config config = config_of(which);
    operands all;
    operands_begin(&all, ctx);
    float w[COUNT], g[COUNT], packed[5 * WIDTH] = {0.0f}, want[COUNT];
    testing_fill(w, COUNT, PATTERN_NORMAL, 7);
    testing_fill(g, COUNT, PATTERN_NORMAL, 8);
    for (uint32_t u = 0; u < n; u++)
        memcpy(packed + u * WIDTH, g + touched[u] * WIDTH, WIDTH * sizeof *g);
    const state dense = make_state(&all, &config, w), sparse = make_state(&all, &config, w);
    const uint32_t *rows = operands_put_bytes(&all, touched, sizeof touched);
    const uint32_t *unique = operands_put_bytes(&all, &n, sizeof n);
    void *scalars = operands_bytes(&all, sizeof(rmx_optimizer_scalars));
    step_of(ctx, &config, &dense, operands_put(&all, g, COUNT), NULL, NULL, scalars);
    step_of(ctx, &config, &sparse, operands_put(&all, packed, 5 * WIDTH), rows, unique, scalars);
    operands_get(&all, want, dense.w, sizeof want);
    for (uint32_t row = 0; row < ROWS; row++) {
        const bool updated = row == 1 || row == 4 || row == 6;
        if (!updated) memcpy(want + row * WIDTH, w + row * WIDTH, WIDTH * sizeof *w);
    }
    cr_expect(operands_same(&all, sparse.w, want, COUNT), "%s on %s", names[which],
              rmx_context_describe(ctx));
    if (sparse.s1 && rmx_optimizer_s1_is_per_row(&config)) {
        float sums[ROWS], dense_sums[ROWS];
        operands_get(&all, sums, sparse.s1, sizeof sums);
        operands_get(&all, dense_sums, dense.s1, sizeof dense_sums);
        cr_expect_eq(sums[4], dense_sums[4]);
        cr_expect_eq(sums[5], config.initial_sum);
    }
    cr_expect(operands_free(&all));
}

Test(optimizer_layer, sparse_equals_dense)
{
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        rmx_context *ctx = operands_context(i);
        if (!ctx) continue;
        for (int which = 0; which < KINDS; which++) sparse_equals_dense(ctx, which);
        rmx_context_destroy(ctx);
    }
}

/* ---- scalars ------------------------------------------------------------------------------- */

Test(optimizer_layer, bias_correction)
{
    const rmx_optimizer_config config = rmx_optimizer_default(RMX_OPTIMIZER_ADAMW);
    static const uint64_t steps[] = {1, 2, 3, 10, 999, 123456, UINT64_MAX};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const rmx_optimizer_scalars s = rmx_optimizer_scalars_of(&config, steps[i], 0.25f);
        const double want = 1.0 / (1.0 - pow(config.beta2, (double)steps[i]));
        cr_expect_float_eq(s.bias2, want, 0x1p-23 * want, "step %llu: %.9g for %.9g",
                           (unsigned long long)steps[i], (double)s.bias2, want);
    }
    const rmx_optimizer_scalars s = rmx_optimizer_scalars_of(&config, 1, 0.25f);
    cr_expect_eq(s.decay, (float)(1.0 - 0.25 * (double)0.01f));
    cr_expect_eq(s.one_minus_beta1, (float)(1.0 - (double)0.9f));
    rmx_optimizer_config none = config;
    none.beta1 = 0.0f;
    cr_expect_eq(rmx_optimizer_scalars_of(&none, 7, 0.1f).bias1, 1.0f);
}

Test(optimizer_layer, refusals)
{
    refusals t = refusals_begin();
    float *g = t.a, *w = t.out, *s1 = t.b, *s2 = t.c;
    const rmx_optimizer_config adamw = rmx_optimizer_default(RMX_OPTIMIZER_ADAMW);
    const rmx_optimizer_config sgd = rmx_optimizer_default(RMX_OPTIMIZER_SGD);
    rmx_optimizer_config bad[6] = {adamw, adamw, adamw, adamw, adamw, adamw};
    static const char *const text[6] = {"config.kind = 9",   "config.beta1 = 1",
                                        "config.beta2 = -1", "config.eps = 0",
                                        "config.momentum",   "config.weight_decay = nan"};
    bad[0].kind = (rmx_optimizer)9;
    bad[1].beta1 = 1.0f;
    bad[2].beta2 = -1.0f;
    bad[3].eps = 0.0f;
    bad[4].momentum = NAN;
    bad[5].weight_decay = NAN;
    for (int i = 0; i < 6; i++)
        REFUSES(rmx_optimizer_step(t.ctx, &bad[i], 1, 0.1f, 4, 8, g, w, s1, s2), text[i]);
    REFUSES(rmx_optimizer_step(t.ctx, NULL, 1, 0.1f, 4, 8, g, w, s1, s2), "config: NULL");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 0, 0.1f, 4, 8, g, w, s1, s2), "count from 1");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, -0.1f, 4, 8, g, w, s1, s2), "lr = -0.1");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, -4, 8, g, w, s1, s2), "factor 1 is -4");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, NULL, w, s1, s2), "g: NULL");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, g, w, s1, NULL), "s2: NULL");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, g, w, w, s2), "overlaps s1");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, w, w, s1, s2), "overlaps g");
    REFUSES(rmx_optimizer_step(t.ctx, &sgd, 1, 0.1f, 4, 8, g, w, s1, NULL), "s1: must be NULL");
    ACCEPTS(rmx_optimizer_step(t.ctx, &sgd, 1, 0.1f, 0, 8, NULL, NULL, NULL, NULL));
    cr_expect_eq(rmx_optimizer_default((rmx_optimizer)99).kind, RMX_OPTIMIZER_SGD);
    refusals_end(&t);
}
