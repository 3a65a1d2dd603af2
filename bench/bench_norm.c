/* SPDX-License-Identifier: MIT */
/* bench_norm.c: LayerNorm and RMS norm of rows. */
#include "rankmixer/norm.h"
#include "rows.h"

static rmx_norm_desc desc_of(const rows *r, int64_t samples)
{
    return (rmx_norm_desc){.kind = (rmx_norm_kind)r->c->kind,
                           .rows = samples,
                           .dim = (int32_t)r->c->width,
                           .eps = 1e-5f};
}

static rmx_status norm(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r), d = r->c->width;
    const rmx_norm_desc desc = desc_of(r, samples);
    const bool rms = desc.kind == RMX_NORM_RMS;
    float *mean = rms ? NULL : r->stat + first, *rstd = r->stat + r->count / 16 + first;
    const float *beta = rms ? NULL : r->small + d;
    float *dbeta = rms ? NULL : r->small + 3 * d;
    BENCH_TRY(
        rmx_norm_forward(r->b->ctx, &desc, r->x + at, r->small, beta, r->y + at, mean, rstd));
    if (!r->c->backward) return RMX_OK;
    return rmx_norm_backward(r->b->ctx, &desc, r->dy + at, r->x + at, r->small, mean, rstd,
                             r->dx + at, r->small + 2 * d, dbeta, r->ws, r->ws_bytes);
}

static size_t scratch(const rows *r)
{
    const rmx_norm_desc desc = desc_of(r, rows_samples(r));
    return rmx_norm_backward_workspace(&desc);
}

#define FORWARD .run = norm, .moved = 2, .out = IN_Y
#define BOTH .run = norm, .moved = 5, .out = IN_DX, .backward = true, .scratch = scratch
static const row_case cases[] = {
    {"layer_norm", "D=768", 768, 1, FORWARD, .kind = RMX_NORM_LAYER},
    {"layer_norm", "D=16", 16, 1, FORWARD, .kind = RMX_NORM_LAYER},
    {"layer_norm fwd+bwd", "D=768", 768, 1, BOTH, .kind = RMX_NORM_LAYER},
    {"layer_norm fwd+bwd", "D=16", 16, 1, BOTH, .kind = RMX_NORM_LAYER},
    {"rms_norm", "D=768", 768, 1, FORWARD, .kind = RMX_NORM_RMS},
    {"rms_norm fwd+bwd", "D=768", 768, 1, BOTH, .kind = RMX_NORM_RMS},
};

rmx_status bench_norm(bench *b) { return ROWS_MEASURE(b, cases); }
