/* SPDX-License-Identifier: MIT */
/* test_dropout.c: the mask is a function of (seed, step, site, element) alone. */
#include "kernel_testing.h"

static const float p = 0.1f, scale = 1.0f / 0.9f;

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    static const int64_t sizes[] = {0, 1, 3, 255, 256, 257, 8191, 8193, 20000};
    static const uint64_t firsts[] = {0, 1, 2, 3, 4, 255, 0xfffffffffu, 0x3fffffffeu};
    static const float drops[] = {0.1f, 0.0f, 0.5f, 0.999f};
    kernel_operands all = {.backend = backend};
    const int s = i / 8, f = i % 8;
    const int64_t n = sizes[s];
    const testing_pattern pattern = (testing_pattern)((s + f) % PATTERN_COUNT);
    const uint64_t first = firsts[f], step = (uint64_t)f * 0x123456789u;
    float *x = host_filled(n, pattern, 1);
    float *bx = kernel_floats(&all, x, n);
    const rmx_dropout_args args = {.n = n,
                                   .seed = 0x123456789abcdefu,
                                   .first = first,
                                   .site = (uint32_t)(first % 256),
                                   .step_counter = kernel_put(&all, &step, sizeof step),
                                   .p = drops[(s + f) % 4],
                                   .scale = scale,
                                   .x = bx,
                                   .y = f % 2 ? kernel_in_place(&all, bx, x, n)
                                              : kernel_floats(&all, NULL, n)};
    cr_assert_eq(backend->ops->dropout(backend, &args), RMX_OK);
    kernel_compare(backend, args.y, n, name, testing_pattern_name(pattern));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(dropout, contract) { kernel_cases(9 * 8, contract_case); }

/* Any part of a batch, at any place, has the mask that it has in the whole; another step, site
 * or seed has another mask; and about p of the elements are dropped. */
static void any_batch(rmx_backend *backend, const char *name)
{
    enum { ROWS = 300, WIDTH = 50, SIZE = ROWS * WIDTH };
    kernel_operands all = {.backend = backend};
    const uint64_t step = 7;
    float *x = host_filled(SIZE, PATTERN_NORMAL, 2), *whole = host_floats(SIZE);
    const float *bx = kernel_floats(&all, x, SIZE);
    rmx_dropout_args args = {.n = SIZE,
                             .seed = 5,
                             .site = 3,
                             .p = p,
                             .scale = scale,
                             .x = bx,
                             .step_counter = kernel_put(&all, &step, sizeof step),
                             .y = kernel_floats(&all, NULL, SIZE)};
    cr_assert_eq(backend->ops->dropout(backend, &args), RMX_OK);
    testing_get(backend, whole, args.y, sizeof(float) * SIZE);
    int dropped = 0; /* of 15000, 1500 are expected, and 5 standard deviations are 184 */
    for (int i = 0; i < SIZE; i++) dropped += whole[i] == 0.0f;
    cr_assert(dropped > 1300 && dropped < 1700, "%s: %d dropped", name, dropped);
    for (int64_t rows = 1; rows <= ROWS; rows++) {
        const int64_t first = rows * 37 % (ROWS - rows + 1) * WIDTH;
        args.n = rows * WIDTH;
        args.x = bx + first;
        args.first = (uint64_t)first;
        cr_assert_eq(backend->ops->dropout(backend, &args), RMX_OK);
        kernel_expect(backend, args.y, whole + first, rows * WIDTH, name, "rows alone");
    }
    for (int other = 0; other < 3; other++) {
        rmx_dropout_args changed = args;
        const uint64_t next = step + 1;
        float *got = host_floats(SIZE);
        if (other == 0) changed.seed++;
        if (other == 1) changed.site++;
        if (other == 2) changed.step_counter = kernel_put(&all, &next, sizeof next);
        cr_assert_eq(backend->ops->dropout(backend, &changed), RMX_OK);
        testing_get(backend, got, changed.y, sizeof(float) * SIZE);
        cr_assert_geq(testing_first_difference(got, whole, SIZE), 0, "%s: %d", name, other);
        free(got);
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(whole);
}

Test(dropout, any_batch) { kernel_each(any_batch); }
