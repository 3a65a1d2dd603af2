/* SPDX-License-Identifier: MIT */
/* test_softmax.c: softmax and log-softmax, forward and backward, along contiguous rows and across
 * them. */
#include "cases_rows.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "layouts.h"
#include "rankmixer/softmax.h"
#include "refusals.h"

enum { SOFTMAX_CASES = CASES(softmax_cases) };

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
    run_case(backend, name, softmax_cases[i / PATTERN_COUNT],
             (testing_pattern)(i % PATTERN_COUNT));
}

Test(softmax, kernel_has_reference_bits)
{
    kernel_cases(SOFTMAX_CASES * PATTERN_COUNT, contract_case);
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

/* ---- the layer ----------------------------------------------------------------------------- */

static rmx_tensor tensor_of(const layer *l, float *data)
{
    const softmax_case *c = l->of;
    return view3(data, c->outer, c->n, c->inner);
}

static void forward(layer *l)
{
    const softmax_case *c = l->of;
    const rmx_tensor x = tensor_of(l, l->in[0]), y = tensor_of(l, l->y);
    operands_must(l->ctx, c->log ? rmx_log_softmax_forward(l->ctx, 1, &x, &y)
                                 : rmx_softmax_forward(l->ctx, 1, &x, &y));
}

static void backward(layer *l)
{
    const softmax_case *c = l->of;
    const rmx_tensor y = tensor_of(l, l->y), dy = tensor_of(l, l->dy), dx = tensor_of(l, l->d[0]);
    operands_must(l->ctx, c->log ? rmx_log_softmax_backward(l->ctx, 1, &dy, &y, &dx)
                                 : rmx_softmax_backward(l->ctx, 1, &dy, &y, &dx));
}

/* softmax: half an ulp of x and of x - m is an absolute error of up to max|x| units each in an
 * exponent, and so a relative one of y; exp, the sum, 1/s and the product add a few units.
 * dx = y (dy - c) has y's error in y and in c.
 * log_softmax: y = (x - m) - log s, and |y| is near |x - m|: an ulp or two. In
 * dx = dy - exp(y) sum(dy) the sum is off by up to 16 units of sum|dy|, times a probability. */
static layer_bound bound(const layer *l, const char *tensor)
{
    const softmax_case *c = l->of;
    const double y = layer_golden_max(l, "y"), dy = layer_golden_max(l, "dy");
    const double units = 8.0 + layer_golden_max(l, "x");
    if (*tensor == 'y') return c->log ? (layer_bound){4.0, fmax(1.0, y)} : (layer_bound){units, y};
    return c->log ? (layer_bound){16.0, fmax(dy, layer_golden_max(l, "d_x"))}
                  : (layer_bound){units, dy};
}

static void make(int i, layer *l)
{
    const softmax_case *c = &softmax_cases[i];
    l->of = c;
    l->name = c->log ? "log_softmax" : "softmax";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->outer * c->n * c->inner;
    l->gradients = c->gradients;
    l->golden = c->golden;
    l->bound = bound;
    layer_input(l, "x", l->outputs);
}

LAYER_TESTS(softmax, make, SOFTMAX_CASES)
GOLDEN_TESTS(softmax, make, SOFTMAX_CASES, "softmax", "log_softmax")

static void softmax_layouts(rmx_context *ctx, operands *all)
{
    float x[LAYOUT_ELEMENTS], dy[LAYOUT_ELEMENTS], want[LAYOUT_ELEMENTS], want_dx[LAYOUT_ELEMENTS],
        got[LAYOUT_ELEMENTS];
    layout_fill(x, 1);
    layout_fill(dy, 2);
    for (int variant = 0; variant < 8; variant++) { /* axis, and the logarithm or not */
        const int32_t axis = variant % 4;
        const bool log = variant >= 4;
        for (int y_layout = 0; y_layout < DENSE_LAYOUTS; y_layout++)
            for (int x_layout = 0; x_layout < LAYOUTS; x_layout++) {
                operands some;
                operands_begin(&some, ctx);
                const rmx_tensor tx = layout_scatter(&some, x_layout, x);
                const rmx_tensor tdy = layout_scatter(&some, x_layout, dy);
                const rmx_tensor y = layout_of(y_layout, operands_new(&some, LAYOUT_ROOM));
                const rmx_tensor dx = layout_of(y_layout, operands_new(&some, LAYOUT_ROOM));
                operands_must(ctx, log ? rmx_log_softmax_forward(ctx, axis - 4, &tx, &y)
                                       : rmx_softmax_forward(ctx, axis - 4, &tx, &y));
                operands_must(ctx, log ? rmx_log_softmax_backward(ctx, axis, &tdy, &y, &dx)
                                       : rmx_softmax_backward(ctx, axis, &tdy, &y, &dx));
                const bool first = y_layout == 0 && x_layout == 0;
                layout_gather(all, &y, first ? want : got);
                cr_expect(first || memcmp(got, want, sizeof got) == 0, "y, axis %d, layouts %d %d",
                          axis, x_layout, y_layout);
                layout_gather(all, &dx, first ? want_dx : got);
                cr_expect(first || memcmp(got, want_dx, sizeof got) == 0,
                          "dx, axis %d, layouts %d %d", axis, x_layout, y_layout);
                cr_expect(operands_free(&some));
            }
    }
}
Test(softmax, views) { layer_on_contexts(softmax_layouts); }

static void softmax_in_place(rmx_context *ctx, operands *all)
{
    enum { ROWS = 150, N = 37 };
    float x[ROWS * N], whole[ROWS * N], one[N];
    testing_fill(x, ROWS * N, PATTERN_NORMAL, 3);
    float *memory = operands_put(all, x, ROWS * N), *out = operands_new(all, ROWS * N);
    const rmx_tensor tx = rmx_tensor_of(RMX_F32, memory, 2, SHAPE(ROWS, N));
    const rmx_tensor ty = rmx_tensor_of(RMX_F32, out, 2, SHAPE(ROWS, N));
    operands_must(ctx, rmx_softmax_forward(ctx, 1, &tx, &ty));
    operands_get(all, whole, out, sizeof whole);
    for (int64_t size = 1; size < ROWS; size += size < 10 ? 1 : 31) {
        const int64_t row = size * 53 % (ROWS - size);
        const rmx_tensor part = rmx_tensor_of(RMX_F32, memory + row * N, 2, SHAPE(size, N));
        const rmx_tensor result = rmx_tensor_of(RMX_F32, out, 2, SHAPE(size, N));
        operands_must(ctx, rmx_softmax_forward(ctx, -1, &part, &result));
        operands_get(all, one, out, sizeof one);
        cr_expect_arr_eq(one, whole + row * N, sizeof one, "row %d of %d", (int)row, (int)size);
    }
    operands_must(ctx, rmx_softmax_forward(ctx, 1, &tx, &tx));
    cr_expect(operands_same(all, memory, whole, ROWS * N), "in place");
    const rmx_tensor scalar = rmx_tensor_of(RMX_F32, out, 0, NULL);
    operands_must(ctx,
                  rmx_softmax_forward(ctx, -1, &scalar, &scalar)); /* no axes: one row of one */
    cr_expect(operands_same(all, out, (float[1]){1.0f}, 1));
}
Test(softmax, layer_rows_and_in_place) { layer_on_contexts(softmax_in_place); }

Test(softmax, refusals)
{
    refusals t = refusals_begin();
    const rmx_tensor x = view2(t.a, 4, 8), y = view2(t.out, 4, 8), other = view2(t.out, 8, 4);
    const rmx_tensor bad = rmx_tensor_of(RMX_F32, t.out, 99, SHAPE(1));
    rmx_tensor strided = y, repeated = y, negative = y, huge = y;
    strided.stride[0] = 9;
    repeated.stride[0] = 0;
    negative.stride[1] = -1;
    huge.shape[0] = INT64_MAX / 2;
    REFUSES(rmx_softmax_forward(t.ctx, 2, &x, &y), "axis = 2: must be -2 to 1");
    REFUSES(rmx_softmax_forward(t.ctx, -3, &x, &y), "axis = -3");
    REFUSES(rmx_softmax_forward(t.ctx, 0, NULL, &y), "x: NULL");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, NULL), "y: NULL");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &bad), "y: -1 axes");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &other), "y: shape [8, 4]: must be [4, 8]");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &strided), "must be dense");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &repeated), "must not share memory");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &x, &negative), "must not be negative");
    REFUSES(rmx_softmax_forward(t.ctx, 0, &huge, &y), "more than 2^48 elements");
    const rmx_tensor shifted = view2(t.out + 3, 4, 8), flipped = rmx_tensor_transpose(other, 0, 1);
    REFUSES(rmx_log_softmax_forward(t.ctx, 0, &shifted, &y), "y (128 bytes");
    REFUSES(rmx_log_softmax_forward(t.ctx, 0, &flipped, &y), "overlaps x");
    REFUSES(rmx_softmax_backward(t.ctx, 0, &x, &x, &flipped), "must have the strides of y");
    REFUSES(rmx_softmax_backward(t.ctx, 0, &x, &y, &y), "dx (128 bytes");
    REFUSES(rmx_softmax_backward(t.ctx, 5, &x, &x, &y), "axis = 5");
    REFUSES(rmx_softmax_backward(t.ctx, 0, &other, &x, &y), "dy: shape [8, 4]");
    const rmx_tensor none = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 8));
    ACCEPTS(rmx_softmax_forward(t.ctx, 1, &none, &none));
    ACCEPTS(rmx_log_softmax_backward(t.ctx, 0, &none, &none, &none));
    refusals_end(&t);
}
