/* SPDX-License-Identifier: MIT */
/* test_softmax.c: softmax and log-softmax, forward and backward, along contiguous rows and across
 * them. */
#include "kernel_testing.h"
#include "kernels/cpu/backend.h"

typedef struct softmax_case {
    int64_t outer, n, inner;
    bool log, in_place;
} softmax_case;

static const softmax_case cases[] = {
    {0, 5, 1, false, false},    {3, 0, 4, false, false},    {5, 1, 1, false, false},
    {300, 16, 1, false, true},  {300, 16, 1, true, false},  {33, 7, 1, true, true},
    {5, 127, 1, false, false},  {5, 128, 1, true, false},   {5, 129, 1, false, true},
    {2, 4095, 1, true, false},  {2, 4096, 1, false, false}, {2, 4097, 1, true, true},
    {2, 8193, 1, false, false}, {3, 16, 64, false, true},   {3, 16, 65, true, false},
    {2, 5, 200, true, true},    {2, 129, 3, false, false},  {1, 4097, 5, false, true},
    {1, 8193, 2, true, false},  {43, 16, 1, false, false},  {19, 64, 1, false, false},
    {11, 48, 1, true, false},   {3, 16, 128, false, false}, {2, 5, 64, true, false},
    {2, 128, 64, false, false}, {3, 1024, 1, false, false}, {2, 1, 64, false, false},
    {43, 16, 1, true, false},   {3, 1024, 1, true, false},  {3, 1040, 1, true, true},
    {17, 512, 1, true, false},  {17, 8, 1, false, false},   {9, 24, 1, true, false},
};
enum { CASES = sizeof cases / sizeof *cases };

static void run_case(rmx_backend *backend, const char *name, softmax_case c,
                     testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t size = c.outer * c.n * c.inner;
    float *x = host_filled(size, pattern, 1), *dy = host_filled(size, pattern, 2);
    if (pattern == PATTERN_SPECIAL && size > 0) { /* one row of only -inf, when rows are short */
        for (int64_t j = 0; j < c.n; j++) x[j * c.inner] = -INFINITY;
    }
    float *bx = kernel_floats(&all, x, size), *bdy = kernel_floats(&all, dy, size);
    const rmx_softmax_args forward = {.outer = c.outer,
                                      .n = c.n,
                                      .inner = c.inner,
                                      .log = c.log,
                                      .x = bx,
                                      .y = c.in_place ? kernel_in_place(&all, bx, x, size)
                                                      : kernel_floats(&all, NULL, size)};
    const rmx_softmax_backward_args backward = {
        .outer = c.outer,
        .n = c.n,
        .inner = c.inner,
        .log = c.log,
        .y = forward.y,
        .dy = bdy,
        .dx = c.in_place ? kernel_in_place(&all, bdy, dy, size) : kernel_floats(&all, NULL, size)};
    cr_assert_eq(backend->ops->softmax(backend, &forward), RMX_OK);
    cr_assert_eq(backend->ops->softmax_backward(backend, &backward), RMX_OK);
    kernel_compare(backend, forward.y, size, name, testing_pattern_name(pattern));
    kernel_compare(backend, backward.dx, size, name, "dx");
    if (!c.in_place) { /* y that no forward pass gives: above 0, for one */
        rmx_softmax_backward_args any = backward;
        any.y = bx;
        cr_assert_eq(backend->ops->softmax_backward(backend, &any), RMX_OK);
        kernel_compare(backend, any.dx, size, name, "dx of any y");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(dy);
}

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    run_case(backend, name, cases[i / PATTERN_COUNT], (testing_pattern)(i % PATTERN_COUNT));
}

Test(softmax, contract) { kernel_cases(CASES * PATTERN_COUNT, contract_case); }

/* Every output counts as large: what only large outputs get, streaming stores, on small ones. */
static void stream_everything(void) { rmx_cpu_stream_bytes = 0; }

static void streamed_case(rmx_backend *backend, const char *name, int i)
{
    run_case(backend, name, cases[i], PATTERN_SPECIAL);
}

Test(softmax, streamed)
{
    stream_everything();
    kernel_cases(CASES, streamed_case);
}

/* Rows alone have the bits that they have among 300, for every number of them. */
static void any_batch(rmx_backend *backend, const char *name)
{
    enum { ROWS = 300, N = 16 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(ROWS * N, PATTERN_NORMAL, 3), *whole = host_floats(ROWS * N);
    const float *bx = kernel_floats(&all, x, ROWS * N);
    rmx_softmax_args args = {
        .outer = ROWS, .n = N, .inner = 1, .x = bx, .y = kernel_floats(&all, NULL, ROWS * N)};
    cr_assert_eq(backend->ops->softmax(backend, &args), RMX_OK);
    testing_get(backend, whole, args.y, sizeof(float) * ROWS * N);
    for (int64_t rows = 1; rows <= ROWS; rows++) {
        const int64_t first = rows * 37 % (ROWS - rows + 1);
        args.outer = rows;
        args.x = bx + first * N;
        cr_assert_eq(backend->ops->softmax(backend, &args), RMX_OK);
        kernel_expect(backend, args.y, whole + first * N, rows * N, name, "rows alone");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(whole);
}

Test(softmax, any_batch) { kernel_each(any_batch); }

/* Along rows or across them is the same sum: a transposed input gives the transposed output. */
static void either_layout(rmx_backend *backend, const char *name)
{
    enum { ROWS = 70, N = 300 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(ROWS * N, PATTERN_NORMAL, 4), *y = host_floats(ROWS * N);
    float *across = host_floats(ROWS * N);
    for (int i = 0; i < ROWS * N; i++) across[i % N * ROWS + i / N] = x[i];
    rmx_softmax_args args = {.outer = ROWS,
                             .n = N,
                             .inner = 1,
                             .x = kernel_floats(&all, x, ROWS * N),
                             .y = kernel_floats(&all, NULL, ROWS * N)};
    cr_assert_eq(backend->ops->softmax(backend, &args), RMX_OK);
    testing_get(backend, y, args.y, sizeof(float) * ROWS * N);
    args.outer = 1;
    args.inner = ROWS;
    args.x = kernel_floats(&all, across, ROWS * N);
    cr_assert_eq(backend->ops->softmax(backend, &args), RMX_OK);
    for (int i = 0; i < ROWS * N; i++) across[i % N * ROWS + i / N] = y[i];
    kernel_expect(backend, args.y, across, ROWS * N, name, "across");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(y), free(across);
}

Test(softmax, either_layout) { kernel_each(either_layout); }

/* Against double: |x - m| < 12 has a rounding of 2^-21, which is y's relative error; exp, sum,
 * reciprocal and product add about ten of 2^-24. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 1000 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(N, PATTERN_NORMAL, 5), y[N];
    double sum = 0;
    float left_to_right = 0, m = -INFINITY;
    const rmx_softmax_args args = {.outer = 1,
                                   .n = N,
                                   .inner = 1,
                                   .x = kernel_floats(&all, x, N),
                                   .y = kernel_floats(&all, NULL, N)};
    cr_assert_eq(backend->ops->softmax(backend, &args), RMX_OK);
    testing_get(backend, y, args.y, sizeof y);
    for (int j = 0; j < N; j++) m = fmaxf(m, x[j]), sum += exp((double)x[j]);
    int differs = 0;
    for (int j = 0; j < N; j++) {
        const double exact = exp((double)x[j]) / sum;
        cr_assert_leq(fabs((double)y[j] - exact), 0x1p-19 * exact, "%s: %d", name, j);
        left_to_right += rmx_expf(x[j] - m);
    }
    for (int j = 0; j < N; j++) differs += rmx_expf(x[j] - m) * (1.0f / left_to_right) != y[j];
    cr_assert_gt(differs, 0, "negative control: a plain sum must differ");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(softmax, near_float64) { kernel_each(near_float64); }
