/* SPDX-License-Identifier: MIT */
/* bench_mean.c: means over tokens, of each row, and of all values. */
#include "rankmixer/mean.h"
#include "rows.h"

/* Over axis 1 of [samples, tokens, width], or of [samples, width]. */
static rmx_status mean(const rows *r, int64_t first, int64_t samples)
{
    const bool tokens = r->c->tokens > 1;
    const int64_t kept = r->c->out_width;
    const int64_t shape[] = {samples, tokens ? r->c->tokens : r->c->width, r->c->width};
    const int64_t out[] = {samples, kept};
    const rmx_tensor x =
        rmx_tensor_of(RMX_F32, r->x + first * rows_unit(r), tokens ? 3 : 2, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->y + first * kept, tokens ? 2 : 1, out);
    const rmx_mean_desc desc = {.axes = 1, .axis = {1}};
    return rmx_mean_forward(r->b->ctx, &desc, &x, &y);
}

static rmx_status mean_of_all(const rows *r, int64_t first, int64_t samples)
{
    const int64_t shape[] = {samples, r->c->width};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, r->x + first * rows_unit(r), 2, shape);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, r->small, 0, shape);
    const rmx_mean_desc desc = {.axes = 2, .axis = {0, 1}};
    return rmx_mean_forward(r->b->ctx, &desc, &x, &y);
}

static rmx_status check_mean_of_all(rows *r)
{
    double sum;
    float got = 0.0f;
    BENCH_TRY(mean_of_all(r, 0, rows_samples(r)));
    BENCH_TRY(rmx_download(r->b->ctx, &got, r->small, sizeof got));
    BENCH_TRY(rows_host_sum(r, false, &sum));
    return rows_expect_near(r, (double)got, sum / (double)(rows_samples(r) * rows_unit(r)));
}

static const row_case cases[] = {
    {"mean over tokens", "T=16 D=768", 768, ROWS_TOKENS, 1 + 1.0 / ROWS_TOKENS, mean,
     .out_width = 768},
    {"mean over tokens", "T=16 D=16", 16, ROWS_TOKENS, 1 + 1.0 / ROWS_TOKENS, mean,
     .out_width = 16},
    {"mean of each row", "n=1024", 1024, 1, 1 + 1.0 / 1024, mean, .out_width = 1},
    {"mean of all values", "", 1024, 1, 1, mean_of_all, .check = check_mean_of_all},
};

rmx_status bench_mean(bench *b) { return ROWS_MEASURE(b, cases); }
