/* SPDX-License-Identifier: MIT */
/* bench_dropout.c: dropout with its random numbers, made as they are needed. */
#include "rankmixer/dropout.h"
#include "rows.h"

/* stat begins with a zero: step 0. */
static rmx_status dropout(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r);
    const rmx_dropout_desc desc = {.p = 0.1f,
                                   .seed = 1,
                                   .first = (uint64_t)at,
                                   .step = (const uint64_t *)(const void *)r->stat};
    return rmx_dropout_forward(r->b->ctx, &desc, samples * rows_unit(r), r->x + at, r->y + at);
}

static const row_case cases[] = {{"dropout", "p=0.1", 1024, 1, 2, .run = dropout}};

rmx_status bench_dropout(bench *b) { return ROWS_MEASURE(b, cases); }
