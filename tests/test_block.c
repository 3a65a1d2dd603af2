/* SPDX-License-Identifier: MIT */
/* test_block.c: blocks of every mixer and place of the norms, and a tiny model of two of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases_products.h"
#include "layer_testing.h"
#include "rankmixer/block.h"
#include "rankmixer/linear.h"
#include "rankmixer/loss.h"
#include "rankmixer/pooling.h"
#include "refusals.h"

#define MUST(call) operands_must(l->ctx, call)
/* As test_feed_forward.c's bound; errors of products and norms one after another add up. */
#define UNITS(terms) (2.0 * (sqrt((double)(terms)) + 4.0))

static rmx_block_desc desc_of(const block_case *c)
{
    return (rmx_block_desc){.mixer = c->mixer,
                            .norm_place = c->place,
                            .heads = c->heads,
                            .eps = 1e-5f,
                            .ffn = {.samples = c->samples,
                                    .tokens = c->tokens,
                                    .width = c->width,
                                    .hidden = c->hidden,
                                    .activation = RMX_ACTIVATION_GELU_ERF}};
}

/* Inputs from number `from` on are the block's parameters, in its order. A golden case calls them
 * by these names; in the model's group with the number of the block. */
enum { ALONE = 1, MOST = 12 };
static const char *const golden_names[MOST][4] = {
    {"norm1.gamma", "gamma1", "gamma1_0", "gamma1_1"},
    {"norm1.beta", "beta1", "beta1_0", "beta1_1"},
    {"norm2.gamma", "gamma2", "gamma2_0", "gamma2_1"},
    {"norm2.beta", "beta2", "beta2_0", "beta2_1"},
    {"ffn.w1", "w1", "w1_0", "w1_1"},
    {"ffn.b1", "b1", "b1_0", "b1_1"},
    {"ffn.w2", "w2", "w2_0", "w2_1"},
    {"ffn.b2", "b2", "b2_0", "b2_1"},
    {"attention.wqkv", "wqkv"},
    {"attention.bqkv", "bqkv"},
    {"attention.wo", "wo"},
    {"attention.bo", "bo"},
};

static void add_parameters(layer *l, const block_case *c, int column)
{
    const rmx_block_desc desc = desc_of(c);
    rmx_block_parameter list[MOST];
    const int32_t count = rmx_block_parameters(&desc, list, MOST);
    cr_assert(count > 0 && count <= MOST);
    for (int32_t i = 0; i < count; i++) {
        int row = 0;
        while (strcmp(golden_names[row][0], list[i].name) != 0) cr_assert_lt(++row, MOST);
        layer_input(l, golden_names[row][column], list[i].count);
    }
}

static const void *const *weights_of(const layer *l, int from)
{
    return (const void *const *)(l->in + from);
}

/* One block whose parameters are the inputs from `from` on; it uses the slots slot and slot + 1. */
static void run_forward(layer *l, int from, int slot, const float *x, float *y)
{
    const rmx_block_desc desc = desc_of(l->of);
    const size_t bytes = rmx_block_saved_bytes(&desc);
    MUST(rmx_block_forward(l->ctx, &desc, weights_of(l, from), x, y, layer_slot(l, slot, bytes),
                           bytes));
}

static void run_backward(layer *l, int from, int slot, const float *dy, const float *x, float *dx)
{
    const rmx_block_desc desc = desc_of(l->of);
    const size_t saved = rmx_block_saved_bytes(&desc), ws = rmx_block_backward_workspace(&desc);
    MUST(rmx_block_backward(l->ctx, &desc, weights_of(l, from), dy, x, layer_slot(l, slot, saved),
                            saved, dx, l->d + from, layer_slot(l, slot + 1, ws), ws));
}

/* ---- one block ----------------------------------------------------------------------------- */

static void forward(layer *l) { run_forward(l, 1, 0, l->in[0], l->y); }
static void backward(layer *l) { run_backward(l, 1, 0, l->dy, l->in[0], l->d[0]); }

static layer_bound bound(const layer *l, const char *tensor)
{
    const block_case *c = l->of;
    (void)tensor;
    return (layer_bound){UNITS(c->width + c->hidden), 0.0};
}

static void make(int i, layer *l)
{
    const block_case *c = &block_cases[i];
    l->of = c;
    l->name = "block";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->samples * c->tokens * c->width;
    l->gradients = c->gradients;
    if (c->mixer == RMX_MIXER_ATTENTION) l->step = 0x1p-9, l->units = 6.0;
    l->golden = c->golden;
    l->bound = bound;
    layer_input(l, "x", l->outputs);
    add_parameters(l, c, ALONE);
}

LAYER_TESTS(block, make, CASES(block_cases))
GOLDEN_TESTS(block, make, CASES(block_cases), "block")

/* Without what backward needs: the same y from less memory, and no way back. */
static void forward_only(layer *l)
{
    const rmx_block_desc full = desc_of(l->of);
    rmx_block_desc desc = full;
    const size_t count = (size_t)l->outputs, ws = rmx_block_backward_workspace(&full);
    desc.forward_only = true;
    const size_t bytes = rmx_block_saved_bytes(&desc);
    float *only = malloc(count * sizeof *only), *all = malloc(count * sizeof *all);
    cr_assert(only && all && bytes < rmx_block_saved_bytes(&full));
    void *saved = layer_slot(l, 2, bytes);
    MUST(rmx_block_forward(l->ctx, &desc, weights_of(l, 1), l->in[0], l->y, saved, bytes));
    operands_get(&l->all, only, l->y, count * sizeof *only);
    cr_assert_eq(rmx_block_backward(l->ctx, &desc, weights_of(l, 1), l->dy, l->in[0], saved, bytes,
                                    l->d[0], l->d + 1, layer_slot(l, 3, ws), ws),
                 RMX_ERR_ARGUMENT);
    forward(l);
    operands_get(&l->all, all, l->y, count * sizeof *all);
    cr_assert_eq(testing_first_difference(only, all, l->outputs), -1);
    free(only);
    free(all);
}

static void make_forward_only(int i, layer *l)
{
    make(i, l);
    l->forward = forward_only;
}

Test(block, forward_only)
{
    cr_expect(layers_have_reference_bits(make_forward_only, CASES(block_cases)));
}

/* ---- two blocks, the mean over tokens, one head, the mean loss ----------------------------- */

static const block_case model_block = {6,      4, 16, 32, 4, RMX_MIXER_TOKEN, RMX_NORM_PLACE_POST,
                                       NEITHER};
enum { FIRST = 1, SECOND = 9, HEAD_W = 17, HEAD_B = 18, BLOCK_0 = 0, BLOCK_1 = 2 };

static rmx_linear_desc head_of(const block_case *c)
{
    return (rmx_linear_desc){RMX_F32, c->samples, c->width, 1};
}

static float *between(layer *l) { return layer_floats(l, 4, l->input[0].count); }
static float *pooled(layer *l) { return layer_floats(l, 6, model_block.samples * 16); }

/* The logits go to slot 7, their gradient too. */
static void model_forward(layer *l)
{
    const block_case *c = l->of;
    const rmx_linear_desc head = head_of(c);
    const rmx_pooling_desc pooling = {RMX_F32, c->samples, c->tokens, c->width};
    const rmx_loss_desc loss_desc = {RMX_F32, c->samples, 1, 1.0f / (float)c->samples};
    float *top = layer_floats(l, 5, l->input[0].count);
    float *logits = layer_floats(l, 7, c->samples);
    uint8_t labels[16] = {1, 0, 0, 1};
    const golden_tensor label =
        l->file ? golden_read(l->file, l->golden, "label") : (golden_tensor){0};
    for (int64_t i = 0; label.values && i < c->samples; i++) labels[i] = (uint8_t)label.values[i];
    operands some;
    double loss = 0.0;
    const size_t bytes = rmx_loss_workspace(&loss_desc);
    operands_begin(&some, l->ctx);
    double *loss_at = operands_put_bytes(&some, &loss, sizeof loss);
    const uint8_t *labels_at = operands_put_bytes(&some, labels, sizeof labels);
    run_forward(l, FIRST, BLOCK_0, l->in[0], between(l));
    run_forward(l, SECOND, BLOCK_1, between(l), top);
    MUST(rmx_pooling_forward(l->ctx, &pooling, top, pooled(l)));
    MUST(rmx_linear_forward(l->ctx, &head, pooled(l), l->in[HEAD_W], l->in[HEAD_B], logits));
    MUST(rmx_loss_forward_backward(l->ctx, &loss_desc, logits, labels_at, NULL, NULL, loss_at,
                                   logits, operands_bytes(&some, bytes), bytes));
    operands_get(&some, &loss, loss_at, sizeof loss);
    const float y = (float)(loss / (double)c->samples);
    MUST(rmx_upload(l->ctx, l->y, &y, sizeof y));
    MUST(rmx_sync(l->ctx));
    cr_expect(operands_free(&some));
}

static void model_backward(layer *l)
{
    const block_case *c = l->of;
    const rmx_linear_desc head = head_of(c);
    const rmx_pooling_desc pooling = {RMX_F32, c->samples, c->tokens, c->width};
    const size_t bytes = rmx_linear_backward_workspace(&head);
    operands some;
    operands_begin(&some, l->ctx);
    float *dpooled = operands_new(&some, c->samples * c->width);
    float *dtop = operands_new(&some, l->input[0].count);
    float *dbetween = operands_new(&some, l->input[0].count);
    MUST(rmx_linear_backward(l->ctx, &head, layer_floats(l, 7, c->samples), pooled(l),
                             l->in[HEAD_W], dpooled, l->d[HEAD_W], l->d[HEAD_B],
                             operands_bytes(&some, bytes), bytes));
    MUST(rmx_pooling_backward(l->ctx, &pooling, dpooled, dtop));
    run_backward(l, SECOND, BLOCK_1, dtop, between(l), dbetween);
    run_backward(l, FIRST, BLOCK_0, dbetween, l->in[0], l->d[0]);
    cr_expect(operands_free(&some));
}

static layer_bound model_bound(const layer *l, const char *tensor)
{
    const block_case *c = l->of;
    (void)tensor;
    return (layer_bound){UNITS(2 * (c->width + c->hidden)), 0.0};
}

static void make_model(int i, layer *l)
{
    const block_case *c = &model_block;
    (void)i;
    l->of = c;
    l->name = "model";
    l->forward = model_forward;
    l->backward = model_backward;
    l->outputs = 1;
    l->golden = "model/B6T4D16K32L2";
    l->bound = model_bound;
    layer_input(l, "x", c->samples * c->tokens * c->width);
    add_parameters(l, c, ALONE + 1);
    add_parameters(l, c, ALONE + 2);
    layer_input(l, "w_head", c->width);
    layer_input(l, "b_head", 1);
}

GOLDEN_TESTS(block_model, make_model, 1, "model")
Test(block_model, has_reference_bits) { cr_expect(layers_have_reference_bits(make_model, 1)); }

Test(block, refusals)
{
    refusals t = refusals_begin();
    const rmx_block_desc good =
        desc_of(&(block_case){1, 2, 4, 3, 2, RMX_MIXER_TOKEN, RMX_NORM_PLACE_POST, NEITHER});
    const void *const w[8] = {t.b, t.b, t.b, t.b, t.b, t.b, t.b, t.b};
    const void *const without[8] = {t.b, t.b, t.b, NULL, t.b, t.b, t.b, t.b};
    rmx_block_desc bad[4] = {good, good, good, good};
    static const char *const text[4] = {"eps = 0", "heads = 3", "samples = -1", "hidden = 0"};
    const size_t bytes = rmx_block_saved_bytes(&good);
    bad[0].eps = 0.0f;
    bad[1].heads = 3;
    bad[2].ffn.samples = -1;
    bad[3].ffn.hidden = 0;
    for (int i = 0; i < 4; i++) {
        REFUSES(rmx_block_forward(t.ctx, &bad[i], w, t.a, t.out, t.ws, 1 << 16), text[i]);
        cr_expect_eq(rmx_block_saved_bytes(&bad[i]), 0);
        cr_expect_eq(rmx_block_backward_workspace(&bad[i]), 0);
    }
    REFUSES(rmx_block_forward(t.ctx, NULL, w, t.a, t.out, t.ws, bytes), "desc: NULL");
    REFUSES(rmx_block_forward(t.ctx, &good, NULL, t.a, t.out, t.ws, bytes), "weights: NULL");
    REFUSES(rmx_block_forward(t.ctx, &good, without, t.a, t.out, t.ws, bytes),
            "weights[3] (ffn.b1): NULL");
    REFUSES(rmx_block_forward(t.ctx, &good, w, NULL, t.out, t.ws, bytes), "x: NULL");
    REFUSES(rmx_block_forward(t.ctx, &good, w, t.a, NULL, t.ws, bytes), "y: NULL");
    REFUSES(rmx_block_forward(t.ctx, &good, w, t.out, t.out, t.ws, bytes), "overlaps x");
    REFUSES_AS(RMX_ERR_WORKSPACE, rmx_block_forward(t.ctx, &good, w, t.a, t.out, t.ws, bytes - 1),
               "ask rmx_block_saved_bytes");
    refusals_end(&t);
}
