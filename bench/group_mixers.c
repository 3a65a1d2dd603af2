/* SPDX-License-Identifier: MIT */
/* group_mixers.c: token mixing against self-attention over the same tokens, T growing: both with
 * residual and LayerNorm, as in a block. One is linear in T and has no weights to multiply, the
 * other is quadratic. Memory is what forward leaves for backward, and backward's scratch. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "rankmixer/attention.h"
#include "rankmixer/norm.h"
#include "rankmixer/token_mixer.h"

#define HEADS 8 /* of attention; token mixing has H = T */

typedef struct mixers {
    bench *b;
    int64_t samples, sets;
    int32_t tokens, width;
    float *x, *dy, *y, *dx, *vectors, *gradients, *stat, *ws; /* of both */
    size_t ws_bytes;
    float *z, *dz, *qkv, *probabilities, *mixed, *w, *dw; /* of attention */
    char shape[48];
} mixers;

static int64_t unit(const mixers *m) { return (int64_t)m->tokens * m->width; }
static int64_t total(const mixers *m) { return m->samples * unit(m); }

/* ---- token mixing ------------------------------------------------------------------------ */

static rmx_token_mixer_desc mixer_desc(const mixers *m, int64_t samples)
{
    return (rmx_token_mixer_desc){RMX_F32, samples, m->tokens, m->width, m->tokens, 1e-5f};
}

static rmx_status mix(const mixers *m, const float *x, float *y, int64_t samples)
{
    const rmx_token_mixer_desc desc = mixer_desc(m, samples);
    return rmx_token_mixer_forward(m->b->ctx, &desc, x, m->vectors, m->vectors + m->width, y,
                                   m->stat, m->stat + m->samples * m->tokens);
}

static rmx_status mix_back(const mixers *m, const float *dy, const float *x, float *dx,
                           int64_t samples)
{
    const rmx_token_mixer_desc desc = mixer_desc(m, samples);
    return rmx_token_mixer_backward(m->b->ctx, &desc, dy, x, m->vectors, m->stat,
                                    m->stat + m->samples * m->tokens, dx, m->gradients,
                                    m->gradients + m->width, m->ws, m->ws_bytes);
}

/* ---- attention --------------------------------------------------------------------------- */

static rmx_norm_desc norm_desc(const mixers *m, int64_t samples)
{
    return (rmx_norm_desc){.rows = samples * m->tokens, .dim = m->width, .eps = 1e-5f};
}

static rmx_attention_weights weights(const mixers *m)
{
    const int64_t square = (int64_t)m->width * m->width;
    return (rmx_attention_weights){m->w, m->w + 4 * square, m->w + 3 * square,
                                   m->w + 4 * square + 3 * m->width};
}

static rmx_attention_saved saved(const mixers *m)
{
    return (rmx_attention_saved){m->qkv, m->probabilities, m->mixed};
}

static rmx_status attend(const mixers *m, const float *x, float *y, int64_t samples)
{
    const rmx_attention_desc desc = {samples, m->tokens, m->width, HEADS};
    const rmx_norm_desc norm = norm_desc(m, samples);
    const rmx_attention_weights w = weights(m);
    const rmx_attention_saved s = saved(m);
    BENCH_TRY(rmx_attention_forward(m->b->ctx, &desc, &w, x, x, &s, m->z));
    return rmx_norm_forward(m->b->ctx, &norm, m->z, m->vectors, m->vectors + m->width, y, m->stat,
                            m->stat + m->samples * m->tokens);
}

static rmx_status attend_back(const mixers *m, const float *dy, const float *x, float *dx,
                              int64_t samples)
{
    const int64_t square = (int64_t)m->width * m->width;
    const rmx_attention_desc desc = {samples, m->tokens, m->width, HEADS};
    const rmx_norm_desc norm = norm_desc(m, samples);
    const rmx_attention_weights w = weights(m);
    const rmx_attention_saved s = saved(m);
    const rmx_attention_gradients g = {m->dw, m->dw + 4 * square, m->dw + 3 * square,
                                       m->dw + 4 * square + 3 * m->width};
    BENCH_TRY(rmx_norm_backward(m->b->ctx, &norm, dy, m->z, m->vectors, m->stat,
                                m->stat + m->samples * m->tokens, m->dz, m->gradients,
                                m->gradients + m->width, m->ws, m->ws_bytes));
    return rmx_attention_backward(m->b->ctx, &desc, &w, m->dz, x, &s, m->dz, dx, &g, m->ws,
                                  m->ws_bytes);
}

/* ---- the four lines of a T --------------------------------------------------------------- */

typedef struct contender {
    mixers *m;
    const char *op, *series;
    bool attention, backward;
    double memory, bytes, flop; /* of the whole batch */
} contender;

static rmx_status part(void *user, int64_t first, int64_t samples)
{
    const contender *c = user;
    const mixers *m = c->m;
    const int64_t at = first * unit(m);
    BENCH_TRY((c->attention ? attend : mix)(m, m->x + at, m->y + at, samples));
    if (!c->backward) return RMX_OK;
    return (c->attention ? attend_back : mix_back)(m, m->dy + at, m->x + at, m->dx + at, samples);
}

static rmx_status turn_of(void *user, int64_t turn)
{
    const contender *c = user;
    return part(user, turn % c->m->sets * c->m->samples, c->m->samples);
}

static void costs(contender *c)
{
    const mixers *m = c->m;
    const double t = m->tokens, d = m->width, rows = (double)m->samples * t, f = sizeof(float);
    const rmx_token_mixer_desc mixer = mixer_desc(m, m->samples);
    const rmx_attention_desc attention = {m->samples, m->tokens, m->width, HEADS};
    const rmx_norm_desc norm = norm_desc(m, m->samples);
    const double moved = f * rows * d * (c->backward ? 5.0 : 2.0);
    c->bytes = moved;
    c->flop = (c->backward ? 3.0 : 1.0) * 8.0 * rows * d;
    c->memory = f * 2.0 * rows + (double)rmx_token_mixer_backward_workspace(&mixer);
    if (!c->attention) return;
    const double a = (double)rmx_attention_backward_workspace(&attention);
    const double n = (double)rmx_norm_backward_workspace(&norm);
    c->flop = (c->backward ? 3.0 : 1.0) * (8.0 * rows * d * d + 4.0 * rows * t * d);
    c->bytes = moved + f * 4.0 * d * d * (c->backward ? 3.0 : 1.0);
    c->memory = f * (6.0 * rows * d + HEADS * rows * t + 2.0 * rows) + (a > n ? a : n);
}

static rmx_status line(contender *c)
{
    mixers *m = c->m;
    bench_times times;
    costs(c);
    BENCH_TRY(bench_check_alone(m->b, c->op, part, NULL, c, c->backward ? m->dx : m->y, unit(m),
                                m->samples));
    const bench_side side = {.run = turn_of, .user = c, .sets = m->sets};
    BENCH_TRY(bench_measure(m->b, &side, 1, &times));
    bench_record r = bench_record_of(m->b, "mixers", &times, c->bytes, c->flop);
    snprintf(r.op, sizeof r.op, "%s", c->op);
    snprintf(r.series, sizeof r.series, "%s", c->series);
    snprintf(r.shape, sizeof r.shape, "%s", m->shape);
    snprintf(r.unit, sizeof r.unit, "tokens");
    r.x = m->tokens;
    r.memory = c->memory;
    r.per_second = (double)(m->samples * m->tokens) / times.median;
    return records_add(m->b->out, &r) ? RMX_OK : RMX_ERR_MEMORY;
}

static rmx_status operands(mixers *m)
{
    bench *b = m->b;
    const int64_t square = (int64_t)m->width * m->width, n = total(m);
    const rmx_token_mixer_desc mixer = mixer_desc(m, m->samples);
    const rmx_attention_desc attention = {m->samples, m->tokens, m->width, HEADS};
    m->sets = bench_sets(b, 3.0 * sizeof(float) * (double)n, 0.0);
    m->ws_bytes = rmx_token_mixer_backward_workspace(&mixer);
    if (rmx_attention_backward_workspace(&attention) > m->ws_bytes)
        m->ws_bytes = rmx_attention_backward_workspace(&attention);
    BENCH_TRY(bench_floats(b, n * m->sets, &m->x));
    BENCH_TRY(bench_floats(b, n * m->sets, &m->dy));
    BENCH_TRY(bench_floats(b, n * m->sets, &m->y));
    BENCH_TRY(bench_floats(b, n * m->sets, &m->dx));
    BENCH_TRY(bench_floats(b, n, &m->z));
    BENCH_TRY(bench_floats(b, n, &m->dz));
    BENCH_TRY(bench_floats(b, 3 * n, &m->qkv));
    BENCH_TRY(bench_floats(b, HEADS * m->samples * m->tokens * m->tokens, &m->probabilities));
    BENCH_TRY(bench_floats(b, n, &m->mixed));
    BENCH_TRY(bench_floats(b, 4 * square + 4 * (int64_t)m->width, &m->w));
    BENCH_TRY(bench_zeros(b, 4 * square + 4 * (int64_t)m->width, &m->dw));
    BENCH_TRY(bench_floats(b, 2 * (int64_t)m->width, &m->vectors));
    BENCH_TRY(bench_zeros(b, 2 * (int64_t)m->width, &m->gradients));
    BENCH_TRY(bench_zeros(b, 2 * m->samples * m->tokens, &m->stat));
    return bench_floats(b, (int64_t)(m->ws_bytes / sizeof(float)) + 1, &m->ws);
}

rmx_status bench_mixers(bench *b)
{
    const int32_t most = b->quick ? 16 : 512;
    for (int32_t tokens = 8; tokens <= most; tokens *= 2) {
        mixers m = {.b = b,
                    .tokens = tokens,
                    .width = b->quick  ? 64
                             : b->cuda ? 1024
                                       : 512,
                    .samples = b->quick  ? 4
                               : b->cuda ? 64
                                         : 8};
        contender lines[] = {
            {.m = &m, .op = "token mixer", .series = "token mixer forward"},
            {.m = &m,
             .op = "self-attention",
             .series = "self-attention forward",
             .attention = true},
            {.m = &m,
             .op = "token mixer fwd+bwd",
             .series = "token mixer forward + backward",
             .backward = true},
            {.m = &m,
             .op = "self-attention fwd+bwd",
             .attention = true,
             .backward = true,
             .series = "self-attention forward + backward"},
        };
        snprintf(m.shape, sizeof m.shape, "T=%d D=%d B=%lld", tokens, m.width,
                 (long long)m.samples);
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            if (!bench_wants(b, lines[i].op, m.shape)) continue;
            if (b->buffers == 0) BENCH_TRY(operands(&m));
            BENCH_TRY(line(&lines[i]));
        }
        bench_release(b);
    }
    return RMX_OK;
}
