/* SPDX-License-Identifier: MIT */
/* test_product_gradients.c: the public products by the table of cases, and what they refuse. */
#include <math.h>

#include "cases_products.h"
#include "layer_testing.h"
#include "rankmixer/product.h"
#include "refusals.h"

/* The operands of a case over memory of its layer; those that do not exist are not used. */
typedef struct operands_of_case {
    rmx_tensor a, b, input, y;
} operands_of_case;

static rmx_tensor input_of(const product_case *c, float *data)
{
    switch (c->input) {
    case IN_N: return rmx_tensor_of(RMX_F32, data, 1, SHAPE(c->n));
    case IN_MN: return view2(data, c->m, c->n);
    case IN_1N: return view2(data, 1, c->n);
    case IN_M1: return view2(data, c->m, 1);
    case IN_1: return rmx_tensor_of(RMX_F32, data, 1, SHAPE(1));
    case IN_PMN: return view3(data, c->p, c->m, c->n);
    default: return rmx_tensor_of(RMX_F32, data, 0, NULL);
    }
}

/* Groups lie between the rows: x [m, p, k], y [m, p, n]; else they are a batch. */
static operands_of_case operands_for(const product_case *c, float *const in[], float *y)
{
    const bool flat = c->call == MM || c->call == ADDMM, grouped = c->call == GROUPED_MM;
    operands_of_case o = {.a = flat      ? view2(in[0], c->m, c->k)
                               : grouped ? view3(in[0], c->m, c->p, c->k)
                                         : view3(in[0], c->p, c->m, c->k),
                          .b = flat ? view2(in[1], c->k, c->n) : view3(in[1], c->p, c->k, c->n),
                          .y = flat      ? view2(y, c->m, c->n)
                               : grouped ? view3(y, c->m, c->p, c->n)
                                         : view3(y, c->p, c->m, c->n)};
    if (c->transposed) o.b = rmx_tensor_transpose(view2(in[1], c->n, c->k), 0, 1);
    if (c->call == ADDMM || c->call == BADDBMM) o.input = input_of(c, in[2]);
    return o;
}

static void forward(layer *l)
{
    const product_case *c = l->of;
    const operands_of_case o = operands_for(c, l->in, l->y);
    rmx_context *ctx = l->ctx;
    rmx_status status = RMX_ERR_ARGUMENT;
    switch (c->call) {
    case MM: status = rmx_mm(ctx, &o.a, &o.b, &o.y); break;
    case ADDMM: status = rmx_addmm(ctx, c->alpha, c->beta, &o.input, &o.a, &o.b, &o.y); break;
    case BMM: status = rmx_bmm(ctx, &o.a, &o.b, &o.y); break;
    case BADDBMM: status = rmx_baddbmm(ctx, c->alpha, c->beta, &o.input, &o.a, &o.b, &o.y); break;
    case GROUPED_MM: status = rmx_grouped_mm(ctx, &o.a, &o.b, &o.y); break;
    }
    operands_must(ctx, status);
}

static void backward(layer *l)
{
    const product_case *c = l->of;
    const operands_of_case o = operands_for(c, l->in, l->dy), d = operands_for(c, l->d, NULL);
    rmx_context *ctx = l->ctx;
    rmx_status status = RMX_ERR_ARGUMENT;
    if (c->call == ADDMM) {
        const size_t bytes = rmx_addmm_backward_workspace(&o.y, &d.input);
        status = rmx_addmm_backward(ctx, c->alpha, c->beta, &o.y, &o.a, &o.b, &d.input, &d.a, &d.b,
                                    layer_slot(l, 0, bytes), bytes);
    }
    if (c->call == MM) status = rmx_mm_backward(ctx, &o.y, &o.a, &o.b, &d.a, &d.b);
    if (c->call == BMM) status = rmx_bmm_backward(ctx, &o.y, &o.a, &o.b, &d.a, &d.b);
    if (c->call == BADDBMM)
        status =
            rmx_baddbmm_backward(ctx, c->alpha, c->beta, &o.y, &o.a, &o.b, &d.input, &d.a, &d.b);
    if (c->call == GROUPED_MM) status = rmx_grouped_mm_backward(ctx, &o.y, &o.a, &o.b, &d.a, &d.b);
    operands_must(ctx, status);
}

static void make(int i, layer *l)
{
    static const char *const names[] = {"mm", "addmm", "bmm", "baddbmm", "grouped_mm"};
    const product_case *c = &product_cases[i];
    l->of = c;
    l->name = names[c->call];
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->p * c->m * c->n;
    l->gradients = c->gradients;
    layer_input(l, "a", c->p * c->m * c->k);
    layer_input(l, "b", c->p * c->k * c->n);
    if (c->call == ADDMM || c->call == BADDBMM) {
        const rmx_tensor input = input_of(c, NULL);
        layer_input(l, "input", rmx_tensor_count(&input));
    }
}

LAYER_TESTS(product_gradients, make, CASES(product_cases))

Test(product_gradients, mm_and_addmm_refusals)
{
    refusals t = refusals_begin();
    const rmx_tensor a = view2(t.a, 4, 5), b = view2(t.b, 5, 6), y = view2(t.out, 4, 6);
    const rmx_tensor line = rmx_tensor_of(RMX_F32, t.c, 1, SHAPE(6)), short_b = view2(t.b, 4, 6);
    rmx_tensor wide = view2(t.out, 4, 3);
    wide.stride[0] = 16;
    wide.stride[1] = 2;
    cr_expect_eq(rmx_mm(NULL, &a, &b, &y), RMX_ERR_ARGUMENT);
    REFUSES(rmx_mm(t.ctx, NULL, &b, &y), "a: NULL");
    REFUSES(rmx_mm(t.ctx, &line, &b, &y), "a: shape [6] has 1 axes: must have 2");
    REFUSES(rmx_mm(t.ctx, &a, &short_b, &y), "b: shape [4, 6]: must be [5, 6], [K, N] for a");
    REFUSES(rmx_mm(t.ctx, &a, &b, &a), "out: shape [4, 5]: must be [4, 6], [M, N]");
    const rmx_tensor b3 = view2(t.b, 5, 3), row = view2(t.b, 1, 4);
    REFUSES(rmx_mm(t.ctx, &a, &b3, &wide), "one of the last two strides must be 1");
    const rmx_tensor inside = view2(t.out + 5, 4, 5);
    REFUSES(rmx_mm(t.ctx, &inside, &b, &y), "out (96 bytes");
    REFUSES(rmx_addmm(t.ctx, INFINITY, 1, &line, &a, &b, &y), "alpha = inf");
    REFUSES(rmx_addmm(t.ctx, 1, NAN, &line, &a, &b, &y), "beta = nan");
    REFUSES(rmx_addmm(t.ctx, 1, 1, NULL, &a, &b, &y), "input: NULL");
    REFUSES(rmx_addmm(t.ctx, 1, 1, &row, &a, &b, &y), "input: shape [1, 4]: must broadcast to");
    REFUSES(rmx_addmm(t.ctx, 1, 1, &y, &a, &b, &y), "overlaps input");
    const rmx_tensor da = view2(t.out, 4, 5), db = view2(t.out + 32, 5, 6), dy = view2(t.c, 4, 6);
    REFUSES(rmx_mm_backward(t.ctx, NULL, &a, &b, &da, &db), "dy: NULL");
    REFUSES(rmx_mm_backward(t.ctx, &dy, &a, NULL, &da, NULL), "b: NULL");
    REFUSES(rmx_mm_backward(t.ctx, &dy, &short_b, &b, &da, &db), "a: shape [4, 6]");
    REFUSES(rmx_mm_backward(t.ctx, &dy, &a, &b, &db, NULL), "da: shape [5, 6]");
    const rmx_tensor over = view2(t.out + 16, 5, 6);
    REFUSES(rmx_mm_backward(t.ctx, &dy, &a, &b, &da, &over), "da (80 bytes");
    const rmx_tensor dv = rmx_tensor_of(RMX_F32, t.out, 1, SHAPE(6));
    const rmx_tensor dt = rmx_tensor_transpose(view2(t.c, 6, 4), 0, 1);
    const size_t bytes = rmx_addmm_backward_workspace(&dy, &dv);
    REFUSES(rmx_addmm_backward(t.ctx, 1, 1, &dt, NULL, NULL, &dv, NULL, NULL, t.ws, bytes),
            "make dy contiguous");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_addmm_backward(t.ctx, 1, 1, &dy, NULL, NULL, &dv, NULL, NULL, t.ws, bytes - 1),
               "ask rmx_addmm_backward_workspace");
    const rmx_tensor da_and_dv = view2(t.out + 3, 4, 5);
    REFUSES(rmx_addmm_backward(t.ctx, 1, 1, &dy, NULL, &b, &dv, &da_and_dv, NULL, t.ws, bytes),
            "dinput (24 bytes");
    refusals_end(&t);
}

Test(product_gradients, batched_refusals)
{
    refusals t = refusals_begin();
    const rmx_tensor a = rmx_tensor_of(RMX_F32, t.a, 3, SHAPE(2, 3, 4));
    const rmx_tensor b = rmx_tensor_of(RMX_F32, t.b, 3, SHAPE(2, 4, 5));
    const rmx_tensor y = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 3, 5));
    const rmx_tensor one = rmx_tensor_of(RMX_F32, t.b, 3, SHAPE(1, 4, 5)), flat = view2(t.a, 3, 4);
    REFUSES(rmx_bmm(t.ctx, &flat, &b, &y), "a: shape [3, 4] has 2 axes: must have 3");
    REFUSES(rmx_bmm(t.ctx, &a, &one, &y), "b: shape [1, 4, 5]: must be [2, 4, 5]");
    rmx_tensor shared = y;
    shared.stride[0] = 0;
    REFUSES(rmx_bmm(t.ctx, &a, &b, &shared), "must not share memory");
    const rmx_tensor odd = rmx_tensor_of(RMX_F32, t.c, 3, SHAPE(2, 2, 5));
    REFUSES(rmx_baddbmm(t.ctx, 1, 1, &odd, &a, &b, &y), "input: shape [2, 2, 5]: must broadcast");
    REFUSES(rmx_baddbmm_backward(t.ctx, 1, 1, &odd, &a, &b, &y, NULL, NULL),
            "dinput: shape [2, 3, 5]: must be [2, 2, 5]");
    const rmx_tensor w = rmx_tensor_of(RMX_F32, t.b, 3, SHAPE(3, 4, 5));
    const rmx_tensor gy = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 3, 5));
    REFUSES(rmx_grouped_mm(t.ctx, &a, &b, &gy), "w: shape [2, 4, 5]: must be [3, 4, 5]");
    const rmx_tensor vector = rmx_tensor_of(RMX_F32, t.a, 1, SHAPE(4));
    REFUSES(rmx_grouped_mm(t.ctx, &vector, &w, &gy), "x: 1 axes: must be [.., G, width]");
    rmx_tensor jumpy = rmx_tensor_of(RMX_F32, t.a, 4, SHAPE(2, 1, 3, 4));
    jumpy.shape[1] = 2;
    jumpy.stride[1] = 5;
    const rmx_tensor gy4 = rmx_tensor_of(RMX_F32, t.out, 4, SHAPE(2, 2, 3, 5));
    REFUSES(rmx_grouped_mm(t.ctx, &jumpy, &w, &gy4), "must step as one");
    REFUSES(rmx_grouped_mm_backward(t.ctx, &gy, &a, NULL, &a, NULL), "w: NULL");
    const rmx_tensor dw = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(3, 4, 4));
    REFUSES(rmx_grouped_mm_backward(t.ctx, &odd, &a, &w, NULL, &dw), "x: shape [2, 3, 4]");
    refusals_end(&t);
}
