/* SPDX-License-Identifier: MIT */
/* api_calls_rows.c: random calls of the layers that work row by row or element by element. */
#include <float.h>

#include "api_calls.h"

static void call_norms(void)
{
    rmx_context *ctx = api_context();
    const rmx_norm_desc d = {.kind = (rmx_norm_kind)api_random(api_chance(9) ? 9 : 2),
                             .dtype = api_dtype(),
                             .rows = api_count(0),
                             .dim = api_size(1),
                             .eps = api_chance(4) ? api_number() : 1e-5f,
                             .x_stride = api_chance(2) ? 0 : api_count(6),
                             .y_stride = api_chance(2) ? 0 : api_count(6)};
    const int64_t x[] = {d.rows, d.x_stride ? d.x_stride : d.dim};
    const int64_t y[] = {d.rows, d.y_stride ? d.y_stride : d.dim};
    const bool rms = d.kind == RMX_NORM_RMS;
    api_sizes s = api_measure(x, 2, 1), t = api_measure(y, 2, 1);
    s.bad = s.bad || t.bad || rmx_dtype_size(d.dtype) == 0 || d.dim < 1 || x[1] < d.dim ||
            y[1] < d.dim || d.kind > RMX_NORM_RMS || !(d.eps > 0.0f && d.eps <= FLT_MAX);
    s.elements = s.elements * t.elements;
    const size_t ws = api_bytes("norm_ws", rmx_norm_backward_workspace(&d), s.bad);
    float *p[9];
    for (int i = 0; i < 9; i++) p[i] = api_operand(&s);
    float *beta = rms && !api_chance(9) ? NULL : p[2], *mean = rms && !api_chance(9) ? NULL : p[4];
    float *dbeta = rms && !api_chance(9) ? NULL : p[7];
    const bool bad = s.bad || !ctx, extra = rms && (beta || mean), more = rms && (mean || dbeta);
    api_typed("norm_forward", rmx_norm_forward(ctx, &d, p[0], p[1], beta, p[3], mean, p[5]),
              bad || extra, d.dtype, RMX_USES(norm), d.rows);
    api_typed("norm_backward",
              rmx_norm_backward(ctx, &d, p[0], p[1], p[2], mean, p[3], p[5], p[6], dbeta, p[8],
                                p[8] ? ws - api_random(2) : 0),
              bad || more, d.dtype, RMX_USES(norm_backward), d.rows);
}

static void call_linear(void)
{
    rmx_context *ctx = api_context();
    const rmx_linear_desc d = {api_dtype(), api_count(0), api_size(1), api_size(1)};
    const int64_t sizes[] = {d.rows, d.in_features, d.out_features};
    api_sizes s = api_measure(sizes, 3, 1);
    s.bad = rmx_dtype_size(d.dtype) == 0 || d.rows < 0 || d.in_features < 1 || d.out_features < 1;
    const size_t ws = api_bytes("linear_ws", rmx_linear_backward_workspace(&d), s.bad);
    const bool bad = s.bad || !ctx;
    float *p[8];
    for (int i = 0; i < 8; i++) p[i] = api_operand(&s);
    api_typed("linear_forward", rmx_linear_forward(ctx, &d, p[0], p[1], p[2], p[3]), bad, d.dtype,
              RMX_USES(product), d.rows);
    api_typed("linear_backward",
              rmx_linear_backward(ctx, &d, p[0], p[1], p[2], p[3], p[4], p[5], p[6],
                                  p[6] ? ws - api_random(2) : 0),
              bad, d.dtype, RMX_USES(product) | RMX_USES(column_sum), d.rows);
}

static void call_elements(void)
{
    rmx_context *ctx = api_context();
    const int64_t n = api_count(0);
    const api_sizes s = api_measure(&n, 1, 1);
    const rmx_activation kind =
        (rmx_activation)(api_chance(9) ? api_random(9) : 1 + api_random(2));
    const rmx_dtype dtype = api_dtype();
    const bool bad = s.bad || !ctx || rmx_dtype_size(dtype) == 0,
               bad_kind = bad || kind < RMX_ACTIVATION_GELU_ERF || kind > RMX_ACTIVATION_GELU_TANH;
    const rmx_dropout_desc d = {.dtype = dtype,
                                .p = api_chance(4) ? api_number() : 0.5f,
                                .seed = api_random(99),
                                .site = (uint32_t)(api_chance(9) ? api_random(999) : 3),
                                .first = api_random(UINT64_MAX),
                                .step = api_chance(9) ? NULL : api_zeros()};
    float *p[4];
    for (int i = 0; i < 4; i++) p[i] = api_operand(&s);
    api_typed("gelu_forward",
              rmx_activation_forward(ctx, &(rmx_activation_desc){kind, dtype, n}, p[0], p[1]),
              bad_kind, dtype, RMX_USES(activation), n);
    api_typed(
        "gelu_backward",
        rmx_activation_backward(ctx, &(rmx_activation_desc){kind, dtype, n}, p[0], p[1], p[2]),
        bad_kind, dtype, RMX_USES(activation_backward), n);
    const uint32_t drops = d.p == 0.0f ? 0 : RMX_USES(dropout);
    api_typed("dropout_forward", rmx_dropout_forward(ctx, &d, n, p[0], p[1]), bad, dtype, drops,
              n);
    api_typed("dropout_backward", rmx_dropout_backward(ctx, &d, n, p[2], p[3]), bad, dtype, drops,
              n);
}

static void call_pooling(void)
{
    rmx_context *ctx = api_context();
    const rmx_pooling_desc d = {api_dtype(), api_count(0), api_size(1), api_size(1)};
    const api_sizes s = api_measure((int64_t[]){d.samples, d.tokens, d.width}, 3, 1);
    const bool bad = s.bad || !ctx || rmx_dtype_size(d.dtype) == 0;
    float *x = api_operand(&s), *y = api_operand(&s);
    api_typed("pooling_forward", rmx_pooling_forward(ctx, &d, x, y), bad, d.dtype, RMX_USES(mean),
              d.samples);
    api_typed("pooling_backward", rmx_pooling_backward(ctx, &d, x, y), bad, d.dtype,
              RMX_USES(mean_backward), d.samples);
}

static void call_loss(void)
{
    rmx_context *ctx = api_context();
    const rmx_loss_desc d = {api_dtype(), api_count(0), api_size(1), api_number()};
    api_sizes s = api_measure((int64_t[]){d.samples, d.tasks}, 2, 1);
    s.bad = s.bad || rmx_dtype_size(d.dtype) == 0 || !(d.scale >= -FLT_MAX && d.scale <= FLT_MAX);
    const size_t ws = api_bytes("bce_ws", rmx_loss_workspace(&d), s.bad);
    float *p[6];
    for (int i = 0; i < 6; i++) p[i] = api_operand(&s);
    const uint8_t *labels = s.bad || p[0] ? api_zeros() : NULL;
    api_typed("bce",
              rmx_loss_forward_backward(ctx, &d, p[0], labels, p[1], p[2], (double *)(void *)p[3],
                                        p[4], p[5], p[5] ? ws - api_random(2) : 0),
              s.bad || !ctx, d.dtype, RMX_USES(loss), d.samples);
}

static void call_optimizer(void)
{
    rmx_context *ctx = api_context();
    rmx_optimizer_config c = rmx_optimizer_default((rmx_optimizer)api_random(6));
    if (api_chance(9)) c.momentum = api_number();
    if (api_chance(9)) c.beta2 = api_number();
    if (api_chance(9)) c.eps = api_number();
    if (api_chance(9)) c.weight_decay = api_number();
    if (api_chance(9)) c.kind = (rmx_optimizer)api_random(99);
    const int64_t rows = api_count(0), width = api_count(0);
    const api_sizes s = api_measure((int64_t[]){rows, width}, 2, 2);
    float *s1 = api_chance(2) ? NULL : api_operand(&s),
          *s2 = api_chance(2) ? NULL : api_operand(&s);
    api_status("optimizer_step",
               rmx_optimizer_step(ctx, api_chance(30) ? NULL : &c, api_random(4), 0.1f, rows,
                                  width, api_operand(&s), api_operand(&s), s1, s2),
               s.bad || !ctx);
}

void api_call_rows(void)
{
    static void (*const all[])(void) = {call_norms,   call_linear, call_elements,
                                        call_pooling, call_loss,   call_optimizer};
    all[api_random(6)]();
}
