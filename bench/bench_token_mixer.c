/* SPDX-License-Identifier: MIT */
/* bench_token_mixer.c: token mixing with residual and LayerNorm, as in a block: large batches of
 * 16 tokens beside a copy, and T tokens, as attention is measured. */
#include "rankmixer/token_mixer.h"

#include "layers.h"
#include "rows.h"

static rmx_token_mixer_desc desc_of(int64_t samples, int64_t tokens, int64_t width)
{
    return (rmx_token_mixer_desc){RMX_F32,        samples,         (int32_t)tokens,
                                  (int32_t)width, (int32_t)tokens, 1e-5f};
}

/* ---- beside a copy ----------------------------------------------------------------------- */

/* The permutation without norm and residual: the cost of mixing alone. */
static rmx_status mix_alone(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r);
    const rmx_token_mix_args args = {.samples = samples,
                                     .tokens = ROWS_TOKENS,
                                     .width = r->c->width,
                                     .heads = ROWS_TOKENS,
                                     .x = r->x + at,
                                     .y = r->y + at};
    return rmx_run_token_mix(r->b->ctx, &args);
}

static rmx_status mix(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r), d = r->c->width;
    const rmx_token_mixer_desc desc = desc_of(samples, ROWS_TOKENS, d);
    float *mean = r->stat + first * ROWS_TOKENS, *rstd = mean + r->count / 16, *small = r->small;
    BENCH_TRY(rmx_token_mixer_forward(r->b->ctx, &desc, r->x + at, small, small + d, r->y + at,
                                      mean, rstd));
    if (!r->c->backward) return RMX_OK;
    return rmx_token_mixer_backward(r->b->ctx, &desc, r->dy + at, r->x + at, small, mean, rstd,
                                    r->dx + at, small + 2 * d, small + 3 * d, r->ws, r->ws_bytes);
}

static size_t rows_scratch(const rows *r)
{
    const rmx_token_mixer_desc desc = desc_of(rows_samples(r), ROWS_TOKENS, r->c->width);
    return rmx_token_mixer_backward_workspace(&desc);
}

#define ALONE ROWS_TOKENS, 2, .run = mix_alone
#define FORWARD ROWS_TOKENS, 2, .run = mix
#define BOTH ROWS_TOKENS, 5, mix, .backward = true, .out = IN_DX, .scratch = rows_scratch
static const row_case cases[] = {
    {"token mix alone", "T=16 D=768", 768, ALONE},
    {"token mix alone", "T=16 D=16", 16, ALONE},
    {"token mixer", "T=16 D=768", 768, FORWARD},
    {"token mixer", "T=16 D=64", 64, FORWARD},
    {"token mixer", "T=16 D=16", 16, FORWARD},
    {"token mixer fwd+bwd", "T=16 D=768", 768, BOTH},
    {"token mixer fwd+bwd", "T=16 D=64", 64, BOTH},
    {"token mixer fwd+bwd", "T=16 D=16", 16, BOTH},
};

/* ---- over T tokens ----------------------------------------------------------------------- */

static int64_t parameters(const layer *l) { return 2 * (int64_t)l->width; } /* gamma, beta */
static int64_t saved(const layer *l) { return 2 * l->samples * l->tokens; } /* mean, rstd */

static rmx_status run(const layer *l, int64_t first, int64_t samples)
{
    const int64_t at = first * layer_unit(l), d = l->width;
    const rmx_token_mixer_desc desc = desc_of(samples, l->tokens, d);
    float *mean = l->saved, *rstd = mean + l->samples * l->tokens;
    BENCH_TRY(rmx_token_mixer_forward(l->b->ctx, &desc, l->x + at, l->w, l->w + d, l->y + at, mean,
                                      rstd));
    if (!l->backward) return RMX_OK;
    return rmx_token_mixer_backward(l->b->ctx, &desc, l->dy + at, l->x + at, l->w, mean, rstd,
                                    l->dx + at, l->dw, l->dw + d, l->ws, l->ws_bytes);
}

static size_t scratch(const layer *l)
{
    const rmx_token_mixer_desc desc = desc_of(l->samples, l->tokens, l->width);
    return rmx_token_mixer_backward_workspace(&desc);
}

static double flop(const layer *l) { return 8.0 * (double)layer_values(l); }

rmx_status bench_token_mixer(bench *b)
{
    static const layer_kind mixer = {"token mixer", "token mixer", run, parameters,
                                     saved,         scratch,       flop};
    BENCH_TRY(ROWS_MEASURE(b, cases));
    return layers_over_tokens(b, &mixer);
}
