/* SPDX-License-Identifier: MIT */
/* product.c: see rankmixer/product.h: mm and addmm. */
#include "rankmixer/product.h"

#include "layers/check.h"
#include "layers/product_internal.h"

static const rmx_tensor none = {.data = NULL};

/* ---- forward ------------------------------------------------------------------------------- */

static rmx_status check_forward(rmx_context *ctx, const rmx_tensor *a, const rmx_tensor *b,
                                const rmx_tensor *out)
{
    RMX_TRY(rmx_check_dims(ctx, "a", a, 2));
    RMX_TRY(rmx_check_dims(ctx, "b", b, 2));
    const int64_t b_shape[2] = {a->shape[1], b->shape[1]};
    RMX_TRY(rmx_check_shape(ctx, "b", b, 2, b_shape, "[K, N] for a [M, K]"));
    const int64_t out_shape[2] = {a->shape[0], b->shape[1]};
    RMX_TRY(rmx_product_check_out(ctx, "out", out, 2, out_shape, "[M, N]"));
    const char *const names[] = {"a", "b"};
    const rmx_tensor *const ins[] = {a, b};
    return rmx_product_check_apart(ctx, "out", out, 2, names, ins);
}

rmx_status rmx_mm(rmx_context *ctx, const rmx_tensor *a, const rmx_tensor *b,
                  const rmx_tensor *out)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_forward(ctx, a, b, out));
    const rmx_product product = {.a = rmx_product_lift(a),
                                 .b = rmx_product_lift(b),
                                 .out = rmx_product_lift(out),
                                 .alpha = 1.0f};
    return rmx_product_run(ctx, &product);
}

rmx_status rmx_addmm(rmx_context *ctx, float alpha, float beta, const rmx_tensor *input,
                     const rmx_tensor *a, const rmx_tensor *b, const rmx_tensor *out)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_finite(ctx, "alpha", alpha));
    RMX_TRY(rmx_check_finite(ctx, "beta", beta));
    RMX_TRY(check_forward(ctx, a, b, out));
    rmx_product product = {.a = rmx_product_lift(a),
                           .b = rmx_product_lift(b),
                           .out = rmx_product_lift(out),
                           .alpha = alpha,
                           .beta = beta};
    if (beta != 0.0f) {
        const char *const names[] = {"input"};
        RMX_TRY(rmx_product_broadcast(ctx, "input", input, product.out.shape, &product.input));
        RMX_TRY(rmx_product_check_apart(ctx, "out", out, 1, names, &input));
    }
    return rmx_product_run(ctx, &product);
}

/* ---- backward ------------------------------------------------------------------------------ */

static rmx_status check_backward(rmx_context *ctx, const rmx_tensor *dy, const rmx_tensor *a,
                                 const rmx_tensor *b, const rmx_tensor *da, const rmx_tensor *db)
{
    static const char *const names[] = {"dy", "a", "b", "db"};
    RMX_TRY(rmx_check_dims(ctx, "dy", dy, 2));
    const int64_t rows = dy->shape[0], columns = dy->shape[1];
    if (da) { /* b is needed, and says K */
        RMX_TRY(rmx_check_dims(ctx, "b", b, 2));
        const int64_t shape[2] = {b->shape[0], columns};
        RMX_TRY(rmx_check_shape(ctx, "b", b, 2, shape, "[K, N] for dy [M, N]"));
        const int64_t da_shape[2] = {rows, b->shape[0]};
        RMX_TRY(rmx_product_check_out(ctx, "da", da, 2, da_shape, "[M, K]"));
    }
    if (db) {
        RMX_TRY(rmx_check_dims(ctx, "a", a, 2));
        const int64_t shape[2] = {rows, da ? b->shape[0] : a->shape[1]};
        RMX_TRY(rmx_check_shape(ctx, "a", a, 2, shape, "[M, K] for dy [M, N]"));
        const int64_t db_shape[2] = {shape[1], columns};
        RMX_TRY(rmx_product_check_out(ctx, "db", db, 2, db_shape, "[K, N]"));
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
        .dy = rmx_product_lift(dy),
        .a = db ? rmx_product_lift(a) : none,
        .b = da ? rmx_product_lift(b) : none,
        .da = da ? rmx_product_lift(da) : none,
        .db = db ? rmx_product_lift(db) : none,
        .alpha = alpha,
        .accumulate_db = true,
    };
    return rmx_product_run_backward(ctx, &gradients);
}

rmx_status rmx_mm_backward(rmx_context *ctx, const rmx_tensor *dy, const rmx_tensor *a,
                           const rmx_tensor *b, const rmx_tensor *da, const rmx_tensor *db)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_backward(ctx, dy, a, b, da, db));
    return run_backward(ctx, 1.0f, dy, a, b, da, db);
}

/* ---- the gradient of addmm's input --------------------------------------------------------- */

/* How dinput comes from dy [M, N]: summed down the rows, along the columns, both or neither.
 * Scratch: [1, as a float][sums down the rows, N floats][the kernel's partial sums]. */
typedef struct input_plan {
    bool sum_rows, sum_columns;
    bool accumulate; /* a parameter: by its axes alone, never by the batch size */
    bool direct;     /* the kernel's sums go straight into dinput and continue its sums */
    size_t sums_at, partials_at, bytes;
} input_plan;

static input_plan plan_input(const rmx_tensor *dy, const rmx_tensor *dinput, float beta)
{
    const int64_t columns = dy->shape[1];
    const bool vector = dinput->dims < 2;
    const size_t row_bytes = rmx_size_mul(sizeof(float), columns);
    input_plan plan = {.accumulate = vector};
    plan.sum_rows = vector || (dinput->shape[0] == 1 && dy->shape[0] != 1);
    plan.sum_columns = dinput->dims == 0 || (dinput->shape[dinput->dims - 1] == 1 && columns != 1);
    if (columns == 1) plan.sum_columns = false;
    plan.direct = vector && beta == 1.0f && !plan.sum_columns &&
                  (dinput->dims == 0 || columns == 1 || dinput->stride[0] == 1);
    plan.sums_at = RMX_WORKSPACE_ALIGN;
    plan.partials_at =
        rmx_size_add(plan.sums_at, rmx_size_round_up(row_bytes, RMX_WORKSPACE_ALIGN));
    if (rmx_tensor_count(dy) == 0)
        plan.bytes = 0;
    else if (plan.sum_rows)
        plan.bytes =
            rmx_size_add(plan.partials_at, rmx_column_sum_scratch(1, dy->shape[0], columns, 1));
    else if (plan.sum_columns)
        plan.bytes = sizeof(float);
    return plan;
}

size_t rmx_addmm_backward_workspace(const rmx_tensor *dy, const rmx_tensor *dinput)
{
    rmx_tensor broadcast;
    if (rmx_check_layout(NULL, "dy", dy) != RMX_OK || dy->dims != 2) return 0;
    if (rmx_check_layout(NULL, "dinput", dinput) != RMX_OK || dinput->dims > 2) return 0;
    const int64_t shape[3] = {1, dy->shape[0], dy->shape[1]};
    if (rmx_product_fit(NULL, "dinput", dinput, shape, &broadcast) != RMX_OK) return 0;
    return plan_input(dy, dinput, 1.0f).bytes;
}

static rmx_range range_of(const char *name, const rmx_tensor *t)
{
    return (rmx_range){name, t ? t->data : NULL, t ? rmx_tensor_bytes(t) : 0};
}

/* dinput, and the scratch for it, against the operands that check_backward has checked. */
static rmx_status check_input(rmx_context *ctx, const rmx_tensor *dy, const rmx_tensor *dinput,
                              const rmx_tensor *const others[5], const input_plan *plan,
                              const void *ws, size_t ws_bytes)
{
    static const char *const names[] = {"dy", "a", "b", "da", "db"};
    char text[RMX_SHAPE_TEXT];
    RMX_TRY(rmx_product_check_apart(ctx, "dinput", dinput, 5, names, others));
    RMX_TRY(rmx_check_same_dtype(ctx, "dinput", dinput, "dy", dy));
    const bool apart = dy->shape[0] <= 1 || dy->stride[0] >= dy->shape[1];
    if (plan->sum_rows && !(apart && (dy->shape[1] <= 1 || dy->stride[1] == 1)))
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "dy: shape %s: for dinput, which sums its rows, they must be "
                                "contiguous and apart: make dy contiguous",
                                rmx_shape_text(dy, true, text));
    RMX_TRY(rmx_check_workspace(ctx, "rmx_addmm_backward_workspace", ws, ws_bytes, plan->bytes));
    const rmx_range scratch = {"workspace", ws, (int64_t)plan->bytes};
    rmx_range ranges[6] = {range_of("dinput", dinput)};
    for (int32_t i = 0; i < 5; i++) ranges[i + 1] = range_of(names[i], others[i]);
    return rmx_check_ranges(ctx, &scratch, 1, ranges, 6);
}

/* A view that broadcasts to dy; a matrix also one that a product can write. */
static rmx_status check_input_shape(rmx_context *ctx, const rmx_tensor *dy,
                                    const rmx_tensor *dinput)
{
    const int64_t shape[3] = {1, dy->shape[0], dy->shape[1]};
    rmx_tensor broadcast;
    RMX_TRY(rmx_product_check_added(ctx, "dy, for dinput", dy));
    RMX_TRY(rmx_check_output(ctx, "dinput", dinput));
    RMX_TRY(rmx_product_broadcast(ctx, "dinput", dinput, shape, &broadcast));
    RMX_TRY(rmx_check_size(ctx, "number of dinput's axes", dinput->dims, 0, 2));
    if (dinput->dims < 2) return RMX_OK;
    return rmx_product_check_out(ctx, "dinput", dinput, 2, dinput->shape, "that of input");
}

/* A softmax over one element is 1 exactly: a constant made by the backend itself. */
static rmx_status make_one(rmx_context *ctx, float *one)
{
    rmx_backend *backend = rmx_context_backend(ctx);
    const rmx_softmax_args args = {.outer = 1, .n = 1, .inner = 1, .x = one, .y = one};
    RMX_TRY(rmx_context_check(ctx, backend->ops->zero(backend, one, sizeof *one)));
    return rmx_run_softmax(ctx, &args);
}

static rmx_status sum_rows(rmx_context *ctx, const rmx_tensor *dy, float *dst, void *partials)
{
    const rmx_column_sum_args args = {.dtype = dy->dtype,
                                      .groups = 1,
                                      .rows = dy->shape[0],
                                      .cols = dy->shape[1],
                                      .ld = dy->shape[0] > 1 ? dy->stride[0] : dy->shape[1],
                                      .x = dy->data,
                                      .dst = dst,
                                      .ws = partials};
    return rmx_run_column_sum(ctx, &args);
}

/* The sum over no rows. */
static rmx_status clear_input(rmx_context *ctx, const rmx_tensor *dinput)
{
    const rmx_product zero = {.a = {.dtype = dinput->dtype, .dims = 3},
                              .b = {.dtype = dinput->dtype, .dims = 3},
                              .alpha = 1.0f,
                              .out = rmx_product_lift(dinput)};
    return rmx_product_run(ctx, &zero);
}

static rmx_status run_input(rmx_context *ctx, float beta, const rmx_tensor *dy,
                            const rmx_tensor *dinput, const input_plan *plan, void *ws)
{
    unsigned char *scratch = ws;
    if (plan->direct) return sum_rows(ctx, dy, dinput->data, scratch + plan->partials_at);
    rmx_tensor sums = *dy;
    if (plan->sum_rows) {
        float *data = (float *)(void *)(scratch + plan->sums_at);
        rmx_backend *backend = rmx_context_backend(ctx);
        const size_t bytes = (size_t)dy->shape[1] * sizeof(float);
        RMX_TRY(rmx_context_check(ctx, backend->ops->zero(backend, data, bytes)));
        RMX_TRY(sum_rows(ctx, dy, data, scratch + plan->partials_at));
        sums = rmx_tensor_of(RMX_F32, data, 2, (int64_t[]){1, dy->shape[1]});
    }
    /* What is left is beta * sums, or beta * (sums times a column of ones): a product. */
    const int64_t rows = sums.shape[0], columns = plan->sum_columns ? 1 : sums.shape[1];
    rmx_product last = {.accumulate = plan->accumulate};
    last.out = (rmx_tensor){.data = dinput->data,
                            .dtype = dinput->dtype,
                            .dims = 3,
                            .shape = {1, rows, columns},
                            .stride = {0, 0, 1}};
    if (dinput->dims > 0) last.out.stride[2] = dinput->stride[dinput->dims - 1];
    if (dinput->dims > 1) last.out.stride[1] = dinput->stride[0];
    if (plan->sum_columns) {
        RMX_TRY(make_one(ctx, ws));
        last.a = rmx_product_lift(&sums);
        last.b =
            (rmx_tensor){.data = ws, .dtype = RMX_F32, .dims = 3, .shape = {1, sums.shape[1], 1}};
        last.alpha = beta;
    } else {
        last.a = (rmx_tensor){.dtype = sums.dtype, .dims = 3, .shape = {1, rows, 0}};
        last.b = (rmx_tensor){.dtype = sums.dtype, .dims = 3, .shape = {1, 0, columns}};
        last.input = rmx_product_lift(&sums);
        last.alpha = beta != 0.0f ? -1.0f : 1.0f; /* -1 * +0: zeros of the sum keep their sign */
        last.beta = beta;
    }
    return rmx_product_run(ctx, &last);
}

rmx_status rmx_addmm_backward(rmx_context *ctx, float alpha, float beta, const rmx_tensor *dy,
                              const rmx_tensor *a, const rmx_tensor *b, const rmx_tensor *dinput,
                              const rmx_tensor *da, const rmx_tensor *db, void *ws,
                              size_t ws_bytes)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    input_plan plan = {.bytes = 0};
    RMX_TRY(rmx_check_finite(ctx, "alpha", alpha));
    RMX_TRY(rmx_check_finite(ctx, "beta", beta));
    RMX_TRY(check_backward(ctx, dy, a, b, da, db));
    if (dinput) {
        const rmx_tensor *const others[] = {dy, db ? a : NULL, da ? b : NULL, da, db};
        RMX_TRY(check_input_shape(ctx, dy, dinput));
        plan = plan_input(dy, dinput, beta);
        RMX_TRY(check_input(ctx, dy, dinput, others, &plan, ws, ws_bytes));
    }
    RMX_TRY(run_backward(ctx, alpha, dy, a, b, da, db));
    if (!dinput || rmx_tensor_count(dinput) == 0) return RMX_OK;
    if (rmx_tensor_count(dy) == 0) return plan.accumulate ? RMX_OK : clear_input(ctx, dinput);
    return run_input(ctx, beta, dy, dinput, &plan, ws);
}
