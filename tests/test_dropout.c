/* SPDX-License-Identifier: MIT */
/* test_dropout.c: the mask is a function of (seed, step, site, element) alone. */
#include "cases_rows.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "rankmixer/dropout.h"
#include "refusals.h"

static const float p = 0.1f, scale = 1.0f / 0.9f;

static void dropout_kernel(rmx_backend *backend, const char *name, int i)
{
    const dropout_case *c = &dropout_cases[i];
    kernel_operands all = {.backend = backend};
    const testing_pattern pattern = (testing_pattern)(i % PATTERN_COUNT);
    const uint64_t step = (uint64_t)i * 0x123456789u;
    float *x = host_filled(c->n, pattern, 1);
    float *bx = kernel_floats(&all, x, c->n);
    const rmx_dropout_args args = {.n = c->n,
                                   .seed = 0x123456789abcdefu,
                                   .first = c->first,
                                   .site = (uint32_t)(c->first % 256),
                                   .step_counter = kernel_put(&all, &step, sizeof step),
                                   .p = c->p,
                                   .scale = scale,
                                   .x = bx,
                                   .y = c->in_place ? kernel_in_place(&all, bx, x, c->n)
                                                    : kernel_floats(&all, NULL, c->n)};
    cr_assert_eq(backend->ops->dropout(backend, &args), RMX_OK);
    kernel_compare(backend, args.y, c->n, name, testing_pattern_name(pattern));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(dropout, kernel_has_reference_bits) { kernel_cases(CASES(dropout_cases), dropout_kernel); }

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

/* ---- the layer ----------------------------------------------------------------------------- */

static rmx_dropout_desc desc_of(layer *l)
{
    static const uint64_t step = 5;
    const dropout_case *c = l->of;
    return (rmx_dropout_desc){.p = c->p,
                              .seed = 11,
                              .site = 3,
                              .first = c->first,
                              .step = layer_put(l, 0, &step, sizeof step)};
}

static void forward(layer *l)
{
    const rmx_dropout_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_dropout_forward(l->ctx, &desc, l->outputs, l->in[0], l->y));
}

static void backward(layer *l)
{
    const rmx_dropout_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_dropout_backward(l->ctx, &desc, l->outputs, l->dy, l->d[0]));
}

static void make(int i, layer *l)
{
    const dropout_case *c = &dropout_cases[i];
    l->of = c;
    l->name = "dropout";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->n;
    l->gradients = c->gradients;
    layer_input(l, "x", c->n);
}

LAYER_TESTS(dropout, make, CASES(dropout_cases))

Test(dropout, refusals)
{
    refusals t = refusals_begin();
    const rmx_dropout_desc good = {.p = 0.5f, .site = 1, .step = t.ws};
    rmx_dropout_desc bad[4] = {good, good, good, good};
    static const char *const text[4] = {".p = 1", ".p = -0.5", ".site = 256", ".step: NULL"};
    bad[0].p = 1.0f;
    bad[1].p = -0.5f;
    bad[2].site = 256;
    bad[3].step = NULL;
    for (int i = 0; i < 4; i++) {
        REFUSES(rmx_dropout_forward(t.ctx, &bad[i], 4, t.a, t.out), text[i]);
        REFUSES(rmx_dropout_backward(t.ctx, &bad[i], 4, t.a, t.out), text[i]);
    }
    REFUSES(rmx_dropout_forward(t.ctx, NULL, 4, t.a, t.out), "desc: NULL");
    REFUSES(rmx_dropout_forward(t.ctx, &good, -4, t.a, t.out), "n = -4");
    REFUSES(rmx_dropout_forward(t.ctx, &good, 4, NULL, t.out), "x: NULL");
    REFUSES(rmx_dropout_forward(t.ctx, &good, 4, t.a, NULL), "y: NULL");
    REFUSES(rmx_dropout_forward(t.ctx, &good, 4, t.out + 1, t.out), "y (at");
    refusals_end(&t);
}
