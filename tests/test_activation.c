/* SPDX-License-Identifier: MIT */
/* test_activation.c: activations and their gradients, add and sigmoid. */
#include "kernel_testing.h"

static const int64_t sizes[] = {0, 1, 7, 127, 128, 129, 4095, 4097, 16384, 16385, 50000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void act_case(rmx_backend *backend, const char *name, int i)
{
    kernel_operands all = {.backend = backend};
    const rmx_activation act = (rmx_activation)(i % 3);
    const int64_t n = sizes[i / 3 % SIZES];
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
    kernel_compare(backend, forward.y, n, name, "act");
    kernel_compare(backend, backward.dx, n, name, "act_backward");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(dy);
}

Test(act, contract) { kernel_cases(3 * SIZES * PATTERN_COUNT, act_case); }

static void add_sigmoid_case(rmx_backend *backend, const char *name, int i)
{
    kernel_operands all = {.backend = backend};
    const int64_t n = sizes[i % SIZES];
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

Test(act, add_and_sigmoid) { kernel_cases(SIZES * PATTERN_COUNT, add_sigmoid_case); }

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

Test(act, near_float64) { kernel_each(near_float64); }
