/* SPDX-License-Identifier: MIT */
/* check_view.c: the checks of check.h on tensor views. */
#include <inttypes.h>
#include <stdio.h>

#include "layers/check.h"

static size_t list(char *text, size_t size, const int64_t *values, int32_t n)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (int32_t i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%" PRId64, i ? ", " : "", values[i]);
    if (at < size) at += (size_t)snprintf(text + at, size - at, "]");
    return at;
}

const char *rmx_shape_text(const rmx_tensor *t, bool strides, char text[RMX_SHAPE_TEXT])
{
    size_t at = list(text, RMX_SHAPE_TEXT, t->shape, t->dims);
    if (strides && at < RMX_SHAPE_TEXT) {
        at += (size_t)snprintf(text + at, RMX_SHAPE_TEXT - at, " with strides ");
        if (at < RMX_SHAPE_TEXT) list(text + at, RMX_SHAPE_TEXT - at, t->stride, t->dims);
    }
    return text;
}

static bool empty(const rmx_tensor *t)
{
    for (int32_t i = 0; i < t->dims; i++)
        if (t->shape[i] == 0) return true;
    return false;
}

int64_t rmx_tensor_extent(const rmx_tensor *t)
{
    if (empty(t)) return 0;
    int64_t last = 0;
    for (int32_t i = 0; i < t->dims; i++) last += (t->shape[i] - 1) * t->stride[i];
    return last + 1;
}

int64_t rmx_tensor_bytes(const rmx_tensor *t)
{
    return rmx_tensor_extent(t) * (int64_t)rmx_dtype_size(t->dtype);
}

/* The last element's offset stays below RMX_COUNT_MAX, so that no later sum overflows. */
static bool extent_fits(const rmx_tensor *t)
{
    int64_t last = 0;
    for (int32_t i = 0; i < t->dims; i++) {
        int64_t step;
        if (t->shape[i] < 2) continue;
        if (__builtin_mul_overflow(t->shape[i] - 1, t->stride[i], &step)) return false;
        if (step > RMX_COUNT_MAX - last) return false;
        last += step;
    }
    return true;
}

rmx_status rmx_check_layout(rmx_context *ctx, const char *name, const rmx_tensor *t)
{
    char text[RMX_SHAPE_TEXT];
    if (!t) return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: NULL", name);
    if (t->dims < 0 || t->dims > RMX_MAX_DIMS)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "%s: %d axes: must be 0 to %d (-1 marks a view that was built "
                                "from axes or sizes out of range)",
                                name, t->dims, RMX_MAX_DIMS);
    if (rmx_dtype_size(t->dtype) == 0)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: type %d: must be RMX_F32 or RMX_BF16",
                                name, (int)t->dtype);
    for (int32_t i = 0; i < t->dims; i++)
        if (t->shape[i] < 0 || t->stride[i] < 0)
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "%s: shape %s: sizes and strides must not be negative", name,
                                    rmx_shape_text(t, true, text));
    RMX_TRY(rmx_check_count(ctx, name, t->shape, t->dims, NULL));
    if (!empty(t) && !extent_fits(t))
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: shape %s reaches beyond 2^48 elements",
                                name, rmx_shape_text(t, true, text));
    return RMX_OK;
}

rmx_status rmx_check_tensor(rmx_context *ctx, const char *name, const rmx_tensor *t)
{
    RMX_TRY(rmx_check_layout(ctx, name, t));
    return empty(t) ? RMX_OK : rmx_check_pointer(ctx, name, t->data);
}

rmx_status rmx_check_dims(rmx_context *ctx, const char *name, const rmx_tensor *t, int32_t dims)
{
    char text[RMX_SHAPE_TEXT];
    RMX_TRY(rmx_check_tensor(ctx, name, t));
    if (t->dims == dims) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: shape %s has %d axes: must have %d", name,
                            rmx_shape_text(t, false, text), t->dims, dims);
}

/* Axes with more than one element, ascending stride. Returns their number. */
static int32_t by_stride(const rmx_tensor *t, int32_t axes[RMX_MAX_DIMS])
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->dims; i++) {
        if (t->shape[i] < 2) continue;
        int32_t at = n++;
        for (; at > 0 && t->stride[axes[at - 1]] > t->stride[i]; at--) axes[at] = axes[at - 1];
        axes[at] = i;
    }
    return n;
}

rmx_status rmx_check_output(rmx_context *ctx, const char *name, const rmx_tensor *t)
{
    RMX_TRY(rmx_check_tensor(ctx, name, t));
    if (empty(t)) return RMX_OK;
    int32_t axes[RMX_MAX_DIMS];
    const int32_t n = by_stride(t, axes);
    int64_t below = 0; /* offset of the last element over the axes seen so far */
    for (int32_t i = 0; i < n; i++) {
        const int64_t stride = t->stride[axes[i]];
        if (stride <= below) {
            char text[RMX_SHAPE_TEXT];
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "%s: shape %s: elements of an output must not share memory: "
                                    "axis %d needs a stride above %" PRId64,
                                    name, rmx_shape_text(t, true, text), axes[i], below);
        }
        below += (t->shape[axes[i]] - 1) * stride;
    }
    return RMX_OK;
}

rmx_status rmx_check_shape(rmx_context *ctx, const char *name, const rmx_tensor *t, int32_t dims,
                           const int64_t *shape, const char *meaning)
{
    bool same = t->dims == dims;
    for (int32_t i = 0; same && i < dims; i++) same = t->shape[i] == shape[i];
    if (same) return RMX_OK;
    char is[RMX_SHAPE_TEXT], must[RMX_SHAPE_TEXT];
    list(must, sizeof must, shape, dims);
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: shape %s: must be %s, %s", name,
                            rmx_shape_text(t, false, is), must, meaning);
}

rmx_status rmx_check_same_dtype(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                const char *other_name, const rmx_tensor *other)
{
    if (t->dtype == other->dtype) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: type %s: must be %s, the type of %s", name,
                            rmx_dtype_name(t->dtype), rmx_dtype_name(other->dtype), other_name);
}

/* Offset of the last element over the axes whose stride is no multiple of period. */
static int64_t window(const rmx_tensor *t, int64_t period)
{
    int64_t last = 0;
    for (int32_t i = 0; i < t->dims; i++)
        if (t->stride[i] % period != 0) last += (t->shape[i] - 1) * t->stride[i];
    return last;
}

/* Modulo period, every element of a view lies in [first, first + window]. Two such windows
 * that do not meet on the circle of period elements hold no common address. b starts distance
 * elements after a. */
static bool interleaved(const rmx_tensor *a, const rmx_tensor *b, uint64_t distance,
                        int64_t period)
{
    if (period < 2) return false;
    const int64_t window_a = window(a, period), window_b = window(b, period);
    const int64_t gap = (int64_t)(distance % (uint64_t)period);
    return gap > window_a && gap + window_b < period;
}

rmx_status rmx_check_views_apart(rmx_context *ctx, const char *out_name, const rmx_tensor *out,
                                 const char *in_name, const rmx_tensor *in)
{
    const int64_t out_bytes = rmx_tensor_bytes(out), in_bytes = rmx_tensor_bytes(in);
    if (!out_bytes || !in_bytes) return RMX_OK;
    const bool out_first = (uintptr_t)out->data <= (uintptr_t)in->data;
    const rmx_tensor *a = out_first ? out : in, *b = out_first ? in : out;
    const uint64_t distance = ((uintptr_t)b->data - (uintptr_t)a->data) / rmx_dtype_size(a->dtype);
    for (int32_t i = 0; i < a->dims && a->dtype == b->dtype; i++)
        if (a->shape[i] > 1 && interleaved(a, b, distance, a->stride[i])) return RMX_OK;
    return rmx_check_overlap(ctx, out_name, out->data, out_bytes, in_name, in->data, in_bytes);
}
