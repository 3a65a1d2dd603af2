/* SPDX-License-Identifier: MIT */
/* test_pooling.c: the mean over a sample's tokens. */
#include "cases_rows.h"
#include "layer_testing.h"
#include "rankmixer/pooling.h"
#include "refusals.h"

static rmx_pooling_desc desc_of(const layer *l)
{
    const pooling_case *c = l->of;
    return (rmx_pooling_desc){RMX_F32, c->samples, c->tokens, c->width};
}

static void forward(layer *l)
{
    const rmx_pooling_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_pooling_forward(l->ctx, &desc, l->in[0], l->y));
}

static void backward(layer *l)
{
    const rmx_pooling_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_pooling_backward(l->ctx, &desc, l->dy, l->d[0]));
}

static void make(int i, layer *l)
{
    const pooling_case *c = &pooling_cases[i];
    l->of = c;
    l->name = "pooling";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->samples * c->width;
    l->gradients = c->gradients;
    layer_input(l, "x", l->outputs * c->tokens);
}

LAYER_TESTS(pooling, make, CASES(pooling_cases))

#define DESC(samples, tokens, width) (&(rmx_pooling_desc){RMX_F32, samples, tokens, width})

Test(pooling, refusals)
{
    refusals t = refusals_begin();
    REFUSES(rmx_pooling_forward(t.ctx, NULL, t.a, t.out), "desc: NULL");
    REFUSES(rmx_pooling_forward(t.ctx, DESC(-1, 2, 4), t.a, t.out), "samples = -1");
    REFUSES(rmx_pooling_forward(t.ctx, DESC(2, 0, 4), t.a, t.out), "tokens = 0");
    REFUSES(rmx_pooling_forward(t.ctx, DESC(2, 2, 0), t.a, t.out), "width = 0");
    REFUSES(rmx_pooling_forward(t.ctx, DESC(2, 2, 4), NULL, t.out), "x: NULL");
    REFUSES(rmx_pooling_forward(t.ctx, DESC(2, 2, 4), t.a, NULL), "y: NULL");
    REFUSES(rmx_pooling_forward(t.ctx, DESC(2, 2, 4), t.out, t.out + 4), "y (32 bytes");
    REFUSES(rmx_pooling_backward(t.ctx, DESC(2, 2, 4), NULL, t.out), "dy: NULL");
    REFUSES(rmx_pooling_backward(t.ctx, DESC(2, 2, 4), t.a, NULL), "dx: NULL");
    REFUSES(rmx_pooling_backward(t.ctx, DESC(2, 2, 4), t.out + 4, t.out), "overlaps");
    ACCEPTS(rmx_pooling_forward(t.ctx, DESC(0, 2, 4), NULL, NULL));
    refusals_end(&t);
}
