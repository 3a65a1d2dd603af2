/* SPDX-License-Identifier: MIT */
/* product_internal.h: what product.c and product_batched.c share: one product of views. */
#ifndef RMX_LAYERS_PRODUCT_INTERNAL_H
#define RMX_LAYERS_PRODUCT_INTERNAL_H

#include "core/context.h"
#include "rankmixer/tensor.h"

/* out[p] (+)= alpha * (a[p] b[p]) + beta * input[p]; every view has three axes: [P, M, K],
 * [P, K, N], [P, M, N]. */
typedef struct rmx_product {
    rmx_tensor a, b, out;
    rmx_tensor input; /* data NULL: none */
    float alpha, beta;
    /* Adds to what out holds: with alpha = 1 the sums start from it, else the finished sum is
     * added. */
    bool accumulate;
} rmx_product;

/* [M, N] as [1, M, N]. */
rmx_tensor rmx_product_lift(const rmx_tensor *t);
/* t (0 to 3 axes) broadcast to shape as PyTorch does: missing axes in front, size 1 repeats. */
rmx_status rmx_product_fit(rmx_context *ctx, const char *name, const rmx_tensor *t,
                           const int64_t shape[3], rmx_tensor *out);
/* The same of a view that is to be read. */
rmx_status rmx_product_broadcast(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                 const int64_t shape[3], rmx_tensor *out);
/* A writable view with this many axes and shape whose rows or columns are contiguous. */
rmx_status rmx_product_check_out(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                 int32_t dims, const int64_t *shape, const char *meaning);
/* out and each of n inputs share no memory; NULL entries are skipped. */
rmx_status rmx_product_check_apart(rmx_context *ctx, const char *out_name, const rmx_tensor *out,
                                   int32_t n, const char *const *names,
                                   const rmx_tensor *const *ins);
/* What a product adds to its sums is fp32. */
rmx_status rmx_product_check_added(rmx_context *ctx, const char *name, const rmx_tensor *t);
/* Runs a checked product; empty ones do nothing. */
rmx_status rmx_product_run(rmx_context *ctx, const rmx_product *product);

/* A checked backward pass: views have three axes; da or db with data NULL is not wanted. */
typedef struct rmx_product_gradients {
    rmx_tensor dy, a, b, da, db;
    float alpha;
    bool accumulate_db;
} rmx_product_gradients;
rmx_status rmx_product_run_backward(rmx_context *ctx, const rmx_product_gradients *gradients);

#endif /* RMX_LAYERS_PRODUCT_INTERNAL_H */
