/* SPDX-License-Identifier: MIT */
/* test_golden_layers.c: RankMixer's layers, blocks and a whole tiny model against float64 values
 * and gradients computed by PyTorch.
 *
 * Bounds are in units of 2^-24 of the largest golden magnitude. A product over K terms of about
 * one size is a random walk of K roundings, each at most a unit of a partial sum that stays near
 * the result's size: sqrt(K) units and the few of its inputs; a norm adds about 8. Errors of
 * stacked products and norms add up. UNITS(k) allows twice that, for the largest of many elements,
 * four times what is seen; GOLDEN_VERBOSE=1 prints it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden_fixture.h"
#include "rankmixer/block.h"
#include "rankmixer/norm.h"
#include "rankmixer/linear.h"
#include "rankmixer/loss.h"
#include "rankmixer/pooling.h"
#include "rankmixer/token_mixer.h"

#define UNITS(terms) (2.0 * (sqrt((double)(terms)) + 4.0))

static int32_t size_of(fixture *f, const char *attribute)
{
    return (int32_t)golden_integer(f->file, f->name, attribute);
}

/* A zeroed gradient for a golden parameter. */
static float *gradient_of(fixture *f, const char *tensor)
{
    return operands_zeros(&f->all, golden_read(f->file, f->name, tensor).count);
}

static float *shaped(fixture *f, const char *tensor)
{
    return operands_new(&f->all, golden_read(f->file, f->name, tensor).count);
}

/* ---- token mixer --------------------------------------------------------------------------- */

static void token_mixer_case(fixture *f)
{
    const rmx_token_mixer_desc desc = {.samples = size_of(f, "B"),
                                       .tokens = size_of(f, "T"),
                                       .width = size_of(f, "D"),
                                       .heads = size_of(f, "H"),
                                       .eps = (float)golden_number(f->file, f->name, "eps")};
    const int64_t rows = desc.samples * desc.tokens;
    float *x = put(f, "x"), *gamma = put(f, "gamma"), *beta = put(f, "beta"), *dy = put(f, "dy");
    float *y = shaped(f, "x"), *dx = shaped(f, "x");
    float *mean = operands_new(&f->all, rows), *rstd = operands_new(&f->all, rows);
    float *dgamma = gradient_of(f, "gamma"), *dbeta = gradient_of(f, "beta");
    const size_t bytes = rmx_token_mixer_backward_workspace(&desc);
    void *ws = operands_bytes(&f->all, bytes);
    operands_must(f->ctx, rmx_token_mixer_forward(f->ctx, &desc, x, gamma, beta, y, mean, rstd));
    expect(f, "y", y, UNITS(1), 0.0);
    operands_must(f->ctx, rmx_token_mixer_backward(f->ctx, &desc, dy, x, gamma, mean, rstd, dx,
                                                   dgamma, dbeta, ws, bytes));
    expect(f, "d_x", dx, UNITS(1), 0.0);
    expect(f, "d_gamma", dgamma, UNITS(rows), 0.0);
    expect(f, "d_beta", dbeta, UNITS(rows), 0.0);
}

Test(golden_layers, token_mixer) { for_cases("token_mixer", 6, token_mixer_case); }

/* ---- per-token feed-forward ---------------------------------------------------------------- */

static rmx_feed_forward_desc ffn_desc(fixture *f, bool has_gelu)
{
    const bool tanh_form = has_gelu && golden_is(f->file, f->name, "gelu", "tanh");
    return (rmx_feed_forward_desc){.samples = size_of(f, "B"),
                                   .tokens = size_of(f, "T"),
                                   .width = size_of(f, "D"),
                                   .hidden = size_of(f, "K"),
                                   .activation = tanh_form ? RMX_ACTIVATION_GELU_TANH
                                                           : RMX_ACTIVATION_GELU_ERF};
}

static void per_token_ffn_case(fixture *f)
{
    const rmx_feed_forward_desc desc = ffn_desc(f, true);
    const int64_t hidden_count = desc.samples * desc.tokens * desc.hidden;
    const rmx_feed_forward_weights weights = {put(f, "w1"), put(f, "b1"), put(f, "w2"),
                                              put(f, "b2")};
    const rmx_feed_forward_gradients gradients = {gradient_of(f, "w1"), gradient_of(f, "b1"),
                                                  gradient_of(f, "w2"), gradient_of(f, "b2")};
    float *x = put(f, "x"), *dy = put(f, "dy"), *y = shaped(f, "x"), *dx = shaped(f, "x");
    float *activation_gradient = operands_new(&f->all, hidden_count),
          *hidden = operands_new(&f->all, hidden_count);
    const size_t bytes = rmx_feed_forward_backward_workspace(&desc);
    void *ws = operands_bytes(&f->all, bytes);
    const double units = UNITS(desc.width + desc.hidden);
    operands_must(f->ctx, rmx_feed_forward_forward(f->ctx, &desc, &weights, x, NULL,
                                                   activation_gradient, hidden, y));
    expect(f, "y", y, units, 0.0);
    operands_must(f->ctx,
                  rmx_feed_forward_backward(f->ctx, &desc, &weights, dy, x, activation_gradient,
                                            hidden, NULL, dx, &gradients, ws, bytes));
    expect(f, "d_x", dx, units, 0.0);
    expect(f, "d_w1", gradients.w1, units, 0.0);
    expect(f, "d_b1", gradients.b1, units, 0.0);
    expect(f, "d_w2", gradients.w2, units, 0.0);
    expect(f, "d_b2", gradients.b2, units, 0.0);
}

Test(golden_layers, per_token_ffn) { for_cases("per_token_ffn", 3, per_token_ffn_case); }

/* ---- blocks -------------------------------------------------------------------------------- */

/* Everything of one block; suffix "_0" picks a block's parameters in the model's group. */
enum { BLOCK_PARAMETERS = 8 };
static const char *const block_parameter[BLOCK_PARAMETERS][2] = {
    {"norm1.gamma", "gamma1"}, {"norm1.beta", "beta1"}, {"ffn.w1", "w1"},
    {"ffn.b1", "b1"},          {"ffn.w2", "w2"},        {"ffn.b2", "b2"},
    {"norm2.gamma", "gamma2"}, {"norm2.beta", "beta2"}}; /* ours, the file's */

typedef struct block_case {
    rmx_block_desc desc;
    const float *weights[BLOCK_PARAMETERS];
    float *gradients[BLOCK_PARAMETERS];
    const char *suffix;
    void *saved, *ws;
    size_t saved_bytes, ws_bytes;
    float *y, *dx;
} block_case;

static const char *suffixed(const char *name, const char *suffix)
{
    static char text[4][GOLDEN_NAME];
    static int at;
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "%s%s", name, suffix);
    return text[at];
}

static block_case make_block(fixture *f, const char *suffix, rmx_norm_place norm)
{
    block_case b = {.suffix = suffix};
    b.desc = (rmx_block_desc){.mixer = RMX_MIXER_TOKEN,
                              .norm_place = norm,
                              .heads = size_of(f, "H"),
                              .eps = (float)golden_number(f->file, f->name, "eps"),
                              .ffn = ffn_desc(f, false)};
    rmx_block_parameter list[BLOCK_PARAMETERS];
    cr_assert_eq(rmx_block_parameters(&b.desc, list, BLOCK_PARAMETERS), BLOCK_PARAMETERS);
    for (int i = 0; i < BLOCK_PARAMETERS; i++) {
        cr_assert_str_eq(list[i].name, block_parameter[i][0]);
        b.weights[i] = put(f, suffixed(block_parameter[i][1], suffix));
        b.gradients[i] = gradient_of(f, suffixed(block_parameter[i][1], suffix));
    }
    b.saved_bytes = rmx_block_saved_bytes(&b.desc);
    b.ws_bytes = rmx_block_backward_workspace(&b.desc);
    b.saved = operands_bytes(&f->all, b.saved_bytes);
    b.ws = operands_bytes(&f->all, b.ws_bytes);
    b.y = shaped(f, "x");
    b.dx = shaped(f, "x");
    return b;
}

static void run_block(fixture *f, const block_case *b, const float *x)
{
    operands_must(f->ctx, rmx_block_forward(f->ctx, &b->desc, b->weights, x, b->y, b->saved,
                                            b->saved_bytes));
}

static void run_block_backward(fixture *f, const block_case *b, const float *dy, const float *x)
{
    operands_must(f->ctx,
                  rmx_block_backward(f->ctx, &b->desc, b->weights, dy, x, b->saved, b->saved_bytes,
                                     b->dx, b->gradients, b->ws, b->ws_bytes));
}

static void expect_block(fixture *f, const block_case *b, double units)
{
    for (int i = 0; i < BLOCK_PARAMETERS; i++) {
        char name[GOLDEN_NAME];
        snprintf(name, sizeof name, "d_%s", suffixed(block_parameter[i][1], b->suffix));
        expect(f, name, b->gradients[i], units, 0.0);
    }
}

/* Without what backward needs: the same y from less memory, and no way back. */
static void run_forward_only(fixture *f, block_case b, const float *x, const float *dy)
{
    const size_t kept = b.saved_bytes;
    b.desc.forward_only = true;
    b.saved_bytes = rmx_block_saved_bytes(&b.desc);
    cr_assert_lt(b.saved_bytes, kept);
    run_block(f, &b, x);
    cr_assert_eq(rmx_block_backward(f->ctx, &b.desc, b.weights, dy, x, b.saved, b.saved_bytes,
                                    b.dx, b.gradients, b.ws, b.ws_bytes),
                 RMX_ERR_ARGUMENT);
}

static void block_of_case(fixture *f)
{
    const bool post = golden_is(f->file, f->name, "norm", "post");
    const block_case b = make_block(f, "", post ? RMX_NORM_PLACE_POST : RMX_NORM_PLACE_PRE);
    const double units = UNITS(b.desc.ffn.width + b.desc.ffn.hidden);
    const float *x = put(f, "x"), *dy = put(f, "dy");
    run_forward_only(f, b, x, dy);
    expect(f, "y", b.y, units, 0.0);
    run_block(f, &b, x);
    expect(f, "y", b.y, units, 0.0);
    run_block_backward(f, &b, dy, x);
    expect(f, "d_x", b.dx, units, 0.0);
    expect_block(f, &b, units);
}

Test(golden_layers, block) { for_cases("block", 3, block_of_case); }

/* ---- self-attention: LayerNorm(x + attention(x)) ------------------------------------------- */

/* The golden file has q, k and v apart; the layer takes them as one [3, ...]. */
static float *join(fixture *f, const char *const names[3])
{
    const golden_tensor part = golden_read(f->file, f->name, names[0]);
    float *all = malloc(3 * (size_t)part.count * sizeof *all);
    for (int i = 0; i < 3; i++) {
        const golden_tensor t = golden_read(f->file, f->name, names[i]);
        memcpy(all + i * part.count, t.floats, (size_t)part.count * sizeof *all);
    }
    float *out = operands_put(&f->all, all, 3 * part.count);
    free(all);
    return out;
}

/* The scale of all is that of the queries: the gradient of the keys' bias is exactly 0, as a
 * softmax does not feel what all its scores share. */
static void expect_parts(fixture *f, const char *const names[3], const float *at, double units)
{
    const int64_t count = golden_read(f->file, f->name, names[0]).count;
    for (int i = 0; i < 3; i++) expect(f, names[i], at + i * count, units, max_of(f, names[0]));
}

static void attention_case(fixture *f)
{
    static const char *const w[3] = {"wq", "wk", "wv"}, *const b[3] = {"bq", "bk", "bv"};
    static const char *const dw[3] = {"d_wq", "d_wk", "d_wv"};
    static const char *const db[3] = {"d_bq", "d_bk", "d_bv"};
    const rmx_attention_desc desc = {.samples = size_of(f, "B"),
                                     .tokens = size_of(f, "T"),
                                     .width = size_of(f, "D"),
                                     .heads = size_of(f, "H")};
    const int64_t rows = desc.samples * desc.tokens, count = rows * desc.width;
    const int64_t d = desc.width;
    const rmx_norm_desc norm = {.rows = rows, .dim = desc.width, .eps = 1e-5f};
    const rmx_attention_weights weights = {join(f, w), join(f, b), put(f, "wo"), put(f, "bo")};
    const rmx_attention_gradients gradients = {
        operands_zeros(&f->all, 3 * d * d), operands_zeros(&f->all, 3 * d),
        operands_zeros(&f->all, d * d), operands_zeros(&f->all, d)};
    const rmx_attention_saved saved = {operands_new(&f->all, 3 * count),
                                       operands_new(&f->all, rows * desc.heads * desc.tokens),
                                       operands_new(&f->all, count)};
    float *x = put(f, "x"), *gamma = put(f, "gamma"), *beta = put(f, "beta"), *dy = put(f, "dy");
    float *z = operands_new(&f->all, count), *y = operands_new(&f->all, count);
    float *dz = operands_new(&f->all, count), *dx = operands_new(&f->all, count);
    float *mean = operands_new(&f->all, rows), *rstd = operands_new(&f->all, rows);
    float *dgamma = gradient_of(f, "gamma"), *dbeta = gradient_of(f, "beta");
    const size_t norm_bytes = rmx_norm_backward_workspace(&norm);
    const size_t bytes = rmx_attention_backward_workspace(&desc);
    void *norm_ws = operands_bytes(&f->all, norm_bytes), *ws = operands_bytes(&f->all, bytes);
    const double units = UNITS(4 * d);
    operands_must(f->ctx, rmx_attention_forward(f->ctx, &desc, &weights, x, x, &saved, z));
    operands_must(f->ctx, rmx_norm_forward(f->ctx, &norm, z, gamma, beta, y, mean, rstd));
    expect(f, "y", y, units, 0.0);
    operands_must(f->ctx, rmx_norm_backward(f->ctx, &norm, dy, z, gamma, mean, rstd, dz, dgamma,
                                            dbeta, norm_ws, norm_bytes));
    operands_must(f->ctx, rmx_attention_backward(f->ctx, &desc, &weights, dz, x, &saved, dz, dx,
                                                 &gradients, ws, bytes));
    expect(f, "d_x", dx, units, 0.0);
    expect(f, "d_gamma", dgamma, units, 0.0);
    expect(f, "d_beta", dbeta, units, 0.0);
    expect_parts(f, dw, gradients.wqkv, units);
    expect_parts(f, db, gradients.bqkv, units);
    expect(f, "d_wo", gradients.wo, units, 0.0);
    expect(f, "d_bo", gradients.bo, units, 0.0);
}

Test(golden_layers, self_attention) { for_cases("self_attention", 1, attention_case); }

/* ---- a whole model: two blocks, mean over tokens, one head, the mean loss ------------------ */

static void model_case(fixture *f)
{
    const block_case b0 = make_block(f, "_0", RMX_NORM_PLACE_POST);
    const block_case b1 = make_block(f, "_1", RMX_NORM_PLACE_POST);
    const rmx_feed_forward_desc *ffn = &b0.desc.ffn;
    const int64_t samples = ffn->samples;
    const rmx_linear_desc head = {.rows = samples, .in_features = ffn->width, .out_features = 1};
    const rmx_loss_desc bce = {.samples = samples, .tasks = 1, .scale = 1.0f / (float)samples};
    const golden_tensor label = golden_read(f->file, f->name, "label");
    const golden_tensor want = golden_read(f->file, f->name, "y");
    uint8_t labels[16] = {0};
    cr_assert_leq(samples, 16);
    for (int64_t i = 0; i < samples && i < 16; i++) labels[i] = (uint8_t)label.values[i];
    float *x = put(f, "x"), *w_head = put(f, "w_head"), *b_head = put(f, "b_head");
    float *pooled = operands_new(&f->all, samples * ffn->width);
    float *dpooled = operands_new(&f->all, samples * ffn->width), *dtop = shaped(f, "x");
    float *logits = operands_new(&f->all, samples), *dlogits = operands_new(&f->all, samples);
    float *dw = gradient_of(f, "w_head"), *db = gradient_of(f, "b_head");
    double loss = 0.0;
    double *loss_at = operands_put_bytes(&f->all, &loss, sizeof loss);
    const uint8_t *labels_at = operands_put_bytes(&f->all, labels, (size_t)samples);
    const size_t bce_bytes = rmx_loss_workspace(&bce);
    const size_t head_bytes = rmx_linear_backward_workspace(&head);
    void *bce_ws = operands_bytes(&f->all, bce_bytes), *ws = operands_bytes(&f->all, head_bytes);
    rmx_context *ctx = f->ctx;

    run_block(f, &b0, x);
    run_block(f, &b1, b0.y);
    operands_must(ctx, rmx_pooling_forward(ctx, samples, ffn->tokens, ffn->width, b1.y, pooled));
    operands_must(ctx, rmx_linear_forward(ctx, &head, pooled, w_head, b_head, logits));
    operands_must(ctx, rmx_loss_forward_backward(ctx, &bce, logits, labels_at, NULL, NULL, loss_at,
                                                 dlogits, bce_ws, bce_bytes));
    operands_must(ctx, rmx_linear_backward(ctx, &head, dlogits, pooled, w_head, dpooled, dw, db,
                                           ws, head_bytes));
    operands_must(ctx, rmx_pooling_backward(ctx, samples, ffn->tokens, ffn->width, dpooled, dtop));
    run_block_backward(f, &b1, dtop, b0.y);
    run_block_backward(f, &b0, b1.dx, x);

    const double units = UNITS(2 * (ffn->width + ffn->hidden));
    operands_get(&f->all, &loss, loss_at, sizeof loss);
    cr_expect_float_eq(loss / (double)samples, want.values[0], units * 0x1p-24 * want.values[0]);
    expect(f, "d_w_head", dw, units, 0.0);
    expect(f, "d_b_head", db, units, 0.0);
    expect_block(f, &b1, units);
    expect_block(f, &b0, units);
    expect(f, "d_x", b0.dx, units, 0.0);
}

Test(golden_layers, model) { for_cases("model", 1, model_case); }
