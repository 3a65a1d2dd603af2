/* SPDX-License-Identifier: MIT */
/* test_mean.c: the mean over any axes of a strided tensor, and its gradient. */
#include "kernel_testing.h"

typedef struct mean_case {
    int32_t kept, reduced;
    int64_t kept_shape[3], kept_stride[3], reduced_shape[3], reduced_stride[3];
} mean_case;

static const mean_case cases[] = {
    {1, 1, {5}, {64}, {64}, {1}},               /* rows */
    {2, 1, {3, 7}, {7 * 129, 129}, {129}, {1}}, /* rows, two kept axes that merge */
    {2, 1, {6, 64}, {1024, 1}, {16}, {64}},     /* tokens of [6, 16, 64] */
    {2, 1, {3, 65}, {1040, 1}, {16}, {65}},     /* the same, an odd width */
    {2, 1, {5, 64}, {6400, 1}, {100}, {64}},    /* more of them: trees of 8, 4, 2 and 1 times 16 */
    {2, 1, {5, 8}, {1024, 1}, {128}, {8}},
    {2, 1, {3, 12}, {600, 1}, {50}, {12}},
    {2, 1, {3, 5}, {85, 1}, {17}, {5}},
    {2, 1, {4, 16}, {48, 1}, {3}, {16}},
    {1, 1, {200}, {1}, {4097}, {200}}, /* long columns */
    {1, 1, {3}, {1}, {8193}, {3}},
    {1, 2, {7}, {9}, {4, 9}, {63, 1}},          /* the outer and the inner axis */
    {2, 2, {3, 5}, {140, 2}, {2, 14}, {1, 10}}, /* interleaved */
    {3, 1, {2, 3, 4}, {60, 20, 5}, {5}, {1}},
    {0, 2, {0}, {0}, {30, 41}, {41, 1}}, /* everything */
    {0, 2, {0}, {0}, {30, 41}, {1, 30}}, /* everything, columns first */
    {1, 1, {4}, {10}, {8}, {-1}},        /* backwards; x starts at the last element */
    {1, 1, {4}, {0}, {8}, {1}},          /* one row, repeated */
    {2, 0, {3, 4}, {4, 1}, {0}, {0}},    /* nothing: a copy */
    {1, 1, {4}, {8}, {1}, {99}},
    {1, 2, {4}, {0}, {5, 0}, {1, 1}}, /* no elements: NaN */
    {1, 1, {0}, {8}, {8}, {1}},
    {0, 1, {0}, {0}, {4096}, {1}},
    {0, 1, {0}, {0}, {4095}, {2}},
};
enum { CASES = sizeof cases / sizeof *cases };

static int64_t size_of(int32_t axes, const int64_t *shape)
{
    int64_t size = 1;
    for (int32_t i = 0; i < axes; i++) size *= shape[i];
    return size;
}

enum { ELEMENTS = 900000, BACKWARDS = 16 };

static void run_case(rmx_backend *backend, const char *name, const mean_case *c, const float *x,
                     testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t rows = size_of(c->kept, c->kept_shape);
    rmx_mean_args args = {.kept = c->kept,
                          .reduced = c->reduced,
                          .x = x + BACKWARDS,
                          .y = kernel_floats(&all, NULL, rows)};
    for (int i = 0; i < 3; i++) {
        args.kept_shape[i] = c->kept_shape[i], args.kept_stride[i] = c->kept_stride[i];
        args.reduced_shape[i] = c->reduced_shape[i], args.reduced_stride[i] = c->reduced_stride[i];
    }
    cr_assert_eq(backend->ops->mean(backend, &args), RMX_OK);
    kernel_compare(backend, args.y, rows, name, testing_pattern_name(pattern));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

/* All cases of a value pattern read the same x. */
static void contract_cases(rmx_backend *backend, const char *name, int i)
{
    static float x[ELEMENTS];
    const testing_pattern pattern = (testing_pattern)i;
    kernel_operands all = {.backend = backend};
    if (kernel_is_reference(backend)) testing_fill(x, ELEMENTS, pattern, 1);
    const float *bx = kernel_floats(&all, x, ELEMENTS);
    for (int c = 0; c < CASES; c++) run_case(backend, name, &cases[c], bx, pattern);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

Test(mean, contract) { kernel_cases(PATTERN_COUNT, contract_cases); }

static void any_batch(rmx_backend *backend, const char *name)
{
    enum { SAMPLES = 300, TOKENS = 5, WIDTH = 24, SIZE = SAMPLES * TOKENS * WIDTH };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(SIZE, PATTERN_NORMAL, 2), *whole = host_floats(SAMPLES * WIDTH);
    const float *bx = kernel_floats(&all, x, SIZE);
    rmx_mean_args args = {.kept = 2,
                          .reduced = 1,
                          .kept_shape = {SAMPLES, WIDTH},
                          .kept_stride = {TOKENS * WIDTH, 1},
                          .reduced_shape = {TOKENS},
                          .reduced_stride = {WIDTH},
                          .x = bx,
                          .y = kernel_floats(&all, NULL, SAMPLES * WIDTH)};
    cr_assert_eq(backend->ops->mean(backend, &args), RMX_OK);
    testing_get(backend, whole, args.y, sizeof(float) * SAMPLES * WIDTH);
    for (int64_t samples = 1; samples <= SAMPLES; samples++) {
        const int64_t first = samples * 37 % (SAMPLES - samples + 1);
        args.kept_shape[0] = samples;
        args.x = bx + first * TOKENS * WIDTH;
        cr_assert_eq(backend->ops->mean(backend, &args), RMX_OK);
        kernel_expect(backend, args.y, whole + first * WIDTH, samples * WIDTH, name, "alone");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(whole);
}

Test(mean, any_batch) { kernel_each(any_batch); }

/* Against double: 1000 values in 128 partials and 7 halvings are at most 15 additions deep. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 1000 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(N, PATTERN_NORMAL, 3), y, left_to_right = 0;
    double sum = 0, size = 0;
    const rmx_mean_args args = {.reduced = 1,
                                .reduced_shape = {N},
                                .reduced_stride = {1},
                                .x = kernel_floats(&all, x, N),
                                .y = kernel_floats(&all, NULL, 1)};
    cr_assert_eq(backend->ops->mean(backend, &args), RMX_OK);
    testing_get(backend, &y, args.y, sizeof y);
    for (int j = 0; j < N; j++) {
        sum += (double)x[j], size += fabs((double)x[j]);
        left_to_right += x[j];
    }
    cr_assert_leq(fabs((double)y - sum / N), 16 * 0x1p-24 * size / N, "%s", name);
    cr_assert_neq(left_to_right / (float)N, y, "negative control: a plain sum must differ");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(mean, near_float64) { kernel_each(near_float64); }

static void backward_case(rmx_backend *backend, const char *name, int i)
{
    static const int64_t shapes[][3] = {{5, 16, 64}, {3, 7, 1},  {0, 3, 4},   {2, 0, 3},
                                        {1, 1, 129}, {70, 3, 5}, {2, 5000, 3}};
    kernel_operands all = {.backend = backend};
    const int64_t outer = shapes[i][0], n = shapes[i][1], inner = shapes[i][2];
    float *dy = host_filled(outer * inner, PATTERN_SPECIAL, 4);
    const rmx_mean_backward_args args = {.outer = outer,
                                         .n = n,
                                         .inner = inner,
                                         .dy = kernel_floats(&all, dy, outer * inner),
                                         .dx = kernel_floats(&all, NULL, outer * n * inner)};
    cr_assert_eq(backend->ops->mean_backward(backend, &args), RMX_OK);
    kernel_compare(backend, args.dx, outer * n * inner, name, "dx");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(dy);
}

Test(mean, backward_contract) { kernel_cases(7, backward_case); }
