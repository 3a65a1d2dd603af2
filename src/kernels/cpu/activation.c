/* SPDX-License-Identifier: MIT */
/* activation.c: kernels that go element by element: activations, their gradients, add, sigmoid. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"

#define GRAIN 16384 /* elements: some microseconds of work */

static void act_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_activation_args *a = job;
    const float *x = a->x;
    float *y = a->y;
    (void)worker;
    switch (a->activation) {
    case RMX_ACTIVATION_GELU_ERF:
        RMX_INDEPENDENT
        for (int64_t i = begin; i < end; i++) y[i] = rmx_gelu_erff(x[i]);
        break;
    case RMX_ACTIVATION_GELU_TANH:
        RMX_INDEPENDENT
        for (int64_t i = begin; i < end; i++) y[i] = rmx_gelu_tanhf(x[i]);
        break;
    case RMX_ACTIVATION_NONE:
        if (x != y) memcpy(y + begin, x + begin, sizeof *y * (size_t)(end - begin));
        break;
    }
}

/* y = act(x).
 * traffic x read once, y written once; GELU's arithmetic takes about as long */
rmx_status rmx_cpu_activation(rmx_backend *backend, const rmx_activation_args *a)
{
    rmx_activation_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->n, GRAIN, act_task, &job);
    return RMX_OK;
}

static void act_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_activation_backward_args *a = job;
    const float *x = a->x, *dy = a->dy;
    float *dx = a->dx;
    (void)worker;
    switch (a->activation) {
    case RMX_ACTIVATION_GELU_ERF:
        RMX_INDEPENDENT
        for (int64_t i = begin; i < end; i++) dx[i] = rmx_mulf(dy[i], rmx_gelu_erf_gradf(x[i]));
        break;
    case RMX_ACTIVATION_GELU_TANH:
        RMX_INDEPENDENT
        for (int64_t i = begin; i < end; i++) dx[i] = rmx_mulf(dy[i], rmx_gelu_tanh_gradf(x[i]));
        break;
    case RMX_ACTIVATION_NONE:
        if (dx != dy) memcpy(dx + begin, dy + begin, sizeof *dx * (size_t)(end - begin));
        break;
    }
}

/* dx = dy * act'(x).
 * traffic x and dy read once, dx written once */
rmx_status rmx_cpu_activation_backward(rmx_backend *backend, const rmx_activation_backward_args *a)
{
    rmx_activation_backward_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->n, GRAIN, act_backward_task, &job);
    return RMX_OK;
}

static void add_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_add_args *a = job;
    const float *x = a->x, *r = a->r;
    float *y = a->y;
    (void)worker;
    RMX_INDEPENDENT
    for (int64_t i = begin; i < end; i++) y[i] = rmx_addf(x[i], r[i]);
}

/* y = x + r.
 * traffic x and r read once, y written once */
rmx_status rmx_cpu_add(rmx_backend *backend, const rmx_add_args *a)
{
    rmx_add_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->n, GRAIN, add_task, &job);
    return RMX_OK;
}

static void sigmoid_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_sigmoid_args *a = job;
    const float *x = a->x;
    float *y = a->y;
    (void)worker;
    RMX_INDEPENDENT
    for (int64_t i = begin; i < end; i++) y[i] = rmx_sigmoidf(x[i]);
}

/* y = 1 / (1 + exp(-x)).
 * traffic x read once, y written once */
rmx_status rmx_cpu_sigmoid(rmx_backend *backend, const rmx_sigmoid_args *a)
{
    rmx_sigmoid_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->n, GRAIN, sigmoid_task, &job);
    return RMX_OK;
}
