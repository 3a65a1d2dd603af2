/* SPDX-License-Identifier: MIT */
/* layers.c: see layers.h. */
#include "layers.h"

#include <stdio.h>

static rmx_status part(void *user, int64_t first, int64_t samples)
{
    const layer *l = user;
    return l->kind->run(l, first, samples);
}

static rmx_status turn_of(void *user, int64_t turn)
{
    const layer *l = user;
    return l->kind->run(l, turn % l->sets * l->samples, l->samples);
}

static rmx_status operands(layer *l)
{
    bench *b = l->b;
    float *ws = NULL;
    const int64_t n = layer_values(l), parameters = l->kind->parameters(l);
    const double set = 2.0 * sizeof(float) * (double)n;
    l->sets = bench_sets(b, set, sizeof(float) * (double)parameters);
    l->ws_bytes = l->kind->scratch(l);
    BENCH_TRY(bench_floats(b, l->sets * n, &l->x));
    BENCH_TRY(bench_floats(b, l->sets * n, &l->dy));
    BENCH_TRY(bench_floats(b, l->sets * n, &l->y));
    BENCH_TRY(bench_floats(b, l->sets * n, &l->dx));
    BENCH_TRY(bench_floats(b, parameters, &l->w));
    BENCH_TRY(bench_zeros(b, parameters, &l->dw));
    BENCH_TRY(bench_floats(b, l->kind->saved(l), &l->saved));
    BENCH_TRY(bench_floats(b, (int64_t)(l->ws_bytes / sizeof(float)) + 1, &ws));
    l->ws = ws;
    return RMX_OK;
}

/* r has what the sweep says of the line: shape, series, x, unit and its units a batch. */
static rmx_status measure(layer *l, const bench_record *sweep, double units)
{
    bench_times times;
    const double values = (double)layer_values(l), w = (double)l->kind->parameters(l);
    const double moved = l->backward ? 5.0 * values + 3.0 * w : 2.0 * values + w;
    if (l->b->buffers == 0) BENCH_TRY(operands(l));
    BENCH_TRY(bench_check_alone(l->b, sweep->op, part, NULL, l, l->backward ? l->dx : l->y,
                                layer_unit(l), l->samples));
    const bench_side side = {.run = turn_of, .user = l, .sets = l->sets};
    BENCH_TRY(bench_measure(l->b, &side, 1, &times));
    bench_record r = bench_record_of(l->b, sweep->op, sweep->shape, &times, sizeof(float) * moved,
                                     (l->backward ? 3.0 : 1.0) * l->kind->flop(l));
    snprintf(r.series, sizeof r.series, "%s", sweep->series);
    snprintf(r.unit, sizeof r.unit, "%s", sweep->unit);
    r.x = sweep->x;
    r.memory = sizeof(float) * (double)l->kind->saved(l) + (double)l->ws_bytes;
    r.per_second = units / times.median;
    return bench_add(l->b, &r);
}

/* Forward, then forward + backward. */
static rmx_status both(layer *l, bench_record *sweep, const char *more, double units)
{
    for (int backward = 0; backward < 2; backward++) {
        l->backward = backward;
        snprintf(sweep->op, sizeof sweep->op, "%s%s", l->kind->op, backward ? " fwd+bwd" : "");
        snprintf(sweep->series, sizeof sweep->series, "%s forward%s%s", l->kind->series,
                 backward ? " + backward" : "", more);
        if (bench_wants(l->b, sweep->op, sweep->shape)) BENCH_TRY(measure(l, sweep, units));
    }
    bench_release(l->b);
    return RMX_OK;
}

rmx_status layers_over_samples(bench *b, const layer_kind *kind)
{
    static const int64_t cpu[] = {1, 4, 16, 64, 256, 1024, 0}, quick[] = {1, 8, 0};
    static const int64_t cuda[] = {1, 8, 64, 512, 4096, 0};
    const int32_t width = b->quick ? 32 : b->cuda ? 768 : 256;
    char more[16];
    snprintf(more, sizeof more, ", D=%d", width);
    for (const int64_t *batch = b->quick ? quick : b->cuda ? cuda : cpu; *batch; batch++) {
        layer l = {.b = b,
                   .kind = kind,
                   .samples = *batch,
                   .tokens = 16,
                   .width = width,
                   .hidden = 4 * width};
        bench_record sweep = {.x = (double)*batch, .unit = "samples"};
        snprintf(sweep.shape, sizeof sweep.shape, "B=%lld T=%d D=%d K=%d", (long long)*batch,
                 l.tokens, l.width, l.hidden);
        BENCH_TRY(both(&l, &sweep, more, (double)*batch));
    }
    return RMX_OK;
}

rmx_status layers_over_tokens(bench *b, const layer_kind *kind)
{
    for (int32_t tokens = 8; tokens <= (b->quick ? 16 : 512); tokens *= 2) {
        layer l = {.b = b,
                   .kind = kind,
                   .samples = b->quick  ? 4
                              : b->cuda ? 64
                                        : 8,
                   .tokens = tokens,
                   .width = b->quick  ? 64
                            : b->cuda ? 1024
                                      : 512};
        bench_record sweep = {.x = tokens, .unit = "tokens"};
        snprintf(sweep.shape, sizeof sweep.shape, "T=%d D=%d B=%lld", tokens, l.width,
                 (long long)l.samples);
        BENCH_TRY(both(&l, &sweep, "", (double)(l.samples * tokens)));
    }
    return RMX_OK;
}

/* ---- a feed-forward network -------------------------------------------------------------- */

rmx_feed_forward_desc layer_network(const layer *l, int64_t samples)
{
    return (rmx_feed_forward_desc){
        .samples = samples, .tokens = l->tokens, .width = l->width, .hidden = l->hidden};
}

int64_t layer_network_size(const layer *l)
{
    const int64_t t = l->tokens, d = l->width, h = l->hidden;
    return t * (2 * d * h + d + h);
}

rmx_feed_forward_gradients layer_network_gradients(const layer *l, float *at)
{
    const int64_t t = l->tokens, h = l->hidden, w = t * l->width * h;
    return (rmx_feed_forward_gradients){
        .w1 = at, .w2 = at + w, .b1 = at + 2 * w, .b2 = at + 2 * w + t * h};
}

rmx_feed_forward_weights layer_network_weights(const layer *l, float *at)
{
    const rmx_feed_forward_gradients g = layer_network_gradients(l, at);
    return (rmx_feed_forward_weights){.w1 = g.w1, .b1 = g.b1, .w2 = g.w2, .b2 = g.b2};
}

double layer_network_flop(const layer *l) { return 4.0 * (double)layer_values(l) * l->hidden; }
