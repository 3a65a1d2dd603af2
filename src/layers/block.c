/* SPDX-License-Identifier: MIT */
/* block.c: composes norms, mixing and feed-forward; computes nothing itself. */
#include "rankmixer/block.h"

#include "core/arena.h"
#include "core/context.h"
#include "layers/check.h"
#include "layers/check_layers.h"
#include "rankmixer/token_mixer.h"

/* What the forward pass keeps. A part that a variant does not need has count 0. */
typedef enum part {
    MEAN1,
    RSTD1,
    NORMED1, /* pre-norm: LN1(X), what attention reads */
    QKV,
    PROBABILITIES,
    ATTENDED, /* P V */
    SUM1,     /* post-norm attention: X + M(X), what LN1 reads */
    MIXED,    /* S */
    MEAN2,
    RSTD2,
    NORMED2, /* pre-norm: LN2(S), what the feed-forward reads */
    ACTIVATION_GRADIENT,
    HIDDEN,
    SUM2, /* post-norm: S + FFN(S), what LN2 reads */
    PARTS
} part;

typedef struct layout {
    int64_t count[PARTS];
    size_t offset[PARTS];
    size_t bytes;
} layout;

static const char *const part_names[PARTS] = {"norm1.mean",
                                              "norm1.rstd",
                                              "norm1",
                                              "attention.qkv",
                                              "attention.probabilities",
                                              "attention.mixed",
                                              "sum1",
                                              "mixed",
                                              "norm2.mean",
                                              "norm2.rstd",
                                              "norm2",
                                              "ffn.activation_gradient",
                                              "ffn.hidden",
                                              "sum2"};

static layout layout_of(const rmx_block_desc *desc)
{
    const rmx_feed_forward_desc *f = &desc->ffn;
    const int64_t rows = f->samples * f->tokens;
    const int64_t x = rows * f->width, hidden = rows * f->hidden;
    const bool pre = desc->norm_place == RMX_NORM_PLACE_PRE;
    const bool attention = desc->mixer == RMX_MIXER_ATTENTION;
    const bool norm1 = !pre || desc->mixer != RMX_MIXER_NONE;

    layout l = {.count = {[MEAN1] = norm1 ? rows : 0,
                          [RSTD1] = norm1 ? rows : 0,
                          [NORMED1] = pre && norm1 ? x : 0,
                          [QKV] = attention ? 3 * x : 0,
                          [PROBABILITIES] = attention ? rows * desc->heads * f->tokens : 0,
                          [ATTENDED] = attention ? x : 0,
                          [SUM1] = attention && !pre ? x : 0,
                          [MIXED] = norm1 ? x : 0,
                          [MEAN2] = rows,
                          [RSTD2] = rows,
                          [NORMED2] = pre ? x : 0,
                          [ACTIVATION_GRADIENT] = desc->forward_only ? 0 : hidden,
                          [HIDDEN] = hidden,
                          [SUM2] = pre ? 0 : x}};
    for (int i = 0; i < PARTS; i++) {
        l.offset[i] = l.bytes;
        l.bytes = rmx_size_add(l.bytes, rmx_align(rmx_size_mul(sizeof(float), l.count[i])));
    }
    return l;
}

static float *at(const layout *l, const void *saved, part p)
{
    return (float *)((uintptr_t)saved + l->offset[p]);
}

static rmx_token_mixer_desc mixer_desc(const rmx_block_desc *desc)
{
    return (rmx_token_mixer_desc){.samples = desc->ffn.samples,
                                  .tokens = desc->ffn.tokens,
                                  .width = desc->ffn.width,
                                  .heads = desc->heads,
                                  .eps = desc->eps};
}

static rmx_attention_desc attention_desc(const rmx_block_desc *desc)
{
    return (rmx_attention_desc){.samples = desc->ffn.samples,
                                .tokens = desc->ffn.tokens,
                                .width = desc->ffn.width,
                                .heads = desc->heads};
}

static rmx_status check_block_desc(rmx_context *ctx, const rmx_block_desc *desc)
{
    RMX_TRY(rmx_check_size(ctx, "desc.mixer", desc->mixer, 0, RMX_MIXER_NONE));
    RMX_TRY(rmx_check_size(ctx, "desc.norm_place", desc->norm_place, 0, RMX_NORM_PLACE_PRE));
    RMX_TRY(rmx_check_positive(ctx, "desc.eps", desc->eps));
    RMX_TRY(rmx_check_feed_forward_desc(ctx, &desc->ffn));
    if (desc->mixer == RMX_MIXER_NONE) return RMX_OK;
    const rmx_attention_desc attention = attention_desc(desc);
    if (desc->mixer == RMX_MIXER_ATTENTION) return rmx_check_attention_desc(ctx, &attention);
    return rmx_check_heads(ctx, desc->heads, desc->ffn.width);
}

static bool desc_is_good(const rmx_block_desc *desc)
{
    return desc && check_block_desc(NULL, desc) == RMX_OK;
}

/* Everything that a part would check later: nothing may be written before it is known. */
static rmx_status check_block_weights(rmx_context *ctx, const rmx_block_desc *desc,
                                      const rmx_block_weights *w)
{
    RMX_TRY(rmx_check_pointer(ctx, "weights", w));
    if (desc->norm_place == RMX_NORM_PLACE_POST || desc->mixer != RMX_MIXER_NONE) {
        RMX_TRY(rmx_check_pointer(ctx, "weights.gamma1", w->gamma1));
        RMX_TRY(rmx_check_pointer(ctx, "weights.beta1", w->beta1));
    }
    if (desc->mixer == RMX_MIXER_ATTENTION) {
        RMX_TRY(rmx_check_pointer(ctx, "weights.attention.wqkv", w->attention.wqkv));
        RMX_TRY(rmx_check_pointer(ctx, "weights.attention.bqkv", w->attention.bqkv));
        RMX_TRY(rmx_check_pointer(ctx, "weights.attention.wo", w->attention.wo));
        RMX_TRY(rmx_check_pointer(ctx, "weights.attention.bo", w->attention.bo));
    }
    RMX_TRY(rmx_check_pointer(ctx, "weights.ffn.w1", w->ffn.w1));
    RMX_TRY(rmx_check_pointer(ctx, "weights.ffn.b1", w->ffn.b1));
    RMX_TRY(rmx_check_pointer(ctx, "weights.ffn.w2", w->ffn.w2));
    RMX_TRY(rmx_check_pointer(ctx, "weights.ffn.b2", w->ffn.b2));
    RMX_TRY(rmx_check_pointer(ctx, "weights.gamma2", w->gamma2));
    return rmx_check_pointer(ctx, "weights.beta2", w->beta2);
}

size_t rmx_block_saved_bytes(const rmx_block_desc *desc)
{
    return desc_is_good(desc) ? layout_of(desc).bytes : 0;
}

int32_t rmx_block_parts(const rmx_block_desc *desc, rmx_block_part *parts, int32_t capacity)
{
    if (!desc_is_good(desc) || (capacity > 0 && !parts)) return 0;
    const layout l = layout_of(desc);
    int32_t n = 0;
    for (int i = 0; i < PARTS; i++) {
        if (!l.count[i]) continue;
        if (n < capacity) parts[n] = (rmx_block_part){part_names[i], l.offset[i], l.count[i]};
        n++;
    }
    return n;
}

/* y = LayerNorm(x), with the statistics kept. */
static rmx_status norm_forward(rmx_context *ctx, const rmx_block_desc *desc, const float *x,
                               const float *gamma, const float *beta, float *y, float *mean,
                               float *rstd)
{
    const rmx_norm_args args = {.kind = RMX_NORM_LAYER,
                                .rows = desc->ffn.samples * desc->ffn.tokens,
                                .dim = desc->ffn.width,
                                .ld_x = desc->ffn.width,
                                .ld_y = desc->ffn.width,
                                .eps = desc->eps,
                                .x = x,
                                .gamma = gamma,
                                .beta = beta,
                                .y = y,
                                .mean = mean,
                                .rstd = rstd};
    return rmx_run_norm(ctx, &args);
}

typedef struct norm_saved {
    const float *x, *gamma, *mean, *rstd;
    float *dgamma, *dbeta;
} norm_saved;

/* dx = LayerNorm's gradient (+ residual). */
static rmx_status norm_backward(rmx_context *ctx, const rmx_block_desc *desc, const float *dy,
                                const norm_saved *n, const float *residual, float *dx, void *ws)
{
    const rmx_norm_backward_args args = {.kind = RMX_NORM_LAYER,
                                         .rows = desc->ffn.samples * desc->ffn.tokens,
                                         .dim = desc->ffn.width,
                                         .ld = desc->ffn.width,
                                         .dy = dy,
                                         .x = n->x,
                                         .gamma = n->gamma,
                                         .mean = n->mean,
                                         .rstd = n->rstd,
                                         .residual = residual,
                                         .dx = dx,
                                         .dgamma = n->dgamma,
                                         .dbeta = n->dbeta,
                                         .ws = ws};
    return rmx_run_norm_backward(ctx, &args);
}

static rmx_status mix(rmx_context *ctx, const rmx_block_desc *desc, bool inverse, const float *x,
                      const float *residual, float *y)
{
    const rmx_token_mix_args args = {.samples = desc->ffn.samples,
                                     .tokens = desc->ffn.tokens,
                                     .width = desc->ffn.width,
                                     .heads = desc->heads,
                                     .inverse = inverse,
                                     .x = x,
                                     .residual = residual,
                                     .y = y};
    return rmx_run_token_mix(ctx, &args);
}

static rmx_attention_saved attention_saved(const layout *l, const void *saved)
{
    return (rmx_attention_saved){.qkv = at(l, saved, QKV),
                                 .probabilities = at(l, saved, PROBABILITIES),
                                 .mixed = at(l, saved, ATTENDED)};
}

/* S = LN1(X + M(X)) */
static rmx_status mix_post(rmx_context *ctx, const rmx_block_desc *desc,
                           const rmx_block_weights *w, const float *x, const layout *l,
                           void *saved)
{
    float *s = at(l, saved, MIXED), *mean = at(l, saved, MEAN1), *rstd = at(l, saved, RSTD1);
    if (desc->mixer == RMX_MIXER_TOKEN) {
        const rmx_token_mixer_desc mixer = mixer_desc(desc);
        return rmx_token_mixer_forward(ctx, &mixer, x, w->gamma1, w->beta1, s, mean, rstd);
    }
    const float *sum = x;
    if (desc->mixer == RMX_MIXER_ATTENTION) {
        const rmx_attention_desc attention = attention_desc(desc);
        const rmx_attention_saved kept = attention_saved(l, saved);
        RMX_TRY(rmx_attention_forward(ctx, &attention, &w->attention, x, x, &kept,
                                      at(l, saved, SUM1)));
        sum = at(l, saved, SUM1);
    }
    return norm_forward(ctx, desc, sum, w->gamma1, w->beta1, s, mean, rstd);
}

/* S = X + M(LN1(X)) */
static rmx_status mix_pre(rmx_context *ctx, const rmx_block_desc *desc, const rmx_block_weights *w,
                          const float *x, const layout *l, void *saved)
{
    if (desc->mixer == RMX_MIXER_NONE) return RMX_OK; /* S is X itself */
    float *u = at(l, saved, NORMED1);
    RMX_TRY(norm_forward(ctx, desc, x, w->gamma1, w->beta1, u, at(l, saved, MEAN1),
                         at(l, saved, RSTD1)));
    if (desc->mixer == RMX_MIXER_TOKEN) return mix(ctx, desc, false, u, x, at(l, saved, MIXED));
    const rmx_attention_desc attention = attention_desc(desc);
    const rmx_attention_saved kept = attention_saved(l, saved);
    return rmx_attention_forward(ctx, &attention, &w->attention, u, x, &kept, at(l, saved, MIXED));
}

static const float *mixed_of(const rmx_block_desc *desc, const layout *l, const void *saved,
                             const float *x)
{
    return l->count[MIXED] || desc->ffn.samples == 0 ? at(l, saved, MIXED) : x;
}

static rmx_status check_call(rmx_context *ctx, const rmx_block_desc *desc,
                             const rmx_block_weights *weights, const void *saved,
                             size_t saved_bytes, int64_t *bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_block_desc(ctx, desc));
    RMX_TRY(rmx_check_dropout(ctx, &desc->ffn.dropout));
    RMX_TRY(check_block_weights(ctx, desc, weights));
    *bytes = desc->ffn.samples * desc->ffn.tokens * desc->ffn.width * (int64_t)sizeof(float);
    return rmx_check_workspace(ctx, "rmx_block_saved_bytes", saved, saved_bytes,
                               rmx_block_saved_bytes(desc));
}

rmx_status rmx_block_forward(rmx_context *ctx, const rmx_block_desc *desc,
                             const rmx_block_weights *weights, const float *x, float *y,
                             void *saved, size_t saved_bytes)
{
    int64_t bytes = 0;
    RMX_TRY(check_call(ctx, desc, weights, saved, saved_bytes, &bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, bytes));
    RMX_TRY(rmx_check_array(ctx, "y", y, bytes));
    const rmx_range outs[] = {{"y", y, bytes}, {"saved", saved, (int64_t)saved_bytes}};
    const rmx_range ins[] = {{"x", x, bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 2, ins, 1));

    const bool pre = desc->norm_place == RMX_NORM_PLACE_PRE;
    const layout l = layout_of(desc);
    RMX_TRY((pre ? mix_pre : mix_post)(ctx, desc, weights, x, &l, saved));
    const float *s = mixed_of(desc, &l, saved, x);
    float *hidden = at(&l, saved, HIDDEN);
    float *activation_gradient = desc->forward_only ? NULL : at(&l, saved, ACTIVATION_GRADIENT);
    float *mean2 = at(&l, saved, MEAN2), *rstd2 = at(&l, saved, RSTD2);
    if (pre) {
        float *v = at(&l, saved, NORMED2);
        RMX_TRY(norm_forward(ctx, desc, s, weights->gamma2, weights->beta2, v, mean2, rstd2));
        return rmx_feed_forward_forward(ctx, &desc->ffn, &weights->ffn, v, s, activation_gradient,
                                        hidden, y);
    }
    float *sum = at(&l, saved, SUM2);
    RMX_TRY(rmx_feed_forward_forward(ctx, &desc->ffn, &weights->ffn, s, s, activation_gradient,
                                     hidden, sum));
    return norm_forward(ctx, desc, sum, weights->gamma2, weights->beta2, y, mean2, rstd2);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* One [B, T, D] gradient, then the largest scratch of the parts. */
size_t rmx_block_backward_workspace(const rmx_block_desc *desc)
{
    if (!desc_is_good(desc)) return 0;
    const int64_t rows = desc->ffn.samples * desc->ffn.tokens, width = desc->ffn.width;
    const rmx_token_mixer_desc mixer = mixer_desc(desc);
    const rmx_attention_desc attention = attention_desc(desc);
    size_t scratch = rmx_column_sum_scratch(1, rows, width, 2);
    scratch = larger(scratch, rmx_feed_forward_backward_workspace(&desc->ffn));
    if (desc->mixer == RMX_MIXER_TOKEN)
        scratch = larger(scratch, rmx_token_mixer_backward_workspace(&mixer));
    if (desc->mixer == RMX_MIXER_ATTENTION)
        scratch = larger(scratch, rmx_attention_backward_workspace(&attention));
    return rmx_size_add(rmx_align(rmx_size_mul(sizeof(float), rows * width)), scratch);
}

typedef struct backward {
    const rmx_block_desc *desc;
    const rmx_block_weights *w;
    const rmx_block_gradients *g;
    const float *dy, *x;
    const void *saved;
    layout l;
    float *dx, *ds; /* ds: the workspace's [B, T, D] */
    void *ws;       /* scratch of the parts */
    size_t ws_bytes;
    norm_saved norm1, norm2;
} backward;

static rmx_status ffn_backward(rmx_context *ctx, const backward *b, const float *dy,
                               const float *x, const float *residual, float *dx)
{
    return rmx_feed_forward_backward(
        ctx, &b->desc->ffn, &b->w->ffn, dy, x, at(&b->l, b->saved, ACTIVATION_GRADIENT),
        at(&b->l, b->saved, HIDDEN), residual, dx, &b->g->ffn, b->ws, b->ws_bytes);
}

static rmx_status attention_backward(rmx_context *ctx, const backward *b, const float *dy,
                                     const float *x, const float *residual, float *dx)
{
    const rmx_attention_desc attention = attention_desc(b->desc);
    const rmx_attention_saved kept = attention_saved(&b->l, b->saved);
    return rmx_attention_backward(ctx, &attention, &b->w->attention, dy, x, &kept, residual, dx,
                                  &b->g->attention, b->ws, b->ws_bytes);
}

/* dx holds the gradient at S + FFN(S) until the mixing's backward pass overwrites it. */
static rmx_status backward_post(rmx_context *ctx, const backward *b)
{
    RMX_TRY(norm_backward(ctx, b->desc, b->dy, &b->norm2, NULL, b->dx, b->ws));
    RMX_TRY(ffn_backward(ctx, b, b->dx, at(&b->l, b->saved, MIXED), b->dx, b->ds));
    switch (b->desc->mixer) {
    case RMX_MIXER_TOKEN: {
        const rmx_token_mixer_desc mixer = mixer_desc(b->desc);
        return rmx_token_mixer_backward(ctx, &mixer, b->ds, b->x, b->norm1.gamma, b->norm1.mean,
                                        b->norm1.rstd, b->dx, b->norm1.dgamma, b->norm1.dbeta,
                                        b->ws, b->ws_bytes);
    }
    case RMX_MIXER_ATTENTION:
        RMX_TRY(norm_backward(ctx, b->desc, b->ds, &b->norm1, NULL, b->ds, b->ws));
        return attention_backward(ctx, b, b->ds, b->x, b->ds, b->dx);
    case RMX_MIXER_NONE: break;
    }
    return norm_backward(ctx, b->desc, b->ds, &b->norm1, NULL, b->dx, b->ws);
}

/* dx holds the gradient at S, which reaches X both ways. */
static rmx_status backward_pre(rmx_context *ctx, const backward *b)
{
    RMX_TRY(ffn_backward(ctx, b, b->dy, at(&b->l, b->saved, NORMED2), NULL, b->ds));
    RMX_TRY(norm_backward(ctx, b->desc, b->ds, &b->norm2, b->dy, b->dx, b->ws));
    if (b->desc->mixer == RMX_MIXER_NONE) return RMX_OK;
    RMX_TRY(b->desc->mixer == RMX_MIXER_TOKEN
                ? mix(ctx, b->desc, true, b->dx, NULL, b->ds)
                : attention_backward(ctx, b, b->dx, at(&b->l, b->saved, NORMED1), NULL, b->ds));
    return norm_backward(ctx, b->desc, b->ds, &b->norm1, b->dx, b->dx, b->ws);
}

rmx_status rmx_block_backward(rmx_context *ctx, const rmx_block_desc *desc,
                              const rmx_block_weights *weights, const float *dy, const float *x,
                              const void *saved, size_t saved_bytes, float *dx,
                              const rmx_block_gradients *gradients, void *ws, size_t ws_bytes)
{
    int64_t bytes = 0;
    RMX_TRY(check_call(ctx, desc, weights, saved, saved_bytes, &bytes));
    if (desc->forward_only)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "desc.forward_only: such a pass kept nothing to go back by");
    RMX_TRY(rmx_check_pointer(ctx, "gradients", gradients));
    RMX_TRY(rmx_check_array(ctx, "dy", dy, bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, bytes));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, bytes));
    RMX_TRY(rmx_check_workspace(ctx, "rmx_block_backward_workspace", ws, ws_bytes,
                                rmx_block_backward_workspace(desc)));
    const rmx_range outs[] = {{"dx", dx, bytes}, {"ws", ws, (int64_t)ws_bytes}};
    const rmx_range ins[] = {
        {"dy", dy, bytes}, {"x", x, bytes}, {"saved", saved, (int64_t)saved_bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 2, ins, 3));

    backward b = {.desc = desc,
                  .w = weights,
                  .g = gradients,
                  .dy = dy,
                  .x = x,
                  .saved = saved,
                  .l = layout_of(desc),
                  .dx = dx,
                  .ds = ws,
                  .ws = (char *)ws + rmx_align((size_t)bytes),
                  .ws_bytes = ws_bytes - rmx_align((size_t)bytes)};
    const bool pre = desc->norm_place == RMX_NORM_PLACE_PRE;
    const bool attention_post = desc->mixer == RMX_MIXER_ATTENTION && !pre;
    b.norm1 = (norm_saved){.x = attention_post ? at(&b.l, saved, SUM1) : x,
                           .gamma = weights->gamma1,
                           .mean = at(&b.l, saved, MEAN1),
                           .rstd = at(&b.l, saved, RSTD1),
                           .dgamma = gradients->gamma1,
                           .dbeta = gradients->beta1};
    b.norm2 = (norm_saved){.x = pre ? mixed_of(desc, &b.l, saved, x) : at(&b.l, saved, SUM2),
                           .gamma = weights->gamma2,
                           .mean = at(&b.l, saved, MEAN2),
                           .rstd = at(&b.l, saved, RSTD2),
                           .dgamma = gradients->gamma2,
                           .dbeta = gradients->beta2};
    return pre ? backward_pre(ctx, &b) : backward_post(ctx, &b);
}
