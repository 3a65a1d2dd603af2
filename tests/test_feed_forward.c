/* SPDX-License-Identifier: MIT */
/* test_feed_forward.c: the feed-forward network of each token, or one for all. */
#include <math.h>

#include "cases_products.h"
#include "layer_testing.h"
#include "rankmixer/feed_forward.h"
#include "refusals.h"

static rmx_feed_forward_desc desc_of(layer *l)
{
    static const uint64_t step = 5;
    const feed_forward_case *c = l->of;
    return (rmx_feed_forward_desc){.samples = c->samples,
                                   .tokens = c->tokens,
                                   .width = c->width,
                                   .hidden = c->hidden,
                                   .shared = c->shared,
                                   .activation = c->activation,
                                   .dropout = {.p = c->dropout,
                                               .seed = 11,
                                               .site = 3,
                                               .first = 64,
                                               .step = layer_put(l, 0, &step, sizeof step)}};
}

/* What the forward pass keeps. */
static float *kept(layer *l, int slot)
{
    const feed_forward_case *c = l->of;
    return layer_floats(l, slot, c->samples * c->tokens * c->hidden);
}

/* With a residual, y = x + FFN(x), and dy reaches x beside the gradient of the network. */
static void forward(layer *l)
{
    const feed_forward_case *c = l->of;
    const rmx_feed_forward_desc desc = desc_of(l);
    const rmx_feed_forward_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    operands_must(l->ctx, rmx_feed_forward_forward(l->ctx, &desc, &weights, l->in[0],
                                                   c->residual ? l->in[0] : NULL, kept(l, 1),
                                                   kept(l, 2), l->y));
}

static void backward(layer *l)
{
    const feed_forward_case *c = l->of;
    const rmx_feed_forward_desc desc = desc_of(l);
    const rmx_feed_forward_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    const rmx_feed_forward_gradients gradients = {l->d[1], l->d[2], l->d[3], l->d[4]};
    const size_t bytes = rmx_feed_forward_backward_workspace(&desc);
    operands_must(l->ctx,
                  rmx_feed_forward_backward(l->ctx, &desc, &weights, l->dy, l->in[0], kept(l, 1),
                                            kept(l, 2), c->residual ? l->dy : NULL, l->d[0],
                                            &gradients, layer_slot(l, 3, bytes), bytes));
}

/* A product over K terms of about one size is a random walk of K roundings, each at most a unit of
 * a partial sum that stays near the result's size: sqrt(K) units and the few of its inputs. The
 * bound is twice that, for the largest of many elements: four times what is seen. */
static layer_bound bound(const layer *l, const char *tensor)
{
    const feed_forward_case *c = l->of;
    (void)tensor;
    return (layer_bound){2.0 * (sqrt((double)(c->width + c->hidden)) + 4.0), 0.0};
}

static void make(int i, layer *l)
{
    const feed_forward_case *c = &feed_forward_cases[i];
    const int64_t sets = c->shared ? 1 : c->tokens;
    l->of = c;
    l->name = "feed_forward";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->samples * c->tokens * c->width;
    l->gradients = c->gradients;
    l->golden = c->golden;
    l->bound = bound;
    layer_input(l, "x", l->outputs);
    layer_input(l, "w1", sets * c->width * c->hidden);
    layer_input(l, "b1", sets * c->hidden);
    layer_input(l, "w2", sets * c->hidden * c->width);
    layer_input(l, "b2", sets * c->width);
}

LAYER_TESTS(feed_forward, make, CASES(feed_forward_cases))
GOLDEN_TESTS(feed_forward, make, CASES(feed_forward_cases), "per_token_ffn")

Test(feed_forward, refusals)
{
    refusals t = refusals_begin();
    float *x = t.a, *g = t.c, *h = t.c + 16, *y = t.out;
    const rmx_feed_forward_desc good = {.samples = 2, .tokens = 2, .width = 4, .hidden = 3};
    const rmx_feed_forward_weights w = {t.b, t.b, t.b, t.b}, none = {t.b, NULL, t.b, t.b};
    rmx_feed_forward_desc bad[6] = {good, good, good, good, good, good};
    static const char *const text[6] = {"samples = -1", "tokens = 0", "width = 0",
                                        "hidden = 0",   "p = 1",      "activation = 7"};
    bad[0].samples = -1;
    bad[1].tokens = 0;
    bad[2].width = 0;
    bad[3].hidden = 0;
    bad[4].dropout.p = 1.0f;
    bad[5].activation = (rmx_activation)7;
    for (int i = 0; i < 6; i++) {
        REFUSES(rmx_feed_forward_forward(t.ctx, &bad[i], &w, x, NULL, g, h, y), text[i]);
        cr_expect_eq(rmx_feed_forward_backward_workspace(&bad[i]), 0);
    }
    REFUSES(rmx_feed_forward_forward(t.ctx, NULL, &w, x, NULL, g, h, y), "desc: NULL");
    REFUSES(rmx_feed_forward_forward(t.ctx, &good, NULL, x, NULL, g, h, y), "weights: NULL");
    REFUSES(rmx_feed_forward_forward(t.ctx, &good, &none, x, NULL, g, h, y), "b1: NULL");
    REFUSES(rmx_feed_forward_forward(t.ctx, &good, &w, NULL, NULL, g, h, y), "x: NULL");
    REFUSES(rmx_feed_forward_forward(t.ctx, &good, &w, x, NULL, g, NULL, y), "hidden: NULL");
    REFUSES(rmx_feed_forward_forward(t.ctx, &good, &w, x, NULL, g, h, NULL), "y: NULL");
    REFUSES(rmx_feed_forward_forward(t.ctx, &good, &w, y, NULL, g, h, y), "overlaps x");
    const rmx_feed_forward_gradients d = {t.c + 32, t.c + 60, t.c + 32, t.c + 60};
    const size_t bytes = rmx_feed_forward_backward_workspace(&good);
    REFUSES(rmx_feed_forward_backward(t.ctx, &good, &w, NULL, x, g, h, NULL, y, &d, t.ws, bytes),
            "dy: NULL");
    REFUSES(rmx_feed_forward_backward(t.ctx, &good, &w, x, x, g, h, NULL, y, NULL, t.ws, bytes),
            "gradients: NULL");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_feed_forward_backward(t.ctx, &good, &w, x, x, g, h, NULL, y, &d, t.ws, 4),
               "ask rmx_feed_forward_backward_workspace");
    refusals_end(&t);
}
