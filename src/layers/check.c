/* SPDX-License-Identifier: MIT */
/* check.c: see check.h. Plain arguments and memory; views are in check_view.c. */
#include "layers/check.h"

#include <inttypes.h>
#include <math.h>

rmx_status rmx_check_desc(rmx_context *ctx, const char *name, const void *desc)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    if (!desc) return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: NULL", name);
    return RMX_OK;
}

rmx_status rmx_check_pointer(rmx_context *ctx, const char *name, const void *p)
{
    if (!p) return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: NULL", name);
    return rmx_check_optional(ctx, name, p);
}

rmx_status rmx_check_array(rmx_context *ctx, const char *name, const void *p, int64_t count)
{
    return count > 0 ? rmx_check_pointer(ctx, name, p) : RMX_OK;
}

rmx_status rmx_check_optional(rmx_context *ctx, const char *name, const void *p)
{
    if ((uintptr_t)p % sizeof(float) != 0)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s = %p: must be 4-byte aligned", name, p);
    return RMX_OK;
}

rmx_status rmx_check_unused(rmx_context *ctx, const char *name, const void *p, const char *why)
{
    if (p) return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s: must be NULL %s", name, why);
    return RMX_OK;
}

rmx_status rmx_check_dtype(rmx_context *ctx, const char *name, rmx_dtype dtype, int64_t *bytes)
{
    *bytes = (int64_t)rmx_dtype_size(dtype);
    if (*bytes > 0) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s = %d: must be RMX_F32 or RMX_BF16", name,
                            (int)dtype);
}

rmx_status rmx_check_kernels(rmx_context *ctx, rmx_dtype dtype, uint32_t kernels)
{
    _Static_assert(RMX_KERNEL_COUNT <= 32, "a bit for each kernel");
    static const char *const names[] = {
#define RMX_SLOT(kernel) #kernel,
        RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
    };
    for (int k = 0; k < RMX_KERNEL_COUNT; k++) {
        if (!(kernels >> k & 1)) continue;
        const bool tensor = k == RMX_KERNEL_product && rmx_math_of(dtype) == RMX_MATH_TENSOR;
        const int needs = 1 << dtype | (tensor ? RMX_TAKES_TENSOR : 0);
        RMX_TRY(rmx_context_takes(ctx, (rmx_kernel)k, names[k], needs));
    }
    return RMX_OK;
}

rmx_status rmx_check_size(rmx_context *ctx, const char *name, int64_t value, int64_t min,
                          int64_t max)
{
    if (value >= min && value <= max) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "%s = %" PRId64 ": must be %" PRId64 " to %" PRId64, name, value, min,
                            max);
}

rmx_status rmx_check_finite(rmx_context *ctx, const char *name, float value)
{
    if (isfinite(value)) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s = %g: must be finite", name, (double)value);
}

rmx_status rmx_check_positive(rmx_context *ctx, const char *name, float value)
{
    if (isfinite(value) && value > 0.0f) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s = %g: must be finite and above 0", name,
                            (double)value);
}

rmx_status rmx_check_range(rmx_context *ctx, const char *name, float value, float min, float end)
{
    if (value >= min && value < end) return RMX_OK; /* false for NaN */
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "%s = %g: must be at least %g and below %g",
                            name, (double)value, (double)min, (double)end);
}

rmx_status rmx_check_count(rmx_context *ctx, const char *what, const int64_t *sizes, int32_t n,
                           int64_t *count)
{
    int64_t product = 1;
    bool empty = false, fits = true;
    for (int32_t i = 0; i < n; i++) {
        if (sizes[i] < 0)
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "%s: factor %d is %" PRId64 ": must not be negative", what,
                                    i + 1, sizes[i]);
        if (sizes[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, sizes[i], &product) || product > RMX_COUNT_MAX)
            fits = false;
        if (!fits) break;
    }
    if (!fits)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "%s: more than 2^48 elements: the sizes are too large", what);
    if (count) *count = empty ? 0 : product;
    return RMX_OK;
}

static bool overlap(const void *a, int64_t a_bytes, const void *b, int64_t b_bytes)
{
    if (!a || !b || a_bytes <= 0 || b_bytes <= 0) return false;
    const uintptr_t first_a = (uintptr_t)a, first_b = (uintptr_t)b;
    return first_a <= first_b ? first_b - first_a < (uintptr_t)a_bytes
                              : first_a - first_b < (uintptr_t)b_bytes;
}

rmx_status rmx_check_overlap(rmx_context *ctx, const char *out_name, const void *out,
                             int64_t out_bytes, const char *in_name, const void *in,
                             int64_t in_bytes)
{
    if (!overlap(out, out_bytes, in, in_bytes)) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "%s (%" PRId64 " bytes at %p) overlaps %s (%" PRId64
                            " bytes at %p): give %s memory of its own",
                            out_name, out_bytes, out, in_name, in_bytes, in, out_name);
}

rmx_status rmx_check_in_place(rmx_context *ctx, const char *out_name, const void *out,
                              const char *in_name, const void *in, int64_t bytes)
{
    if (out == in || !overlap(out, bytes, in, bytes)) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "%s (at %p) overlaps %s (at %p) by a part of their %" PRId64
                            " bytes: they must be the same memory or apart",
                            out_name, out, in_name, in, bytes);
}

rmx_status rmx_check_workspace(rmx_context *ctx, const char *query, const void *ws,
                               size_t ws_bytes, size_t needed)
{
    if (needed == 0) return RMX_OK;
    if (!ws || ws_bytes < needed)
        return rmx_context_fail(ctx, RMX_ERR_WORKSPACE,
                                "workspace: %zu bytes at %p, %zu needed: ask %s for the size",
                                ws_bytes, ws, needed, query);
    if ((uintptr_t)ws % RMX_WORKSPACE_ALIGN != 0)
        return rmx_context_fail(ctx, RMX_ERR_WORKSPACE,
                                "workspace: at %p: must be %d-byte aligned, as rmx_alloc's memory",
                                ws, RMX_WORKSPACE_ALIGN);
    return RMX_OK;
}

rmx_status rmx_check_ranges(rmx_context *ctx, const rmx_range *outs, int32_t n_outs,
                            const rmx_range *ins, int32_t n_ins)
{
    for (int32_t i = 0; i < n_outs; i++) {
        for (int32_t j = i + 1; j < n_outs; j++)
            RMX_TRY(rmx_check_overlap(ctx, outs[i].name, outs[i].p, outs[i].bytes, outs[j].name,
                                      outs[j].p, outs[j].bytes));
        for (int32_t j = 0; j < n_ins; j++)
            RMX_TRY(rmx_check_overlap(ctx, outs[i].name, outs[i].p, outs[i].bytes, ins[j].name,
                                      ins[j].p, ins[j].bytes));
    }
    return RMX_OK;
}
