/* SPDX-License-Identifier: MIT */
/* feed_forward.c: two grouped products a pass; see rankmixer/feed_forward.h.
 *
 * Token t of sample b is row b of group t: the rows of a group lie T * D apart, so no copy is
 * needed. Shared weights are one group of B * T rows. */
#include "rankmixer/feed_forward.h"

#include "core/arena.h"
#include "core/context.h"
#include "layers/check_layers.h"

typedef struct groups {
    int64_t count, rows; /* groups, rows in each */
    int64_t x_row, x_group;
    int64_t h_row, h_group;
    int64_t w_group;          /* D * K, elements of a weight matrix */
    int64_t x_bytes, h_bytes; /* of the activations */
} groups;

static groups groups_of(const rmx_feed_forward_desc *d)
{
    const int64_t t = d->tokens, width = d->width, hidden = d->hidden;
    groups g = {.w_group = width * hidden,
                .x_bytes = d->samples * t * width * (int64_t)sizeof(float),
                .h_bytes = d->samples * t * hidden * (int64_t)sizeof(float)};
    if (d->shared) {
        g.count = 1;
        g.rows = d->samples * t;
        g.x_row = width;
        g.h_row = hidden;
    } else {
        g.count = t;
        g.rows = d->samples;
        g.x_row = t * width;
        g.x_group = width;
        g.h_row = t * hidden;
        g.h_group = hidden;
    }
    return g;
}

/* Operands: rows of an activation, the same transposed (for a weight gradient), a weight and
 * its transpose, a bias. */
static rmx_matrix rows_mat(const float *p, int64_t row, int64_t group)
{
    return (rmx_matrix){.p = p, .rs = row, .cs = 1, .batch = {group, 0}};
}

static rmx_matrix columns_mat(const float *p, int64_t row, int64_t group)
{
    return (rmx_matrix){.p = p, .rs = 1, .cs = row, .batch = {group, 0}};
}

static rmx_matrix_out rows_out(float *p, int64_t row, int64_t group)
{
    return (rmx_matrix_out){.p = p, .rs = row, .batch = {group, 0}};
}

static rmx_matrix bias_mat(const float *p, int64_t n)
{
    return (rmx_matrix){.p = p, .rs = 0, .cs = 1, .batch = {n, 0}};
}

static rmx_status product(rmx_context *ctx, rmx_product_args args, int64_t count)
{
    args.batch[0] = count;
    args.batch[1] = 1;
    args.alpha = 1.0f;
    args.beta = 1.0f;
    return rmx_run_product(ctx, &args);
}

static rmx_activation activation_of(const rmx_feed_forward_desc *desc)
{
    return desc->activation ? desc->activation : RMX_ACTIVATION_GELU_ERF;
}

/* The dropout desc counts elements of the whole hidden activation. */
static rmx_status drop(rmx_context *ctx, const rmx_feed_forward_desc *desc, float *hidden)
{
    if (desc->dropout.p == 0.0f) return RMX_OK;
    return rmx_dropout_forward(ctx, &desc->dropout, desc->samples * desc->tokens * desc->hidden,
                               hidden, hidden);
}

static rmx_status check_weights(rmx_context *ctx, const rmx_feed_forward_weights *w)
{
    RMX_TRY(rmx_check_pointer(ctx, "weights", w));
    RMX_TRY(rmx_check_pointer(ctx, "weights.w1", w->w1));
    RMX_TRY(rmx_check_pointer(ctx, "weights.b1", w->b1));
    RMX_TRY(rmx_check_pointer(ctx, "weights.w2", w->w2));
    return rmx_check_pointer(ctx, "weights.b2", w->b2);
}

rmx_status rmx_feed_forward_forward(rmx_context *ctx, const rmx_feed_forward_desc *desc,
                                    const rmx_feed_forward_weights *weights, const float *x,
                                    const float *residual, float *activation_gradient,
                                    float *hidden, float *y)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_feed_forward_desc(ctx, desc));
    RMX_TRY(rmx_check_dropout(ctx, &desc->dropout));
    const groups g = groups_of(desc);
    RMX_TRY(check_weights(ctx, weights));
    RMX_TRY(rmx_check_array(ctx, "x", x, g.x_bytes));
    RMX_TRY(rmx_check_optional(ctx, "residual", residual));
    RMX_TRY(rmx_check_optional(ctx, "activation_gradient", activation_gradient));
    RMX_TRY(rmx_check_array(ctx, "hidden", hidden, g.h_bytes));
    RMX_TRY(rmx_check_array(ctx, "y", y, g.x_bytes));
    const rmx_range outs[] = {{"y", y, g.x_bytes},
                              {"hidden", hidden, g.h_bytes},
                              {"activation_gradient", activation_gradient, g.h_bytes}};
    const rmx_range ins[] = {{"x", x, g.x_bytes}, {"residual", residual, g.x_bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 3, ins, 2));

    RMX_TRY(product(ctx,
                    (rmx_product_args){.m = g.rows,
                                       .n = desc->hidden,
                                       .k = desc->width,
                                       .a = rows_mat(x, g.x_row, g.x_group),
                                       .b = rows_mat(weights->w1, desc->hidden, g.w_group),
                                       .c = rows_out(hidden, g.h_row, g.h_group),
                                       .bias = bias_mat(weights->b1, desc->hidden),
                                       .activation_gradient =
                                           rows_out(activation_gradient, g.h_row, g.h_group),
                                       .activation = activation_of(desc)},
                    g.count));
    RMX_TRY(drop(ctx, desc, hidden));
    return product(ctx,
                   (rmx_product_args){.m = g.rows,
                                      .n = desc->width,
                                      .k = desc->hidden,
                                      .a = rows_mat(hidden, g.h_row, g.h_group),
                                      .b = rows_mat(weights->w2, desc->width, g.w_group),
                                      .c = rows_out(y, g.x_row, g.x_group),
                                      .bias = bias_mat(weights->b2, desc->width),
                                      .residual = rows_mat(residual, g.x_row, g.x_group)},
                   g.count);
}

/* The hidden gradient, then the sums down the rows for either bias. */
size_t rmx_feed_forward_backward_workspace(const rmx_feed_forward_desc *desc)
{
    if (!desc || rmx_check_feed_forward_desc(NULL, desc) != RMX_OK) return 0;
    const groups g = groups_of(desc);
    const int64_t widest = desc->width > desc->hidden ? desc->width : desc->hidden;
    return rmx_size_add(rmx_align((size_t)g.h_bytes),
                        rmx_column_sum_scratch(g.count, g.rows, widest, 1));
}

/* dpre = dy W2^T * gelu'(pre), dropped out */
static rmx_status hidden_gradient(rmx_context *ctx, const rmx_feed_forward_desc *desc,
                                  const groups *g, const float *w2, const float *dy,
                                  const float *activation_gradient, float *dpre)
{
    RMX_TRY(product(
        ctx,
        (rmx_product_args){.m = g->rows,
                           .n = desc->hidden,
                           .k = desc->width,
                           .a = rows_mat(dy, g->x_row, g->x_group),
                           .b = columns_mat(w2, desc->width, g->w_group),
                           .c = rows_out(dpre, g->h_row, g->h_group),
                           .multiplier = rows_mat(activation_gradient, g->h_row, g->h_group)},
        g->count));
    return drop(ctx, desc, dpre);
}

/* dw += a^T d, db += sums of d down the rows. */
static rmx_status weight_gradient(rmx_context *ctx, const groups *g, rmx_matrix a_transposed,
                                  int64_t m, const float *d, int64_t d_row, int64_t d_group,
                                  int64_t n, float *dw, float *db, void *ws)
{
    RMX_TRY(product(ctx,
                    (rmx_product_args){.m = m,
                                       .n = n,
                                       .k = g->rows,
                                       .a = a_transposed,
                                       .b = rows_mat(d, d_row, d_group),
                                       .c = rows_out(dw, n, g->w_group),
                                       .accumulate = true},
                    g->count));
    const rmx_column_sum_args bias = {.groups = g->count,
                                      .rows = g->rows,
                                      .cols = n,
                                      .ld = d_row,
                                      .group_stride = d_group,
                                      .x = d,
                                      .dst = db,
                                      .ws = ws};
    return rmx_run_column_sum(ctx, &bias);
}

static rmx_status check_backward(rmx_context *ctx, const rmx_feed_forward_desc *desc,
                                 const groups *g, const float *dy, const float *x,
                                 const float *activation_gradient, const float *hidden,
                                 const float *residual, const float *dx,
                                 const rmx_feed_forward_gradients *grad, const void *ws,
                                 size_t ws_bytes)
{
    RMX_TRY(rmx_check_array(ctx, "dy", dy, g->x_bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, g->x_bytes));
    RMX_TRY(rmx_check_array(ctx, "activation_gradient", activation_gradient, g->h_bytes));
    RMX_TRY(rmx_check_array(ctx, "hidden", hidden, g->h_bytes));
    RMX_TRY(rmx_check_optional(ctx, "residual", residual));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, g->x_bytes));
    RMX_TRY(rmx_check_pointer(ctx, "gradients", grad));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.w1", grad->w1));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.b1", grad->b1));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.w2", grad->w2));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.b2", grad->b2));
    const size_t needed = rmx_feed_forward_backward_workspace(desc);
    RMX_TRY(rmx_check_workspace(ctx, "rmx_feed_forward_backward_workspace", ws, ws_bytes, needed));
    RMX_TRY(rmx_check_in_place(ctx, "dx", dx, "residual", residual, g->x_bytes));
    const rmx_range outs[] = {{"dx", dx, g->x_bytes}, {"ws", ws, (int64_t)needed}};
    const rmx_range ins[] = {{"dy", dy, g->x_bytes},
                             {"x", x, g->x_bytes},
                             {"activation_gradient", activation_gradient, g->h_bytes},
                             {"hidden", hidden, g->h_bytes}};
    return rmx_check_ranges(ctx, outs, 2, ins, 4);
}

rmx_status rmx_feed_forward_backward(rmx_context *ctx, const rmx_feed_forward_desc *desc,
                                     const rmx_feed_forward_weights *weights, const float *dy,
                                     const float *x, const float *activation_gradient,
                                     const float *hidden, const float *residual, float *dx,
                                     const rmx_feed_forward_gradients *gradients, void *ws,
                                     size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_feed_forward_desc(ctx, desc));
    RMX_TRY(rmx_check_dropout(ctx, &desc->dropout));
    const groups g = groups_of(desc);
    RMX_TRY(check_weights(ctx, weights));
    RMX_TRY(check_backward(ctx, desc, &g, dy, x, activation_gradient, hidden, residual, dx,
                           gradients, ws, ws_bytes));
    float *dpre = ws;
    void *scratch = (char *)ws + rmx_align((size_t)g.h_bytes);

    RMX_TRY(hidden_gradient(ctx, desc, &g, weights->w2, dy, activation_gradient, dpre));
    RMX_TRY(weight_gradient(ctx, &g, columns_mat(hidden, g.h_row, g.h_group), desc->hidden, dy,
                            g.x_row, g.x_group, desc->width, gradients->w2, gradients->b2,
                            scratch));
    RMX_TRY(weight_gradient(ctx, &g, columns_mat(x, g.x_row, g.x_group), desc->width, dpre,
                            g.h_row, g.h_group, desc->hidden, gradients->w1, gradients->b1,
                            scratch));
    return product(ctx,
                   (rmx_product_args){.m = g.rows,
                                      .n = desc->width,
                                      .k = desc->hidden,
                                      .a = rows_mat(dpre, g.h_row, g.h_group),
                                      .b = columns_mat(weights->w1, desc->hidden, g.w_group),
                                      .c = rows_out(dx, g.x_row, g.x_group),
                                      .residual = rows_mat(residual, g.x_row, g.x_group)},
                   g.count);
}
