/* SPDX-License-Identifier: MIT */
/* tensor.h: a view of fp32 values with a shape and strides; owns nothing. */
#ifndef RANKMIXER_TENSOR_H
#define RANKMIXER_TENSOR_H

#include <stdint.h>

#include "rankmixer/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RMX_MAX_DIMS 8

/* Element (i0, i1, ...) is data[i0 * stride[0] + i1 * stride[1] + ...]. Strides count elements
 * and are >= 0; 0 repeats a value (allowed for inputs only). Sizes are >= 0; a view with a
 * zero size is empty and its data may be NULL. Data lives on the context that is given with it,
 * 4-byte aligned; 16-byte aligned rows are faster. */
typedef struct rmx_tensor {
    float *data;
    int32_t dims; /* 0 (one value) .. RMX_MAX_DIMS */
    int64_t shape[RMX_MAX_DIMS];
    int64_t stride[RMX_MAX_DIMS];
} rmx_tensor;

/* A contiguous row-major view; dims out of range gives a view that every call refuses. */
RMX_API rmx_tensor rmx_tensor_of(float *data, int32_t dims, const int64_t *shape);
/* The same values with axes a and b exchanged; bad axes give a view that is refused. */
RMX_API rmx_tensor rmx_tensor_transpose(rmx_tensor t, int32_t a, int32_t b);
/* Number of elements; 0 if empty, -1 if the view is invalid or the count overflows. */
RMX_API int64_t rmx_tensor_count(const rmx_tensor *t);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_TENSOR_H */
