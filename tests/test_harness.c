/* SPDX-License-Identifier: MIT */
/* test_harness.c: the harness finds what is wrong: one flipped bit of a kernel, a gradient that is
 * 5 % too large, a value that is not the golden one, a byte beyond an operand. */
#include "cases_rows.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "rankmixer/activation.h"

/* ---- kernels ------------------------------------------------------------------------------- */

static const rmx_ops *right;
static int64_t wrong_at; /* element whose lowest bit is flipped */

static rmx_status wrong_add(rmx_backend *backend, const rmx_add_args *args)
{
    const rmx_status status = right->add(backend, args);
    uint32_t *bits = args->y;
    bits[wrong_at] ^= 1;
    return status;
}

enum { N = 1000 };

static void add_kernel(rmx_backend *backend, const char *name, int i)
{
    kernel_operands all = {.backend = backend};
    float *x = host_filled(N, (testing_pattern)i, 1), *r = host_filled(N, PATTERN_NORMAL, 2);
    const rmx_add_args args = {.n = N,
                               .x = kernel_floats(&all, x, N),
                               .r = kernel_floats(&all, r, N),
                               .y = kernel_floats(&all, NULL, N)};
    cr_assert_eq(backend->ops->add(backend, &args), RMX_OK);
    kernel_compare(backend, args.y, N, name, "y");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(r);
}

Test(harness, one_wrong_bit_of_a_kernel)
{
    rmx_backend *reference = testing_backend("reference", 1);
    rmx_backend *backend = testing_backend("generic", 2);
    cr_assert(reference && backend);
    right = backend->ops;
    rmx_ops wrong = *right;
    wrong.add = wrong_add;
    for (int i = 0; i < PATTERN_SPECIAL; i++) { /* of which no sum is a NaN */
        cr_expect_eq(kernel_run(add_kernel, reference, "reference", i), 0);
        cr_expect_eq(kernel_run(add_kernel, backend, "right", i), 0);
        backend->ops = &wrong;
        for (wrong_at = 0; wrong_at < N; wrong_at += 37) {
            cr_expect_eq(kernel_run(add_kernel, backend, "wrong", i), 1, "%d", (int)wrong_at);
            cr_expect(strstr(kernel_expected.why, "wrong: y differs"), "%s", kernel_expected.why);
        }
        backend->ops = right;
        kernel_forget_results();
    }
    testing_backend_free(backend);
    testing_backend_free(reference);
}

Test(harness, a_byte_beyond_an_operand)
{
    rmx_backend *backend = testing_backend("generic", 1);
    for (int after = 0; after < 2; after++) {
        kernel_operands all = {.backend = backend};
        char *bytes = kernel_put(&all, NULL, 10);
        cr_expect(testing_guards_ok(backend, bytes));
        bytes[after ? 10 : -1] = 1;
        cr_expect(!kernel_end(&all));
    }
    testing_backend_free(backend);
}

/* ---- layers -------------------------------------------------------------------------------- */

static float factor; /* of the gradient */
static int64_t spoilt_units;

static void forward(layer *l)
{
    const rmx_activation kind = RMX_ACTIVATION_GELU_ERF;
    operands_must(l->ctx,
                  rmx_activation_forward(l->ctx, &(rmx_activation_desc){kind, RMX_F32, l->outputs},
                                         l->in[0], l->y));
    float y[64];
    if (!spoilt_units || !l->file) return;
    operands_get(&l->all, y, l->y, sizeof y[0] * (size_t)l->outputs);
    y[l->outputs / 2] += (float)((double)spoilt_units * 0x1p-24 * layer_golden_max(l, "x"));
    operands_must(l->ctx, rmx_upload(l->ctx, l->y, y, sizeof y[0] * (size_t)l->outputs));
    operands_must(l->ctx, rmx_sync(l->ctx));
}

static void backward(layer *l)
{
    const rmx_activation kind = RMX_ACTIVATION_GELU_ERF;
    float d[64];
    operands_must(
        l->ctx, rmx_activation_backward(l->ctx, &(rmx_activation_desc){kind, RMX_F32, l->outputs},
                                        l->in[0], l->dy, l->d[0]));
    operands_get(&l->all, d, l->d[0], sizeof d[0] * (size_t)l->outputs);
    for (int64_t i = 0; i < l->outputs; i++) d[i] *= factor;
    operands_must(l->ctx, rmx_upload(l->ctx, l->d[0], d, sizeof d[0] * (size_t)l->outputs));
    operands_must(l->ctx, rmx_sync(l->ctx));
}

static layer_bound bound(const layer *l, const char *tensor)
{
    return (layer_bound){8.0, layer_golden_max(l, *tensor == 'y' ? "x" : "dy")};
}

/* Of all golden cases but the two large ones. */
static void make(int i, layer *l)
{
    static const int64_t counts[] = {7, 15, 1, 64};
    static const char *const names[] = {"gelu_erf/0", "gelu_erf/1", "gelu_erf/3", NULL};
    l->name = "gelu";
    l->forward = forward;
    l->backward = backward;
    l->outputs = counts[i];
    l->gradients = i == 3;
    l->golden = names[i];
    l->bound = bound;
    layer_input(l, "x", l->outputs);
}

Test(harness, a_wrong_gradient)
{
    factor = 1.0f;
    cr_expect(layers_match_differences(make, 4));
    factor = 1.05f;
    cr_expect(!layers_match_differences(make, 4));
    factor = 0.95f;
    cr_expect(!layers_match_differences(make, 4));
}

Test(harness, a_wrong_golden_value)
{
    static const char *const none[] = {NULL}, *const all[] = {"gelu_erf", NULL};
    factor = 1.0f;
    cr_expect(layers_match_golden(make, 4, none));
    cr_expect(!layers_match_golden(make, 4, all), "two cases of the group are not in the table");
    spoilt_units = 64;
    cr_expect(!layers_match_golden(make, 4, none));
    spoilt_units = 0;
    factor = NAN;
    cr_expect(!layers_match_golden(make, 4, none));
    factor = 1.001f;
    cr_expect(!layers_match_golden(make, 4, none));
}

/* The reference is context 0, so the factor of every other context is wrong by a bit. */
static void backward_but_the_reference(layer *l)
{
    const bool reference = strcmp(rmx_context_code(l->ctx), "reference") == 0;
    factor = reference ? 1.0f : 1.0f + 0x1p-23f;
    backward(l);
}

static void make_wrong(int i, layer *l)
{
    make(i, l);
    l->backward = backward_but_the_reference;
}

Test(harness, a_wrong_bit_of_a_layer)
{
    factor = 1.0f;
    cr_expect(layers_have_reference_bits(make, 4));
    cr_expect(!layers_have_reference_bits(make_wrong, 4));
}
