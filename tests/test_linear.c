/* SPDX-License-Identifier: MIT */
/* test_linear.c: y = x W + b. */
#include "cases_products.h"
#include "layer_testing.h"
#include "rankmixer/linear.h"
#include "refusals.h"

static rmx_linear_desc desc_of(const layer *l)
{
    const linear_case *c = l->of;
    return (rmx_linear_desc){RMX_F32, c->rows, c->in, c->out};
}

static void forward(layer *l)
{
    const linear_case *c = l->of;
    const rmx_linear_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_linear_forward(l->ctx, &desc, l->in[0], l->in[1],
                                             c->bias ? l->in[2] : NULL, l->y));
}

static void backward(layer *l)
{
    const linear_case *c = l->of;
    const rmx_linear_desc desc = desc_of(l);
    const size_t bytes = rmx_linear_backward_workspace(&desc);
    operands_must(l->ctx,
                  rmx_linear_backward(l->ctx, &desc, l->dy, l->in[0], l->in[1], l->d[0], l->d[1],
                                      c->bias ? l->d[2] : NULL, layer_slot(l, 0, bytes), bytes));
}

static void make(int i, layer *l)
{
    const linear_case *c = &linear_cases[i];
    l->of = c;
    l->name = "linear";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->rows * c->out;
    l->gradients = c->gradients;
    layer_input(l, "x", c->rows * c->in);
    layer_input(l, "w", (int64_t)c->in * c->out);
    if (c->bias) layer_input(l, "b", c->out);
}

LAYER_TESTS(linear, make, CASES(linear_cases))

Test(linear, refusals)
{
    refusals t = refusals_begin();
    float *x = t.a, *w = t.b, *b = t.c, *y = t.out;
    const rmx_linear_desc good = {RMX_F32, 4, 8, 4};
    rmx_linear_desc bad[4] = {good, good, good, good};
    static const char *const text[4] = {"desc.rows = -1", "desc.in_features = 0",
                                        "desc.out_features = 0", "more than 2^48"};
    bad[0].rows = -1;
    bad[1].in_features = 0;
    bad[2].out_features = 0;
    bad[3].rows = INT64_C(1) << 47;
    for (int i = 0; i < 4; i++) {
        REFUSES(rmx_linear_forward(t.ctx, &bad[i], x, w, b, y), text[i]);
        REFUSES(rmx_linear_backward(t.ctx, &bad[i], x, x, w, y, b, NULL, t.ws, 1 << 16), text[i]);
        cr_expect_eq(rmx_linear_backward_workspace(&bad[i]), 0);
    }
    REFUSES(rmx_linear_forward(t.ctx, NULL, x, w, b, y), "desc: NULL");
    REFUSES(rmx_linear_forward(t.ctx, &good, NULL, w, b, y), "x: NULL");
    REFUSES(rmx_linear_forward(t.ctx, &good, x, NULL, b, y), "w: NULL");
    REFUSES(rmx_linear_forward(t.ctx, &good, x, w, b, NULL), "y: NULL");
    REFUSES(rmx_linear_forward(t.ctx, &good, y, w, b, y), "overlaps x");
    REFUSES(rmx_linear_forward(t.ctx, &good, x, w, y, y), "overlaps b");
    REFUSES(rmx_linear_backward(t.ctx, &good, NULL, x, w, y, b, NULL, t.ws, 1 << 16), "dy: NULL");
    REFUSES(rmx_linear_backward(t.ctx, &good, x, x, w, y, NULL, NULL, t.ws, 1 << 16), "dw: NULL");
    REFUSES(rmx_linear_backward(t.ctx, &good, x, y, w, y, b, NULL, t.ws, 1 << 16), "overlaps x");
    const size_t bytes = rmx_linear_backward_workspace(&good);
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_linear_backward(t.ctx, &good, x, x, w, y, b, t.c + 32, t.ws, bytes - 1),
               "ask rmx_linear_backward_workspace");
    refusals_end(&t);
}
