/* SPDX-License-Identifier: MIT */
/* layouts.h: one tensor in many layouts: views of any strides must give the bits of contiguous
 * copies. */
#ifndef RMX_LAYOUTS_H
#define RMX_LAYOUTS_H

#include <string.h>

#include "operands.h"
#include "testing.h"

/* Element i of a view, counted in row-major order of its axes. */
static inline int64_t layout_offset(const rmx_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int32_t axis = t->dims - 1; axis >= 0; axis--) {
        offset += i % t->shape[axis] * t->stride[axis];
        i /= t->shape[axis];
    }
    return offset;
}

/* Four axes of [2, 3, 4, 5] over memory for 400 values, laid out in many ways; the last is not
 * dense and the one before repeats values. */
enum { LAYOUTS = 6, DENSE_LAYOUTS = 4, LAYOUT_ELEMENTS = 120, LAYOUT_ROOM = 400 };
static inline rmx_tensor layout_of(int which, float *data)
{
    static const int64_t strides[LAYOUTS][4] = {{60, 20, 5, 1}, {1, 2, 6, 24}, {20, 40, 1, 4},
                                                {5, 40, 10, 1}, {0, 20, 5, 1}, {131, 7, 22, 1}};
    rmx_tensor t = rmx_tensor_of(RMX_F32, data, 4, (int64_t[]){2, 3, 4, 5});
    memcpy(t.stride, strides[which], sizeof strides[which]);
    return t;
}

/* The elements of a view, in row-major order. */
static inline void layout_gather(operands *all, const rmx_tensor *t, float *out)
{
    float memory[LAYOUT_ROOM];
    operands_get(all, memory, t->data, sizeof memory);
    const int64_t count = rmx_tensor_count(t);
    for (int64_t i = 0; i < count; i++) out[i] = memory[layout_offset(t, i)];
}

/* A view whose elements, in row-major order, are values; the rest of its memory is NaN. */
static inline rmx_tensor layout_scatter(operands *all, int which, const float *values)
{
    float memory[LAYOUT_ROOM];
    memset(memory, 0xff, sizeof memory);
    rmx_tensor t = layout_of(which, NULL);
    for (int64_t i = 0; i < LAYOUT_ELEMENTS; i++) memory[layout_offset(&t, i)] = values[i];
    t.data = operands_put(all, memory, LAYOUT_ROOM);
    return t;
}

/* Values that every layout can hold, also the one that repeats its first axis. */
static inline void layout_fill(float *values, uint64_t seed)
{
    testing_fill(values, LAYOUT_ELEMENTS, PATTERN_NORMAL, seed);
    memcpy(values + LAYOUT_ELEMENTS / 2, values, LAYOUT_ELEMENTS / 2 * sizeof *values);
    values[7] = values[7 + LAYOUT_ELEMENTS / 2] = -0.0f;
}

#endif /* RMX_LAYOUTS_H */
