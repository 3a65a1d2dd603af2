/* SPDX-License-Identifier: MIT */
/* rows_sums.c: sums over all samples; see rows.h. None of them can be looked at for a sample
 * alone: their results are compared with a plain sum on the host. */
#include <stdlib.h>

#include "rankmixer/mean.h"
#include "rows.h"

static rmx_status expect_near(rows *r, const char *what, double is, double should)
{
    if (fabs(is - should) <= 1e-6 * (1.0 + fabs(should))) return RMX_OK;
    return rmx_fail(&r->b->error, RMX_ERR_NUMERIC, "%s: the result is %.9g, not %.9g", what, is,
                    should);
}

/* The gradient of a bias: sums down the columns, into small. */
rmx_status rows_col_sum(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
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
static float col_sum(const rows *r, const float *x, int64_t column)
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

rmx_status rows_check_col_sum(rows *r)
{
    const int64_t d = r->c->width;
    float *x = NULL, *got = NULL;
    BENCH_TRY(rmx_zero(r->b->ctx, r->small, sizeof(float) * (size_t)d));
    BENCH_TRY(rows_col_sum(r, 0, rows_samples(r)));
    BENCH_TRY(bench_fetch(r->b, r->small, d, &got));
    rmx_status status = bench_fetch(r->b, r->x, rows_samples(r) * d, &x);
    for (int64_t j = 0; status == RMX_OK && j < d; j += d / 7) {
        const float should = col_sum(r, x, j);
        if (got[j] != should)
            status = rmx_fail(&r->b->error, RMX_ERR_NUMERIC, "%s: column %lld is %a, not %a",
                              r->c->op, (long long)j, (double)got[j], (double)should);
    }
    free(x);
    free(got);
    return status;
}

/* For clipping: adds to a double, the first eight bytes of small. */
rmx_status rows_sum_squares(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const rmx_gradient_norm_sum_squares_args args = {.n = samples * rows_unit(r),
                                                     .g = r->x + first * rows_unit(r),
                                                     .sum = (double *)(void *)r->small,
                                                     .ws = r->ws};
    return rmx_run_gradient_norm_sum_squares(r->b->ctx, &args);
}

/* Sums of x and of its squares, on the host. */
static rmx_status host_sums(rows *r, double *sum, double *squares)
{
    float *x = NULL;
    *sum = *squares = 0.0;
    BENCH_TRY(bench_fetch(r->b, r->x, r->count, &x));
    for (int64_t i = 0; i < rows_samples(r) * rows_unit(r); i++) {
        *sum += (double)x[i];
        *squares += (double)x[i] * (double)x[i];
    }
    free(x);
    return RMX_OK;
}

rmx_status rows_check_sum_squares(rows *r)
{
    double sum, squares, got = 0.0;
    BENCH_TRY(rmx_zero(r->b->ctx, r->small, sizeof got));
    BENCH_TRY(rows_sum_squares(r, 0, rows_samples(r)));
    BENCH_TRY(rmx_download(r->b->ctx, &got, r->small, sizeof got));
    BENCH_TRY(host_sums(r, &sum, &squares));
    return expect_near(r, r->c->op, got, squares);
}

rmx_status rows_mean_all(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    const int64_t shape[] = {samples, r->c->width};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + first * rows_unit(r), 2, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->small, 0, shape);
    const rmx_mean_desc desc = {.axes = 2, .axis = {0, 1}};
    return rmx_mean_forward(r->b->ctx, &desc, &x, &y);
}

rmx_status rows_check_mean_all(rows *r)
{
    double sum, squares;
    float got = 0.0f;
    BENCH_TRY(rows_mean_all(r, 0, rows_samples(r)));
    BENCH_TRY(rmx_download(r->b->ctx, &got, r->small, sizeof got));
    BENCH_TRY(host_sums(r, &sum, &squares));
    const double count = (double)(rows_samples(r) * rows_unit(r));
    return expect_near(r, r->c->op, (double)got, sum / count);
}
