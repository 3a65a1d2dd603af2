/* SPDX-License-Identifier: MIT */
/* mean.c: see rankmixer/mean.h. */
#include "rankmixer/mean.h"

#include <string.h>

#include "layers/check.h"
#include "layers/layout.h"

/* desc applied to a view with dims axes. */
typedef struct mean_axes {
    bool reduced[RMX_MAX_DIMS];
} mean_axes;

/* NULL, or what is wrong with desc.axis[*at]. */
static const char *axes_problem(const rmx_mean_desc *desc, int32_t dims, mean_axes *axes,
                                int32_t *at)
{
    const int32_t span = dims > 0 ? dims : 1; /* no axes: 0 and -1 are allowed, as in PyTorch */
    *axes = (mean_axes){{false}};
    for (int32_t i = 0; desc->axes == 0 && i < dims; i++) axes->reduced[i] = true;
    for (int32_t i = 0; i < desc->axes; i++) {
        const int32_t axis = desc->axis[i] < 0 ? desc->axis[i] + span : desc->axis[i];
        *at = i;
        if (axis < 0 || axis >= span) return "x has no such axis";
        if (axes->reduced[axis]) return "named twice";
        axes->reduced[axis] = true;
    }
    return NULL;
}

static rmx_status find_axes(rmx_context *ctx, const rmx_mean_desc *desc, int32_t dims,
                            mean_axes *axes)
{
    int32_t at = 0;
    RMX_TRY(rmx_check_size(ctx, "desc.axes", desc->axes, 0, RMX_MAX_DIMS));
    const char *problem = axes_problem(desc, dims, axes, &at);
    if (!problem) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "desc.axis[%d] = %d: %s (it has %d axes)", at,
                            desc->axis[at], problem, dims);
}

/* The shape of y for an x of this shape. */
static rmx_tensor reduced_shape(const rmx_mean_desc *desc, const mean_axes *axes,
                                const rmx_tensor *x)
{
    rmx_tensor y = {.dims = 0, .dtype = x->dtype};
    for (int32_t i = 0; i < x->dims; i++) {
        if (!axes->reduced[i])
            y.shape[y.dims++] = x->shape[i];
        else if (desc->keepdim)
            y.shape[y.dims++] = 1;
    }
    return y;
}

/* y with an axis for each of x's: where reduced, x's size and stride 0. */
static rmx_tensor expand(const rmx_mean_desc *desc, const mean_axes *axes, const rmx_tensor *x,
                         const rmx_tensor *y)
{
    rmx_tensor out = {.data = y->data, .dtype = y->dtype, .dims = x->dims};
    int32_t at = 0;
    for (int32_t i = 0; i < x->dims; i++) {
        out.shape[i] = x->shape[i];
        if (!axes->reduced[i]) out.stride[i] = y->stride[at];
        if (!axes->reduced[i] || desc->keepdim) at++;
    }
    return out;
}

/* Number of elements behind each mean. */
static int64_t elements(const mean_axes *axes, const rmx_tensor *x)
{
    int64_t n = 1;
    for (int32_t i = 0; i < x->dims; i++)
        if (axes->reduced[i]) n *= x->shape[i];
    return n;
}

static rmx_status check_dense(rmx_context *ctx, const char *name, const rmx_tensor *t,
                              int32_t order[RMX_MAX_DIMS])
{
    char text[RMX_SHAPE_TEXT];
    if (rmx_dense_order(t, order)) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "%s: shape %s: must be dense, that is contiguous or a permutation of "
                            "it",
                            name, rmx_shape_text(t, true, text));
}

/* Kept axes in y's memory order, which makes y contiguous; reduced ones in x's axis order. */
static rmx_mean_args mean_args(const rmx_mean_desc *desc, const mean_axes *axes,
                               const rmx_tensor *x, const rmx_tensor *y,
                               const int32_t order[RMX_MAX_DIMS])
{
    rmx_mean_args args = {.dtype = x->dtype, .x = x->data, .y = y->data};
    int32_t x_axis[RMX_MAX_DIMS] = {0}, at = 0; /* of each axis of y */
    for (int32_t i = 0; i < x->dims; i++) {
        if (!axes->reduced[i] || desc->keepdim) x_axis[at++] = i;
        if (!axes->reduced[i]) continue;
        args.reduced_shape[args.reduced] = x->shape[i];
        args.reduced_stride[args.reduced++] = x->stride[i];
    }
    for (int32_t i = 0; i < y->dims; i++) {
        const int32_t axis = x_axis[order[i]];
        if (axes->reduced[axis]) continue;
        args.kept_shape[args.kept] = x->shape[axis];
        args.kept_stride[args.kept++] = x->stride[axis];
    }
    return args;
}

rmx_status rmx_mean_forward(rmx_context *ctx, const rmx_mean_desc *desc, const rmx_tensor *x,
                            const rmx_tensor *y)
{
    mean_axes axes;
    int32_t order[RMX_MAX_DIMS];
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_tensor(ctx, "x", x));
    RMX_TRY(find_axes(ctx, desc, x->dims, &axes));
    RMX_TRY(rmx_check_output(ctx, "y", y));
    const rmx_tensor shape = reduced_shape(desc, &axes, x);
    RMX_TRY(rmx_check_shape(ctx, "y", y, shape.dims, shape.shape,
                            desc->keepdim ? "x's with reduced axes of size 1"
                                          : "x's without the reduced axes"));
    RMX_TRY(rmx_check_same_dtype(ctx, "y", y, "x", x));
    RMX_TRY(check_dense(ctx, "y", y, order));
    RMX_TRY(rmx_check_views_apart(ctx, "y", y, "x", x));
    if (rmx_tensor_count(y) == 0) return RMX_OK;
    rmx_mean_args args = mean_args(desc, &axes, x, y, order);
    if (rmx_tensor_count(x) == 0) /* nothing is read, so its strides may be anything */
        memset(args.kept_stride, 0, sizeof args.kept_stride);
    return rmx_run_mean(ctx, &args);
}

/* How a backward pass runs. Views in dx's memory order, in which dx is contiguous. */
typedef struct backward_plan {
    rmx_tensor dx, dy; /* dy expanded to dx's axes */
    bool reduced[RMX_MAX_DIMS];
    int64_t outer, n, inner; /* of the kernel's call */
    int64_t kept;            /* elements of dy */
    bool gather;             /* dy is not contiguous in this order: copied to the workspace */
    bool spread;             /* reduced axes apart: dy / n is made in the workspace as [kept, n],
                                 then copied to its places */
} backward_plan;

static backward_plan plan_backward(const rmx_mean_desc *desc, const mean_axes *axes,
                                   const rmx_tensor *dy, const rmx_tensor *dx,
                                   const int32_t order[RMX_MAX_DIMS])
{
    const rmx_tensor wide = expand(desc, axes, dx, dy);
    backward_plan plan = {.dx = rmx_permuted(dx, order),
                          .dy = rmx_permuted(&wide, order),
                          .outer = 1,
                          .n = elements(axes, dx),
                          .inner = 1,
                          .kept = 1};
    bool after = false; /* a reduced axis has been seen */
    for (int32_t i = 0; i < dx->dims; i++) {
        const int64_t size = plan.dx.shape[i];
        plan.reduced[i] = axes->reduced[order[i]];
        if (size == 1) continue;
        if (plan.reduced[i]) {
            plan.spread = plan.spread || plan.inner > 1;
            after = true;
        } else {
            plan.kept *= size;
            *(after ? &plan.inner : &plan.outer) *= size;
        }
    }
    int64_t stride = 1;
    for (int32_t i = dx->dims - 1; i >= 0; i--) {
        if (plan.reduced[i] || plan.dx.shape[i] == 1) continue;
        plan.gather = plan.gather || plan.dy.stride[i] != stride;
        stride *= plan.dx.shape[i];
    }
    return plan;
}

/* [gathered dy][dy / n, repeated], each starting at a multiple of RMX_WORKSPACE_ALIGN. */
static size_t gather_bytes(const backward_plan *plan)
{
    const size_t bytes = rmx_size_mul(rmx_dtype_size(plan->dx.dtype), plan->kept);
    return plan->gather ? rmx_size_round_up(bytes, RMX_WORKSPACE_ALIGN) : 0;
}

static size_t plan_bytes(const backward_plan *plan)
{
    const size_t spread =
        rmx_size_mul(rmx_size_mul(rmx_dtype_size(plan->dx.dtype), plan->kept), plan->n);
    return rmx_size_add(gather_bytes(plan), plan->spread ? spread : 0);
}

static rmx_status check_backward(rmx_context *ctx, const rmx_mean_desc *desc, const rmx_tensor *dy,
                                 const rmx_tensor *dx, backward_plan *plan)
{
    mean_axes axes;
    int32_t order[RMX_MAX_DIMS];
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_output(ctx, "dx", dx));
    RMX_TRY(find_axes(ctx, desc, dx->dims, &axes));
    RMX_TRY(rmx_check_tensor(ctx, "dy", dy));
    const rmx_tensor shape = reduced_shape(desc, &axes, dx);
    RMX_TRY(rmx_check_shape(ctx, "dy", dy, shape.dims, shape.shape,
                            desc->keepdim ? "dx's with reduced axes of size 1"
                                          : "dx's without the reduced axes"));
    RMX_TRY(rmx_check_same_dtype(ctx, "dy", dy, "dx", dx));
    RMX_TRY(check_dense(ctx, "dx", dx, order));
    *plan = plan_backward(desc, &axes, dy, dx, order);
    return rmx_check_views_apart(ctx, "dx", dx, "dy", dy);
}

/* Like check_backward without a context to tell why. */
static bool plannable(const rmx_mean_desc *desc, const rmx_tensor *dy, const rmx_tensor *dx,
                      mean_axes *axes)
{
    if (!desc || rmx_check_layout(NULL, "dx", dx) != RMX_OK) return false;
    if (rmx_check_layout(NULL, "dy", dy) != RMX_OK || rmx_tensor_count(dx) == 0) return false;
    if (find_axes(NULL, desc, dx->dims, axes) != RMX_OK) return false;
    const rmx_tensor shape = reduced_shape(desc, axes, dx);
    return rmx_check_shape(NULL, "dy", dy, shape.dims, shape.shape, "") == RMX_OK;
}

size_t rmx_mean_backward_workspace(const rmx_mean_desc *desc, const rmx_tensor *dy,
                                   const rmx_tensor *dx)
{
    mean_axes axes;
    int32_t order[RMX_MAX_DIMS];
    if (!plannable(desc, dy, dx, &axes) || !rmx_dense_order(dx, order)) return 0;
    const backward_plan plan = plan_backward(desc, &axes, dy, dx, order);
    return plan_bytes(&plan);
}

/* dy's distinct elements, contiguous in plan's order. */
static rmx_status gather_dy(rmx_context *ctx, const backward_plan *plan, void *to)
{
    rmx_tensor from = plan->dy, out = {.data = to, .dtype = plan->dy.dtype, .dims = plan->dy.dims};
    int64_t stride = 1;
    for (int32_t i = from.dims - 1; i >= 0; i--) {
        if (plan->reduced[i]) from.shape[i] = 1;
        out.shape[i] = from.shape[i];
        out.stride[i] = stride;
        stride *= from.shape[i];
    }
    return rmx_copy_view(ctx, &from, &out);
}

/* [kept, n] seen with dx's axes: the reduced ones need not step, all n values are alike. */
static rmx_tensor spread_view(const backward_plan *plan, void *data)
{
    rmx_tensor out = plan->dx;
    int64_t stride = plan->n;
    out.data = data;
    for (int32_t i = out.dims - 1; i >= 0; i--) {
        out.stride[i] = plan->reduced[i] ? 0 : stride;
        if (!plan->reduced[i]) stride *= out.shape[i];
    }
    return out;
}

rmx_status rmx_mean_backward(rmx_context *ctx, const rmx_mean_desc *desc, const rmx_tensor *dy,
                             const rmx_tensor *dx, void *ws, size_t ws_bytes)
{
    backward_plan plan;
    RMX_TRY(check_backward(ctx, desc, dy, dx, &plan));
    if (rmx_tensor_count(dx) == 0) return RMX_OK;
    const size_t needed = plan_bytes(&plan);
    RMX_TRY(rmx_check_workspace(ctx, "rmx_mean_backward_workspace", ws, ws_bytes, needed));
    RMX_TRY(rmx_check_overlap(ctx, "workspace", ws, (int64_t)needed, "dx", dx->data,
                              rmx_tensor_bytes(dx)));
    RMX_TRY(rmx_check_overlap(ctx, "workspace", ws, (int64_t)needed, "dy", dy->data,
                              rmx_tensor_bytes(dy)));
    rmx_mean_backward_args args = {.dtype = dx->dtype,
                                   .outer = plan.outer,
                                   .n = plan.n,
                                   .inner = plan.inner,
                                   .dy = dy->data,
                                   .dx = dx->data};
    if (plan.gather || plan.spread)
        RMX_TRY(rmx_check_kernels(ctx, dx->dtype, RMX_USES(product) | RMX_USES(mean_backward)));
    if (plan.gather) {
        RMX_TRY(gather_dy(ctx, &plan, ws));
        args.dy = ws;
    }
    if (!plan.spread) return rmx_run_mean_backward(ctx, &args);
    args.outer = plan.kept;
    args.inner = 1;
    args.dx = (char *)ws + gather_bytes(&plan);
    RMX_TRY(rmx_run_mean_backward(ctx, &args));
    const rmx_tensor repeated = spread_view(&plan, args.dx);
    return rmx_copy_view(ctx, &repeated, &plan.dx);
}
