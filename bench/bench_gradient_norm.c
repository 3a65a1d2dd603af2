/* SPDX-License-Identifier: MIT */
/* bench_gradient_norm.c: the sum of squares of a gradient, for clipping. */
#include "rows.h"

/* Adds to a double, the first eight bytes of small. */
static rmx_status sum_squares(const rows *r, int64_t first, int64_t samples)
{
    const rmx_gradient_norm_sum_squares_args args = {.n = samples * rows_unit(r),
                                                     .g = r->x + first * rows_unit(r),
                                                     .sum = (double *)(void *)r->small,
                                                     .ws = r->ws};
    return rmx_run_gradient_norm_sum_squares(r->b->ctx, &args);
}

static rmx_status check(rows *r)
{
    double squares, got = 0.0;
    BENCH_TRY(rmx_zero(r->b->ctx, r->small, sizeof got));
    BENCH_TRY(sum_squares(r, 0, rows_samples(r)));
    BENCH_TRY(rmx_download(r->b->ctx, &got, r->small, sizeof got));
    BENCH_TRY(rows_host_sum(r, true, &squares));
    return rows_expect_near(r, got, squares);
}

static size_t scratch(const rows *r) { return rmx_gradient_norm_scratch(r->count); }

static const row_case cases[] = {
    {"sum of squares", "", 1024, 1, 1, sum_squares, .check = check, .scratch = scratch}};

rmx_status bench_gradient_norm(bench *b) { return ROWS_MEASURE(b, cases); }
