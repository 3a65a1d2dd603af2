/* SPDX-License-Identifier: MIT */
/* test_mean.c: the mean over any axes of a strided tensor, and its gradient. */
#include "cases_rows.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "layouts.h"
#include "rankmixer/mean.h"
#include "refusals.h"

enum { MEAN_CASES = CASES(mean_cases) };

static int64_t size_of(int32_t axes, const int64_t *shape)
{
    int64_t size = 1;
    for (int32_t i = 0; i < axes; i++) size *= shape[i];
    return size;
}

enum { VALUES = 900000, BACKWARDS = 16 };

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
    static float x[VALUES];
    const testing_pattern pattern = (testing_pattern)i;
    kernel_operands all = {.backend = backend};
    if (kernel_is_reference(backend)) testing_fill(x, VALUES, pattern, 1);
    const float *bx = kernel_floats(&all, x, VALUES);
    for (int c = 0; c < MEAN_CASES; c++) run_case(backend, name, &mean_cases[c], bx, pattern);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

Test(mean, kernel_has_reference_bits) { kernel_cases(PATTERN_COUNT, contract_cases); }

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
    const int64_t *shape = mean_backward_shapes[i];
    kernel_operands all = {.backend = backend};
    const int64_t outer = shape[0], n = shape[1], inner = shape[2];
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

Test(mean, backward_kernel_has_reference_bits)
{
    kernel_cases(CASES(mean_backward_shapes), backward_case);
}

/* ---- the layer ----------------------------------------------------------------------------- */

/* x of the case has the kept axes first. */
static rmx_tensor input_of(const mean_case *c, float *data)
{
    rmx_tensor t = {.data = data, .dims = c->kept + c->reduced};
    for (int32_t i = 0; i < t.dims; i++) {
        const bool kept = i < c->kept;
        t.shape[i] = kept ? c->kept_shape[i] : c->reduced_shape[i - c->kept];
        t.stride[i] = kept ? c->kept_stride[i] : c->reduced_stride[i - c->kept];
    }
    return t;
}

static rmx_mean_desc desc_of(const mean_case *c)
{
    rmx_mean_desc desc = {.axes = c->reduced};
    for (int32_t i = 0; i < c->reduced; i++) desc.axis[i] = c->kept + i;
    return desc;
}

static void forward(layer *l)
{
    const mean_case *c = l->of;
    const rmx_mean_desc desc = desc_of(c);
    const rmx_tensor x = input_of(c, l->in[0]),
                     y = rmx_tensor_of(RMX_F32, l->y, c->kept, c->kept_shape);
    operands_must(l->ctx, rmx_mean_forward(l->ctx, &desc, &x, &y));
}

static void backward(layer *l)
{
    const mean_case *c = l->of;
    const rmx_mean_desc desc = desc_of(c);
    const rmx_tensor dx = input_of(c, l->d[0]),
                     dy = rmx_tensor_of(RMX_F32, l->dy, c->kept, c->kept_shape);
    const size_t bytes = rmx_mean_backward_workspace(&desc, &dy, &dx);
    operands_must(l->ctx,
                  rmx_mean_backward(l->ctx, &desc, &dy, &dx, layer_slot(l, 0, bytes), bytes));
}

/* The cases whose x is dense, which a gradient has to be: those with gradients. */
static void make(int n, layer *l)
{
    int i = 0;
    while (!mean_cases[i].gradients || n-- > 0) i++;
    const mean_case *c = &mean_cases[i];
    l->of = c;
    l->name = "mean";
    l->forward = forward;
    l->backward = backward;
    l->outputs = size_of(c->kept, c->kept_shape);
    l->gradients = true;
    layer_input(l, "x", l->outputs * size_of(c->reduced, c->reduced_shape));
}

LAYER_TESTS(mean, make, 7)

/* The shape of y as a dense view in the same or the reverse order of axes. */
static rmx_tensor mean_view(const rmx_mean_desc *desc, int mask, bool reverse, float *data)
{
    static const int64_t shape[4] = {2, 3, 4, 5};
    int64_t kept[4];
    int32_t n = 0;
    for (int i = 0; i < 4; i++) {
        if (!(mask >> i & 1))
            kept[n++] = shape[i];
        else if (desc->keepdim)
            kept[n++] = 1;
    }
    rmx_tensor t = rmx_tensor_of(RMX_F32, data, n, kept);
    int64_t stride = 1;
    for (int32_t i = 0; reverse && i < n; i++) {
        t.stride[i] = stride;
        stride *= kept[i];
    }
    return t;
}

/* The mean of x over the axes of mask that belongs to element i of x, and how many there are. */
static double mean_at(const float *x, int mask, int64_t i, int64_t *count)
{
    const rmx_tensor full = layout_of(0, NULL);
    double sum = 0.0;
    *count = 0;
    for (int64_t j = 0; j < LAYOUT_ELEMENTS; j++) {
        bool same = true;
        for (int axis = 0; axis < 4; axis++)
            if (!(mask >> axis & 1))
                same = same && i / full.stride[axis] % full.shape[axis] ==
                                   j / full.stride[axis] % full.shape[axis];
        if (!same) continue;
        sum += (double)x[j];
        ++*count;
    }
    return sum / (double)*count;
}

/* y's offset for element i of x. */
static int64_t kept_offset(const rmx_mean_desc *desc, const rmx_tensor *y, int mask, int64_t i)
{
    const rmx_tensor full = layout_of(0, NULL);
    int64_t offset = 0;
    int32_t at = 0;
    for (int axis = 0; axis < 4; axis++) {
        const bool reduced = mask >> axis & 1;
        if (!reduced) offset += i / full.stride[axis] % full.shape[axis] * y->stride[at];
        if (!reduced || desc->keepdim) at++;
    }
    return offset;
}

static void view_case(rmx_context *ctx, int mask, bool keepdim, bool reverse, int x_layout,
                      const float *x, float *want)
{
    operands some;
    operands_begin(&some, ctx);
    rmx_mean_desc desc = {.keepdim = keepdim};
    for (int32_t i = 3; mask != 15 && i >= 0; i--) /* 15: all axes, said by naming none */
        if (mask >> i & 1) desc.axis[desc.axes++] = i % 2 ? i : i - 4;
    const rmx_tensor tx = layout_scatter(&some, x_layout, x);
    const rmx_tensor y = mean_view(&desc, mask, reverse, operands_new(&some, LAYOUT_ELEMENTS));
    const rmx_tensor dx =
        layout_of(x_layout < DENSE_LAYOUTS ? x_layout : 0, operands_new(&some, LAYOUT_ROOM));
    float got[LAYOUT_ELEMENTS], got_dx[LAYOUT_ELEMENTS];
    operands_must(ctx, rmx_mean_forward(ctx, &desc, &tx, &y));
    operands_get(&some, got, y.data, sizeof got);
    const size_t bytes = rmx_mean_backward_workspace(&desc, &y, &dx);
    operands_must(ctx,
                  rmx_mean_backward(ctx, &desc, &y, &dx, operands_bytes(&some, bytes), bytes));
    layout_gather(&some, &dx, got_dx);
    for (int64_t i = 0; i < LAYOUT_ELEMENTS; i++) {
        int64_t count;
        const double mean = mean_at(x, mask, i, &count);
        const float y_i = got[kept_offset(&desc, &y, mask, i)];
        if (want[i] != want[i]) want[i] = y_i; /* of the first layout */
        cr_expect_float_eq(y_i, mean, 16 * 0x1p-24 * 4.0, "axes %d: %g for %g", mask, (double)y_i,
                           mean);
        cr_expect_eq(y_i, want[i], "axes %d, layout %d", mask, x_layout);
        cr_expect_eq(got_dx[i], y_i / (float)count, "dx, axes %d, layout %d", mask, x_layout);
    }
    cr_expect(operands_free(&some));
}

static void mean_layouts(rmx_context *ctx, operands *all)
{
    (void)all;
    float x[LAYOUT_ELEMENTS], want[LAYOUT_ELEMENTS];
    layout_fill(x, 4);
    for (int mask = 1; mask < 16; mask++) {
        memset(want, 0xff, sizeof want);
        for (int variant = 0; variant < 4; variant++)
            for (int x_layout = 0; x_layout < LAYOUTS; x_layout++)
                view_case(ctx, mask, variant & 1, variant & 2, x_layout, x, want);
    }
}
Test(mean, views) { layer_on_contexts(mean_layouts); }

static void mean_of_nothing(rmx_context *ctx, operands *all)
{
    const rmx_mean_desc first = {.axes = 1, .axis = {0}};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 3));
    const rmx_tensor y = rmx_tensor_of(RMX_F32, operands_zeros(all, 3), 1, SHAPE(3));
    float got[3];
    operands_must(ctx, rmx_mean_forward(ctx, &first, &x, &y));
    operands_get(all, got, y.data, sizeof got);
    cr_expect(isnan(got[0]) && isnan(got[1]) && isnan(got[2]));
    operands_must(ctx, rmx_mean_backward(ctx, &first, &y, &x, NULL, 0));
    const rmx_tensor scalar = rmx_tensor_of(RMX_F32, y.data, 0, NULL),
                     out = rmx_tensor_of(RMX_F32, (float *)y.data + 1, 0, NULL);
    operands_must(ctx, rmx_zero(ctx, y.data, 4));
    operands_must(
        ctx, rmx_mean_forward(ctx, &first, &scalar, &out)); /* axis 0 of no axes, as in PyTorch */
    operands_get(all, got, y.data, sizeof got);
    cr_expect_eq(got[1], 0.0f);
}
Test(mean, of_nothing_and_of_one) { layer_on_contexts(mean_of_nothing); }

Test(mean, refusals)
{
    refusals t = refusals_begin();
    const rmx_tensor x = rmx_tensor_of(RMX_F32, t.a, 3, SHAPE(2, 4, 8));
    const rmx_tensor y = rmx_tensor_of(RMX_F32, t.out, 2, SHAPE(2, 8));
    const rmx_mean_desc middle = {.axes = 1, .axis = {1}}, twice = {.axes = 2, .axis = {1, -2}};
    const rmx_mean_desc beyond = {.axes = 1, .axis = {3}}, many = {.axes = 9};
    const rmx_mean_desc keep = {.axes = 1, .axis = {1}, .keepdim = true};
    REFUSES(rmx_mean_forward(t.ctx, NULL, &x, &y), "desc: NULL");
    REFUSES(rmx_mean_forward(t.ctx, &many, &x, &y), "desc.axes = 9");
    REFUSES(rmx_mean_forward(t.ctx, &beyond, &x, &y), "desc.axis[0] = 3: x has no such axis");
    REFUSES(rmx_mean_forward(t.ctx, &twice, &x, &y), "desc.axis[1] = -2: named twice");
    REFUSES(rmx_mean_forward(t.ctx, &keep, &x, &y), "y: shape [2, 8]: must be [2, 1, 8]");
    const rmx_tensor inside = rmx_tensor_of(RMX_F32, t.out + 16, 2, SHAPE(2, 8));
    const rmx_tensor wide = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 4, 8));
    REFUSES(rmx_mean_forward(t.ctx, &middle, &wide, &inside), "y (64 bytes");
    const rmx_tensor dx = rmx_tensor_of(RMX_F32, t.out, 3, SHAPE(2, 4, 8));
    const rmx_tensor dy = rmx_tensor_of(RMX_F32, t.b, 1, SHAPE(4));
    const rmx_mean_desc apart = {.axes = 2, .axis = {0, 2}};
    const size_t bytes = rmx_mean_backward_workspace(&apart, &dy, &dx);
    cr_expect_gt(bytes, 0);
    REFUSES(rmx_mean_backward(t.ctx, &middle, &dy, &dx, NULL, 0), "dy: shape [4]");
    REFUSES_AS(RMX_ERR_WORKSPACE, rmx_mean_backward(t.ctx, &apart, &dy, &dx, t.ws, bytes - 1),
               "ask rmx_mean_backward_workspace");
    REFUSES_AS(RMX_ERR_WORKSPACE, rmx_mean_backward(t.ctx, &apart, &dy, &dx, NULL, bytes),
               "needed");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_mean_backward(t.ctx, &apart, &dy, &dx, (char *)t.ws + 4, bytes), "256-byte");
    cr_expect_eq(rmx_mean_backward_workspace(&beyond, &dy, &dx), 0);
    cr_expect_eq(rmx_mean_backward_workspace(NULL, &dy, &dx), 0);
    refusals_end(&t);
}
