/* SPDX-License-Identifier: MIT */
/* bench_pooling.c: the mean over a sample's tokens, forward and backward. */
#include "rankmixer/pooling.h"
#include "rows.h"

static rmx_status forward(const rows *r, int64_t first, int64_t samples)
{
    const int64_t d = r->c->width;
    return rmx_pooling_forward(r->b->ctx, samples, ROWS_TOKENS, (int32_t)d,
                               r->x + first * rows_unit(r), r->y + first * d);
}

/* x is the gradient of the means. */
static rmx_status backward(const rows *r, int64_t first, int64_t samples)
{
    const int64_t d = r->c->width;
    return rmx_pooling_backward(r->b->ctx, samples, ROWS_TOKENS, (int32_t)d, r->x + first * d,
                                r->y + first * rows_unit(r));
}

#define POOLING 768, ROWS_TOKENS, 1 + 1.0 / ROWS_TOKENS
static const row_case cases[] = {
    {"pooling", "T=16 D=768", POOLING, forward, .out_width = 768},
    {"pooling, bwd", "T=16 D=768", POOLING, .run = backward},
};

rmx_status bench_pooling(bench *b) { return ROWS_MEASURE(b, cases); }
