/* SPDX-License-Identifier: MIT */
/* test_golden_ops.c: the plain operations against float64 values computed by PyTorch.
 *
 * Bounds are in units u = 2^-24 of a stated scale, usually the largest golden magnitude. Inputs
 * are rounded to fp32 first, so a bound starts with what half an ulp of each input does to the
 * result; then come the roundings of the computation itself. Sums of n values in 128 partials
 * have at most n/128 + 8 additions on any path, and n <= 1000 here. Worst cases of all roundings
 * at once do not happen: bounds are about four times what is seen. GOLDEN_VERBOSE=1 prints it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "core/context.h"
#include "golden_fixture.h"
#include "rankmixer/activation.h"
#include "rankmixer/norm.h"
#include "rankmixer/norm.h"
#include "rankmixer/softmax.h"
#include "rankmixer/token_mixer.h"

/* ---- softmax ------------------------------------------------------------------------------- */

/* Half an ulp of x and of x - m is an absolute error of up to max|x| u each in an exponent, and
 * so a relative one of y; exp, the sum, 1/s and the product add a few u. dx = y (dy - c) inherits
 * y's error in y and in c. */
static double softmax_units(fixture *f) { return 8.0 + max_of(f, "x"); }

static void softmax_case(fixture *f)
{
    const golden_tensor x = golden_read(f->file, f->name, "x");
    const rmx_tensor tx = rmx_tensor_of(RMX_F32, put(f, "x"), x.dims, x.shape);
    const rmx_tensor ty = rmx_tensor_of(RMX_F32, operands_new(&f->all, x.count), x.dims, x.shape);
    const rmx_tensor tdy = rmx_tensor_of(RMX_F32, put(f, "dy"), x.dims, x.shape);
    const rmx_tensor tdx = rmx_tensor_of(RMX_F32, operands_new(&f->all, x.count), x.dims, x.shape);
    operands_must(f->ctx, rmx_softmax_forward(f->ctx, -1, &tx, &ty));
    expect(f, "y", ty.data, softmax_units(f), 0.0);
    operands_must(f->ctx, rmx_softmax_backward(f->ctx, -1, &tdy, &ty, &tdx));
    expect(f, "d_x", tdx.data, softmax_units(f), max_of(f, "dy"));
}

/* y = (x - m) - log s, and |y| is near |x - m|: an ulp or two. dx = dy - exp(y) sum(dy), whose
 * sum is off by up to 16 u sum|dy|, times a probability. */
static void log_softmax_case(fixture *f)
{
    const golden_tensor x = golden_read(f->file, f->name, "x");
    const rmx_tensor tx = rmx_tensor_of(RMX_F32, put(f, "x"), x.dims, x.shape);
    const rmx_tensor ty = rmx_tensor_of(RMX_F32, operands_new(&f->all, x.count), x.dims, x.shape);
    const rmx_tensor tdy = rmx_tensor_of(RMX_F32, put(f, "dy"), x.dims, x.shape);
    const rmx_tensor tdx = rmx_tensor_of(RMX_F32, operands_new(&f->all, x.count), x.dims, x.shape);
    operands_must(f->ctx, rmx_log_softmax_forward(f->ctx, -1, &tx, &ty));
    expect(f, "y", ty.data, 4.0, fmax(1.0, max_of(f, "y")));
    operands_must(f->ctx, rmx_log_softmax_backward(f->ctx, -1, &tdy, &ty, &tdx));
    expect(f, "d_x", tdx.data, 16.0, fmax(max_of(f, "dy"), max_of(f, "d_x")));
}

Test(golden_ops, softmax) { for_cases("softmax", 5, softmax_case); }
Test(golden_ops, log_softmax) { for_cases("log_softmax", 5, log_softmax_case); }

/* ---- gelu ---------------------------------------------------------------------------------- */

/* |gelu'| < 1.13 and |x gelu''(x)| < 0.8: the input's rounding is about 1 unit; the functions
 * are good to a few ulp, an ulp being at most 2 units. */
static void gelu_case(fixture *f, rmx_activation kind)
{
    const golden_tensor x = golden_read(f->file, f->name, "x");
    float *tx = put(f, "x"), *ty = operands_new(&f->all, x.count);
    float *tdy = put(f, "dy"), *tdx = operands_new(&f->all, x.count);
    operands_must(f->ctx, rmx_activation_forward(
                              f->ctx, &(rmx_activation_desc){kind, RMX_F32, x.count}, tx, ty));
    expect(f, "y", ty, 4.0, max_of(f, "x"));
    operands_must(f->ctx,
                  rmx_activation_backward(f->ctx, &(rmx_activation_desc){kind, RMX_F32, x.count},
                                          tx, tdy, tdx));
    expect(f, "d_x", tdx, 6.0, max_of(f, "dy"));
}

static void gelu_erf_case(fixture *f) { gelu_case(f, RMX_ACTIVATION_GELU_ERF); }
static void gelu_tanh_case(fixture *f) { gelu_case(f, RMX_ACTIVATION_GELU_TANH); }

Test(golden_ops, gelu_erf) { for_cases("gelu_erf", 5, gelu_erf_case); }
Test(golden_ops, gelu_tanh) { for_cases("gelu_tanh", 5, gelu_tanh_case); }

/* ---- norms --------------------------------------------------------------------------------- */

/* An element of h is off by its own rounding, relative to itself, and by those of mean and rstd,
 * relative to the largest; dx sums three terms of the size of dy, as rstd < 1 for these x. */
#define NORM_FORWARD 12.0
#define NORM_BACKWARD 8.0

static void layer_norm_case(fixture *f)
{
    const golden_tensor x = golden_read(f->file, f->name, "x");
    const int64_t dim = x.shape[x.dims - 1], rows = x.count / dim;
    const rmx_norm_desc desc = {
        .rows = rows, .dim = (int32_t)dim, .eps = (float)golden_number(f->file, f->name, "eps")};
    float *tx = put(f, "x"), *gamma = put(f, "gamma"), *beta = put(f, "beta"), *dy = put(f, "dy");
    float *y = operands_new(&f->all, x.count), *dx = operands_new(&f->all, x.count);
    float *mean = operands_new(&f->all, rows), *rstd = operands_new(&f->all, rows);
    float *dgamma = operands_zeros(&f->all, dim), *dbeta = operands_zeros(&f->all, dim);
    const size_t bytes = rmx_norm_backward_workspace(&desc);
    void *ws = operands_bytes(&f->all, bytes);
    operands_must(f->ctx, rmx_norm_forward(f->ctx, &desc, tx, gamma, beta, y, mean, rstd));
    expect(f, "y", y, NORM_FORWARD, 0.0);
    operands_must(f->ctx, rmx_norm_backward(f->ctx, &desc, dy, tx, gamma, mean, rstd, dx, dgamma,
                                            dbeta, ws, bytes));
    expect(f, "d_x", dx, NORM_BACKWARD, max_of(f, "dy"));
    expect(f, "d_gamma", dgamma, NORM_BACKWARD, fmax(1.0, max_of(f, "d_gamma")));
    expect(f, "d_beta", dbeta, 8.0, fmax(1.0, max_of(f, "d_beta")));
}

static void rms_norm_case(fixture *f)
{
    const golden_tensor x = golden_read(f->file, f->name, "x");
    const int64_t dim = x.shape[x.dims - 1], rows = x.count / dim;
    const rmx_norm_desc desc = {.kind = RMX_NORM_RMS,
                                .rows = rows,
                                .dim = (int32_t)dim,
                                .eps = (float)golden_number(f->file, f->name, "eps")};
    float *tx = put(f, "x"), *gamma = put(f, "gamma"), *dy = put(f, "dy");
    float *y = operands_new(&f->all, x.count), *dx = operands_new(&f->all, x.count);
    float *rstd = operands_new(&f->all, rows), *dgamma = operands_zeros(&f->all, dim);
    const size_t bytes = rmx_norm_backward_workspace(&desc);
    void *ws = operands_bytes(&f->all, bytes);
    operands_must(f->ctx, rmx_norm_forward(f->ctx, &desc, tx, gamma, NULL, y, NULL, rstd));
    expect(f, "y", y, NORM_FORWARD, 0.0);
    operands_must(f->ctx, rmx_norm_backward(f->ctx, &desc, dy, tx, gamma, NULL, rstd, dx, dgamma,
                                            NULL, ws, bytes));
    expect(f, "d_x", dx, NORM_BACKWARD, max_of(f, "dy"));
    expect(f, "d_gamma", dgamma, NORM_BACKWARD, fmax(1.0, max_of(f, "d_gamma")));
}

Test(golden_ops, layer_norm) { for_cases("layer_norm", 5, layer_norm_case); }
Test(golden_ops, rms_norm) { for_cases("rms_norm", 5, rms_norm_case); }

/* ---- shuffle: copies, so equality with the rounded golden values --------------------------- */

static void shuffle_case(fixture *f)
{
    const golden_tensor x = golden_read(f->file, f->name, "x");
    const golden_tensor want_y = golden_read(f->file, f->name, "y");
    const golden_tensor want_dx = golden_read(f->file, f->name, "d_x");
    float *y = operands_new(&f->all, x.count), *dx = operands_new(&f->all, x.count);
    rmx_backend *backend = rmx_context_backend(f->ctx);
    rmx_token_mix_args args = {.samples = x.shape[0],
                               .tokens = x.shape[1],
                               .width = x.shape[2],
                               .heads = golden_integer(f->file, f->name, "H"),
                               .x = put(f, "x"),
                               .y = y};
    operands_must(f->ctx, backend->ops->token_mix(backend, &args));
    args.inverse = true;
    args.x = put(f, "dy");
    args.y = dx;
    operands_must(f->ctx, backend->ops->token_mix(backend, &args));
    cr_expect(operands_same(&f->all, y, want_y.floats, x.count), "%s: y", f->name);
    cr_expect(operands_same(&f->all, dx, want_dx.floats, x.count), "%s: dx", f->name);
}

Test(golden_ops, shuffle) { for_cases("shuffle", 6, shuffle_case); }

/* ---- a control: the comparison can fail ---------------------------------------------------- */

static void spoilt_case(fixture *f)
{
    const golden_tensor y = golden_read(f->file, f->name, "y");
    float *spoilt = malloc((size_t)y.count * sizeof *spoilt);
    for (int64_t i = 0; i < y.count; i++) spoilt[i] = y.floats[i];
    cr_expect(golden_close_to(f->file, f->name, "y", spoilt, 1.0, 0.0), "%s", f->name);
    const double unit = 0x1p-24 * golden_max(&y);
    spoilt[y.count / 2] = (float)(y.values[y.count / 2] + 64.0 * unit);
    cr_expect_not(golden_close_to(f->file, f->name, "y", spoilt, NORM_FORWARD, 0.0), "%s",
                  f->name);
    spoilt[y.count / 2] = NAN;
    cr_expect_not(golden_close_to(f->file, f->name, "y", spoilt, NORM_FORWARD, 0.0), "%s",
                  f->name);
    free(spoilt);
}

Test(golden_ops, a_wrong_value_is_seen) { for_cases("layer_norm", 5, spoilt_case); }
