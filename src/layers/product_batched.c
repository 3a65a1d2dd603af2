/* SPDX-License-Identifier: MIT */
/* product_batched.c: see rankmixer/product.h: bmm, baddbmm and grouped_mm. */
#include "layers/check.h"
#include "layers/product_internal.h"
#include "rankmixer/product.h"

static const rmx_tensor none = {.data = NULL};

/* ---- bmm, baddbmm -------------------------------------------------------------------------- */

static rmx_status check_forward(rmx_context *ctx, const rmx_tensor *a, const rmx_tensor *b,
                                const rmx_tensor *out)
{
    static const char *const names[] = {"a", "b"};
    RMX_TRY(rmx_check_dims(ctx, "a", a, 3));
    RMX_TRY(rmx_check_dims(ctx, "b", b, 3));
    const int64_t b_shape[3] = {a->shape[0], a->shape[2], b->shape[2]};
    RMX_TRY(rmx_check_shape(ctx, "b", b, 3, b_shape, "[P, K, N] for a [P, M, K]"));
    const int64_t out_shape[3] = {a->shape[0], a->shape[1], b->shape[2]};
    RMX_TRY(rmx_product_check_out(ctx, "out", out, 3, out_shape, "[P, M, N]"));
    const rmx_tensor *const ins[] = {a, b};
    return rmx_product_check_apart(ctx, "out", out, 2, names, ins);
}

rmx_status rmx_bmm(rmx_context *ctx, const rmx_tensor *a, const rmx_tensor *b,
                   const rmx_tensor *out)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_forward(ctx, a, b, out));
    const rmx_product product = {.a = *a, .b = *b, .out = *out, .alpha = 1.0f};
    return rmx_product_run(ctx, &product);
}

rmx_status rmx_baddbmm(rmx_context *ctx, float alpha, float beta, const rmx_tensor *input,
                       const rmx_tensor *a, const rmx_tensor *b, const rmx_tensor *out)
{
    static const char *const names[] = {"input"};
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_finite(ctx, "alpha", alpha));
    RMX_TRY(rmx_check_finite(ctx, "beta", beta));
    RMX_TRY(check_forward(ctx, a, b, out));
    rmx_product product = {.a = *a, .b = *b, .out = *out, .alpha = alpha, .beta = beta};
    if (beta != 0.0f) {
        RMX_TRY(rmx_product_broadcast(ctx, "input", input, out->shape, &product.input));
        RMX_TRY(rmx_product_check_apart(ctx, "out", out, 1, names, &input));
    }
    return rmx_product_run(ctx, &product);
}

static rmx_status check_backward(rmx_context *ctx, const rmx_tensor *dy, const rmx_tensor *a,
                                 const rmx_tensor *b, const rmx_tensor *da, const rmx_tensor *db)
{
    static const char *const names[] = {"dy", "a", "b", "db"};
    RMX_TRY(rmx_check_dims(ctx, "dy", dy, 3));
    const int64_t products = dy->shape[0], rows = dy->shape[1], columns = dy->shape[2];
    if (da) { /* b is needed, and says K */
        RMX_TRY(rmx_check_dims(ctx, "b", b, 3));
        const int64_t shape[3] = {products, b->shape[1], columns};
        RMX_TRY(rmx_check_shape(ctx, "b", b, 3, shape, "[P, K, N] for dy [P, M, N]"));
        const int64_t da_shape[3] = {products, rows, b->shape[1]};
        RMX_TRY(rmx_product_check_out(ctx, "da", da, 3, da_shape, "[P, M, K]"));
    }
    if (db) {
        RMX_TRY(rmx_check_dims(ctx, "a", a, 3));
        const int64_t shape[3] = {products, rows, da ? b->shape[1] : a->shape[2]};
        RMX_TRY(rmx_check_shape(ctx, "a", a, 3, shape, "[P, M, K] for dy [P, M, N]"));
        const int64_t db_shape[3] = {products, shape[2], columns};
        RMX_TRY(rmx_product_check_out(ctx, "db", db, 3, db_shape, "[P, K, N]"));
    }
    const rmx_tensor *const ins[] = {dy, db ? a : NULL, da ? b : NULL, db};
    RMX_TRY(rmx_product_check_apart(ctx, "da", da, 4, names, ins));
    return rmx_product_check_apart(ctx, "db", db, 3, names, ins);
}

static rmx_status run_backward(rmx_context *ctx, float alpha, const rmx_tensor *dy,
                               const rmx_tensor *a, const rmx_tensor *b, const rmx_tensor *da,
                               const rmx_tensor *db)
{
    const rmx_product_gradients gradients = {
        .dy = *dy,
        .a = db ? *a : none,
        .b = da ? *b : none,
        .da = da ? *da : none,
        .db = db ? *db : none,
        .alpha = alpha,
    };
    return rmx_product_run_backward(ctx, &gradients);
}

rmx_status rmx_bmm_backward(rmx_context *ctx, const rmx_tensor *dy, const rmx_tensor *a,
                            const rmx_tensor *b, const rmx_tensor *da, const rmx_tensor *db)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_backward(ctx, dy, a, b, da, db));
    return run_backward(ctx, 1.0f, dy, a, b, da, db);
}

rmx_status rmx_baddbmm_backward(rmx_context *ctx, float alpha, float beta, const rmx_tensor *dy,
                                const rmx_tensor *a, const rmx_tensor *b, const rmx_tensor *dinput,
                                const rmx_tensor *da, const rmx_tensor *db)
{
    static const char *const names[] = {"dy", "a", "b", "da", "db"};
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_finite(ctx, "alpha", alpha));
    RMX_TRY(rmx_check_finite(ctx, "beta", beta));
    RMX_TRY(check_backward(ctx, dy, a, b, da, db));
    if (dinput) {
        const rmx_tensor *const others[] = {dy, db ? a : NULL, da ? b : NULL, da, db};
        RMX_TRY(rmx_product_check_added(ctx, "dy, for dinput", dy));
        RMX_TRY(rmx_product_check_out(ctx, "dinput", dinput, 3, dy->shape, "[P, M, N] of dy"));
        RMX_TRY(rmx_product_check_apart(ctx, "dinput", dinput, 5, names, others));
    }
    RMX_TRY(run_backward(ctx, alpha, dy, a, b, da, db));
    if (!dinput) return RMX_OK;
    const rmx_product scaled = {
        /* no products: -1 * +0 = -0, then fma(beta, dy, -0) */
        .a = {.dtype = dy->dtype, .dims = 3, .shape = {dy->shape[0], dy->shape[1], 0}},
        .b = {.dtype = dy->dtype, .dims = 3, .shape = {dy->shape[0], 0, dy->shape[2]}},
        .out = *dinput,
        .input = *dy,
        .alpha = beta != 0.0f ? -1.0f : 1.0f,
        .beta = beta,
    };
    return rmx_product_run(ctx, &scaled);
}

/* ---- grouped_mm ---------------------------------------------------------------------------- */

/* [.., G, width] as [G, rows, width]: the leading axes must step as one. */
static rmx_status by_group(rmx_context *ctx, const char *name, const rmx_tensor *t,
                           rmx_tensor *out)
{
    char text[RMX_SHAPE_TEXT];
    const int32_t group = t->dims - 2;
    int64_t rows = 1, stride = 0, next;
    *out = (rmx_tensor){.data = t->data, .dtype = t->dtype, .dims = 3};
    for (int32_t i = group - 1; i >= 0; i--) {
        if (t->shape[i] == 1) continue;
        if (rows == 1)
            stride = t->stride[i];
        else if (rows != 0 &&
                 (__builtin_mul_overflow(stride, rows, &next) || t->stride[i] != next))
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "%s: shape %s: the axes before the groups must step as one, "
                                    "as they do in a contiguous view",
                                    name, rmx_shape_text(t, true, text));
        rows *= t->shape[i];
    }
    const int64_t shape[3] = {t->shape[group], rows, t->shape[group + 1]};
    const int64_t strides[3] = {t->stride[group], stride, t->stride[group + 1]};
    for (int32_t i = 0; i < 3; i++) {
        out->shape[i] = shape[i];
        out->stride[i] = strides[i];
    }
    return RMX_OK;
}

/* x [.., G, K] given, y [.., G, N] must have its leading axes. */
static rmx_status check_rows(rmx_context *ctx, const char *name, const rmx_tensor *y, bool output,
                             const rmx_tensor *x, int64_t width, const char *meaning,
                             rmx_tensor *grouped)
{
    int64_t shape[RMX_MAX_DIMS];
    for (int32_t i = 0; i < x->dims; i++) shape[i] = x->shape[i];
    shape[x->dims - 1] = width;
    if (output) {
        RMX_TRY(rmx_check_output(ctx, name, y));
    } else {
        RMX_TRY(rmx_check_tensor(ctx, name, y));
    }
    RMX_TRY(rmx_check_shape(ctx, name, y, x->dims, shape, meaning));
    RMX_TRY(by_group(ctx, name, y, grouped));
    if (!output) return RMX_OK;
    return rmx_product_check_out(ctx, name, grouped, 3, grouped->shape, meaning);
}

static rmx_status check_leading(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                rmx_tensor *grouped)
{
    RMX_TRY(rmx_check_tensor(ctx, name, t));
    if (t->dims < 2)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: %d axes: must be [.., G, width]", name,
                                t->dims);
    return by_group(ctx, name, t, grouped);
}

rmx_status rmx_grouped_mm(rmx_context *ctx, const rmx_tensor *x, const rmx_tensor *w,
                          const rmx_tensor *y)
{
    static const char *const names[] = {"x", "w"};
    if (!ctx) return RMX_ERR_ARGUMENT;
    rmx_product product = {.alpha = 1.0f};
    RMX_TRY(check_leading(ctx, "x", x, &product.a));
    RMX_TRY(rmx_check_dims(ctx, "w", w, 3));
    const int64_t w_shape[3] = {product.a.shape[0], product.a.shape[2], w->shape[2]};
    RMX_TRY(rmx_check_shape(ctx, "w", w, 3, w_shape, "[G, K, N] for x [.., G, K]"));
    RMX_TRY(check_rows(ctx, "y", y, true, x, w->shape[2], "[.., G, N]", &product.out));
    const rmx_tensor *const ins[] = {x, w};
    RMX_TRY(rmx_product_check_apart(ctx, "y", y, 2, names, ins));
    product.b = *w;
    return rmx_product_run(ctx, &product);
}

static rmx_status check_grouped_backward(rmx_context *ctx, const rmx_tensor *dy,
                                         const rmx_tensor *x, const rmx_tensor *w,
                                         const rmx_tensor *dx, const rmx_tensor *dw,
                                         rmx_product_gradients *g)
{
    static const char *const names[] = {"dy", "x", "w", "dw"};
    RMX_TRY(check_leading(ctx, "dy", dy, &g->dy));
    const int64_t groups = g->dy.shape[0], columns = g->dy.shape[2];
    if (dx) { /* w is needed, and says K */
        RMX_TRY(rmx_check_dims(ctx, "w", w, 3));
        const int64_t shape[3] = {groups, w->shape[1], columns};
        RMX_TRY(rmx_check_shape(ctx, "w", w, 3, shape, "[G, K, N] for dy [.., G, N]"));
        RMX_TRY(check_rows(ctx, "dx", dx, true, dy, w->shape[1], "[.., G, K]", &g->da));
        g->b = *w;
    }
    if (dw) {
        RMX_TRY(rmx_check_tensor(ctx, "x", x));
        const int64_t width = dx ? w->shape[1] : x->dims > 0 ? x->shape[x->dims - 1] : 0;
        RMX_TRY(check_rows(ctx, "x", x, false, dy, width, "[.., G, K] for dy [.., G, N]", &g->a));
        const int64_t shape[3] = {groups, width, columns};
        RMX_TRY(rmx_product_check_out(ctx, "dw", dw, 3, shape, "[G, K, N]"));
        g->db = *dw;
    }
    const rmx_tensor *const ins[] = {dy, dw ? x : NULL, dx ? w : NULL, dw};
    RMX_TRY(rmx_product_check_apart(ctx, "dx", dx, 4, names, ins));
    return rmx_product_check_apart(ctx, "dw", dw, 3, names, ins);
}

rmx_status rmx_grouped_mm_backward(rmx_context *ctx, const rmx_tensor *dy, const rmx_tensor *x,
                                   const rmx_tensor *w, const rmx_tensor *dx, const rmx_tensor *dw)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    rmx_product_gradients gradients = {.alpha = 1.0f, .accumulate_db = true};
    RMX_TRY(check_grouped_backward(ctx, dy, x, w, dx, dw, &gradients));
    return rmx_product_run_backward(ctx, &gradients);
}
