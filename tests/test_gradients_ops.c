/* SPDX-License-Identifier: MIT */
/* test_gradients_ops.c: the plain operations' gradients against differences (layer_check.h). */
#include <criterion/criterion.h>

#include "layer_check.h"
#include "rankmixer/activation.h"
#include "rankmixer/norm.h"
#include "rankmixer/mean.h"
#include "rankmixer/product.h"
#include "rankmixer/norm.h"
#include "rankmixer/softmax.h"

#define MUST(call) operands_must(l->ctx, call)
#define SHAPE(...) \
    (int64_t[]) { __VA_ARGS__ }

static rmx_tensor view2(float *data, int64_t a, int64_t b)
{
    return rmx_tensor_of(RMX_F32, data, 2, SHAPE(a, b));
}

static rmx_tensor view3(float *data, int64_t a, int64_t b, int64_t c)
{
    return rmx_tensor_of(RMX_F32, data, 3, SHAPE(a, b, c));
}

/* ---- gelu, softmax, mean ------------------------------------------------------------------- */

static void gelu_forward(layer *l)
{
    MUST(rmx_activation_forward(
        l->ctx, &(rmx_activation_desc){(rmx_activation)l->variant, RMX_F32, l->outputs}, l->in[0],
        l->y));
}

static void gelu_backward(layer *l)
{
    MUST(rmx_activation_backward(
        l->ctx, &(rmx_activation_desc){(rmx_activation)l->variant, RMX_F32, l->outputs}, l->in[0],
        l->dy, l->d[0]));
}

Test(gradients_ops, gelu)
{
    layer l = {.name = "gelu erf",
               .variant = RMX_ACTIVATION_GELU_ERF,
               .forward = gelu_forward,
               .backward = gelu_backward,
               .outputs = 64,
               .inputs = 1,
               .input = {{"x", 64}}};
    cr_expect(layer_check(&l));
    l.name = "gelu tanh";
    l.variant = RMX_ACTIVATION_GELU_TANH;
    cr_expect(layer_check(&l));
}

/* Along the middle of [3, 5, 4]; variant 1 is the logarithm. */
static void softmax_forward(layer *l)
{
    const rmx_tensor x = view3(l->in[0], 3, 5, 4), y = view3(l->y, 3, 5, 4);
    MUST(l->variant ? rmx_log_softmax_forward(l->ctx, 1, &x, &y)
                    : rmx_softmax_forward(l->ctx, 1, &x, &y));
}

static void softmax_backward(layer *l)
{
    const rmx_tensor y = view3(l->y, 3, 5, 4);
    const rmx_tensor dy = view3(l->dy, 3, 5, 4), dx = view3(l->d[0], 3, 5, 4);
    MUST(l->variant ? rmx_log_softmax_backward(l->ctx, 1, &dy, &y, &dx)
                    : rmx_softmax_backward(l->ctx, 1, &dy, &y, &dx));
}

Test(gradients_ops, softmax)
{
    layer l = {.name = "softmax",
               .forward = softmax_forward,
               .backward = softmax_backward,
               .outputs = 60,
               .inputs = 1,
               .input = {{"x", 60}}};
    cr_expect(layer_check(&l));
    l.name = "log_softmax";
    l.variant = 1;
    cr_expect(layer_check(&l));
}

/* Over axes of [3, 4, 5]: variant is a mask of them. */
static rmx_mean_desc mean_desc(const layer *l)
{
    rmx_mean_desc desc = {.axes = 0};
    for (int32_t i = 0; i < 3; i++)
        if (l->variant >> i & 1) desc.axis[desc.axes++] = i - 3;
    return desc;
}

static rmx_tensor mean_view(const layer *l, float *data)
{
    static const int64_t shape[3] = {3, 4, 5};
    int64_t kept[3];
    int32_t n = 0;
    for (int32_t i = 0; i < 3; i++)
        if (!(l->variant >> i & 1)) kept[n++] = shape[i];
    return rmx_tensor_of(RMX_F32, data, n, kept);
}

static void mean_forward(layer *l)
{
    const rmx_mean_desc desc = mean_desc(l);
    const rmx_tensor x = view3(l->in[0], 3, 4, 5), y = mean_view(l, l->y);
    MUST(rmx_mean_forward(l->ctx, &desc, &x, &y));
}

static void mean_backward(layer *l)
{
    const rmx_mean_desc desc = mean_desc(l);
    const rmx_tensor dx = view3(l->d[0], 3, 4, 5), dy = mean_view(l, l->dy);
    const size_t bytes = rmx_mean_backward_workspace(&desc, &dy, &dx);
    MUST(rmx_mean_backward(l->ctx, &desc, &dy, &dx, layer_slot(l, 0, bytes), bytes));
}

Test(gradients_ops, mean)
{
    static const int64_t outputs[] = {0, 20, 15, 5, 12, 4, 3, 1};
    for (int mask = 1; mask < 8; mask++) {
        const layer l = {.name = "mean",
                         .forward = mean_forward,
                         .backward = mean_backward,
                         .outputs = outputs[mask],
                         .inputs = 1,
                         .input = {{"x", 60}},
                         .variant = mask};
        cr_expect(layer_check(&l), "axes mask %d", mask);
    }
}

/* ---- norms: 6 rows of 20; variant 1 has y (and dy) 3 wider than x -------------------------- */

enum { ROWS = 6, DIM = 20, WIDE = 23 };

static void layer_norm_forward(layer *l)
{
    const rmx_norm_desc desc = {RMX_NORM_LAYER,       RMX_F32, ROWS, DIM, 1e-5f, 0,
                                l->variant ? WIDE : 0};
    MUST(rmx_zero(l->ctx, l->y, (size_t)l->outputs * sizeof(float)));
    MUST(rmx_norm_forward(l->ctx, &desc, l->in[0], l->in[1], l->in[2], l->y,
                          layer_floats(l, 0, ROWS), layer_floats(l, 1, ROWS)));
}

static void layer_norm_backward(layer *l)
{
    const rmx_norm_desc desc = {RMX_NORM_LAYER,       RMX_F32, ROWS, DIM, 1e-5f, 0,
                                l->variant ? WIDE : 0};
    const size_t bytes = rmx_norm_backward_workspace(&desc);
    MUST(rmx_norm_backward(l->ctx, &desc, l->dy, l->in[0], l->in[1], layer_floats(l, 0, ROWS),
                           layer_floats(l, 1, ROWS), l->d[0], l->d[1], l->d[2],
                           layer_slot(l, 2, bytes), bytes));
}

static void rms_norm_forward(layer *l)
{
    const rmx_norm_desc desc = {RMX_NORM_RMS, RMX_F32, ROWS, DIM, 1e-5f, 0, l->variant ? WIDE : 0};
    MUST(rmx_zero(l->ctx, l->y, (size_t)l->outputs * sizeof(float)));
    MUST(rmx_norm_forward(l->ctx, &desc, l->in[0], l->in[1], NULL, l->y, NULL,
                          layer_floats(l, 0, ROWS)));
}

static void rms_norm_backward(layer *l)
{
    const rmx_norm_desc desc = {RMX_NORM_RMS, RMX_F32, ROWS, DIM, 1e-5f, 0, l->variant ? WIDE : 0};
    const size_t bytes = rmx_norm_backward_workspace(&desc);
    MUST(rmx_norm_backward(l->ctx, &desc, l->dy, l->in[0], l->in[1], NULL,
                           layer_floats(l, 0, ROWS), l->d[0], l->d[1], NULL,
                           layer_slot(l, 1, bytes), bytes));
}

Test(gradients_ops, norms)
{
    for (int wide = 0; wide < 2; wide++) {
        const layer norm = {.name = wide ? "layer_norm, strided" : "layer_norm",
                            .forward = layer_norm_forward,
                            .backward = layer_norm_backward,
                            .outputs = wide ? (ROWS - 1) * WIDE + DIM : ROWS * DIM,
                            .inputs = 3,
                            .input = {{"x", ROWS * DIM}, {"gamma", DIM}, {"beta", DIM}},
                            .variant = wide};
        const layer rms = {.name = wide ? "rms_norm, strided" : "rms_norm",
                           .forward = rms_norm_forward,
                           .backward = rms_norm_backward,
                           .outputs = norm.outputs,
                           .inputs = 2,
                           .input = {{"x", ROWS * DIM}, {"gamma", DIM}},
                           .variant = wide};
        cr_expect(layer_check(&norm));
        cr_expect(layer_check(&rms));
    }
}

/* ---- products ------------------------------------------------------------------------------ */

enum { M = 5, K = 7, N = 6, P = 3 };

/* b and its gradient are stored as [N, K] where transposed. */
static rmx_tensor weight_view(const layer *l, float *data)
{
    return l->variant ? rmx_tensor_transpose(view2(data, N, K), 0, 1) : view2(data, K, N);
}

static void mm_forward(layer *l)
{
    const rmx_tensor a = view2(l->in[0], M, K), b = weight_view(l, l->in[1]);
    const rmx_tensor y = view2(l->y, M, N);
    MUST(rmx_mm(l->ctx, &a, &b, &y));
}

static void mm_backward(layer *l)
{
    const rmx_tensor a = view2(l->in[0], M, K), b = weight_view(l, l->in[1]);
    const rmx_tensor dy = view2(l->dy, M, N), da = view2(l->d[0], M, K);
    const rmx_tensor db = weight_view(l, l->d[1]);
    MUST(rmx_mm_backward(l->ctx, &dy, &a, &b, &da, &db));
}

Test(gradients_ops, mm)
{
    layer l = {.name = "mm",
               .forward = mm_forward,
               .backward = mm_backward,
               .outputs = M * N,
               .inputs = 2,
               .input = {{"a", M * K}, {"b", K * N}}};
    cr_expect(layer_check(&l));
    l.name = "mm, transposed b";
    l.variant = 1;
    cr_expect(layer_check(&l));
}

/* variant: the shape of input; the first has beta = 1, which takes a shorter way. */
static rmx_tensor addmm_input(const layer *l, float *data)
{
    switch (l->variant) {
    case 0: return rmx_tensor_of(RMX_F32, data, 1, SHAPE(N));
    case 1: return view2(data, M, N);
    case 2: return view2(data, 1, N);
    case 3: return view2(data, M, 1);
    case 4: return rmx_tensor_of(RMX_F32, data, 1, SHAPE(1));
    default: return rmx_tensor_of(RMX_F32, data, 0, NULL);
    }
}

static void addmm_forward(layer *l)
{
    const rmx_tensor a = view2(l->in[0], M, K), b = view2(l->in[1], K, N);
    const rmx_tensor y = view2(l->y, M, N), input = addmm_input(l, l->in[2]);
    MUST(rmx_addmm(l->ctx, 0.75f, l->variant ? -1.5f : 1.0f, &input, &a, &b, &y));
}

static void addmm_backward(layer *l)
{
    const rmx_tensor a = view2(l->in[0], M, K), b = view2(l->in[1], K, N);
    const rmx_tensor dy = view2(l->dy, M, N), dinput = addmm_input(l, l->d[2]);
    const rmx_tensor da = view2(l->d[0], M, K), db = view2(l->d[1], K, N);
    const size_t bytes = rmx_addmm_backward_workspace(&dy, &dinput);
    MUST(rmx_addmm_backward(l->ctx, 0.75f, l->variant ? -1.5f : 1.0f, &dy, &a, &b, &dinput, &da,
                            &db, layer_slot(l, 0, bytes), bytes));
}

Test(gradients_ops, addmm)
{
    static const int64_t counts[] = {N, M * N, N, M, 1, 1};
    for (int variant = 0; variant < 6; variant++) {
        const layer l = {.name = "addmm",
                         .forward = addmm_forward,
                         .backward = addmm_backward,
                         .outputs = M * N,
                         .inputs = 3,
                         .input = {{"a", M * K}, {"b", K * N}, {"input", counts[variant]}},
                         .variant = variant};
        cr_expect(layer_check(&l), "shape of input number %d", variant);
    }
}

static void bmm_forward(layer *l)
{
    const rmx_tensor a = view3(l->in[0], P, M, K), b = view3(l->in[1], P, K, N);
    const rmx_tensor y = view3(l->y, P, M, N);
    if (!l->variant) {
        MUST(rmx_bmm(l->ctx, &a, &b, &y));
    } else {
        const rmx_tensor input = view3(l->in[2], P, M, N);
        MUST(rmx_baddbmm(l->ctx, -0.5f, 3.0f, &input, &a, &b, &y));
    }
}

static void bmm_backward(layer *l)
{
    const rmx_tensor a = view3(l->in[0], P, M, K), b = view3(l->in[1], P, K, N);
    const rmx_tensor dy = view3(l->dy, P, M, N);
    const rmx_tensor da = view3(l->d[0], P, M, K), db = view3(l->d[1], P, K, N);
    if (!l->variant) {
        MUST(rmx_bmm_backward(l->ctx, &dy, &a, &b, &da, &db));
    } else {
        const rmx_tensor dinput = view3(l->d[2], P, M, N);
        MUST(rmx_baddbmm_backward(l->ctx, -0.5f, 3.0f, &dy, &a, &b, &dinput, &da, &db));
    }
}

Test(gradients_ops, bmm)
{
    layer l = {.name = "bmm",
               .forward = bmm_forward,
               .backward = bmm_backward,
               .outputs = P * M * N,
               .inputs = 2,
               .input = {{"a", P * M * K}, {"b", P * K * N}, {"input", P * M * N}}};
    cr_expect(layer_check(&l));
    l.name = "baddbmm";
    l.inputs = 3;
    l.variant = 1;
    cr_expect(layer_check(&l));
}

static void grouped_forward(layer *l)
{
    const rmx_tensor x = view3(l->in[0], M, P, K), w = view3(l->in[1], P, K, N);
    const rmx_tensor y = view3(l->y, M, P, N);
    MUST(rmx_grouped_mm(l->ctx, &x, &w, &y));
}

static void grouped_backward(layer *l)
{
    const rmx_tensor x = view3(l->in[0], M, P, K), w = view3(l->in[1], P, K, N);
    const rmx_tensor dy = view3(l->dy, M, P, N);
    const rmx_tensor dx = view3(l->d[0], M, P, K), dw = view3(l->d[1], P, K, N);
    MUST(rmx_grouped_mm_backward(l->ctx, &dy, &x, &w, &dx, &dw));
}

Test(gradients_ops, grouped_mm)
{
    const layer l = {.name = "grouped_mm",
                     .forward = grouped_forward,
                     .backward = grouped_backward,
                     .outputs = M * P * N,
                     .inputs = 2,
                     .input = {{"x", M * P * K}, {"w", P * K * N}}};
    cr_expect(layer_check(&l));
}
