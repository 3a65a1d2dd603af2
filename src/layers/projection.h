/* SPDX-License-Identifier: MIT */
/* projection.h: y_g = x_g W_g + b_g for each group g, and its gradients: what the linear layer, the
 * tokenizer, the feed-forward and attention are made of. Arguments are checked by them. */
#ifndef RMX_LAYERS_PROJECTION_H
#define RMX_LAYERS_PROJECTION_H

#include "core/context.h"

/* Weights [groups, in, out], biases [groups, out]. A row of x and the next of its group lie x_row
 * apart, groups x_group (0: all read one x); likewise y. */
typedef struct rmx_projection {
    rmx_dtype dtype; /* of all but biases and gradients of parameters, which are fp32 */
    int64_t groups, rows, in, out;
    int64_t x_row, x_group, y_row, y_group;
} rmx_projection;

/* What else happens to y; all of it lies as y. */
typedef struct rmx_projection_epilogue {
    rmx_activation activation;
    void *activation_gradient; /* NULL: not wanted */
    const void *residual;      /* NULL: none */
} rmx_projection_epilogue;

/* y = act(x W + b) + residual; b and e may be NULL. */
rmx_status rmx_project(rmx_context *ctx, const rmx_projection *p, const void *x, const void *w,
                       const float *b, const rmx_projection_epilogue *e, void *y);
/* dx = (dy W^T) * multiplier + residual; both lie as x and may be NULL. */
rmx_status rmx_project_back(rmx_context *ctx, const rmx_projection *p, const void *dy,
                            const void *w, const void *multiplier, const void *residual, void *dx);
/* dw += x^T dy;  db += sums of dy down the rows, unless NULL.
 * ws: rmx_column_sum_scratch(groups, rows, out, 1). */
rmx_status rmx_project_gradients(rmx_context *ctx, const rmx_projection *p, const void *x,
                                 const void *dy, float *dw, float *db, void *ws);

#endif /* RMX_LAYERS_PROJECTION_H */
