/* SPDX-License-Identifier: MIT */
/* test_layout.c: copies between views of up to eight axes, and the order of dense ones. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/layout.h"
#include "operands.h"
#include "testing.h"

enum { TRIALS = 60, MOST = 5000 };

static uint64_t state = 7;

static int64_t draw(int64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(state >> 33) % below;
}

/* A dense view of this shape with its axes in a random order, and that order. */
static rmx_tensor shuffled(int32_t dims, const int64_t *shape, int32_t order[RMX_MAX_DIMS])
{
    rmx_tensor t = {.dims = dims};
    for (int32_t i = 0; i < dims; i++) {
        const int32_t at = (int32_t)draw(i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    int64_t stride = 1;
    for (int32_t i = dims - 1; i >= 0; i--) {
        t.shape[order[i]] = shape[order[i]];
        t.stride[order[i]] = stride;
        stride *= shape[order[i]];
    }
    return t;
}

static int64_t offset_of(const rmx_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int32_t axis = t->dims - 1; axis >= 0; axis--) {
        offset += i % t->shape[axis] * t->stride[axis];
        i /= t->shape[axis];
    }
    return offset;
}

static void copies(rmx_context *ctx)
{
    float from[MOST], want[MOST];
    int many_axes = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        int64_t shape[RMX_MAX_DIMS];
        int32_t order[RMX_MAX_DIMS];
        const int32_t dims = (int32_t)draw(RMX_MAX_DIMS + 1);
        for (int32_t i = 0; i < dims; i++) shape[i] = 1 + draw(dims > 5 ? 2 : 4);
        rmx_tensor src = shuffled(dims, shape, order), dst = shuffled(dims, shape, order);
        if (dims > 0 && trial % 5 == 0) src.stride[draw(dims)] = 0; /* a repeated axis */
        const int64_t count = rmx_tensor_count(&src);
        operands all;
        operands_begin(&all, ctx);
        testing_fill(from, MOST, PATTERN_SPECIAL, (uint64_t)trial);
        memset(want, 0xff, sizeof want);
        src.data = operands_put(&all, from, count);
        dst.data = operands_new(&all, count);
        for (int64_t i = 0; i < count; i++) want[offset_of(&dst, i)] = from[offset_of(&src, i)];
        operands_must(ctx, rmx_copy_view(ctx, &src, &dst));
        float got[MOST];
        operands_get(&all, got, dst.data, (size_t)count * sizeof *got);
        cr_expect_eq(testing_first_difference(got, want, count), -1, "trial %d", trial);
        cr_expect(operands_free(&all));
        many_axes += dims > 5;
    }
    cr_expect_gt(many_axes, TRIALS / 10);
}

Test(layout, copies_of_any_view)
{
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        rmx_context *ctx = operands_context(i);
        if (!ctx) continue;
        copies(ctx);
        rmx_context_destroy(ctx);
    }
}

Test(layout, dense_order)
{
    for (int trial = 0; trial < 1000; trial++) {
        int64_t shape[RMX_MAX_DIMS];
        int32_t order[RMX_MAX_DIMS], found[RMX_MAX_DIMS];
        const int32_t dims = (int32_t)draw(RMX_MAX_DIMS + 1);
        for (int32_t i = 0; i < dims; i++) shape[i] = 1 + draw(3);
        rmx_tensor t = shuffled(dims, shape, order);
        for (int32_t i = 0; i < dims; i++)
            if (t.shape[i] == 1) t.stride[i] = draw(1000); /* no step is ever taken */
        cr_assert(rmx_dense_order(&t, found));
        const rmx_tensor sorted = rmx_permuted(&t, found);
        int64_t stride = 1;
        for (int32_t i = dims - 1; i >= 0; i--) {
            if (sorted.shape[i] > 1) cr_assert_eq(sorted.stride[i], stride, "trial %d", trial);
            stride *= sorted.shape[i];
        }
        for (int32_t i = 0; i < dims; i++) { /* a gap in memory: dense no more */
            if (t.shape[i] == 1) continue;
            rmx_tensor gap = t;
            for (int32_t j = 0; j < dims; j++)
                if (t.stride[j] >= t.stride[i]) gap.stride[j] += 1;
            cr_assert_not(rmx_dense_order(&gap, found), "trial %d, axis %d", trial, i);
        }
    }
}
