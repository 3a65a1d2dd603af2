/* SPDX-License-Identifier: MIT */
/* activation.c: activations, their gradients, and the sum of two arrays. */
#include "kernels/reference/reference.h"

float rmx_reference_act(rmx_activation act, float v)
{
    switch (act) {
    case RMX_ACTIVATION_GELU_ERF: return rmx_gelu_erff(v);
    case RMX_ACTIVATION_GELU_TANH: return rmx_gelu_tanhf(v);
    case RMX_ACTIVATION_NONE: break;
    }
    return v;
}

float rmx_reference_act_gradient(rmx_activation act, float v)
{
    switch (act) {
    case RMX_ACTIVATION_GELU_ERF: return rmx_gelu_erf_gradf(v);
    case RMX_ACTIVATION_GELU_TANH: return rmx_gelu_tanh_gradf(v);
    case RMX_ACTIVATION_NONE: break;
    }
    return 1.0f;
}

rmx_status rmx_reference_activation(rmx_backend *backend, const rmx_activation_args *a)
{
    (void)backend;
    const float *x = a->x;
    float *y = a->y;
    for (int64_t i = 0; i < a->n; i++) y[i] = rmx_reference_act(a->activation, x[i]);
    return RMX_OK;
}

rmx_status rmx_reference_activation_backward(rmx_backend *backend,
                                             const rmx_activation_backward_args *a)
{
    (void)backend;
    const float *x = a->x, *dy = a->dy;
    float *dx = a->dx;
    for (int64_t i = 0; i < a->n; i++)
        dx[i] = rmx_mulf(dy[i], rmx_reference_act_gradient(a->activation, x[i]));
    return RMX_OK;
}

rmx_status rmx_reference_add(rmx_backend *backend, const rmx_add_args *a)
{
    (void)backend;
    const float *x = a->x, *r = a->r;
    float *y = a->y;
    for (int64_t i = 0; i < a->n; i++) y[i] = rmx_addf(x[i], r[i]);
    return RMX_OK;
}
