/* SPDX-License-Identifier: MIT */
/* test_check.c: the checks on views against the truth, which is found by walking over them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "layers/check.h"
#include "operands.h"

enum { ROOM = 512, TRIALS = 40000 };

static uint64_t state = 1;

static int64_t draw(int64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(state >> 33) % below;
}

/* A small view somewhere in memory; its strides come from a few values, so that views often
 * interleave. */
static rmx_tensor random_view(float *memory)
{
    static const int64_t strides[] = {0, 1, 1, 2, 3, 4, 6, 8, 8, 12, 16, 24};
    for (;;) {
        rmx_tensor t = {.data = memory + draw(40), .dims = (int32_t)draw(4)};
        for (int32_t i = 0; i < t.dims; i++) {
            t.shape[i] = draw(12) == 0 ? 0 : 1 + draw(4);
            t.stride[i] = strides[draw(12)];
        }
        if ((float *)t.data - memory + rmx_tensor_extent(&t) <= ROOM) return t;
    }
}

/* How often each element of memory is an element of the view. */
static void walk(const rmx_tensor *t, const float *memory, int counts[ROOM])
{
    memset(counts, 0, ROOM * sizeof *counts);
    const int64_t count = rmx_tensor_count(t);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = (const float *)t->data - memory, rest = i;
        for (int32_t axis = t->dims - 1; axis >= 0; axis--) {
            at += rest % t->shape[axis] * t->stride[axis];
            rest /= t->shape[axis];
        }
        counts[at]++;
    }
}

static bool shared(const int *a, const int *b)
{
    for (int i = 0; i < ROOM; i++)
        if (a[i] && b[i]) return true;
    return false;
}

static bool repeated(const int *a)
{
    for (int i = 0; i < ROOM; i++)
        if (a[i] > 1) return true;
    return false;
}

/* Whatever shares memory is refused; much of what does not, but lies interleaved, is accepted. */
Test(check, views_against_the_truth)
{
    static float memory[ROOM];
    int a_counts[ROOM], b_counts[ROOM];
    int overlapping = 0, interleaved = 0, accepted = 0, repeating = 0, writable = 0;
    rmx_context *ctx = operands_context(0);
    for (int trial = 0; trial < TRIALS; trial++) {
        const rmx_tensor a = random_view(memory), b = random_view(memory);
        walk(&a, memory, a_counts);
        walk(&b, memory, b_counts);
        const bool apart = rmx_check_views_apart(ctx, "a", &a, "b", &b) == RMX_OK;
        const bool output = rmx_check_output(ctx, "a", &a) == RMX_OK;
        const bool ranges_meet = (float *)a.data < (float *)b.data + rmx_tensor_extent(&b) &&
                                 (float *)b.data < (float *)a.data + rmx_tensor_extent(&a);
        if (shared(a_counts, b_counts)) {
            overlapping++;
            cr_assert_not(apart, "trial %d: an overlap was accepted", trial);
        } else if (ranges_meet && rmx_tensor_count(&a) && rmx_tensor_count(&b)) {
            interleaved++;
            accepted += apart;
        } else {
            cr_assert(apart, "trial %d: views far apart were refused", trial);
        }
        if (repeated(a_counts)) {
            repeating++;
            cr_assert_not(output, "trial %d: an output that writes twice was accepted", trial);
        } else {
            writable += output;
        }
    }
    cr_expect_gt(overlapping, TRIALS / 10);
    cr_expect_gt(interleaved, TRIALS / 100);
    cr_expect_gt(accepted, interleaved / 10, "%d of %d", accepted, interleaved);
    cr_expect_gt(repeating, TRIALS / 10);
    cr_expect_gt(writable, TRIALS / 4);
    rmx_context_destroy(ctx);
}

#define REFUSES(call, text)                                                          \
    do {                                                                             \
        cr_expect_eq((call), RMX_ERR_ARGUMENT, "%s", #call);                         \
        cr_expect(strstr(rmx_last_error(ctx), text) != NULL, "\"%s\" has no \"%s\"", \
                  rmx_last_error(ctx), text);                                        \
    } while (0)

Test(check, plain_arguments)
{
    rmx_context *ctx = operands_context(0);
    const int64_t big = INT64_C(1) << 40, huge[3] = {big, big, 0}, fine[3] = {big, 256, 0};
    int64_t count = -1;
    cr_expect_eq(rmx_check_desc(NULL, "desc", ctx), RMX_ERR_ARGUMENT);
    REFUSES(rmx_check_size(ctx, "rows", INT64_MIN, 0, 5), "rows = -9223372036854775808");
    REFUSES(rmx_check_count(ctx, "rows * width", huge, 3, &count), "rows * width");
    cr_expect_eq(count, -1);
    cr_expect_eq(rmx_check_count(ctx, "rows * width", fine, 2, &count), RMX_OK);
    cr_expect_eq(count, RMX_COUNT_MAX);
    cr_expect_eq(rmx_check_count(ctx, "rows * width", fine, 3, &count), RMX_OK);
    cr_expect_eq(count, 0);
    REFUSES(rmx_check_unused(ctx, "s2", ctx, "for sgd"), "s2: must be NULL for sgd");
    cr_expect_eq(rmx_check_unused(ctx, "s2", NULL, "for sgd"), RMX_OK);
    rmx_tensor far = {.data = (float *)(void *)ctx, .dims = 2, .shape = {2, 2}};
    far.stride[0] = INT64_MAX;
    REFUSES(rmx_check_tensor(ctx, "x", &far), "reaches beyond 2^48 elements");
    far.shape[0] = 0; /* empty: strides and memory say nothing */
    far.data = NULL;
    cr_expect_eq(rmx_check_tensor(ctx, "x", &far), RMX_OK);
    rmx_context_destroy(ctx);
}
