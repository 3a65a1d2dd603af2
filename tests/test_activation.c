/* SPDX-License-Identifier: MIT */
/* test_activation.c: activations and their gradients, and the kernels add and sigmoid. */
#include "cases_rows.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "rankmixer/activation.h"
#include "refusals.h"

enum { SIZES = CASES(activation_cases) };

static void activation_kernels(rmx_backend *backend, const char *name, int i)
{
    kernel_operands all = {.backend = backend};
    const rmx_activation act = (rmx_activation)(i % 3);
    const int64_t n = activation_cases[i / 3 % SIZES].n;
    const testing_pattern pattern = (testing_pattern)(i / 3 / SIZES);
    const bool in_place = i / 3 % 2;
    float *x = host_filled(n, pattern, 1), *dy = host_filled(n, pattern, 2);
    float *bx = kernel_floats(&all, x, n), *bdy = kernel_floats(&all, dy, n);
    const rmx_activation_backward_args backward = {
        .activation = act,
        .n = n,
        .x = bx,
        .dy = bdy,
        .dx = in_place ? kernel_in_place(&all, bdy, dy, n) : kernel_floats(&all, NULL, n)};
    const rmx_activation_args forward = {.activation = act,
                                         .n = n,
                                         .x = bx,
                                         .y = in_place ? kernel_in_place(&all, bx, x, n)
                                                       : kernel_floats(&all, NULL, n)};
    cr_assert_eq(backend->ops->activation_backward(backend, &backward), RMX_OK);
    cr_assert_eq(backend->ops->activation(backend, &forward), RMX_OK);
    kernel_compare(backend, forward.y, n, name, "y");
    kernel_compare(backend, backward.dx, n, name, "dx");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(dy);
}

Test(activation, kernel_has_reference_bits)
{
    kernel_cases(3 * SIZES * PATTERN_COUNT, activation_kernels);
}

static void add_sigmoid_case(rmx_backend *backend, const char *name, int i)
{
    kernel_operands all = {.backend = backend};
    const int64_t n = activation_cases[i % SIZES].n;
    const testing_pattern pattern = (testing_pattern)(i / SIZES);
    float *x = host_filled(n, pattern, 3), *r = host_filled(n, pattern, 4);
    float *bx = kernel_floats(&all, x, n), *br = kernel_floats(&all, r, n);
    rmx_add_args add = {.n = n, .x = bx, .r = br, .y = kernel_floats(&all, NULL, n)};
    rmx_sigmoid_args to = {.n = n, .x = bx, .y = kernel_floats(&all, NULL, n)};
    cr_assert_eq(backend->ops->sigmoid(backend, &to), RMX_OK);
    cr_assert_eq(backend->ops->add(backend, &add), RMX_OK);
    kernel_compare(backend, to.y, n, name, "sigmoid");
    kernel_compare(backend, add.y, n, name, "add");
    float *onto_r = add.y = kernel_in_place(&all, br, r, n); /* in place on r, then on x */
    cr_assert_eq(backend->ops->add(backend, &add), RMX_OK);
    kernel_compare(backend, onto_r, n, name, "add onto r");
    add.r = onto_r;
    add.y = kernel_in_place(&all, bx, x, n);
    cr_assert_eq(backend->ops->add(backend, &add), RMX_OK);
    kernel_compare(backend, add.y, n, name, "add onto x");
    to.x = onto_r;
    to.y = kernel_in_place(&all, onto_r, NULL, n);
    cr_assert_eq(backend->ops->sigmoid(backend, &to), RMX_OK);
    kernel_compare(backend, to.y, n, name, "sigmoid in place");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(r);
}

Test(activation, add_and_sigmoid) { kernel_cases(SIZES * PATTERN_COUNT, add_sigmoid_case); }

/* Against double: the functions' own worst errors are a few ulps (numerics.h); where a result
 * passes through zero the scale is the argument's. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 4096 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(N, PATTERN_NORMAL, 5), y[N], s[N];
    const float *bx = kernel_floats(&all, x, N);
    const rmx_activation_args act = {
        .activation = RMX_ACTIVATION_GELU_ERF, .n = N, .x = bx, .y = kernel_floats(&all, NULL, N)};
    const rmx_sigmoid_args sigmoid = {.n = N, .x = bx, .y = kernel_floats(&all, NULL, N)};
    cr_assert_eq(backend->ops->activation(backend, &act), RMX_OK);
    cr_assert_eq(backend->ops->sigmoid(backend, &sigmoid), RMX_OK);
    testing_get(backend, y, act.y, sizeof y);
    testing_get(backend, s, sigmoid.y, sizeof s);
    for (int i = 0; i < N; i++) {
        const double v = (double)x[i], gelu = 0.5 * v * erfc(-v / sqrt(2.0));
        const double sig = 1 / (1 + exp(-v));
        cr_assert_leq(fabs((double)y[i] - gelu), 0x1p-21 * fabs(v), "%s: gelu(%a)", name, v);
        cr_assert_leq(fabs((double)s[i] - sig), 0x1p-21 * sig, "%s: sigmoid(%a)", name, v);
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(activation, near_float64) { kernel_each(near_float64); }

/* ---- the layer ----------------------------------------------------------------------------- */

static rmx_activation kind_of(const layer *l)
{
    return strstr(l->name, "tanh") ? RMX_ACTIVATION_GELU_TANH : RMX_ACTIVATION_GELU_ERF;
}

static void forward(layer *l)
{
    const rmx_activation_desc desc = {kind_of(l), RMX_F32, l->outputs};
    operands_must(l->ctx, rmx_activation_forward(l->ctx, &desc, l->in[0], l->y));
}

static void backward(layer *l)
{
    const rmx_activation_desc desc = {kind_of(l), RMX_F32, l->outputs};
    operands_must(l->ctx, rmx_activation_backward(l->ctx, &desc, l->in[0], l->dy, l->d[0]));
}

/* |gelu'| < 1.13 and |x gelu''(x)| < 0.8: the input's rounding is about 1 unit; the functions are
 * good to a few ulp, an ulp being at most 2 units. */
static layer_bound bound(const layer *l, const char *tensor)
{
    return *tensor == 'y' ? (layer_bound){4.0, layer_golden_max(l, "x")}
                          : (layer_bound){6.0, layer_golden_max(l, "dy")};
}

static void make(int i, layer *l)
{
    static char names[2][SIZES][24];
    const activation_case *c = &activation_cases[i / 2];
    char *name = names[i % 2][i / 2];
    snprintf(name, sizeof names[0][0], "gelu_%s/%s", i % 2 ? "tanh" : "erf",
             c->golden ? c->golden : "");
    l->name = name;
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->n;
    l->gradients = c->gradients;
    l->golden = c->golden ? name : NULL;
    l->bound = bound;
    layer_input(l, "x", c->n);
}

LAYER_TESTS(activation, make, 2 * SIZES)
GOLDEN_TESTS(activation, make, 2 * SIZES, "gelu_erf", "gelu_tanh")

Test(activation, refusals)
{
    refusals t = refusals_begin();
    float *x = t.a, *y = t.out;
    cr_expect_eq(rmx_activation_forward(
                     NULL, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, x, y),
                 RMX_ERR_ARGUMENT);
    REFUSES(
        rmx_activation_forward(t.ctx, &(rmx_activation_desc){(rmx_activation)7, RMX_F32, 4}, x, y),
        "kind = 7");
    REFUSES(rmx_activation_forward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, -4}, x, y),
            "n = -4");
    REFUSES(rmx_activation_forward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, INT64_MAX}, x, y),
            "n = 9223372036854775807");
    REFUSES(rmx_activation_forward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, NULL, y),
            "x: NULL");
    REFUSES(rmx_activation_forward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, x, NULL),
            "y: NULL");
    REFUSES(rmx_activation_forward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, y + 1, y),
            "y (at");
    REFUSES(rmx_activation_forward(t.ctx,
                                   &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, x,
                                   (float *)(void *)((char *)y + 2)),
            "4-byte aligned");
    REFUSES(rmx_activation_backward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, x, NULL, y),
            "dy: NULL");
    REFUSES(rmx_activation_backward(
                t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 4}, y, x, y),
            "dx (16 bytes");
    ACCEPTS(rmx_activation_forward(
        t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, 0}, NULL, NULL));
    ACCEPTS(rmx_activation_backward(
        t.ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_TANH, RMX_F32, 0}, NULL, NULL, NULL));
    refusals_end(&t);
}
