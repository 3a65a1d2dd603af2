/* SPDX-License-Identifier: MIT */
/* feed_forward.c: two grouped products a pass; see rankmixer/feed_forward.h.
 *
 * Token t of sample b is row b of group t: the rows of a group lie T * D apart, so no copy is
 * needed. Shared weights are one group of B * T rows. */
#include "rankmixer/feed_forward.h"

#include "core/arena.h"
#include "layers/check_layers.h"
#include "layers/projection.h"

typedef struct products {
    rmx_projection first, second; /* to the hidden activations and back */
    int64_t x_bytes, h_bytes;     /* of the activations */
} products;

static products products_of(const rmx_feed_forward_desc *d)
{
    const int64_t t = d->tokens, width = d->width, hidden = d->hidden;
    const int64_t size = (int64_t)rmx_dtype_size(d->dtype);
    const rmx_projection each = {.dtype = d->dtype,
                                 .groups = t,
                                 .rows = d->samples,
                                 .in = width,
                                 .out = hidden,
                                 .x_row = t * width,
                                 .x_group = width,
                                 .y_row = t * hidden,
                                 .y_group = hidden};
    const rmx_projection one = {.dtype = d->dtype,
                                .groups = 1,
                                .rows = d->samples * t,
                                .in = width,
                                .out = hidden,
                                .x_row = width,
                                .y_row = hidden};
    const rmx_projection p = d->shared ? one : each;
    return (products){.first = p,
                      .second = {.dtype = d->dtype,
                                 .groups = p.groups,
                                 .rows = p.rows,
                                 .in = hidden,
                                 .out = width,
                                 .x_row = p.y_row,
                                 .x_group = p.y_group,
                                 .y_row = p.x_row,
                                 .y_group = p.x_group},
                      .x_bytes = d->samples * t * width * size,
                      .h_bytes = d->samples * t * hidden * size};
}

static rmx_activation activation_of(const rmx_feed_forward_desc *desc)
{
    return desc->activation ? desc->activation : RMX_ACTIVATION_GELU_ERF;
}

/* The dropout desc counts elements of the whole hidden activation, and has its type. */
static rmx_status drop(rmx_context *ctx, const rmx_feed_forward_desc *desc, void *hidden)
{
    rmx_dropout_desc dropout = desc->dropout;
    if (dropout.p == 0.0f) return RMX_OK;
    dropout.dtype = desc->dtype;
    return rmx_dropout_forward(ctx, &dropout, desc->samples * desc->tokens * desc->hidden, hidden,
                               hidden);
}

static uint32_t kernels_of(const rmx_feed_forward_desc *desc)
{
    return RMX_USES(product) | (desc->dropout.p > 0.0f ? RMX_USES(dropout) : 0);
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
                                    const rmx_feed_forward_weights *weights, const void *x,
                                    const void *residual, void *activation_gradient, void *hidden,
                                    void *y)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_feed_forward_desc(ctx, desc));
    RMX_TRY(rmx_check_dropout(ctx, &desc->dropout));
    const products p = products_of(desc);
    RMX_TRY(check_weights(ctx, weights));
    RMX_TRY(rmx_check_array(ctx, "x", x, p.x_bytes));
    RMX_TRY(rmx_check_optional(ctx, "residual", residual));
    RMX_TRY(rmx_check_optional(ctx, "activation_gradient", activation_gradient));
    RMX_TRY(rmx_check_array(ctx, "hidden", hidden, p.h_bytes));
    RMX_TRY(rmx_check_array(ctx, "y", y, p.x_bytes));
    const rmx_range outs[] = {{"y", y, p.x_bytes},
                              {"hidden", hidden, p.h_bytes},
                              {"activation_gradient", activation_gradient, p.h_bytes}};
    const rmx_range ins[] = {{"x", x, p.x_bytes}, {"residual", residual, p.x_bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 3, ins, 2));
    RMX_TRY(rmx_check_kernels(ctx, desc->dtype, kernels_of(desc)));

    const rmx_projection_epilogue activate = {.activation = activation_of(desc),
                                              .activation_gradient = activation_gradient};
    const rmx_projection_epilogue add = {.residual = residual};
    RMX_TRY(rmx_project(ctx, &p.first, x, weights->w1, weights->b1, &activate, hidden));
    RMX_TRY(drop(ctx, desc, hidden));
    return rmx_project(ctx, &p.second, hidden, weights->w2, weights->b2, &add, y);
}

/* The hidden gradient, then the sums down the rows for either bias. */
size_t rmx_feed_forward_backward_workspace(const rmx_feed_forward_desc *desc)
{
    if (!desc || rmx_check_feed_forward_desc(NULL, desc) != RMX_OK) return 0;
    const products p = products_of(desc);
    const int64_t widest = desc->width > desc->hidden ? desc->width : desc->hidden;
    return rmx_size_add(rmx_align((size_t)p.h_bytes),
                        rmx_column_sum_scratch(p.first.groups, p.first.rows, widest, 1));
}

static rmx_status check_backward(rmx_context *ctx, const rmx_feed_forward_desc *desc,
                                 const products *p, const void *dy, const void *x,
                                 const void *activation_gradient, const void *hidden,
                                 const void *residual, const void *dx,
                                 const rmx_feed_forward_gradients *grad, const void *ws,
                                 size_t ws_bytes)
{
    RMX_TRY(rmx_check_array(ctx, "dy", dy, p->x_bytes));
    RMX_TRY(rmx_check_array(ctx, "x", x, p->x_bytes));
    RMX_TRY(rmx_check_array(ctx, "activation_gradient", activation_gradient, p->h_bytes));
    RMX_TRY(rmx_check_array(ctx, "hidden", hidden, p->h_bytes));
    RMX_TRY(rmx_check_optional(ctx, "residual", residual));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, p->x_bytes));
    RMX_TRY(rmx_check_pointer(ctx, "gradients", grad));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.w1", grad->w1));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.b1", grad->b1));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.w2", grad->w2));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.b2", grad->b2));
    const size_t needed = rmx_feed_forward_backward_workspace(desc);
    RMX_TRY(rmx_check_workspace(ctx, "rmx_feed_forward_backward_workspace", ws, ws_bytes, needed));
    RMX_TRY(rmx_check_in_place(ctx, "dx", dx, "residual", residual, p->x_bytes));
    const rmx_range outs[] = {{"dx", dx, p->x_bytes}, {"ws", ws, (int64_t)needed}};
    const rmx_range ins[] = {{"dy", dy, p->x_bytes},
                             {"x", x, p->x_bytes},
                             {"activation_gradient", activation_gradient, p->h_bytes},
                             {"hidden", hidden, p->h_bytes}};
    return rmx_check_ranges(ctx, outs, 2, ins, 4);
}

rmx_status rmx_feed_forward_backward(rmx_context *ctx, const rmx_feed_forward_desc *desc,
                                     const rmx_feed_forward_weights *weights, const void *dy,
                                     const void *x, const void *activation_gradient,
                                     const void *hidden, const void *residual, void *dx,
                                     const rmx_feed_forward_gradients *gradients, void *ws,
                                     size_t ws_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_feed_forward_desc(ctx, desc));
    RMX_TRY(rmx_check_dropout(ctx, &desc->dropout));
    const products p = products_of(desc);
    RMX_TRY(check_weights(ctx, weights));
    RMX_TRY(check_backward(ctx, desc, &p, dy, x, activation_gradient, hidden, residual, dx,
                           gradients, ws, ws_bytes));
    RMX_TRY(rmx_check_kernels(ctx, desc->dtype, kernels_of(desc) | RMX_USES(column_sum)));
    void *dpre = ws, *scratch = (char *)ws + rmx_align((size_t)p.h_bytes);

    RMX_TRY(rmx_project_back(ctx, &p.second, dy, weights->w2, activation_gradient, NULL, dpre));
    RMX_TRY(drop(ctx, desc, dpre));
    RMX_TRY(
        rmx_project_gradients(ctx, &p.second, hidden, dy, gradients->w2, gradients->b2, scratch));
    RMX_TRY(rmx_project_gradients(ctx, &p.first, x, dpre, gradients->w1, gradients->b1, scratch));
    return rmx_project_back(ctx, &p.first, dpre, weights->w1, NULL, residual, dx);
}
