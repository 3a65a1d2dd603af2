/* SPDX-License-Identifier: MIT */
/* test_gradient_norm.c: sum of squares, the clipping factor, and the count of values not finite. */
#include "cases_rows.h"
#include "kernel_testing.h"

enum { SIZES = CASES(gradient_norm_sizes) };

static void squares_case(rmx_backend *backend, const char *name, int64_t n, int64_t width,
                         testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t room = width ? n + 5 * width : n;
    float *g = host_filled(room, pattern, 1);
    const uint32_t unique = width ? (uint32_t)(n / width) : 0;
    const double start = 0.125;
    rmx_gradient_norm_sum_squares_args args = {
        .n = room,
        .width = width,
        .g = kernel_floats(&all, g, room),
        .sum = kernel_put(&all, &start, sizeof start),
        .ws = kernel_put(&all, NULL, rmx_gradient_norm_scratch(room))};
    if (width) args.unique = kernel_put(&all, &unique, sizeof unique);
    cr_assert_eq(backend->ops->gradient_norm_sum_squares(backend, &args), RMX_OK);
    kernel_compare_double(backend, args.sum, name, "sum");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(g);
}

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    const testing_pattern pattern = (testing_pattern)(i / 2 / SIZES);
    squares_case(backend, name, gradient_norm_sizes[i / 2 % SIZES], i % 2 ? 16 : 0, pattern);
}

Test(gradient_norm, sum_squares_has_reference_bits)
{
    kernel_cases(2 * SIZES * PATTERN_COUNT, contract_case);
}

/* More blocks than a GPU's chain fetches at once, and a few. */
static void squares_of_many(rmx_backend *backend, const char *name, int i)
{
    (void)i;
    squares_case(backend, name, 1030 * 4096 + 5, 0, PATTERN_NORMAL);
}

Test(gradient_norm, sum_squares_of_many_blocks) { kernel_cases(1, squares_of_many); }

/* Against double: 4096 values in 128 partials and 7 halvings are 40 operations deep. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 100000 };
    kernel_operands all = {.backend = backend};
    float *g = host_filled(N, PATTERN_NORMAL, 2), plain = 0;
    double zero = 0, sum, exact = 0;
    const rmx_gradient_norm_sum_squares_args args = {
        .n = N,
        .g = kernel_floats(&all, g, N),
        .sum = kernel_put(&all, &zero, sizeof zero),
        .ws = kernel_put(&all, NULL, rmx_gradient_norm_scratch(N))};
    cr_assert_eq(backend->ops->gradient_norm_sum_squares(backend, &args), RMX_OK);
    testing_get(backend, &sum, args.sum, sizeof sum);
    for (int i = 0; i < N; i++) {
        exact += (double)g[i] * (double)g[i];
        plain = fmaf(g[i], g[i], plain);
    }
    cr_assert_leq(fabs(sum - exact), 40 * 0x1p-24 * exact, "%s", name);
    cr_assert_neq((double)plain, sum, "negative control: a plain sum must differ");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(g);
}

Test(gradient_norm, near_float64) { kernel_each(near_float64); }

static void clip_case(rmx_backend *backend, const char *name, int i)
{
    static const double sums[] = {0, 1, 2, 1e-300, 1e76, 1e77, 4.0001, INFINITY, NAN, -1};
    static const float limits[] = {0, 1, 2, 1e-20f};
    static const float befores[] = {1, 0.5f, NAN}; /* a NaN stays */
    kernel_operands all = {.backend = backend};
    const rmx_gradient_norm_clip_args args = {.max_norm = limits[i / 10 % 4],
                                              .sum = kernel_put(&all, &sums[i % 10], sizeof *sums),
                                              .grad_norm = kernel_floats(&all, NULL, 1),
                                              .grad_scale =
                                                  kernel_floats(&all, &befores[i / 40], 1)};
    cr_assert_eq(backend->ops->gradient_norm_clip(backend, &args), RMX_OK);
    kernel_compare(backend, args.grad_norm, 1, name, "norm");
    kernel_compare(backend, args.grad_scale, 1, name, "scale");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

Test(gradient_norm, clip_has_reference_bits) { kernel_cases(120, clip_case); }

/* Values that anybody can compute: a norm of 5 against a limit, and what is not a number. */
static void clip_values(rmx_backend *backend, const char *name)
{
    static const struct {
        double sum;
        float max_norm, before, norm, scale;
    } values[] = {{25, 2.5f, 1, 5, 0.5f},
                  {25, 5, 0.25f, 5, 1},
                  {25, 0, 0.25f, 5, 1},
                  {25, 2.5f, NAN, 5, NAN},
                  {INFINITY, 2.5f, 1, INFINITY, NAN},
                  {1e78, 0, 1, INFINITY, NAN},
                  {NAN, 2.5f, 1, NAN, NAN}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        kernel_operands all = {.backend = backend};
        const rmx_gradient_norm_clip_args args = {
            .max_norm = values[i].max_norm,
            .sum = kernel_put(&all, &values[i].sum, sizeof(double)),
            .grad_norm = kernel_floats(&all, NULL, 1),
            .grad_scale = kernel_floats(&all, &values[i].before, 1)};
        cr_assert_eq(backend->ops->gradient_norm_clip(backend, &args), RMX_OK);
        kernel_expect(backend, args.grad_norm, &values[i].norm, 1, name, "norm");
        kernel_expect(backend, args.grad_scale, &values[i].scale, 1, name, "scale");
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
    }
}

Test(gradient_norm, clip_values) { kernel_each(clip_values); }

static void nonfinite_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < SIZES * PATTERN_COUNT; i++) {
        kernel_operands all = {.backend = backend};
        const int64_t n = gradient_norm_sizes[i % SIZES];
        float *x = host_filled(n, (testing_pattern)(i / SIZES), 3);
        uint32_t expected = 0, count;
        for (int64_t j = 0; j < n; j++) expected += isfinite(x[j]) ? 0 : 1;
        const rmx_nonfinite_args args = {
            .n = n, .x = kernel_floats(&all, x, n), .count = kernel_put(&all, NULL, sizeof count)};
        cr_assert_eq(backend->ops->nonfinite(backend, &args), RMX_OK);
        testing_get(backend, &count, args.count, sizeof count);
        cr_assert_eq(count, expected, "%s: %u, not %u", name, count, expected);
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x);
    }
}

Test(gradient_norm, nonfinite_has_reference_bits) { kernel_each(nonfinite_cases); }
