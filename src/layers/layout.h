/* SPDX-License-Identifier: MIT */
/* layout.h: how a view lies in memory, and copies between layouts. */
#ifndef RMX_LAYERS_LAYOUT_H
#define RMX_LAYERS_LAYOUT_H

#include <stdbool.h>

#include "core/context.h"
#include "rankmixer/tensor.h"

/* True for a dense view: contiguous after a permutation of its axes. Then order names the axes
 * from the slowest to the fastest, those of size 1 anywhere. Empty views count as dense, in
 * their own order. */
bool rmx_dense_order(const rmx_tensor *t, int32_t order[RMX_MAX_DIMS]);
/* The same values with axis i being t's axis order[i]. */
rmx_tensor rmx_permuted(const rmx_tensor *t, const int32_t *order);
/* Equal strides wherever there is more than one element; the shapes are equal. */
bool rmx_same_strides(const rmx_tensor *a, const rmx_tensor *b);

/* dst = src, element by element, signs of zeros included; equal shapes and types, no overlap. */
rmx_status rmx_copy_view(rmx_context *ctx, const rmx_tensor *src, const rmx_tensor *dst);

#endif /* RMX_LAYERS_LAYOUT_H */
