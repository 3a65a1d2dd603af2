/* SPDX-License-Identifier: MIT */
/* test_reduce.c: sum of squares, the clipping factor, and the count of values not finite. */
#include "kernel_testing.h"

static const int64_t sizes[] = {0, 1, 127, 128, 129, 4095, 4096, 4097, 8193, 100000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static double naive_squares(const float *g, int64_t n, double sum)
{
    for (int64_t first = 0; first < n; first += 4096) {
        const int64_t count = n - first < 4096 ? n - first : 4096;
        sum = sum + (double)naive_lanes(g + first, g + first, count);
    }
    return sum;
}

static bool same_double(rmx_backend *backend, const double *got, double expected)
{
    double host;
    testing_get(backend, &host, got, sizeof host);
    return memcmp(&host, &expected, sizeof host) == 0 || (isnan(host) && isnan(expected));
}

static void squares_case(rmx_backend *backend, const char *name, int64_t n, int64_t width,
                         testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t room = width ? n + 5 * width : n;
    float *g = host_filled(room, pattern, 1);
    const uint32_t unique = width ? (uint32_t)(n / width) : 0;
    const double start = 0.125;
    rmx_sum_squares_args args = {.n = room,
                                 .width = width,
                                 .g = kernel_floats(&all, g, room),
                                 .sum = kernel_put(&all, &start, sizeof start),
                                 .ws = kernel_put(&all, NULL, rmx_sum_squares_workspace(room))};
    if (width) args.unique = kernel_put(&all, &unique, sizeof unique);
    cr_assert_eq(backend->ops->sum_squares(backend, &args), RMX_OK);
    const double expected = naive_squares(g, width ? (int64_t)unique * width : n, start);
    cr_assert(same_double(backend, args.sum, expected), "%s: %lld", name, (long long)n);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(g);
}

static void squares_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < SIZES * PATTERN_COUNT; i++) {
        squares_case(backend, name, sizes[i % SIZES], 0, (testing_pattern)(i / SIZES));
        squares_case(backend, name, sizes[i % SIZES], 16, (testing_pattern)(i / SIZES));
    }
}

Test(reduce, sum_squares_contract) { kernel_each(squares_cases); }

/* More blocks than a GPU's chain fetches at once, and a few. */
static void squares_of_many(rmx_backend *backend, const char *name)
{
    squares_case(backend, name, 1030 * 4096 + 5, 0, PATTERN_NORMAL);
}

Test(reduce, sum_squares_of_many_blocks) { kernel_each(squares_of_many); }

/* Against double: 4096 values in 128 partials and 7 halvings are 40 operations deep. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 100000 };
    kernel_operands all = {.backend = backend};
    float *g = host_filled(N, PATTERN_NORMAL, 2), plain = 0;
    double zero = 0, sum, exact = 0;
    const rmx_sum_squares_args args = {.n = N,
                                       .g = kernel_floats(&all, g, N),
                                       .sum = kernel_put(&all, &zero, sizeof zero),
                                       .ws = kernel_put(&all, NULL, rmx_sum_squares_workspace(N))};
    cr_assert_eq(backend->ops->sum_squares(backend, &args), RMX_OK);
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

Test(reduce, near_float64) { kernel_each(near_float64); }

static void clip_cases(rmx_backend *backend, const char *name)
{
    static const double sums[] = {0, 1, 2, 1e-300, 1e76, 1e77, 4.0001, INFINITY, NAN, -1};
    static const float limits[] = {0, 1, 2, 1e-20f};
    static const float befores[] = {1, 0.5f, NAN}; /* a NaN stays */
    for (int i = 0; i < 120; i++) {
        kernel_operands all = {.backend = backend};
        const double sum = sums[i % 10];
        const float max_norm = limits[i / 10 % 4], norm = (float)sqrt(sum);
        const float before = befores[i / 40];
        float scale = 1.0f;
        if (!isfinite(norm) || isnan(before))
            scale = NAN;
        else if (max_norm > 0 && norm > max_norm)
            scale = max_norm / norm;
        const rmx_clip_args args = {.max_norm = max_norm,
                                    .sum = kernel_put(&all, &sum, sizeof sum),
                                    .grad_norm = kernel_floats(&all, NULL, 1),
                                    .grad_scale = kernel_floats(&all, &before, 1)};
        cr_assert_eq(backend->ops->clip(backend, &args), RMX_OK);
        kernel_expect(backend, args.grad_norm, &norm, 1, name, "norm");
        kernel_expect(backend, args.grad_scale, &scale, 1, name, "scale");
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
    }
}

Test(reduce, clip_contract) { kernel_each(clip_cases); }

static void nonfinite_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < SIZES * PATTERN_COUNT; i++) {
        kernel_operands all = {.backend = backend};
        const int64_t n = sizes[i % SIZES];
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

Test(reduce, nonfinite_contract) { kernel_each(nonfinite_cases); }
