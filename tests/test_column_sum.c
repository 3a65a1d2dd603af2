/* SPDX-License-Identifier: MIT */
/* test_column_sum.c: blocks of 128 rows, each a chain, then a chain over the blocks. */
#include "cases_products.h"
#include "kernel_testing.h"

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    const column_sum_case c = column_sum_cases[i / PATTERN_COUNT];
    const testing_pattern pattern = (testing_pattern)(i % PATTERN_COUNT);
    kernel_operands all = {.backend = backend};
    const int64_t group_stride = c.gap == SIDE_BY_SIDE ? c.cols : c.rows * c.ld + c.gap;
    const int64_t size = c.gap == SIDE_BY_SIDE ? c.rows * c.ld : c.groups * group_stride;
    float *x = host_filled(size, pattern, 1), *dst = host_filled(c.groups * c.cols, pattern, 2);
    const rmx_column_sum_args args = {
        .groups = c.groups,
        .rows = c.rows,
        .cols = c.cols,
        .ld = c.ld,
        .group_stride = group_stride,
        .x = kernel_floats(&all, x, size),
        .dst = kernel_floats(&all, dst, c.groups * c.cols),
        .ws = kernel_put(&all, NULL, rmx_column_sum_scratch(c.groups, c.rows, c.cols, 1))};
    cr_assert_eq(backend->ops->column_sum(backend, &args), RMX_OK);
    kernel_compare(backend, args.dst, c.groups * c.cols, name, testing_pattern_name(pattern));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
    free(dst);
}

Test(column_sum, kernel_has_reference_bits)
{
    kernel_cases(CASES(column_sum_cases) * PATTERN_COUNT, contract_case);
}

/* A batch cut at a multiple of 128 rows continues the chain: the same bits; cut elsewhere: not. */
static void cut_batches(rmx_backend *backend, const char *name, int i)
{
    enum { ROWS = 1000, COLS = 33 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(ROWS * COLS, PATTERN_NORMAL, 3), whole[COLS], zeros[COLS] = {0};
    rmx_column_sum_args args = {
        .groups = 1,
        .cols = COLS,
        .ld = COLS,
        .ws = kernel_put(&all, NULL, rmx_column_sum_scratch(1, ROWS, COLS, 1))};
    const float *dx = kernel_floats(&all, x, ROWS * COLS);
    (void)i;
    args.dst = kernel_floats(&all, zeros, COLS);
    static const int64_t cuts[][3] = {
        {0, 0, 0}, {128, 0, 0}, {640, 0, 0}, {128, 256, 896}, {500, 0, 0}};
    for (int c = 0; c < 5; c++) {
        testing_put(backend, args.dst, zeros, sizeof zeros);
        int64_t from = 0;
        for (int part = 0; part <= 3; part++) {
            const int64_t to = part < 3 && cuts[c][part] ? cuts[c][part] : ROWS;
            args.rows = to - from;
            args.x = dx + from * COLS;
            cr_assert_eq(backend->ops->column_sum(backend, &args), RMX_OK);
            from = to;
        }
        float got[COLS];
        testing_get(backend, got, args.dst, sizeof got);
        if (c == 0) memcpy(whole, got, sizeof whole);
        if (c == 0) kernel_compare(backend, args.dst, COLS, name, "the whole batch");
        const bool same = testing_first_difference(got, whole, COLS) < 0;
        cr_assert_eq(same, c < 4, "%s: cut %d", name, c);
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(column_sum, cut_batches) { kernel_cases(1, cut_batches); }

/* Against double: 128 additions in a block and 8 blocks are at most 136 roundings, each of at
 * most 2^-24 of the sum of magnitudes. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { ROWS = 1000, COLS = 40 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(ROWS * COLS, PATTERN_CANCELLATION, 4), zeros[COLS] = {0}, got[COLS];
    const rmx_column_sum_args args = {
        .groups = 1,
        .rows = ROWS,
        .cols = COLS,
        .ld = COLS,
        .x = kernel_floats(&all, x, ROWS * COLS),
        .dst = kernel_floats(&all, zeros, COLS),
        .ws = kernel_put(&all, NULL, rmx_column_sum_scratch(1, ROWS, COLS, 1))};
    cr_assert_eq(backend->ops->column_sum(backend, &args), RMX_OK);
    testing_get(backend, got, args.dst, sizeof got);
    int differs = 0;
    for (int j = 0; j < COLS; j++) {
        double sum = 0, size = 0;
        float plain = 0;
        for (int r = 0; r < ROWS; r++) {
            sum += (double)x[r * COLS + j];
            size += fabs((double)x[r * COLS + j]);
            plain += x[r * COLS + j];
        }
        cr_assert_leq(fabs((double)got[j] - sum), 136 * 0x1p-24 * size, "%s: column %d", name, j);
        differs += plain != got[j];
    }
    cr_assert_gt(differs, 0, "negative control: one long chain must differ somewhere");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(column_sum, near_float64) { kernel_each(near_float64); }
