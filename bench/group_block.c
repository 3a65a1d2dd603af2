/* SPDX-License-Identifier: MIT */
/* group_block.c: a whole RankMixer block, forward and forward + backward, over the batch. */
#include <stdio.h>

#include "bench.h"
#include "rankmixer/block.h"

enum { PARAMETERS = 8 };

typedef struct blocks {
    bench *b;
    rmx_block_desc desc;
    int64_t samples, sets;
    bool backward;
    char shape[48];
    float *w, *dw, *x, *dy, *y, *dx, *saved, *ws;
    float *weights[PARAMETERS], *gradients[PARAMETERS];
    size_t saved_bytes, ws_bytes;
} blocks;

static int64_t unit(const blocks *k) { return (int64_t)k->desc.ffn.tokens * k->desc.ffn.width; }

/* One array holds all parameters, one after another. Returns their number of values. */
static int64_t point(const blocks *k, float *from, float *to[PARAMETERS])
{
    rmx_block_parameter list[PARAMETERS];
    const int32_t count = rmx_block_parameters(&k->desc, list, PARAMETERS);
    int64_t at = 0;
    for (int32_t i = 0; i < count; at += list[i++].count) to[i] = from ? from + at : NULL;
    return at;
}

static int64_t parameters(const blocks *k)
{
    float *unused[PARAMETERS];
    return point(k, NULL, unused);
}

static rmx_status part(void *user, int64_t first, int64_t samples)
{
    const blocks *k = user;
    const int64_t at = first * unit(k);
    rmx_block_desc desc = k->desc;
    desc.ffn.samples = samples;
    BENCH_TRY(rmx_block_forward(k->b->ctx, &desc, (const float *const *)k->weights, k->x + at,
                                k->y + at, k->saved, k->saved_bytes));
    if (!k->backward) return RMX_OK;
    return rmx_block_backward(k->b->ctx, &desc, (const float *const *)k->weights, k->dy + at,
                              k->x + at, k->saved, k->saved_bytes, k->dx + at, k->gradients, k->ws,
                              k->ws_bytes);
}

static rmx_status turn_of(void *user, int64_t turn)
{
    const blocks *k = user;
    return part(user, turn % k->sets * k->samples, k->samples);
}

static const char *op_of(const blocks *k) { return k->backward ? "block fwd+bwd" : "block"; }

static rmx_status line(blocks *k)
{
    bench_times times;
    const rmx_feed_forward_desc *f = &k->desc.ffn;
    const double pass = 4.0 * (double)(k->samples * f->tokens) * f->width * f->hidden;
    const double rows = (double)(k->samples * unit(k)), w = (double)parameters(k);
    const double moved = k->backward ? 5.0 * rows + 3.0 * w : 2.0 * rows + w;
    BENCH_TRY(bench_check_alone(k->b, "block", part, NULL, k, k->backward ? k->dx : k->y, unit(k),
                                k->samples));
    const bench_side side = {.run = turn_of, .user = k, .sets = k->sets};
    BENCH_TRY(bench_measure(k->b, &side, 1, &times));
    bench_record r = bench_record_of(k->b, "block", &times, sizeof(float) * moved,
                                     (k->backward ? 3.0 : 1.0) * pass);
    snprintf(r.op, sizeof r.op, "%s", op_of(k));
    snprintf(r.shape, sizeof r.shape, "%s", k->shape);
    snprintf(r.series, sizeof r.series, "block forward%s, D=%d", k->backward ? " + backward" : "",
             f->width);
    snprintf(r.unit, sizeof r.unit, "samples");
    r.x = (double)k->samples;
    r.memory = (double)(k->saved_bytes + k->ws_bytes);
    r.per_second = (double)k->samples / times.median;
    return records_add(k->b->out, &r) ? RMX_OK : RMX_ERR_MEMORY;
}

static rmx_status operands(blocks *k)
{
    bench *b = k->b;
    const int64_t n = k->samples * unit(k);
    k->desc.ffn.samples = k->samples;
    k->sets =
        bench_sets(b, 2.0 * sizeof(float) * (double)n, sizeof(float) * (double)parameters(k));
    k->saved_bytes = rmx_block_saved_bytes(&k->desc);
    k->ws_bytes = rmx_block_backward_workspace(&k->desc);
    BENCH_TRY(bench_floats(b, parameters(k), &k->w));
    BENCH_TRY(bench_zeros(b, parameters(k), &k->dw));
    point(k, k->w, k->weights);
    point(k, k->dw, k->gradients);
    BENCH_TRY(bench_floats(b, k->sets * n, &k->x));
    BENCH_TRY(bench_floats(b, k->sets * n, &k->dy));
    BENCH_TRY(bench_floats(b, k->sets * n, &k->y));
    BENCH_TRY(bench_floats(b, k->sets * n, &k->dx));
    BENCH_TRY(bench_floats(b, (int64_t)(k->saved_bytes / sizeof(float)) + 1, &k->saved));
    return bench_floats(b, (int64_t)(k->ws_bytes / sizeof(float)) + 1, &k->ws);
}

rmx_status bench_block(bench *b)
{
    static const int64_t cpu[] = {1, 4, 16, 64, 256, 1024, 0}, quick[] = {1, 8, 0};
    static const int64_t cuda[] = {1, 8, 64, 512, 4096, 0};
    const int32_t width = b->quick ? 32 : b->cuda ? 768 : 256;
    for (const int64_t *batch = b->quick ? quick : b->cuda ? cuda : cpu; *batch; batch++) {
        blocks k = {.b = b,
                    .samples = *batch,
                    .desc = {.heads = 16,
                             .eps = 1e-5f,
                             .ffn = {.tokens = 16, .width = width, .hidden = 4 * width}}};
        snprintf(k.shape, sizeof k.shape, "B=%lld T=%d D=%d K=%d", (long long)k.samples,
                 k.desc.ffn.tokens, width, k.desc.ffn.hidden);
        for (int backward = 0; backward < 2; backward++) {
            k.backward = backward;
            if (!bench_wants(b, op_of(&k), k.shape)) continue;
            if (b->buffers == 0) BENCH_TRY(operands(&k));
            BENCH_TRY(line(&k));
        }
        bench_release(b);
    }
    return RMX_OK;
}
