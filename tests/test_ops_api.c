/* SPDX-License-Identifier: MIT */
/* test_ops_api.c: what the operations refuse, and that they write nothing then. Each refusal's
 * text must name the argument and its value. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "operands.h"
#include "rankmixer/activation.h"
#include "rankmixer/norm.h"
#include "rankmixer/mean.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/product.h"
#include "rankmixer/norm.h"
#include "rankmixer/softmax.h"

#define SHAPE(...) \
    (int64_t[]) { __VA_ARGS__ }
#define COUNT 64

/* Three inputs of COUNT zeros and an output and a workspace of NaNs, on the CPU: checks come
 * before a backend is asked. */
typedef struct bench {
    rmx_context *ctx;
    operands all;
    float *a, *b, *c, *out;
    void *ws;
} bench;

static bench begin(void)
{
    bench t = {.ctx = operands_context(0)};
    operands_begin(&t.all, t.ctx);
    t.a = operands_zeros(&t.all, COUNT);
    t.b = operands_zeros(&t.all, COUNT);
    t.c = operands_zeros(&t.all, COUNT);
    t.out = operands_new(&t.all, COUNT);
    t.ws = operands_bytes(&t.all, 1 << 16);
    return t;
}

static void end(bench *t)
{
    cr_expect(operands_untouched(&t->all, t->out, COUNT), "a refused call wrote its output");
    cr_expect(operands_free(&t->all));
    rmx_context_destroy(t->ctx);
}

#define REFUSES_AS(status, call, text)                                                            \
    do {                                                                                          \
        const rmx_status got_ = (call);                                                           \
        cr_expect_eq(got_, status, "%s: %s", #call, rmx_status_name(got_));                       \
        cr_expect(strstr(rmx_last_error(t.ctx), text) != NULL, "%s: \"%s\" has no \"%s\"", #call, \
                  rmx_last_error(t.ctx), text);                                                   \
    } while (0)
#define REFUSES(call, text) REFUSES_AS(RMX_ERR_ARGUMENT, call, text)
#define ACCEPTS(call) operands_must(t.ctx, call)

static rmx_tensor view(float *data, int64_t rows, int64_t columns)
{
    return rmx_tensor_of(RMX_F32, data, 2, SHAPE(rows, columns));
}

Test(ops_api, gelu)
{
    bench t = begin();
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
    end(&t);
}

Test(ops_api, softmax)
{
    bench t = begin();
    const rmx_tensor x = view(t.a, 4, 8), y = view(t.out, 4, 8), other = view(t.out, 8, 4);
    const rmx_tensor bad = rmx_tensor_of(RMX_F32, t.out, 99, SHAPE(1));
    rmx_tensor strided = y, repeated = y, negative = y, huge = y;
    strided.stride[0] = 9;
    repeated.stride[0] = 0;
    negative.stride[1] = -1;
    huge.shape[0] = INT64_MAX / 2;
    REFUSES(rmx_softmax_forward(t.ctx, 2, &x, &y), "axis = 2: must be -2 to 1");
    REFUSES(rmx_softmax_forward(t.ctx, -3, &x, &y), "axis = -3");
    REFUSES(rmx_softmax_forward(t.ctx, 0, NULL, &y), "x: NULL");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, NULL), "y: NULL");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &bad), "y: -1 axes");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &other), "y: shape [8, 4]: must be [4, 8]");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &strided), "must be dense");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &repeated), "must not share memory");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &negative), "must not be negative");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &huge, &y), "more than 2^48 elements");
    const rmx_tensor shifted = view(t.out + 3, 4, 8), flipped = rmx_tensor_transpose(other, 0, 1);
    REFUSES(rmx_log_softmax_forward(t.ctx, 0, &shifted, &y), "y (128 bytes");
    REFUSES(rmx_log_softmax_forward(t.ctx, 0, &flipped, &y), "overlaps x");
    REFUSES(rmx_softmax_backward(t.ctx, 0, &x, &x, &flipped), "must have the strides of y");
    REFUSES(rmx_softmax_backward(t.ctx, 0, &x, &y, &y), "dx (128 bytes");
    REFUSES(rmx_softmax_backward(t.ctx, 5, &x, &x, &y), "axis = 5");
    REFUSES(rmx_softmax_backward(t.ctx, 0, &other, &x, &y), "dy: shape [8, 4]");
    const rmx_tensor none = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 8));
    ACCEPTS(rmx_softmax_forward(t.ctx, 1, &none, &none));
    ACCEPTS(rmx_log_softmax_backward(t.ctx, 0, &none, &none, &none));
    end(&t);
}

Test(ops_api, mean)
{
    bench t = begin();
    const rmx_tensor x = rmx_tensor_of(RMX_F32, t.a, 3, SHAPE(2, 4, 8));
    const rmx_tensor y = rmx_tensor_of(RMX_F32, t.out, 2, SHAPE(2, 8));
    const rmx_mean_desc middle = {.axes = 1, .axis = {1}}, twice = {.axes = 2, .axis = {1, -2}};
    const rmx_mean_desc beyond = {.axes = 1, .axis = {3}}, many = {.axes = 9};
    const rmx_mean_desc keep = {.axes = 1, .axis = {1}, .keepdim = true};
    REFUSES(rmx_mean_forward(t.ctx, NULL, &x, &y), "desc: NULL");
    REFUSES(rmx_mean_forward(t.ctx, &many, &x, &y), "desc.axes = 9");
    REFUSES(rmx_mean_forward(t.ctx, &beyond, &x, &y), "desc.axis[0] = 3: x has no such axis");
    REFUSES(rmx_mean_forward(t.ctx, &twice, &x, &y), "desc.axis[1] = -2: named twice");
    REFUSES(rmx_mean_forward(t.ctx, &keep, &x, &y), "y: shape [2, 8]: must be [2, 1, 8]");
    const rmx_tensor inside = rmx_tensor_of(RMX_F32, t.out + 16, 2, SHAPE(2, 8));
    const rmx_tensor wide = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 4, 8));
    REFUSES(rmx_mean_forward(t.ctx, &middle, &wide, &inside), "y (64 bytes");
    const rmx_tensor dx = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 4, 8));
    const rmx_tensor dy = rmx_tensor_of(RMX_F32, t.b, 1, SHAPE(4));
    const rmx_mean_desc apart = {.axes = 2, .axis = {0, 2}};
    const size_t bytes = rmx_mean_backward_workspace(&apart, &dy, &dx);
    cr_expect_gt(bytes, 0);
    REFUSES(rmx_mean_backward(t.ctx, &middle, &dy, &dx, NULL, 0), "dy: shape [4]");
    REFUSES_AS(RMX_ERR_WORKSPACE, rmx_mean_backward(t.ctx, &apart, &dy, &dx, t.ws, bytes - 1),
               "ask rmx_mean_backward_workspace");
    REFUSES_AS(RMX_ERR_WORKSPACE, rmx_mean_backward(t.ctx, &apart, &dy, &dx, NULL, bytes),
               "needed");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_mean_backward(t.ctx, &apart, &dy, &dx, (char *)t.ws + 4, bytes), "256-byte");
    cr_expect_eq(rmx_mean_backward_workspace(&beyond, &dy, &dx), 0);
    cr_expect_eq(rmx_mean_backward_workspace(NULL, &dy, &dx), 0);
    end(&t);
}

Test(ops_api, norms)
{
    bench t = begin();
    float *x = t.a, *g = t.b, *y = t.out, *m = t.c, *r = t.c + 8;
    const rmx_norm_desc good = {RMX_NORM_LAYER, RMX_F32, 4, 8, 1e-5f, 0, 0};
    rmx_norm_desc bad[7] = {good, good, good, good, good, good, good};
    static const char *const text[7] = {"desc.rows = -1",
                                        "desc.dim = 0",
                                        "desc.eps = 0",
                                        "desc.eps = nan",
                                        "desc.x_stride (0: dim) = 7: must be 8",
                                        "desc.y_stride (0: dim) = -8",
                                        "desc.rows * desc.x_stride: more than 2^48"};
    bad[0].rows = -1;
    bad[1].dim = 0;
    bad[2].eps = 0.0f;
    bad[3].eps = NAN;
    bad[4].x_stride = 7;
    bad[5].y_stride = -8;
    bad[6].rows = INT64_C(1) << 46;
    for (int i = 0; i < 7; i++) {
        REFUSES(rmx_norm_forward(t.ctx, &bad[i], x, g, g, y, m, r), text[i]);
        bad[i].kind = RMX_NORM_RMS;
        REFUSES(rmx_norm_forward(t.ctx, &bad[i], x, g, NULL, y, NULL, r), text[i]);
    }
    cr_expect_eq(rmx_norm_backward_workspace(&bad[0]), 0);
    cr_expect_eq(rmx_norm_backward_workspace(NULL), 0);
    REFUSES(rmx_norm_forward(t.ctx, NULL, x, g, g, y, m, r), "desc: NULL");
    const rmx_norm_desc rms = {RMX_NORM_RMS, RMX_F32, 4, 8, 1e-5f, 0, 0},
                        third = {2, RMX_F32, 4, 8, 1e-5f, 0, 0};
    REFUSES(rmx_norm_forward(t.ctx, &third, x, g, NULL, y, NULL, r), "desc.kind = 2");
    REFUSES(rmx_norm_forward(t.ctx, &rms, x, g, g, y, NULL, r), "beta: RMX_NORM_RMS has none");
    REFUSES(rmx_norm_forward(t.ctx, &rms, x, g, NULL, y, m, r), "mean: RMX_NORM_RMS has none");
    REFUSES(rmx_norm_forward(t.ctx, &good, NULL, g, g, y, m, r), "x: NULL");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, g, g, NULL, m, r), "y: NULL");
    REFUSES(rmx_norm_forward(t.ctx, &good, y + 8, g, g, y, m, r), "overlaps x");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, y, g, y, m, r), "overlaps gamma");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, g, g, y, y, r), "mean (16 bytes");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, g, g, y, m, m), "overlaps rstd");
    const size_t bytes = rmx_norm_backward_workspace(&good);
    const rmx_norm_desc apart = {RMX_NORM_LAYER, RMX_F32, 4, 8, 1e-5f, 8, 16};
    REFUSES(rmx_norm_backward(t.ctx, &good, x, x, g, NULL, r, y, NULL, NULL, t.ws, bytes),
            "mean: NULL");
    REFUSES(rmx_norm_backward(t.ctx, &apart, x, x, g, m, r, NULL, NULL, NULL, t.ws, bytes),
            "unequal desc.x_stride");
    REFUSES(rmx_norm_backward(t.ctx, &good, x, y, g, m, r, y, NULL, NULL, t.ws, bytes),
            "overlaps x");
    REFUSES(rmx_norm_backward(t.ctx, &good, x, x, g, m, r, y, y + 8, NULL, t.ws, bytes),
            "dgamma (32 bytes");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_norm_backward(t.ctx, &good, x, x, g, m, r, y, NULL, NULL, t.ws, 4),
               "ask rmx_norm_backward_workspace");
    const rmx_norm_desc none = {RMX_NORM_LAYER, RMX_F32, 0, 8, 1e-5f, 0, 0};
    ACCEPTS(rmx_norm_forward(t.ctx, &none, NULL, g, g, NULL, NULL, NULL));
    ACCEPTS(rmx_norm_backward(t.ctx, &none, NULL, NULL, g, NULL, NULL, NULL, NULL, NULL, NULL, 0));
    end(&t);
}

Test(ops_api, mm_and_addmm)
{
    bench t = begin();
    const rmx_tensor a = view(t.a, 4, 5), b = view(t.b, 5, 6), y = view(t.out, 4, 6);
    const rmx_tensor line = rmx_tensor_of(RMX_F32, t.c, 1, SHAPE(6)), short_b = view(t.b, 4, 6);
    rmx_tensor wide = view(t.out, 4, 3);
    wide.stride[0] = 16;
    wide.stride[1] = 2;
    cr_expect_eq(rmx_mm(NULL, &a, &b, &y), RMX_ERR_ARGUMENT);
    REFUSES(rmx_mm(t.ctx, NULL, &b, &y), "a: NULL");
    REFUSES(rmx_mm(t.ctx, &line, &b, &y), "a: shape [6] has 1 axes: must have 2");
    REFUSES(rmx_mm(t.ctx, &a, &short_b, &y), "b: shape [4, 6]: must be [5, 6], [K, N] for a");
    REFUSES(rmx_mm(t.ctx, &a, &b, &a), "out: shape [4, 5]: must be [4, 6], [M, N]");
    const rmx_tensor b3 = view(t.b, 5, 3), row = view(t.b, 1, 4);
    REFUSES(rmx_mm(t.ctx, &a, &b3, &wide), "one of the last two strides must be 1");
    const rmx_tensor inside = view(t.out + 5, 4, 5);
    REFUSES(rmx_mm(t.ctx, &inside, &b, &y), "out (96 bytes");
    REFUSES(rmx_addmm(t.ctx, INFINITY, 1, &line, &a, &b, &y), "alpha = inf");
    REFUSES(rmx_addmm(t.ctx, 1, NAN, &line, &a, &b, &y), "beta = nan");
    REFUSES(rmx_addmm(t.ctx, 1, 1, NULL, &a, &b, &y), "input: NULL");
    REFUSES(rmx_addmm(t.ctx, 1, 1, &row, &a, &b, &y), "input: shape [1, 4]: must broadcast to");
    REFUSES(rmx_addmm(t.ctx, 1, 1, &y, &a, &b, &y), "overlaps input");
    const rmx_tensor da = view(t.out, 4, 5), db = view(t.out + 32, 5, 6), dy = view(t.c, 4, 6);
    REFUSES(rmx_mm_backward(t.ctx, NULL, &a, &b, &da, &db), "dy: NULL");
    REFUSES(rmx_mm_backward(t.ctx, &dy, &a, NULL, &da, NULL), "b: NULL");
    REFUSES(rmx_mm_backward(t.ctx, &dy, &short_b, &b, &da, &db), "a: shape [4, 6]");
    REFUSES(rmx_mm_backward(t.ctx, &dy, &a, &b, &db, NULL), "da: shape [5, 6]");
    const rmx_tensor over = view(t.out + 16, 5, 6);
    REFUSES(rmx_mm_backward(t.ctx, &dy, &a, &b, &da, &over), "da (80 bytes");
    const rmx_tensor dv = rmx_tensor_of(RMX_F32, t.out, 1, SHAPE(6));
    const rmx_tensor dt = rmx_tensor_transpose(view(t.c, 6, 4), 0, 1);
    const size_t bytes = rmx_addmm_backward_workspace(&dy, &dv);
    REFUSES(rmx_addmm_backward(t.ctx, 1, 1, &dt, NULL, NULL, &dv, NULL, NULL, t.ws, bytes),
            "make dy contiguous");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_addmm_backward(t.ctx, 1, 1, &dy, NULL, NULL, &dv, NULL, NULL, t.ws, bytes - 1),
               "ask rmx_addmm_backward_workspace");
    const rmx_tensor da_and_dv = view(t.out + 3, 4, 5);
    REFUSES(rmx_addmm_backward(t.ctx, 1, 1, &dy, NULL, &b, &dv, &da_and_dv, NULL, t.ws, bytes),
            "dinput (24 bytes");
    end(&t);
}

Test(ops_api, batched_products)
{
    bench t = begin();
    const rmx_tensor a = rmx_tensor_of(RMX_F32, t.a, 3, SHAPE(2, 3, 4));
    const rmx_tensor b = rmx_tensor_of(RMX_F32, t.b, 3, SHAPE(2, 4, 5));
    const rmx_tensor y = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 3, 5));
    const rmx_tensor one = rmx_tensor_of(RMX_F32, t.b, 3, SHAPE(1, 4, 5)), flat = view(t.a, 3, 4);
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
    end(&t);
}

Test(ops_api, optimizer)
{
    bench t = begin();
    float *g = t.a, *w = t.out, *s1 = t.b, *s2 = t.c;
    const rmx_optimizer_config adamw = rmx_optimizer_default(RMX_OPTIMIZER_ADAMW);
    const rmx_optimizer_config sgd = rmx_optimizer_default(RMX_OPTIMIZER_SGD);
    rmx_optimizer_config bad[6] = {adamw, adamw, adamw, adamw, adamw, adamw};
    static const char *const text[6] = {"config.kind = 9",   "config.beta1 = 1",
                                        "config.beta2 = -1", "config.eps = 0",
                                        "config.momentum",   "config.weight_decay = nan"};
    bad[0].kind = (rmx_optimizer)9;
    bad[1].beta1 = 1.0f;
    bad[2].beta2 = -1.0f;
    bad[3].eps = 0.0f;
    bad[4].momentum = NAN;
    bad[5].weight_decay = NAN;
    for (int i = 0; i < 6; i++)
        REFUSES(rmx_optimizer_step(t.ctx, &bad[i], 1, 0.1f, 4, 8, g, w, s1, s2), text[i]);
    REFUSES(rmx_optimizer_step(t.ctx, NULL, 1, 0.1f, 4, 8, g, w, s1, s2), "config: NULL");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 0, 0.1f, 4, 8, g, w, s1, s2), "count from 1");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, -0.1f, 4, 8, g, w, s1, s2), "lr = -0.1");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, -4, 8, g, w, s1, s2), "factor 1 is -4");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, NULL, w, s1, s2), "g: NULL");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, g, w, s1, NULL), "s2: NULL");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, g, w, w, s2), "overlaps s1");
    REFUSES(rmx_optimizer_step(t.ctx, &adamw, 1, 0.1f, 4, 8, w, w, s1, s2), "overlaps g");
    REFUSES(rmx_optimizer_step(t.ctx, &sgd, 1, 0.1f, 4, 8, g, w, s1, NULL), "s1: must be NULL");
    ACCEPTS(rmx_optimizer_step(t.ctx, &sgd, 1, 0.1f, 0, 8, NULL, NULL, NULL, NULL));
    cr_expect_eq(rmx_optimizer_default((rmx_optimizer)99).kind, RMX_OPTIMIZER_SGD);
    end(&t);
}
