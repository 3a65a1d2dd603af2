/* SPDX-License-Identifier: MIT */
/* tensor.c: types of values, and views of tensors. */
#include "rankmixer/tensor.h"

size_t rmx_dtype_size(rmx_dtype dtype)
{
    switch (dtype) {
    case RMX_F32: return 4;
    case RMX_BF16: return 2;
    }
    return 0;
}

const char *rmx_dtype_name(rmx_dtype dtype)
{
    switch (dtype) {
    case RMX_F32: return "f32";
    case RMX_BF16: return "bf16";
    }
    return "?";
}

rmx_tensor rmx_tensor_of(rmx_dtype dtype, void *data, int32_t dims, const int64_t *shape)
{
    rmx_tensor t = {.data = data, .dtype = dtype, .dims = dims};
    if (dims < 0 || dims > RMX_MAX_DIMS || (dims > 0 && !shape)) {
        t.dims = -1;
        return t;
    }
    int64_t stride = 1;
    for (int32_t i = dims - 1; i >= 0; i--) {
        t.shape[i] = shape[i];
        t.stride[i] = stride;
        if (shape[i] > 0 && __builtin_mul_overflow(stride, shape[i], &stride)) {
            t.dims = -1;
            return t;
        }
    }
    return t;
}

rmx_tensor rmx_tensor_transpose(rmx_tensor t, int32_t a, int32_t b)
{
    if (t.dims > RMX_MAX_DIMS || a < 0 || b < 0 || a >= t.dims || b >= t.dims) {
        t.dims = -1;
        return t;
    }
    const int64_t shape = t.shape[a], stride = t.stride[a];
    t.shape[a] = t.shape[b];
    t.stride[a] = t.stride[b];
    t.shape[b] = shape;
    t.stride[b] = stride;
    return t;
}

int64_t rmx_tensor_count(const rmx_tensor *t)
{
    if (!t || t->dims < 0 || t->dims > RMX_MAX_DIMS) return -1;
    int64_t count = 1;
    for (int32_t i = 0; i < t->dims; i++) {
        if (t->shape[i] < 0) return -1;
        if (t->shape[i] == 0) return 0;
    }
    for (int32_t i = 0; i < t->dims; i++)
        if (__builtin_mul_overflow(count, t->shape[i], &count)) return -1;
    return count;
}
