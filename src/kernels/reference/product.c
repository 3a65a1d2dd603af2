/* SPDX-License-Identifier: MIT */
/* product.c: matrix products and their epilogue. */
#include "kernels/reference/reference.h"

/* Element (i, j) of product (u, v)'s operand. */
static float element(const rmx_matrix *x, int64_t u, int64_t v, int64_t i, int64_t j)
{
    const float *p = x->p;
    return p[u * x->batch[0] + v * x->batch[1] + i * x->rs + j * x->cs];
}

static float *output(const rmx_matrix_out *x, int64_t u, int64_t v, int64_t i, int64_t j)
{
    float *p = x->p;
    return p + u * x->batch[0] + v * x->batch[1] + i * x->rs + j;
}

static void one_output(const rmx_product_args *a, int64_t u, int64_t v, int64_t i, int64_t j)
{
    float *c = output(&a->c, u, v, i, j);
    float value = a->accumulate ? *c : 0.0f;
    for (int64_t k = 0; k < a->k; k++)
        value = rmx_fmaf(element(&a->a, u, v, i, k), element(&a->b, u, v, k, j), value);
    if (a->alpha != 1.0f) value = rmx_mulf(a->alpha, value);
    if (a->bias.p) value = rmx_fmaf(a->beta, element(&a->bias, u, v, i, j), value);
    if (a->activation_gradient.p)
        *output(&a->activation_gradient, u, v, i, j) =
            rmx_reference_act_gradient(a->activation, value);
    value = rmx_reference_act(a->activation, value);
    if (a->multiplier.p) value = rmx_mulf(value, element(&a->multiplier, u, v, i, j));
    if (a->residual.p) value = rmx_addf(value, element(&a->residual, u, v, i, j));
    *c = value;
}

rmx_status rmx_reference_product(rmx_backend *backend, const rmx_product_args *a)
{
    (void)backend;
    for (int64_t u = 0; u < a->batch[0]; u++)
        for (int64_t v = 0; v < a->batch[1]; v++)
            for (int64_t i = 0; i < a->m; i++)
                for (int64_t j = 0; j < a->n; j++) one_output(a, u, v, i, j);
    return RMX_OK;
}
