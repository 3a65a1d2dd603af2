/* SPDX-License-Identifier: MIT */
/* projection.c: see projection.h. */
#include "layers/projection.h"

#include "layers/check.h"

/* Operands of x and y by rows, with their groups; a weight's groups lie one after another. */
static rmx_matrix rows_of(const void *p, int64_t row, int64_t group)
{
    return (rmx_matrix){.p = p, .rs = row, .cs = 1, .batch = {group, 0}};
}

static rmx_matrix transposed(rmx_matrix m)
{
    const int64_t rs = m.rs;
    m.rs = m.cs;
    m.cs = rs;
    return m;
}

static rmx_matrix_out rows_out(void *p, int64_t row, int64_t group)
{
    return (rmx_matrix_out){.p = p, .rs = row, .batch = {group, 0}};
}

static int64_t of_groups(const rmx_projection *p, int64_t n) { return p->groups > 1 ? n : 0; }

rmx_status rmx_project(rmx_context *ctx, const rmx_projection *p, const void *x, const void *w,
                       const float *b, const rmx_projection_epilogue *e, void *y)
{
    static const rmx_projection_epilogue none = {0};
    if (!e) e = &none;
    const rmx_product_args args = {.dtype = p->dtype,
                                   .out_dtype = p->dtype,
                                   .math = rmx_math_of(p->dtype),
                                   .m = p->rows,
                                   .n = p->out,
                                   .k = p->in,
                                   .batch = {p->groups, 1},
                                   .a = rows_of(x, p->x_row, p->x_group),
                                   .b = rows_of(w, p->out, of_groups(p, p->in * p->out)),
                                   .c = rows_out(y, p->y_row, p->y_group),
                                   .alpha = 1.0f,
                                   .beta = 1.0f,
                                   .bias = rows_of(b, 0, of_groups(p, p->out)),
                                   .activation_gradient =
                                       rows_out(e->activation_gradient, p->y_row, p->y_group),
                                   .activation = e->activation,
                                   .residual = rows_of(e->residual, p->y_row, p->y_group)};
    return rmx_run_product(ctx, &args);
}

rmx_status rmx_project_back(rmx_context *ctx, const rmx_projection *p, const void *dy,
                            const void *w, const void *multiplier, const void *residual, void *dx)
{
    const rmx_product_args args = {
        .dtype = p->dtype,
        .out_dtype = p->dtype,
        .math = rmx_math_of(p->dtype),
        .m = p->rows,
        .n = p->in,
        .k = p->out,
        .batch = {p->groups, 1},
        .a = rows_of(dy, p->y_row, p->y_group),
        .b = transposed(rows_of(w, p->out, of_groups(p, p->in * p->out))),
        .c = rows_out(dx, p->x_row, p->x_group),
        .alpha = 1.0f,
        .multiplier = rows_of(multiplier, p->x_row, p->x_group),
        .residual = rows_of(residual, p->x_row, p->x_group)};
    return rmx_run_product(ctx, &args);
}

rmx_status rmx_project_gradients(rmx_context *ctx, const rmx_projection *p, const void *x,
                                 const void *dy, float *dw, float *db, void *ws)
{
    const rmx_product_args weights = {.dtype = p->dtype,
                                      .out_dtype = RMX_F32,
                                      .math = rmx_math_of(p->dtype),
                                      .m = p->in,
                                      .n = p->out,
                                      .k = p->rows,
                                      .batch = {p->groups, 1},
                                      .a = transposed(rows_of(x, p->x_row, p->x_group)),
                                      .b = rows_of(dy, p->y_row, p->y_group),
                                      .c = rows_out(dw, p->out, of_groups(p, p->in * p->out)),
                                      .accumulate = true,
                                      .alpha = 1.0f};
    RMX_TRY(rmx_run_product(ctx, &weights));
    if (!db) return RMX_OK;
    const rmx_column_sum_args biases = {.dtype = p->dtype,
                                        .groups = p->groups,
                                        .rows = p->rows,
                                        .cols = p->out,
                                        .ld = p->y_row,
                                        .group_stride = p->y_group,
                                        .x = dy,
                                        .dst = db,
                                        .ws = ws};
    return rmx_run_column_sum(ctx, &biases);
}
