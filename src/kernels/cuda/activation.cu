/* SPDX-License-Identifier: MIT */
/* activation.cu: kernels that go element by element.
 *
 * Each thread takes 4 neighbouring elements where all pointers are 16-byte aligned, so that a warp
 * moves 512 bytes at a time; the last n % 4 elements, and unaligned calls, go one by one. */
#include "kernels/cuda/cuda.h"

#define THREADS 256

static bool aligned16(const void *a, const void *b, const void *c)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) & 15) == 0;
}

/* y_i = f(x_i, r_i); r NULL: not read.
 *   grid     one thread per 4 elements (vector) or per element
 *   traffic  x (and r) read once, y written once */
template <class F>
static __global__ void map_vector(int64_t n4, const float4 *x, const float4 *r, float4 *y, F f)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n4) return;
    const float4 a = x[i], b = r ? r[i] : a;
    y[i] = make_float4(f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w));
}

template <class F>
static __global__ void map_scalar(int64_t begin, int64_t n, const float *x, const float *r,
                                  float *y, F f)
{
    const int64_t i = begin + (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < n) y[i] = f(x[i], r ? r[i] : 0.0f);
}

static unsigned blocks_for(int64_t items) { return (unsigned)((items + THREADS - 1) / THREADS); }

template <class F>
static rmx_status map(rmx_backend *backend, int64_t n, const float *x, const float *r, float *y,
                      F f, const char *what)
{
    if (n <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t n4 = aligned16(x, r, y) ? n / 4 : 0;
    if (n4 > 0)
        map_vector<<<blocks_for(n4), THREADS, 0, stream>>>(n4, (const float4 *)x,
                                                           (const float4 *)r, (float4 *)y, f);
    if (4 * n4 < n)
        map_scalar<<<blocks_for(n - 4 * n4), THREADS, 0, stream>>>(4 * n4, n, x, r, y, f);
    return rmx_cuda_check_launch(backend, what);
}

struct copy_f {
    __device__ float operator()(float x, float) const { return x; }
};
struct gelu_erf_f {
    __device__ float operator()(float x, float) const { return rmx_gelu_erff(x); }
};
struct gelu_tanh_f {
    __device__ float operator()(float x, float) const { return rmx_gelu_tanhf(x); }
};
struct gelu_erf_backward_f {
    __device__ float operator()(float x, float dy) const
    {
        return rmx_mulf(dy, rmx_gelu_erf_gradf(x));
    }
};
struct gelu_tanh_backward_f {
    __device__ float operator()(float x, float dy) const
    {
        return rmx_mulf(dy, rmx_gelu_tanh_gradf(x));
    }
};
struct add_f {
    __device__ float operator()(float x, float r) const { return rmx_addf(x, r); }
};
struct sigmoid_f {
    __device__ float operator()(float x, float) const { return rmx_sigmoidf(x); }
};

rmx_status rmx_cuda_activation(rmx_backend *backend, const rmx_activation_args *a)
{
    switch (a->activation) {
    case RMX_ACTIVATION_GELU_ERF:
        return map(backend, a->n, rmx_f32(a->x), NULL, rmx_f32(a->y), gelu_erf_f(), "gelu");
    case RMX_ACTIVATION_GELU_TANH:
        return map(backend, a->n, rmx_f32(a->x), NULL, rmx_f32(a->y), gelu_tanh_f(), "gelu");
    case RMX_ACTIVATION_NONE: break;
    }
    return map(backend, a->n, rmx_f32(a->x), NULL, rmx_f32(a->y), copy_f(), "act");
}

rmx_status rmx_cuda_activation_backward(rmx_backend *backend,
                                        const rmx_activation_backward_args *a)
{
    switch (a->activation) {
    case RMX_ACTIVATION_GELU_ERF:
        return map(backend, a->n, rmx_f32(a->x), rmx_f32(a->dy), rmx_f32(a->dx),
                   gelu_erf_backward_f(), "gelu backward");
    case RMX_ACTIVATION_GELU_TANH:
        return map(backend, a->n, rmx_f32(a->x), rmx_f32(a->dy), rmx_f32(a->dx),
                   gelu_tanh_backward_f(), "gelu backward");
    case RMX_ACTIVATION_NONE: break;
    }
    return map(backend, a->n, rmx_f32(a->dy), NULL, rmx_f32(a->dx), copy_f(), "act backward");
}

rmx_status rmx_cuda_add(rmx_backend *backend, const rmx_add_args *a)
{
    return map(backend, a->n, rmx_f32(a->x), rmx_f32(a->r), rmx_f32(a->y), add_f(), "add");
}

rmx_status rmx_cuda_sigmoid(rmx_backend *backend, const rmx_sigmoid_args *a)
{
    return map(backend, a->n, a->x, NULL, a->y, sigmoid_f(), "sigmoid");
}
