/* SPDX-License-Identifier: MIT */
/* test_act.c: activations and their gradients, add and sigmoid. */
#include "kernel_testing.h"

static const int64_t sizes[] = {0, 1, 7, 127, 128, 129, 4095, 4097, 16384, 16385, 50000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static float act_of(rmx_act act, float x)
{
    return act == RMX_ACT_GELU_ERF ? rmx_gelu_erff(x)
                                   : (act == RMX_ACT_GELU_TANH ? rmx_gelu_tanhf(x) : x);
}

static float grad_of(rmx_act act, float x)
{
    return act == RMX_ACT_GELU_ERF ? rmx_gelu_erf_gradf(x)
                                   : (act == RMX_ACT_GELU_TANH ? rmx_gelu_tanh_gradf(x) : 1.0f);
}

static void act_case(rmx_backend *backend, const char *name, rmx_act act, int64_t n,
                     testing_pattern pattern, bool in_place)
{
    kernel_operands all = {.backend = backend};
    float *x = host_filled(n, pattern, 1), *dy = host_filled(n, pattern, 2);
    float *y = host_floats(n), *dx = host_floats(n);
    float *bx = kernel_floats(&all, x, n), *bdy = kernel_floats(&all, dy, n);
    const rmx_act_backward_args backward = {.act = act,
                                            .n = n,
                                            .x = bx,
                                            .dy = bdy,
                                            .dx = in_place ? bdy : kernel_floats(&all, NULL, n)};
    const rmx_act_args forward = {
        .act = act, .n = n, .x = bx, .y = in_place ? bx : kernel_floats(&all, NULL, n)};
    cr_assert_eq(backend->ops->act_backward(backend, &backward), RMX_OK);
    cr_assert_eq(backend->ops->act(backend, &forward), RMX_OK);
    for (int64_t i = 0; i < n; i++) {
        y[i] = act_of(act, x[i]);
        dx[i] = act == RMX_ACT_NONE ? dy[i] : dy[i] * grad_of(act, x[i]);
    }
    kernel_expect(backend, forward.y, y, n, name, "act");
    kernel_expect(backend, backward.dx, dx, n, name, "act_backward");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(y), free(dy), free(dx);
}

static void act_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < SIZES * PATTERN_COUNT; i++) {
        for (rmx_act act = RMX_ACT_NONE; act <= RMX_ACT_GELU_TANH; act++) {
            act_case(backend, name, act, sizes[i % SIZES], (testing_pattern)(i / SIZES), i % 2);
        }
    }
}

Test(act, contract) { kernel_each(act_cases); }

static void add_sigmoid_case(rmx_backend *backend, const char *name, int64_t n,
                             testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    float *x = host_filled(n, pattern, 3), *r = host_filled(n, pattern, 4);
    float *sum = host_floats(n), *twice = host_floats(n), *sigmoid = host_floats(n);
    float *bx = kernel_floats(&all, x, n), *br = kernel_floats(&all, r, n);
    rmx_add_args add = {.n = n, .x = bx, .r = br, .y = kernel_floats(&all, NULL, n)};
    const rmx_sigmoid_args to = {.n = n, .x = bx, .y = kernel_floats(&all, NULL, n)};
    cr_assert_eq(backend->ops->sigmoid(backend, &to), RMX_OK);
    cr_assert_eq(backend->ops->add(backend, &add), RMX_OK);
    for (int64_t i = 0; i < n; i++) {
        sum[i] = x[i] + r[i];
        twice[i] = x[i] + sum[i];
        sigmoid[i] = rmx_sigmoidf(x[i]);
    }
    kernel_expect(backend, to.y, sigmoid, n, name, "sigmoid");
    kernel_expect(backend, add.y, sum, n, name, "add");
    add.y = br; /* in place on r, then on x */
    cr_assert_eq(backend->ops->add(backend, &add), RMX_OK);
    kernel_expect(backend, br, sum, n, name, "add onto r");
    add.y = bx;
    cr_assert_eq(backend->ops->add(backend, &add), RMX_OK);
    kernel_expect(backend, bx, twice, n, name, "add onto x");
    const rmx_sigmoid_args in_place = {.n = n, .x = br, .y = br};
    cr_assert_eq(backend->ops->sigmoid(backend, &in_place), RMX_OK);
    for (int64_t i = 0; i < n; i++) sigmoid[i] = rmx_sigmoidf(sum[i]);
    kernel_expect(backend, br, sigmoid, n, name, "sigmoid in place");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(r), free(sum), free(twice), free(sigmoid);
}

static void add_sigmoid_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < SIZES * PATTERN_COUNT; i++) {
        add_sigmoid_case(backend, name, sizes[i % SIZES], (testing_pattern)(i / SIZES));
    }
}

Test(act, add_and_sigmoid) { kernel_each(add_sigmoid_cases); }

/* Against double: the functions' own worst errors are a few ulps (numerics.h); where a result
 * passes through zero the scale is the argument's. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 4096 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(N, PATTERN_NORMAL, 5), y[N], s[N];
    const float *bx = kernel_floats(&all, x, N);
    const rmx_act_args act = {
        .act = RMX_ACT_GELU_ERF, .n = N, .x = bx, .y = kernel_floats(&all, NULL, N)};
    const rmx_sigmoid_args sigmoid = {.n = N, .x = bx, .y = kernel_floats(&all, NULL, N)};
    cr_assert_eq(backend->ops->act(backend, &act), RMX_OK);
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
