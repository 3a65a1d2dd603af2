/* SPDX-License-Identifier: MIT */
/* bench_pooling.c: the mean over a sample's tokens, forward and backward. */
#include "rankmixer/pooling.h"
#include "rows.h"

static rmx_pooling_desc desc_of(const rows *r, int64_t samples)
{
    return (rmx_pooling_desc){
        .samples = samples, .tokens = ROWS_TOKENS, .width = (int32_t)r->c->width};
}

static rmx_status forward(const rows *r, int64_t first, int64_t samples)
{
    const rmx_pooling_desc desc = desc_of(r, samples);
    return rmx_pooling_forward(r->b->ctx, &desc, r->x + first * rows_unit(r),
                               r->y + first * desc.width);
}

/* x is the gradient of the means. */
static rmx_status backward(const rows *r, int64_t first, int64_t samples)
{
    const rmx_pooling_desc desc = desc_of(r, samples);
    return rmx_pooling_backward(r->b->ctx, &desc, r->x + first * desc.width,
                                r->y + first * rows_unit(r));
}

#define POOLING 768, ROWS_TOKENS, 1 + 1.0 / ROWS_TOKENS
static const row_case cases[] = {
    {"pooling", "T=16 D=768", POOLING, forward, .out_width = 768},
    {"pooling, bwd", "T=16 D=768", POOLING, .run = backward},
};

rmx_status bench_pooling(bench *b) { return ROWS_MEASURE(b, cases); }
