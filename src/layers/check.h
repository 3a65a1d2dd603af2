/* SPDX-License-Identifier: MIT */
/* check.h: what a layer checks before any work.
 *
 * Each function returns RMX_OK or records a text with the argument's name, its value and the
 * way to mend it, and returns the status; nothing is written to any operand. Use:
 *
 *     RMX_TRY(rmx_check_desc(ctx, "desc", desc));
 *     RMX_TRY(rmx_check_size(ctx, "desc.rows", desc->rows, 0, RMX_COUNT_MAX));
 *     RMX_TRY(rmx_check_count(ctx, "rows * dim", (int64_t[]){desc->rows, desc->dim}, 2, &n));
 *     RMX_TRY(rmx_check_array(ctx, "x", x, n));
 *
 * A query of a size makes the checks of the descriptor too, with ctx NULL: the status is the same,
 * and there is no text.
 *
 * Order in a layer: context and descriptor, options, sizes, pointers, overlap, workspace. */
#ifndef RMX_LAYERS_CHECK_H
#define RMX_LAYERS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/context.h"
#include "rankmixer/tensor.h"

/* Forwards the first status that is not RMX_OK. */
#define RMX_TRY(call)                                        \
    do {                                                     \
        const rmx_status rmx_try_status = (call);            \
        if (rmx_try_status != RMX_OK) return rmx_try_status; \
    } while (0)

/* Most elements of one operand: beyond any memory, and small enough that bytes, and sums and
 * small multiples of counts, cannot overflow an int64_t. */
#define RMX_COUNT_MAX ((int64_t)1 << 48)

#define RMX_WORKSPACE_ALIGN 256

/* ---- plain arguments ----------------------------------------------------------------------- */

/* ctx is not NULL (then there is nowhere to put a text) and desc is not NULL. */
rmx_status rmx_check_desc(rmx_context *ctx, const char *name, const void *desc);
/* p is not NULL and 4-byte aligned. */
rmx_status rmx_check_pointer(rmx_context *ctx, const char *name, const void *p);
/* The same of an array of count elements: NULL is fine where count is 0. */
rmx_status rmx_check_array(rmx_context *ctx, const char *name, const void *p, int64_t count);
/* An array that may be left out: NULL is fine, misaligned is not. */
rmx_status rmx_check_optional(rmx_context *ctx, const char *name, const void *p);
/* An argument that this kind of call does not use must be NULL. */
rmx_status rmx_check_unused(rmx_context *ctx, const char *name, const void *p, const char *why);
/* F32 or BF16; *bytes of one value. */
rmx_status rmx_check_dtype(rmx_context *ctx, const char *name, rmx_dtype dtype, int64_t *bytes);
/* The backend has all these kernels (RMX_USES bits) for the type. A call that runs several asks
 * this before the first of them writes. */
#define RMX_USES(kernel) (UINT32_C(1) << RMX_KERNEL_##kernel)
rmx_status rmx_check_kernels(rmx_context *ctx, rmx_dtype dtype, uint32_t kernels);
/* min <= value <= max */
rmx_status rmx_check_size(rmx_context *ctx, const char *name, int64_t value, int64_t min,
                          int64_t max);
/* value is finite (and > 0; and >= min and < end) */
rmx_status rmx_check_finite(rmx_context *ctx, const char *name, float value);
rmx_status rmx_check_positive(rmx_context *ctx, const char *name, float value);
rmx_status rmx_check_range(rmx_context *ctx, const char *name, float value, float min, float end);
/* *count = product of n sizes, each >= 0, the product of those > 0 at most RMX_COUNT_MAX.
 * what names the product: "samples * tokens * width". count may be NULL. */
rmx_status rmx_check_count(rmx_context *ctx, const char *what, const int64_t *sizes, int32_t n,
                           int64_t *count);

/* ---- memory -------------------------------------------------------------------------------- */

/* out and in share no byte; NULL or 0 bytes never do. */
rmx_status rmx_check_overlap(rmx_context *ctx, const char *out_name, const void *out,
                             int64_t out_bytes, const char *in_name, const void *in,
                             int64_t in_bytes);
/* out is in itself, or they share no byte: for kernels that work in place. */
rmx_status rmx_check_in_place(rmx_context *ctx, const char *out_name, const void *out,
                              const char *in_name, const void *in, int64_t bytes);
/* RMX_ERR_WORKSPACE unless ws holds needed bytes and is aligned to RMX_WORKSPACE_ALIGN; where
 * needed is 0, anything goes. query names the function that tells the size. The workspace
 * is an output: check its overlap with the operands (rmx_check_overlap) where needed > 0. */
rmx_status rmx_check_workspace(rmx_context *ctx, const char *query, const void *ws,
                               size_t ws_bytes, size_t needed);

/* One stretch of memory that a call reads or writes. */
typedef struct rmx_range {
    const char *name;
    const void *p; /* NULL: absent */
    int64_t bytes;
} rmx_range;

/* No output overlaps another output or an input. In-place pairs are left out of the lists and
 * checked by rmx_check_in_place. */
rmx_status rmx_check_ranges(rmx_context *ctx, const rmx_range *outs, int32_t n_outs,
                            const rmx_range *ins, int32_t n_ins);

/* ---- views --------------------------------------------------------------------------------- */

/* The shape of a readable view: dims, sizes and strides in range; its memory is not looked at. */
rmx_status rmx_check_layout(rmx_context *ctx, const char *name, const rmx_tensor *t);
/* A readable view: not NULL, dims, sizes and strides in range, memory unless empty. */
rmx_status rmx_check_tensor(rmx_context *ctx, const char *name, const rmx_tensor *t);
/* A readable view with this many axes. */
rmx_status rmx_check_dims(rmx_context *ctx, const char *name, const rmx_tensor *t, int32_t dims);
/* A writable view: readable, and no two elements share memory. Sufficient test: sorted by
 * stride, each axis steps over all the smaller ones. */
rmx_status rmx_check_output(rmx_context *ctx, const char *name, const rmx_tensor *t);
/* t (already checked) has this shape; meaning says what it stands for: "[M, N]". */
rmx_status rmx_check_shape(rmx_context *ctx, const char *name, const rmx_tensor *t, int32_t dims,
                           const int64_t *shape, const char *meaning);
/* Two checked views hold values of one type. */
rmx_status rmx_check_same_dtype(rmx_context *ctx, const char *name, const rmx_tensor *t,
                                const char *other_name, const rmx_tensor *other);
/* Two checked views share no element. Exact for views whose address ranges are apart and for
 * views interleaved at a common stride (columns of one matrix); other pairs are refused. */
rmx_status rmx_check_views_apart(rmx_context *ctx, const char *out_name, const rmx_tensor *out,
                                 const char *in_name, const rmx_tensor *in);
/* Elements from the first to the last of a checked view, both included, and their bytes; 0 if
 * empty. */
int64_t rmx_tensor_extent(const rmx_tensor *t);
int64_t rmx_tensor_bytes(const rmx_tensor *t);
/* "[2, 3]" or, with strides, "[2, 3] with strides [3, 1]". Returns text. */
#define RMX_SHAPE_TEXT 400
const char *rmx_shape_text(const rmx_tensor *t, bool strides, char text[RMX_SHAPE_TEXT]);

#endif /* RMX_LAYERS_CHECK_H */
