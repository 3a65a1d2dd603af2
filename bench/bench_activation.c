/* SPDX-License-Identifier: MIT */
/* bench_activation.c: GELU of single values, and a plain addition beside it. */
#include "rankmixer/activation.h"
#include "rows.h"

static rmx_status activation(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r), n = samples * rows_unit(r);
    const rmx_activation kind = (rmx_activation)r->c->kind;
    BENCH_TRY(rmx_activation_forward(r->b->ctx, &(rmx_activation_desc){kind, RMX_F32, n},
                                     r->x + at, r->y + at));
    if (!r->c->backward) return RMX_OK;
    return rmx_activation_backward(r->b->ctx, &(rmx_activation_desc){kind, RMX_F32, n}, r->x + at,
                                   r->dy + at, r->dx + at);
}

static rmx_status add(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r);
    const rmx_add_args args = {
        .n = samples * rows_unit(r), .x = r->x + at, .r = r->dy + at, .y = r->y + at};
    return rmx_run_add(r->b->ctx, &args);
}

#define FORWARD 1024, 1, 2, activation
#define BOTH 1024, 1, 5, activation, .backward = true, .out = IN_DX
static const row_case cases[] = {
    {"gelu (erf)", "", FORWARD, .kind = RMX_ACTIVATION_GELU_ERF},
    {"gelu (tanh)", "", FORWARD, .kind = RMX_ACTIVATION_GELU_TANH},
    {"gelu (erf) fwd+bwd", "", BOTH, .kind = RMX_ACTIVATION_GELU_ERF},
    {"gelu (tanh) fwd+bwd", "", BOTH, .kind = RMX_ACTIVATION_GELU_TANH},
    {"add", "", 1024, 1, 3, .run = add},
};

rmx_status bench_activation(bench *b) { return ROWS_MEASURE(b, cases); }
