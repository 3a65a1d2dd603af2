/* group_rows.c: what is bound by memory, as a share of the machine's own copy: token mixing,
 * norms, softmax, means, GELU, optimisers.
 *
 * Bytes are those that cannot be avoided: each input read once, each output written once. The
 * copy is measured in turns with every line, between buffers of the same size. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "machine.h"
#include "rankmixer/gelu.h"
#include "rankmixer/layer_norm.h"
#include "rankmixer/mean.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/rms_norm.h"
#include "rankmixer/softmax.h"
#include "rankmixer/token_mixer.h"

#define TOKENS 16

typedef struct rows rows;

/* A sample is unit values of x; out is what has to be the same alone. */
typedef struct row_case {
    const char *op, *shape;
    int64_t width, tokens; /* a sample has tokens rows of width */
    double moved;          /* values read or written, for each of x */
    bench_part *run;
    int32_t kind;    /* what run chooses by */
    bool parameters; /* of an optimiser: they change, and have to be set back */
} row_case;

struct rows {
    bench *b;
    const row_case *c;
    int64_t count; /* values in a buffer */
    float *x, *dy, *y, *dx, *s1, *s2, *stat, *small, *ws;
    size_t ws_bytes;
};

static int64_t unit(const rows *r) { return r->c->width * r->c->tokens; }
static int64_t samples_of(const rows *r) { return r->count / unit(r); }

/* ---- the layers -------------------------------------------------------------------------- */

static rmx_status mixer_forward(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * unit(r), row = first * r->c->tokens;
    const int32_t width = (int32_t)r->c->width;
    const rmx_token_mixer_desc desc = {samples, TOKENS, width, TOKENS, 1e-5f};
    return rmx_token_mixer_forward(r->b->ctx, &desc, r->x + at, r->small, r->small + width,
                                   r->y + at, r->stat + row, r->stat + r->count / 16 + row);
}

static rmx_status mixer_both(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * unit(r), row = first * r->c->tokens;
    const int32_t width = (int32_t)r->c->width;
    const rmx_token_mixer_desc desc = {samples, TOKENS, width, TOKENS, 1e-5f};
    BENCH_TRY(mixer_forward(user, first, samples));
    return rmx_token_mixer_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small,
                                    r->stat + row, r->stat + r->count / 16 + row, r->dx + at,
                                    r->small + 2 * width, r->small + 3 * width, r->ws,
                                    r->ws_bytes);
}

static rmx_status layer_norm(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * unit(r), d = r->c->width;
    const rmx_layer_norm_desc desc = {.rows = samples, .dim = (int32_t)d, .eps = 1e-5f};
    float *mean = r->stat + first, *rstd = r->stat + r->count / 16 + first;
    BENCH_TRY(rmx_layer_norm_forward(r->b->ctx, &desc, r->x + at, r->small, r->small + d,
                                     r->y + at, mean, rstd));
    if (!r->c->kind) return RMX_OK;
    return rmx_layer_norm_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small, mean, rstd,
                                   r->dx + at, r->small + 2 * d, r->small + 3 * d, r->ws,
                                   r->ws_bytes);
}

static rmx_status rms_norm(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * unit(r), d = r->c->width;
    const rmx_rms_norm_desc desc = {.rows = samples, .dim = (int32_t)d, .eps = 1e-5f};
    float *rstd = r->stat + first;
    BENCH_TRY(rmx_rms_norm_forward(r->b->ctx, &desc, r->x + at, r->small, r->y + at, rstd));
    if (!r->c->kind) return RMX_OK;
    return rmx_rms_norm_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small, rstd,
                                 r->dx + at, r->small + 2 * d, r->ws, r->ws_bytes);
}

enum { SOFTMAX, LOG_SOFTMAX, SOFTMAX_BOTH, LOG_SOFTMAX_BOTH };

static rmx_status softmax(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    rmx_context *ctx = r->b->ctx;
    const int64_t at = first * unit(r), shape[] = {samples, r->c->width};
    const rmx_tensor x = rmx_tensor_of(r->x + at, 2, shape),
                     y = rmx_tensor_of(r->y + at, 2, shape);
    const rmx_tensor dy = rmx_tensor_of(r->dy + at, 2, shape);
    const rmx_tensor dx = rmx_tensor_of(r->dx + at, 2, shape);
    const bool log = r->c->kind == LOG_SOFTMAX || r->c->kind == LOG_SOFTMAX_BOTH;
    BENCH_TRY(log ? rmx_log_softmax_forward(ctx, 1, &x, &y) : rmx_softmax_forward(ctx, 1, &x, &y));
    if (r->c->kind < SOFTMAX_BOTH) return RMX_OK;
    return log ? rmx_log_softmax_backward(ctx, 1, &dy, &y, &dx)
               : rmx_softmax_backward(ctx, 1, &dy, &y, &dx);
}

/* Over the tokens; a sample's mean is left where its first token would be. */
static rmx_status mean_tokens(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t d = r->c->width, shape[] = {samples, r->c->tokens, d};
    const int64_t kept[] = {samples, d};
    const rmx_tensor x = rmx_tensor_of(r->x + first * unit(r), 3, shape);
    const rmx_tensor y = rmx_tensor_of(r->y + first * d, 2, kept);
    const rmx_mean_desc desc = {.axes = 1, .axis = {1}};
    return rmx_mean_forward(r->b->ctx, &desc, &x, &y);
}

static rmx_status gelu(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t at = first * unit(r), n = samples * unit(r);
    const rmx_gelu kind = r->c->kind & 1 ? RMX_GELU_TANH : RMX_GELU_ERF;
    BENCH_TRY(rmx_gelu_forward(r->b->ctx, kind, n, r->x + at, r->y + at));
    if (r->c->kind < 2) return RMX_OK;
    return rmx_gelu_backward(r->b->ctx, kind, n, r->x + at, r->dy + at, r->dx + at);
}

/* y is the parameter, x its gradient. */
static rmx_status optimiser(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const rmx_optimizer_config config = rmx_optimizer_default((rmx_optimizer)r->c->kind);
    const int64_t at = first * unit(r);
    const bool by_row = r->c->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD;
    float *s1 = r->c->kind == RMX_OPTIMIZER_SGD ? NULL : by_row ? r->s1 + first : r->s1 + at;
    return rmx_optimizer_step(r->b->ctx, &config, 3, 1e-3f, samples, r->c->width, r->x + at,
                              r->y + at, s1,
                              r->c->kind == RMX_OPTIMIZER_ADAMW ? r->s2 + at : NULL);
}

#define MIX "T=16 D="
static const row_case cases[] = {
    {"token mixer", MIX "768", 768, TOKENS, 2, mixer_forward, 0, false},
    {"token mixer", MIX "64", 64, TOKENS, 2, mixer_forward, 0, false},
    {"token mixer fwd+bwd", MIX "768", 768, TOKENS, 5, mixer_both, 1, false},
    {"token mixer fwd+bwd", MIX "64", 64, TOKENS, 5, mixer_both, 1, false},
    {"layer_norm", "D=768", 768, 1, 2, layer_norm, 0, false},
    {"layer_norm fwd+bwd", "D=768", 768, 1, 5, layer_norm, 1, false},
    {"rms_norm", "D=768", 768, 1, 2, rms_norm, 0, false},
    {"rms_norm fwd+bwd", "D=768", 768, 1, 5, rms_norm, 1, false},
    {"softmax", "n=1024", 1024, 1, 2, softmax, SOFTMAX, false},
    {"softmax fwd+bwd", "n=1024", 1024, 1, 5, softmax, SOFTMAX_BOTH, false},
    {"log_softmax", "n=1024", 1024, 1, 2, softmax, LOG_SOFTMAX, false},
    {"log_softmax fwd+bwd", "n=1024", 1024, 1, 5, softmax, LOG_SOFTMAX_BOTH, false},
    {"mean over tokens", MIX "768", 768, TOKENS, 1 + 1.0 / TOKENS, mean_tokens, 0, false},
    {"gelu (erf)", "n=1024", 1024, 1, 2, gelu, 0, false},
    {"gelu (tanh)", "n=1024", 1024, 1, 2, gelu, 1, false},
    {"gelu (erf) fwd+bwd", "n=1024", 1024, 1, 5, gelu, 2, false},
    {"sgd", "width 64", 64, 1, 3, optimiser, RMX_OPTIMIZER_SGD, true},
    {"rmsprop", "width 64", 64, 1, 5, optimiser, RMX_OPTIMIZER_RMSPROP, true},
    {"adagrad", "width 64", 64, 1, 5, optimiser, RMX_OPTIMIZER_ADAGRAD, true},
    {"rowwise_adagrad", "width 64", 64, 1, 3 + 2.0 / 64, optimiser, RMX_OPTIMIZER_ROWWISE_ADAGRAD,
     true},
    {"adamw", "width 64", 64, 1, 7, optimiser, RMX_OPTIMIZER_ADAMW, true},
};

/* ---- one line ---------------------------------------------------------------------------- */

static rmx_status refresh(void *user)
{
    const rows *r = user;
    const size_t bytes = sizeof(float) * (size_t)r->count;
    if (!r->c->parameters) return RMX_OK;
    BENCH_TRY(bench_fill(r->b, r->y, r->count, 3));
    BENCH_TRY(rmx_zero(r->b->ctx, r->s1, bytes));
    return rmx_zero(r->b->ctx, r->s2, bytes);
}

static rmx_status run_all(void *user, int64_t turn)
{
    rows *r = user;
    (void)turn; /* one set is larger than the cache */
    return r->c->run(user, 0, samples_of(r));
}

static rmx_status run_copy(void *user, int64_t turn)
{
    const rows *r = user;
    (void)turn;
    return machine_copy(r->b, r->y, r->x, samples_of(r) * unit(r));
}

static bool gives_dx(const row_case *c) { return c->moved == 5 && !c->parameters; }

static rmx_status line(rows *r)
{
    bench *b = r->b;
    bench_times times[2];
    const double values = (double)(samples_of(r) * unit(r)) * sizeof(float);
    const bool mean = r->c->run == mean_tokens;
    BENCH_TRY(bench_check_alone(b, r->c->op, r->c->run, refresh, r, gives_dx(r->c) ? r->dx : r->y,
                                mean ? r->c->width : unit(r), samples_of(r)));
    const bench_side side[] = {{.run = run_all, .user = r}, {.run = run_copy, .user = r}};
    BENCH_TRY(bench_measure(b, side, 2, times));
    bench_record line = bench_record_of(b, "rows", &times[0], values * r->c->moved, NAN);
    snprintf(line.op, sizeof line.op, "%s", r->c->op);
    snprintf(line.shape, sizeof line.shape, "%s", r->c->shape);
    snprintf(line.series, sizeof line.series, "%s %s", r->c->op, r->c->shape);
    snprintf(line.ceiling, sizeof line.ceiling, "copy");
    line.share = r->c->moved / 2.0 * times[1].median / times[0].median;
    return records_add(b->out, &line) ? RMX_OK : RMX_ERR_MEMORY;
}

/* The largest of what the backward passes ask for. */
static size_t workspace(int64_t count)
{
    const rmx_layer_norm_desc narrow = {.rows = count / 64, .dim = 64, .eps = 1e-5f};
    const rmx_layer_norm_desc wide = {.rows = count / 768, .dim = 768, .eps = 1e-5f};
    const rmx_token_mixer_desc mixer = {count / (64 * TOKENS), TOKENS, 64, TOKENS, 1e-5f};
    const rmx_token_mixer_desc mixer_wide = {count / (768 * TOKENS), TOKENS, 768, TOKENS, 1e-5f};
    const size_t bytes[] = {rmx_layer_norm_backward_workspace(&narrow),
                            rmx_layer_norm_backward_workspace(&wide),
                            rmx_token_mixer_backward_workspace(&mixer),
                            rmx_token_mixer_backward_workspace(&mixer_wide)};
    size_t most = 0;
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        if (bytes[i] > most) most = bytes[i];
    return most;
}

rmx_status bench_rows(bench *b)
{
    rows r = {.b = b, .count = b->quick ? (int64_t)1 << 18 : b->cache_bytes / 2};
    r.ws_bytes = workspace(r.count);
    BENCH_TRY(bench_floats(b, r.count, &r.x));
    BENCH_TRY(bench_floats(b, r.count, &r.dy));
    BENCH_TRY(bench_floats(b, r.count, &r.y));
    BENCH_TRY(bench_floats(b, r.count, &r.dx));
    BENCH_TRY(bench_floats(b, r.count, &r.s1));
    BENCH_TRY(bench_floats(b, r.count, &r.s2));
    BENCH_TRY(bench_zeros(b, r.count / 8, &r.stat));
    BENCH_TRY(bench_floats(b, 4096, &r.small));
    BENCH_TRY(bench_floats(b, (int64_t)(r.ws_bytes / sizeof(float)) + 1, &r.ws));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r.c = &cases[i];
        BENCH_TRY(line(&r));
    }
    bench_release(b);
    return RMX_OK;
}
