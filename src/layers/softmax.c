/* SPDX-License-Identifier: MIT */
/* softmax.c: see rankmixer/softmax.h. The kernels take contiguous [outer, n, inner]; a
 * dense view is that once its axes are read in the order in which they lie in memory. */
#include "rankmixer/softmax.h"

#include "layers/check.h"
#include "layers/layout.h"

typedef struct softmax_shape {
    int64_t outer, n, inner;
} softmax_shape;

/* axis made non-negative; a view without axes is one row of one element, as in PyTorch. */
static rmx_status check_axis(rmx_context *ctx, int32_t *axis, const rmx_tensor *t)
{
    const int32_t dims = t->dims > 0 ? t->dims : 1;
    RMX_TRY(rmx_check_size(ctx, "axis", *axis, -dims, dims - 1));
    if (*axis < 0) *axis += dims;
    return RMX_OK;
}

static rmx_status check_dense(rmx_context *ctx, const char *name, const rmx_tensor *t,
                              int32_t axis, softmax_shape *shape)
{
    char text[RMX_SHAPE_TEXT];
    int32_t order[RMX_MAX_DIMS];
    if (!rmx_dense_order(t, order))
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "%s: shape %s: must be dense, that is contiguous or a permutation "
                                "of it",
                                name, rmx_shape_text(t, true, text));
    *shape = (softmax_shape){1, 1, 1};
    int64_t *part = &shape->outer;
    for (int32_t i = 0; i < t->dims; i++) {
        if (order[i] == axis) {
            shape->n = t->shape[axis];
            part = &shape->inner;
        } else {
            *part *= t->shape[order[i]];
        }
    }
    return RMX_OK;
}

/* out may be in itself where both lie alike; otherwise they are apart. */
static rmx_status check_same_or_apart(rmx_context *ctx, const char *out_name,
                                      const rmx_tensor *out, const char *in_name,
                                      const rmx_tensor *in)
{
    if (out->data == in->data && rmx_same_strides(out, in)) return RMX_OK;
    return rmx_check_views_apart(ctx, out_name, out, in_name, in);
}

static rmx_status forward(rmx_context *ctx, bool log, int32_t axis, const rmx_tensor *x,
                          const rmx_tensor *y)
{
    softmax_shape shape;
    RMX_TRY(rmx_check_desc(ctx, "x", x));
    RMX_TRY(rmx_check_tensor(ctx, "x", x));
    RMX_TRY(check_axis(ctx, &axis, x));
    RMX_TRY(rmx_check_output(ctx, "y", y));
    RMX_TRY(rmx_check_shape(ctx, "y", y, x->dims, x->shape, "the shape of x"));
    RMX_TRY(rmx_check_same_dtype(ctx, "y", y, "x", x));
    RMX_TRY(check_dense(ctx, "y", y, axis, &shape));
    RMX_TRY(check_same_or_apart(ctx, "y", y, "x", x));
    if (rmx_tensor_count(x) == 0) return RMX_OK;
    const void *from = x->data;
    if (!rmx_same_strides(x, y)) {
        RMX_TRY(rmx_check_kernels(ctx, x->dtype, RMX_USES(softmax)));
        RMX_TRY(rmx_copy_view(ctx, x, y));
        from = y->data;
    }
    const rmx_softmax_args args = {.dtype = x->dtype,
                                   .outer = shape.outer,
                                   .n = shape.n,
                                   .inner = shape.inner,
                                   .log = log,
                                   .x = from,
                                   .y = y->data};
    return rmx_run_softmax(ctx, &args);
}

static rmx_status backward(rmx_context *ctx, bool log, int32_t axis, const rmx_tensor *dy,
                           const rmx_tensor *y, const rmx_tensor *dx)
{
    softmax_shape shape;
    RMX_TRY(rmx_check_desc(ctx, "y", y));
    RMX_TRY(rmx_check_tensor(ctx, "y", y));
    RMX_TRY(check_axis(ctx, &axis, y));
    RMX_TRY(rmx_check_tensor(ctx, "dy", dy));
    RMX_TRY(rmx_check_shape(ctx, "dy", dy, y->dims, y->shape, "the shape of y"));
    RMX_TRY(rmx_check_output(ctx, "dx", dx));
    RMX_TRY(rmx_check_shape(ctx, "dx", dx, y->dims, y->shape, "the shape of y"));
    RMX_TRY(rmx_check_same_dtype(ctx, "dy", dy, "y", y));
    RMX_TRY(rmx_check_same_dtype(ctx, "dx", dx, "y", y));
    RMX_TRY(check_dense(ctx, "dx", dx, axis, &shape));
    if (!rmx_same_strides(y, dx)) {
        char is[RMX_SHAPE_TEXT], must[RMX_SHAPE_TEXT];
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "dx: shape %s: must have the strides of y, %s",
                                rmx_shape_text(dx, true, is), rmx_shape_text(y, true, must));
    }
    RMX_TRY(rmx_check_views_apart(ctx, "dx", dx, "y", y));
    RMX_TRY(check_same_or_apart(ctx, "dx", dx, "dy", dy));
    if (rmx_tensor_count(y) == 0) return RMX_OK;
    const void *from = dy->data;
    if (!rmx_same_strides(dy, dx)) {
        RMX_TRY(rmx_check_kernels(ctx, y->dtype, RMX_USES(softmax_backward)));
        RMX_TRY(rmx_copy_view(ctx, dy, dx));
        from = dx->data;
    }
    const rmx_softmax_backward_args args = {.dtype = y->dtype,
                                            .outer = shape.outer,
                                            .n = shape.n,
                                            .inner = shape.inner,
                                            .log = log,
                                            .y = y->data,
                                            .dy = from,
                                            .dx = dx->data};
    return rmx_run_softmax_backward(ctx, &args);
}

rmx_status rmx_softmax_forward(rmx_context *ctx, int32_t axis, const rmx_tensor *x,
                               const rmx_tensor *y)
{
    return forward(ctx, false, axis, x, y);
}

rmx_status rmx_log_softmax_forward(rmx_context *ctx, int32_t axis, const rmx_tensor *x,
                                   const rmx_tensor *y)
{
    return forward(ctx, true, axis, x, y);
}

rmx_status rmx_softmax_backward(rmx_context *ctx, int32_t axis, const rmx_tensor *dy,
                                const rmx_tensor *y, const rmx_tensor *dx)
{
    return backward(ctx, false, axis, dy, y, dx);
}

rmx_status rmx_log_softmax_backward(rmx_context *ctx, int32_t axis, const rmx_tensor *dy,
                                    const rmx_tensor *y, const rmx_tensor *dx)
{
    return backward(ctx, true, axis, dy, y, dx);
}
