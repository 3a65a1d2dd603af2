/* SPDX-License-Identifier: MIT */
/* bench_softmax.c: softmax and log-softmax of rows, and softmax over tokens. */
#include "rankmixer/softmax.h"
#include "rows.h"

enum { SOFTMAX, LOG_SOFTMAX };

/* Along axis 1 of [samples, width], or of [samples, tokens, width], where the values of a row are
 * width apart. */
static rmx_status softmax(const rows *r, int64_t first, int64_t samples)
{
    rmx_context *ctx = r->b->ctx;
    const bool tokens = r->c->tokens > 1, log = r->c->kind == LOG_SOFTMAX;
    const int64_t at = first * rows_unit(r);
    const int64_t shape[] = {samples, tokens ? r->c->tokens : r->c->width, r->c->width};
    const int32_t dims = tokens ? 3 : 2;
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + at, dims, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->y + at, dims, shape);
    const rmx_tensor dy = rmx_tensor_of(RMX_F32, r->dy + at, dims, shape);
    const rmx_tensor dx = rmx_tensor_of(RMX_F32, r->dx + at, dims, shape);
    BENCH_TRY(log ? rmx_log_softmax_forward(ctx, 1, &x, &y) : rmx_softmax_forward(ctx, 1, &x, &y));
    if (!r->c->backward) return RMX_OK;
    return log ? rmx_log_softmax_backward(ctx, 1, &dy, &y, &dx)
               : rmx_softmax_backward(ctx, 1, &dy, &y, &dx);
}

#define FORWARD .run = softmax, .moved = 2, .out = IN_Y
#define BOTH .run = softmax, .moved = 5, .out = IN_DX, .backward = true
static const row_case cases[] = {
    {"softmax", "n=1024", 1024, 1, FORWARD, .kind = SOFTMAX},
    {"softmax", "n=16", 16, 1, FORWARD, .kind = SOFTMAX},
    {"softmax over tokens", "T=16 D=64", 64, ROWS_TOKENS, FORWARD, .kind = SOFTMAX},
    {"softmax fwd+bwd", "n=1024", 1024, 1, BOTH, .kind = SOFTMAX},
    {"log_softmax", "n=1024", 1024, 1, FORWARD, .kind = LOG_SOFTMAX},
    {"log_softmax fwd+bwd", "n=1024", 1024, 1, BOTH, .kind = LOG_SOFTMAX},
};

rmx_status bench_softmax(bench *b) { return ROWS_MEASURE(b, cases); }
