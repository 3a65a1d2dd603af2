/* SPDX-License-Identifier: MIT */
/* test_ops_views.c: views of any strides give the bits of contiguous copies; a row gives the same
 * bits alone and in a batch; in place gives the bits of apart. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "operands.h"
#include "rankmixer/norm.h"
#include "rankmixer/mean.h"
#include "rankmixer/softmax.h"
#include "testing.h"

#define SHAPE(...) \
    (int64_t[]) { __VA_ARGS__ }
#define MUST(call) operands_must(ctx, call)

static void on_contexts(void (*test)(rmx_context *ctx, operands *all))
{
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        rmx_context *ctx = operands_context(i);
        if (!ctx) continue;
        operands all;
        operands_begin(&all, ctx);
        test(ctx, &all);
        cr_expect(operands_free(&all), "%s", rmx_context_describe(ctx));
        rmx_context_destroy(ctx);
    }
}

/* Element i of a view, counted in row-major order of its axes. */
static int64_t offset_of(const rmx_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int32_t axis = t->dims - 1; axis >= 0; axis--) {
        offset += i % t->shape[axis] * t->stride[axis];
        i /= t->shape[axis];
    }
    return offset;
}

/* Four axes of [2, 3, 4, 5] over memory for 400 values, laid out in many ways; the last is not
 * dense and the one before repeats values. */
enum { LAYOUTS = 6, DENSE_LAYOUTS = 4, ELEMENTS = 120, ROOM = 400 };
static rmx_tensor layout(int which, float *data)
{
    static const int64_t strides[LAYOUTS][4] = {{60, 20, 5, 1}, {1, 2, 6, 24}, {20, 40, 1, 4},
                                                {5, 40, 10, 1}, {0, 20, 5, 1}, {131, 7, 22, 1}};
    rmx_tensor t = rmx_tensor_of(RMX_F32, data, 4, SHAPE(2, 3, 4, 5));
    memcpy(t.stride, strides[which], sizeof strides[which]);
    return t;
}

/* The elements of a view, in row-major order. */
static void gather(operands *all, const rmx_tensor *t, float *out)
{
    float memory[ROOM];
    operands_get(all, memory, t->data, sizeof memory);
    const int64_t count = rmx_tensor_count(t);
    for (int64_t i = 0; i < count; i++) out[i] = memory[offset_of(t, i)];
}

/* A view whose elements, in row-major order, are values; the rest of its memory is NaN. */
static rmx_tensor scatter(operands *all, int which, const float *values)
{
    float memory[ROOM];
    memset(memory, 0xff, sizeof memory);
    rmx_tensor t = layout(which, NULL);
    for (int64_t i = 0; i < ELEMENTS; i++) memory[offset_of(&t, i)] = values[i];
    t.data = operands_put(all, memory, ROOM);
    return t;
}

/* Values that every layout can hold, also the one that repeats its first axis. */
static void fill(float *values, uint64_t seed)
{
    testing_fill(values, ELEMENTS, PATTERN_NORMAL, seed);
    memcpy(values + ELEMENTS / 2, values, ELEMENTS / 2 * sizeof *values);
    values[7] = values[7 + ELEMENTS / 2] = -0.0f;
}

/* ---- softmax ------------------------------------------------------------------------------- */

static void softmax_layouts(rmx_context *ctx, operands *all)
{
    float x[ELEMENTS], dy[ELEMENTS], want[ELEMENTS], want_dx[ELEMENTS], got[ELEMENTS];
    fill(x, 1);
    fill(dy, 2);
    for (int variant = 0; variant < 8; variant++) { /* axis, and the logarithm or not */
        const int32_t axis = variant % 4;
        const bool log = variant >= 4;
        for (int y_layout = 0; y_layout < DENSE_LAYOUTS; y_layout++)
            for (int x_layout = 0; x_layout < LAYOUTS; x_layout++) {
                operands some;
                operands_begin(&some, ctx);
                const rmx_tensor tx = scatter(&some, x_layout, x);
                const rmx_tensor tdy = scatter(&some, x_layout, dy);
                const rmx_tensor y = layout(y_layout, operands_new(&some, ROOM));
                const rmx_tensor dx = layout(y_layout, operands_new(&some, ROOM));
                MUST(log ? rmx_log_softmax_forward(ctx, axis - 4, &tx, &y)
                         : rmx_softmax_forward(ctx, axis - 4, &tx, &y));
                MUST(log ? rmx_log_softmax_backward(ctx, axis, &tdy, &y, &dx)
                         : rmx_softmax_backward(ctx, axis, &tdy, &y, &dx));
                const bool first = y_layout == 0 && x_layout == 0;
                gather(all, &y, first ? want : got);
                cr_expect(first || memcmp(got, want, sizeof got) == 0, "y, axis %d, layouts %d %d",
                          axis, x_layout, y_layout);
                gather(all, &dx, first ? want_dx : got);
                cr_expect(first || memcmp(got, want_dx, sizeof got) == 0,
                          "dx, axis %d, layouts %d %d", axis, x_layout, y_layout);
                cr_expect(operands_free(&some));
            }
    }
}
Test(ops_views, softmax) { on_contexts(softmax_layouts); }

static void softmax_in_place(rmx_context *ctx, operands *all)
{
    enum { ROWS = 150, N = 37 };
    float x[ROWS * N], whole[ROWS * N], one[N];
    testing_fill(x, ROWS * N, PATTERN_NORMAL, 3);
    float *memory = operands_put(all, x, ROWS * N), *out = operands_new(all, ROWS * N);
    const rmx_tensor tx = rmx_tensor_of(RMX_F32, memory, 2, SHAPE(ROWS, N));
    const rmx_tensor ty = rmx_tensor_of(RMX_F32, out, 2, SHAPE(ROWS, N));
    MUST(rmx_softmax_forward(ctx, 1, &tx, &ty));
    operands_get(all, whole, out, sizeof whole);
    for (int64_t size = 1; size < ROWS; size += size < 10 ? 1 : 31) {
        const int64_t row = size * 53 % (ROWS - size);
        const rmx_tensor part = rmx_tensor_of(RMX_F32, memory + row * N, 2, SHAPE(size, N));
        const rmx_tensor result = rmx_tensor_of(RMX_F32, out, 2, SHAPE(size, N));
        MUST(rmx_softmax_forward(ctx, -1, &part, &result));
        operands_get(all, one, out, sizeof one);
        cr_expect_arr_eq(one, whole + row * N, sizeof one, "row %d of %d", (int)row, (int)size);
    }
    MUST(rmx_softmax_forward(ctx, 1, &tx, &tx));
    cr_expect(operands_same(all, memory, whole, ROWS * N), "in place");
    const rmx_tensor scalar = rmx_tensor_of(RMX_F32, out, 0, NULL);
    MUST(rmx_softmax_forward(ctx, -1, &scalar, &scalar)); /* no axes: one row of one */
    cr_expect(operands_same(all, out, (float[1]){1.0f}, 1));
}
Test(ops_views, softmax_rows_and_in_place) { on_contexts(softmax_in_place); }

/* ---- mean ---------------------------------------------------------------------------------- */

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
    const rmx_tensor full = layout(0, NULL);
    double sum = 0.0;
    *count = 0;
    for (int64_t j = 0; j < ELEMENTS; j++) {
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
    const rmx_tensor full = layout(0, NULL);
    int64_t offset = 0;
    int32_t at = 0;
    for (int axis = 0; axis < 4; axis++) {
        const bool reduced = mask >> axis & 1;
        if (!reduced) offset += i / full.stride[axis] % full.shape[axis] * y->stride[at];
        if (!reduced || desc->keepdim) at++;
    }
    return offset;
}

static void mean_case(rmx_context *ctx, int mask, bool keepdim, bool reverse, int x_layout,
                      const float *x, float *want)
{
    operands some;
    operands_begin(&some, ctx);
    rmx_mean_desc desc = {.keepdim = keepdim};
    for (int32_t i = 3; mask != 15 && i >= 0; i--) /* 15: all axes, said by naming none */
        if (mask >> i & 1) desc.axis[desc.axes++] = i % 2 ? i : i - 4;
    const rmx_tensor tx = scatter(&some, x_layout, x);
    const rmx_tensor y = mean_view(&desc, mask, reverse, operands_new(&some, ELEMENTS));
    const rmx_tensor dx =
        layout(x_layout < DENSE_LAYOUTS ? x_layout : 0, operands_new(&some, ROOM));
    float got[ELEMENTS], got_dx[ELEMENTS];
    MUST(rmx_mean_forward(ctx, &desc, &tx, &y));
    operands_get(&some, got, y.data, sizeof got);
    const size_t bytes = rmx_mean_backward_workspace(&desc, &y, &dx);
    MUST(rmx_mean_backward(ctx, &desc, &y, &dx, operands_bytes(&some, bytes), bytes));
    gather(&some, &dx, got_dx);
    for (int64_t i = 0; i < ELEMENTS; i++) {
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
    float x[ELEMENTS], want[ELEMENTS];
    fill(x, 4);
    for (int mask = 1; mask < 16; mask++) {
        memset(want, 0xff, sizeof want);
        for (int variant = 0; variant < 4; variant++)
            for (int x_layout = 0; x_layout < LAYOUTS; x_layout++)
                mean_case(ctx, mask, variant & 1, variant & 2, x_layout, x, want);
    }
}
Test(ops_views, mean) { on_contexts(mean_layouts); }

static void mean_of_nothing(rmx_context *ctx, operands *all)
{
    const rmx_mean_desc first = {.axes = 1, .axis = {0}};
    const rmx_tensor x = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 3));
    const rmx_tensor y = rmx_tensor_of(RMX_F32, operands_zeros(all, 3), 1, SHAPE(3));
    float got[3];
    MUST(rmx_mean_forward(ctx, &first, &x, &y));
    operands_get(all, got, y.data, sizeof got);
    cr_expect(isnan(got[0]) && isnan(got[1]) && isnan(got[2]));
    MUST(rmx_mean_backward(ctx, &first, &y, &x, NULL, 0));
    const rmx_tensor scalar = rmx_tensor_of(RMX_F32, y.data, 0, NULL),
                     out = rmx_tensor_of(RMX_F32, (float *)y.data + 1, 0, NULL);
    operands_must(ctx, rmx_zero(ctx, y.data, 4));
    MUST(rmx_mean_forward(ctx, &first, &scalar, &out)); /* axis 0 of no axes, as in PyTorch */
    operands_get(all, got, y.data, sizeof got);
    cr_expect_eq(got[1], 0.0f);
}
Test(ops_views, mean_of_nothing_and_of_one) { on_contexts(mean_of_nothing); }

/* ---- layer norm ---------------------------------------------------------------------------- */

/* Rows with strides give the bits of contiguous rows, also as neighbours in one matrix: x and y
 * are columns of the same rows. */
static void norm_strides(rmx_context *ctx, operands *all)
{
    enum { ROWS = 140, D = 19, LD = 2 * D + 3 };
    float x[ROWS * D], both[ROWS * LD], want[ROWS * D], want_dx[ROWS * D], gamma[D];
    testing_fill(x, ROWS * D, PATTERN_NORMAL, 5);
    testing_fill(gamma, D, PATTERN_NORMAL, 6);
    memset(both, 0xff, sizeof both);
    for (int64_t r = 0; r < ROWS; r++) memcpy(both + r * LD, x + r * D, D * sizeof *x);
    float *tx = operands_put(all, x, ROWS * D), *g = operands_put(all, gamma, D);
    float *y = operands_new(all, ROWS * D), *dx = operands_new(all, ROWS * D);
    float *mean = operands_new(all, ROWS), *rstd = operands_new(all, ROWS);
    const rmx_norm_desc dense = {RMX_NORM_LAYER, RMX_F32, ROWS, D, 1e-5f, 0, 0},
                        strided = {RMX_NORM_LAYER, RMX_F32, ROWS, D, 1e-5f, LD, LD};
    const size_t bytes = rmx_norm_backward_workspace(&dense);
    void *ws = operands_bytes(all, bytes);
    MUST(rmx_norm_forward(ctx, &dense, tx, g, NULL, y, mean, rstd));
    MUST(rmx_norm_backward(ctx, &dense, y, tx, g, mean, rstd, dx, NULL, NULL, ws, bytes));
    operands_get(all, want, y, sizeof want);
    operands_get(all, want_dx, dx, sizeof want_dx);
    float *m = operands_put(all, both, ROWS * LD);
    MUST(rmx_norm_forward(ctx, &strided, m, g, NULL, m + D, NULL, NULL));
    operands_get(all, both, m, sizeof both);
    for (int64_t r = 0; r < ROWS; r++) {
        cr_expect_arr_eq(both + r * LD, x + r * D, D * sizeof *x, "x changed in row %d", (int)r);
        cr_expect_arr_eq(both + r * LD + D, want + r * D, D * sizeof *x, "y, row %d", (int)r);
        cr_expect(isnan(both[r * LD + 2 * D]), "beyond row %d", (int)r);
    }
    MUST(rmx_norm_backward(ctx, &strided, m + D, m, g, mean, rstd, m + D, NULL, NULL, ws,
                           bytes)); /* dx in place of dy */
    operands_get(all, both, m, sizeof both);
    for (int64_t r = 0; r < ROWS; r++)
        cr_expect_arr_eq(both + r * LD + D, want_dx + r * D, D * sizeof *x, "dx, row %d", (int)r);
    const rmx_norm_desc mixed = {RMX_NORM_LAYER, RMX_F32, ROWS, D, 1e-5f, LD, 0};
    MUST(rmx_norm_backward(ctx, &mixed, y, m, g, mean, rstd, m + D, NULL, NULL, ws, bytes));
    operands_get(all, both, m, sizeof both);
    for (int64_t r = 0; r < ROWS; r++)
        cr_expect_arr_eq(both + r * LD + D, want_dx + r * D, D * sizeof *x, "mixed, row %d",
                         (int)r);
    MUST(rmx_norm_forward(ctx, &dense, tx, g, NULL, tx, NULL, NULL));
    cr_expect(operands_same(all, tx, want, ROWS * D), "in place");
}
Test(ops_views, layer_norm) { on_contexts(norm_strides); }
