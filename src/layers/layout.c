/* SPDX-License-Identifier: MIT */
/* layout.c: see layout.h. */
#include "layers/layout.h"

bool rmx_dense_order(const rmx_tensor *t, int32_t order[RMX_MAX_DIMS])
{
    /* Insertion sort by descending stride; axes of size 1 compare equal to everything. */
    for (int32_t i = 0; i < t->dims; i++) {
        int32_t at = i;
        if (t->shape[i] != 1)
            for (; at > 0 &&
                   (t->shape[order[at - 1]] == 1 || t->stride[order[at - 1]] < t->stride[i]);
                 at--)
                order[at] = order[at - 1];
        order[at] = i;
    }
    bool dense = true;
    int64_t stride = 1;
    for (int32_t i = t->dims - 1; i >= 0; i--) {
        const int32_t axis = order[i];
        if (t->shape[axis] == 0) {
            for (int32_t j = 0; j < t->dims; j++) order[j] = j;
            return true;
        }
        if (t->shape[axis] == 1) continue;
        if (t->stride[axis] != stride) dense = false;
        stride *= t->shape[axis];
    }
    return dense;
}

rmx_tensor rmx_permuted(const rmx_tensor *t, const int32_t *order)
{
    rmx_tensor out = {.data = t->data, .dtype = t->dtype, .dims = t->dims};
    for (int32_t i = 0; i < t->dims; i++) {
        out.shape[i] = t->shape[order[i]];
        out.stride[i] = t->stride[order[i]];
    }
    return out;
}

bool rmx_same_strides(const rmx_tensor *a, const rmx_tensor *b)
{
    for (int32_t i = 0; i < a->dims; i++)
        if (a->shape[i] > 1 && a->stride[i] != b->stride[i]) return false;
    return true;
}

/* Axes of a copy, slowest first: size, source stride, destination stride. */
typedef struct copy_plan {
    int32_t n;
    int64_t shape[RMX_MAX_DIMS + 2], from[RMX_MAX_DIMS + 2], to[RMX_MAX_DIMS + 2];
} copy_plan;

/* Drops axes of size 1 and merges neighbours that step as one in both views. The last axis of
 * the result has a destination stride of 1: one of size 1 is added where there is none. */
static copy_plan plan_copy(const rmx_tensor *src, const rmx_tensor *dst)
{
    copy_plan plan = {0};
    for (int32_t i = 0; i < src->dims; i++) {
        const int64_t size = src->shape[i], from = src->stride[i], to = dst->stride[i];
        const int32_t last = plan.n - 1;
        if (size == 1) continue;
        if (last >= 0 && plan.from[last] == from * size && plan.to[last] == to * size) {
            plan.shape[last] *= size;
            plan.from[last] = from;
            plan.to[last] = to;
        } else {
            plan.shape[plan.n] = size;
            plan.from[plan.n] = from;
            plan.to[plan.n++] = to;
        }
    }
    if (plan.n == 0 || plan.to[plan.n - 1] != 1) {
        plan.shape[plan.n] = plan.to[plan.n] = 1;
        plan.from[plan.n++] = 0;
    }
    return plan;
}

/* A product over no k leaves +0; times -1 that is -0, to which the epilogue adds
 * x exactly, as -0 + x is x for every x. The product's outputs have four axes. */
static rmx_status copy_four(rmx_context *ctx, const copy_plan *plan, int32_t first,
                            rmx_dtype dtype, const void *src, void *dst)
{
    int64_t shape[4] = {1, 1, 1, 1}, from[4] = {0}, to[4] = {0};
    for (int32_t i = first, at = 4 - (plan->n - first); i < plan->n; i++, at++) {
        shape[at] = plan->shape[i];
        from[at] = plan->from[i];
        to[at] = plan->to[i];
    }
    const rmx_product_args args = {
        .dtype = dtype,
        .out_dtype = dtype,
        .math = rmx_math_of(dtype),
        .m = shape[2],
        .n = shape[3],
        .k = 0,
        .batch = {shape[0], shape[1]},
        .a = {.p = src},
        .b = {.p = src},
        .c = {.p = dst, .rs = to[2], .batch = {to[0], to[1]}},
        .alpha = -1.0f,
        .residual = {.p = src, .rs = from[2], .cs = from[3], .batch = {from[0], from[1]}},
        .activation = RMX_ACTIVATION_NONE,
    };
    return rmx_run_product(ctx, &args);
}

rmx_status rmx_copy_view(rmx_context *ctx, const rmx_tensor *src, const rmx_tensor *dst)
{
    for (int32_t i = 0; i < src->dims; i++)
        if (src->shape[i] == 0) return RMX_OK;
    const copy_plan plan = plan_copy(src, dst);
    const int32_t first = plan.n > 4 ? plan.n - 4 : 0;
    const int64_t bytes = (int64_t)rmx_dtype_size(src->dtype);
    int64_t index[RMX_MAX_DIMS + 2] = {0}, from = 0, to = 0;
    for (;;) {
        const rmx_status status =
            copy_four(ctx, &plan, first, src->dtype, (const char *)src->data + from * bytes,
                      (char *)dst->data + to * bytes);
        if (status != RMX_OK) return status;
        int32_t axis = first - 1; /* an odometer over the axes before the last four */
        for (; axis >= 0; axis--) {
            from += plan.from[axis];
            to += plan.to[axis];
            if (++index[axis] < plan.shape[axis]) break;
            from -= plan.from[axis] * plan.shape[axis];
            to -= plan.to[axis] * plan.shape[axis];
            index[axis] = 0;
        }
        if (axis < 0) return RMX_OK;
    }
}
