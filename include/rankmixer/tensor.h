/* SPDX-License-Identifier: MIT */
/* tensor.h: types of values, and a view of values with a shape and strides; it owns nothing. */
#ifndef RANKMIXER_TENSOR_H
#define RANKMIXER_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "rankmixer/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The type of stored values. Arithmetic is fp32 whatever the type. A layer that has no kernel for
 * a type refuses it: RMX_ERR_ARGUMENT. */
typedef enum rmx_dtype {
    RMX_F32 = 0, /* IEEE 754 binary32 */
    RMX_BF16 = 1 /* the upper half of a binary32 */
} rmx_dtype;

/* Bytes of a value; 0 for what is no type. */
RMX_API size_t rmx_dtype_size(rmx_dtype dtype);
/* "f32", "bf16", or "?". */
RMX_API const char *rmx_dtype_name(rmx_dtype dtype);

#define RMX_MAX_DIMS 8

/* Element (i0, i1, ...) is data[i0 * stride[0] + i1 * stride[1] + ...]. Strides count elements
 * and are >= 0; 0 repeats a value (allowed for inputs only). Sizes are >= 0; a view with a
 * zero size is empty and its data may be NULL. Data lives on the context that is given with it,
 * aligned to its type; 16-byte aligned rows are faster. */
typedef struct rmx_tensor {
    void *data;
    rmx_dtype dtype;
    int32_t dims; /* 0 (one value) .. RMX_MAX_DIMS */
    int64_t shape[RMX_MAX_DIMS];
    int64_t stride[RMX_MAX_DIMS];
} rmx_tensor;

/* A contiguous row-major view; dims out of range gives a view that every call refuses. */
RMX_API rmx_tensor rmx_tensor_of(rmx_dtype dtype, void *data, int32_t dims, const int64_t *shape);
/* The same values with axes a and b exchanged; bad axes give a view that is refused. */
RMX_API rmx_tensor rmx_tensor_transpose(rmx_tensor t, int32_t a, int32_t b);
/* Number of elements; 0 if empty, -1 if the view is invalid or the count overflows. */
RMX_API int64_t rmx_tensor_count(const rmx_tensor *t);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_TENSOR_H */
