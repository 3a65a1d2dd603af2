/* SPDX-License-Identifier: MIT */
/* product_internal.c: see product_internal.h. */
#include "layers/product_internal.h"

#include "layers/check.h"

rmx_tensor rmx_product_lift(const rmx_tensor *t)
{
    return (rmx_tensor){.data = t->data,
                        .dtype = t->dtype,
                        .dims = 3,
                        .shape = {1, t->shape[0], t->shape[1]},
                        .stride = {0, t->stride[0], t->stride[1]}};
}

rmx_status rmx_product_fit(rmx_context *ctx, const char *name, const rmx_tensor *t,
                           const int64_t shape[3], rmx_tensor *out)
{
    bool fits = t->dims <= 3;
    *out = (rmx_tensor){
        .data = t->data, .dtype = t->dtype, .dims = 3, .shape = {shape[0], shape[1], shape[2]}};
    for (int32_t i = 0; fits && i < t->dims; i++) {
        const int32_t to = 3 - t->dims + i;
        if (t->shape[i] == shape[to])
            out->stride[to] = t->stride[i];
        else
            fits = t->shape[i] == 1;
    }
    if (fits) return RMX_OK;
    char is[RMX_SHAPE_TEXT], must[RMX_SHAPE_TEXT];
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "%s: shape %s: must broadcast to %s: from the last axis on, equal "
                            "sizes or 1",
                            name, rmx_shape_text(t, false, is), rmx_shape_text(out, false, must));
}

rmx_status rmx_product_broadcast(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                 const int64_t shape[3], rmx_tensor *out)
{
    RMX_TRY(rmx_check_tensor(ctx, name, t));
    return rmx_product_fit(ctx, name, t, shape, out);
}

/* The kernel writes rows of C with a column stride of 1; a transposed C is the product
 * C^T = B^T A^T, whose sums are the same. */
static bool rows_contiguous(const rmx_tensor *t)
{
    return t->shape[t->dims - 1] <= 1 || t->stride[t->dims - 1] == 1;
}

static bool columns_contiguous(const rmx_tensor *t)
{
    return t->shape[t->dims - 2] <= 1 || t->stride[t->dims - 2] == 1;
}

rmx_status rmx_product_check_out(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                 int32_t dims, const int64_t *shape, const char *meaning)
{
    RMX_TRY(rmx_check_output(ctx, name, t));
    RMX_TRY(rmx_check_shape(ctx, name, t, dims, shape, meaning));
    if (rows_contiguous(t) || columns_contiguous(t)) return RMX_OK;
    char text[RMX_SHAPE_TEXT];
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "%s: shape %s: one of the last two strides must be 1", name,
                            rmx_shape_text(t, true, text));
}

rmx_status rmx_product_check_apart(rmx_context *ctx, const char *out_name, const rmx_tensor *out,
                                   int32_t n, const char *const *names,
                                   const rmx_tensor *const *ins)
{
    if (!out) return RMX_OK;
    for (int32_t i = 0; i < n; i++)
        if (ins[i]) RMX_TRY(rmx_check_views_apart(ctx, out_name, out, names[i], ins[i]));
    return RMX_OK;
}

rmx_status rmx_product_check_added(rmx_context *ctx, const char *name, const rmx_tensor *t)
{
    if (t->dtype == RMX_F32) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: type %s: must be f32", name,
                            rmx_dtype_name(t->dtype));
}

/* An axis of one element may have any stride, as nothing steps by it, and so has an empty view;
 * one that is beyond all memory would still overflow where a kernel multiplies it. */
static int64_t step(int64_t stride) { return stride <= RMX_COUNT_MAX ? stride : 0; }

static rmx_matrix operand(const rmx_tensor *t)
{
    return (rmx_matrix){.p = t->data,
                        .rs = step(t->stride[1]),
                        .cs = step(t->stride[2]),
                        .batch = {step(t->stride[0]), 0}};
}

static rmx_product transposed(const rmx_product *product)
{
    rmx_product t = *product;
    t.a = rmx_tensor_transpose(product->b, 1, 2);
    t.b = rmx_tensor_transpose(product->a, 1, 2);
    t.out = rmx_tensor_transpose(product->out, 1, 2);
    if (product->input.data) t.input = rmx_tensor_transpose(product->input, 1, 2);
    return t;
}

rmx_status rmx_product_run(rmx_context *ctx, const rmx_product *given)
{
    const rmx_product p = rows_contiguous(&given->out) ? *given : transposed(given);
    RMX_TRY(rmx_check_same_dtype(ctx, "second operand", &given->b, "the first", &given->a));
    if (p.input.data) RMX_TRY(rmx_product_check_added(ctx, "input", &p.input));
    rmx_product_args args = {
        .dtype = p.a.dtype,
        .out_dtype = p.out.dtype,
        .math = rmx_math_of(p.a.dtype),
        .m = p.out.shape[1],
        .n = p.out.shape[2],
        .k = p.a.shape[2],
        .batch = {p.out.shape[0], 1},
        .a = operand(&p.a),
        .b = operand(&p.b),
        .c = {.p = p.out.data, .rs = step(p.out.stride[1]), .batch = {step(p.out.stride[0]), 0}},
        .accumulate = p.accumulate && p.alpha == 1.0f,
        .alpha = p.alpha,
        .beta = p.beta,
        .activation = RMX_ACTIVATION_NONE,
    };
    if (args.m == 0 || args.n == 0 || args.batch[0] == 0) return RMX_OK;
    if (args.k == 0) args.a.p = args.b.p = p.out.data; /* may be NULL; not read */
    if (p.input.data && p.beta != 0.0f) args.bias = operand(&p.input);
    if (p.accumulate && !args.accumulate)
        args.residual =
            (rmx_matrix){.p = args.c.p, .rs = args.c.rs, .cs = 1, .batch = {args.c.batch[0], 0}};
    return rmx_run_product(ctx, &args);
}

rmx_status rmx_product_run_backward(rmx_context *ctx, const rmx_product_gradients *g)
{
    if (g->da.data) {
        const rmx_product da = {
            .a = g->dy, .b = rmx_tensor_transpose(g->b, 1, 2), .out = g->da, .alpha = g->alpha};
        RMX_TRY(rmx_product_run(ctx, &da));
    }
    if (g->db.data) {
        const rmx_product db = {.a = rmx_tensor_transpose(g->a, 1, 2),
                                .b = g->dy,
                                .out = g->db,
                                .alpha = g->alpha,
                                .accumulate = g->accumulate_db};
        RMX_TRY(rmx_product_run(ctx, &db));
    }
    return RMX_OK;
}
