/* SPDX-License-Identifier: MIT */
/* bench_column_sum.c: sums down the columns: the gradient of a bias. */
#include <stdlib.h>

#include "rows.h"

static rmx_status column_sum(const rows *r, int64_t first, int64_t samples)
{
    const rmx_column_sum_args args = {.groups = 1,
                                      .rows = samples,
                                      .cols = r->c->width,
                                      .ld = r->c->width,
                                      .x = r->x + first * rows_unit(r),
                                      .dst = r->small,
                                      .ws = r->ws};
    return rmx_run_column_sum(r->b->ctx, &args);
}

/* The order of ops.h, so the bits are equal: blocks of RMX_ROW_BLOCK, then over the blocks. */
static float expected(const rows *r, const float *x, int64_t column)
{
    const int64_t samples = rows_samples(r), d = r->c->width;
    float sum = 0.0f;
    for (int64_t block = 0; block < samples; block += RMX_ROW_BLOCK) {
        const int64_t end = block + RMX_ROW_BLOCK < samples ? block + RMX_ROW_BLOCK : samples;
        float part = 0.0f;
        for (int64_t i = block; i < end; i++) part = rmx_addf(part, x[i * d + column]);
        sum = rmx_addf(sum, part);
    }
    return sum;
}

static rmx_status check(rows *r)
{
    const int64_t d = r->c->width;
    float *x = NULL, *got = NULL;
    BENCH_TRY(rmx_zero(r->b->ctx, r->small, sizeof(float) * (size_t)d));
    BENCH_TRY(column_sum(r, 0, rows_samples(r)));
    BENCH_TRY(bench_fetch(r->b, r->small, d, &got));
    rmx_status status = bench_fetch(r->b, r->x, rows_samples(r) * d, &x);
    for (int64_t j = 0; status == RMX_OK && j < d; j += d / 7) {
        const float should = expected(r, x, j);
        if (got[j] != should)
            status = rmx_fail(&r->b->error, RMX_ERR_NUMERIC, "%s: column %lld is %a, not %a",
                              r->c->op, (long long)j, (double)got[j], (double)should);
    }
    free(x);
    free(got);
    return status;
}

static size_t scratch(const rows *r)
{
    return rmx_column_sum_scratch(1, rows_samples(r), r->c->width, 1);
}

static const row_case cases[] = {
    {"bias gradient", "N=768", 768, 1, 1, column_sum, .check = check, .scratch = scratch},
    {"bias gradient", "N=16", 16, 1, 1, column_sum, .check = check, .scratch = scratch},
};

rmx_status bench_column_sum(bench *b) { return ROWS_MEASURE(b, cases); }
