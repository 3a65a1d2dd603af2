/* SPDX-License-Identifier: MIT */
/* test_attention.c: self-attention with its residual, and its LayerNorm where the case has one. */
#include <math.h>

#include "cases_products.h"
#include "layer_testing.h"
#include "rankmixer/attention.h"
#include "rankmixer/norm.h"
#include "refusals.h"

static rmx_attention_desc desc_of(const layer *l)
{
    const attention_case *c = l->of;
    return (rmx_attention_desc){RMX_F32, c->samples, c->tokens, c->width, c->heads};
}

static rmx_norm_desc norm_of(const layer *l)
{
    const attention_case *c = l->of;
    return (rmx_norm_desc){.rows = c->samples * c->tokens, .dim = c->width, .eps = 1e-5f};
}

static rmx_attention_saved saved_of(layer *l)
{
    const attention_case *c = l->of;
    const int64_t rows = c->samples * c->tokens;
    return (rmx_attention_saved){layer_floats(l, 0, 3 * l->outputs),
                                 layer_floats(l, 1, rows * c->heads * c->tokens),
                                 layer_floats(l, 2, l->outputs)};
}

static void forward(layer *l)
{
    const attention_case *c = l->of;
    const rmx_attention_desc desc = desc_of(l);
    const rmx_norm_desc norm = norm_of(l);
    const rmx_attention_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    const rmx_attention_saved saved = saved_of(l);
    float *z = c->norm ? layer_floats(l, 3, l->outputs) : l->y;
    operands_must(l->ctx,
                  rmx_attention_forward(l->ctx, &desc, &weights, l->in[0], l->in[0], &saved, z));
    if (c->norm)
        operands_must(l->ctx, rmx_norm_forward(l->ctx, &norm, z, l->in[5], l->in[6], l->y,
                                               layer_floats(l, 4, norm.rows),
                                               layer_floats(l, 5, norm.rows)));
}

static void backward(layer *l)
{
    const attention_case *c = l->of;
    const rmx_attention_desc desc = desc_of(l);
    const rmx_norm_desc norm = norm_of(l);
    const rmx_attention_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    const rmx_attention_gradients gradients = {l->d[1], l->d[2], l->d[3], l->d[4]};
    const rmx_attention_saved saved = saved_of(l);
    const size_t bytes = rmx_attention_backward_workspace(&desc);
    const size_t norm_bytes = rmx_norm_backward_workspace(&norm);
    float *dz = c->norm ? layer_floats(l, 6, l->outputs) : l->dy;
    if (c->norm)
        operands_must(l->ctx, rmx_norm_backward(
                                  l->ctx, &norm, l->dy, layer_floats(l, 3, l->outputs), l->in[5],
                                  layer_floats(l, 4, norm.rows), layer_floats(l, 5, norm.rows), dz,
                                  l->d[5], l->d[6], layer_slot(l, 7, norm_bytes), norm_bytes));
    operands_must(l->ctx,
                  rmx_attention_backward(l->ctx, &desc, &weights, dz, l->in[0], &saved, dz,
                                         l->d[0], &gradients, layer_slot(l, 8, bytes), bytes));
}

/* As test_feed_forward.c's, of four products. The scale of queries, keys and values is that of the
 * queries: the gradient of the keys' bias is exactly 0, as a softmax does not see what all its
 * scores have in common. */
static layer_bound bound(const layer *l, const char *tensor)
{
    const attention_case *c = l->of;
    (void)tensor;
    return (layer_bound){2.0 * (sqrt(4.0 * c->width) + 4.0), 0.0};
}

static void make(int i, layer *l)
{
    const attention_case *c = &attention_cases[i];
    const int64_t d = c->width;
    l->of = c;
    l->name = "attention";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->samples * c->tokens * d;
    l->gradients = c->gradients;
    l->golden = c->golden;
    l->bound = bound;
    layer_input(l, "x", l->outputs);
    layer_input(l, "wq wk wv", 3 * d * d);
    layer_input(l, "bq bk bv", 3 * d);
    layer_input(l, "wo", d * d);
    layer_input(l, "bo", d);
    if (c->norm) layer_input(l, "gamma", d);
    if (c->norm) layer_input(l, "beta", d);
}

LAYER_TESTS(attention, make, CASES(attention_cases))
GOLDEN_TESTS(attention, make, CASES(attention_cases), "self_attention")

Test(attention, refusals)
{
    refusals t = refusals_begin();
    float *x = t.a, *y = t.out;
    const rmx_attention_desc good = {RMX_F32, 1, 2, 4, 2};
    const rmx_attention_weights w = {t.b, t.b, t.b, t.b}, none = {t.b, t.b, NULL, t.b};
    const rmx_attention_saved s = {t.c, t.c + 24, t.c + 32}, lost = {t.c, NULL, t.c + 32};
    rmx_attention_desc bad[5] = {good, good, good, good, good};
    static const char *const text[5] = {"samples = -1", "tokens = 0", "width = 0", "heads = 0",
                                        "heads = 3"};
    bad[0].samples = -1;
    bad[1].tokens = 0;
    bad[2].width = 0;
    bad[3].heads = 0;
    bad[4].heads = 3;
    for (int i = 0; i < 5; i++) {
        REFUSES(rmx_attention_forward(t.ctx, &bad[i], &w, x, NULL, &s, y), text[i]);
        cr_expect_eq(rmx_attention_backward_workspace(&bad[i]), 0);
    }
    REFUSES(rmx_attention_forward(t.ctx, NULL, &w, x, NULL, &s, y), "desc: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, NULL, x, NULL, &s, y), "weights: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, &none, x, NULL, &s, y), "weights.wo: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, &w, NULL, NULL, &s, y), "x: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, &w, x, NULL, NULL, y), "saved: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, &w, x, NULL, &lost, y),
            "saved.probabilities: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, &w, x, NULL, &s, NULL), "y: NULL");
    REFUSES(rmx_attention_forward(t.ctx, &good, &w, y, NULL, &s, y), "overlaps x");
    const rmx_attention_gradients d = {t.c + 40, t.c + 40, t.c + 40, t.c + 40};
    const size_t bytes = rmx_attention_backward_workspace(&good);
    REFUSES(rmx_attention_backward(t.ctx, &good, &w, NULL, x, &s, NULL, y, &d, t.ws, bytes),
            "dy: NULL");
    REFUSES(rmx_attention_backward(t.ctx, &good, &w, x, x, &s, NULL, y, NULL, t.ws, bytes),
            "gradients: NULL");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_attention_backward(t.ctx, &good, &w, x, x, &s, NULL, y, &d, t.ws, 4),
               "ask rmx_attention_backward_workspace");
    refusals_end(&t);
}
