/* SPDX-License-Identifier: MIT */
/* reference.h: the reference backend, which has every kernel of ops.h as its contract reads.
 *
 * This backend defines every kernel. It has one thread, no vectors and no blocking. Read it first:
 * the CPU and the CUDA kernels compute the same bits faster, and the tests compare them with it.
 * All arithmetic is from numerics.h. Of the workspaces only those of the sort and of the token
 * mixer's backward pass are used. */
#ifndef RMX_REFERENCE_H
#define RMX_REFERENCE_H

#include "kernels/ops.h"

#define RMX_SLOT(kernel) \
    rmx_status rmx_reference_##kernel(rmx_backend *, const rmx_##kernel##_args *);
RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
size_t rmx_reference_embedding_sort_scratch(int64_t samples, int64_t fields);

/* act(v), and the derivative of act at v. */
float rmx_reference_act(rmx_activation act, float v);
float rmx_reference_act_gradient(rmx_activation act, float v);

/* ---- the two orders of a sum --------------------------------------------------------------- */

/* Returns `sum` with term i of `of` added. With such a function a kernel says what it sums, and
 * whether a multiplication is fused with the addition. */
typedef float rmx_reference_term(const void *of, int64_t i, float sum);

/* along() of ops.h: the sum along a row of n terms, which begin with term `first`. A row of more
 * than RMX_SPAN terms is a row of the sums of its spans. */
static inline float rmx_reference_sum_along(rmx_reference_term *add, const void *of, int64_t first,
                                            int64_t n)
{
    float partial[RMX_PARTIAL_SUMS] = {0.0f};
    int64_t span = 1; /* terms in one element of the row */
    while (span <= (n - 1) / RMX_SPAN) span *= RMX_SPAN;
    for (int64_t at = 0, j = 0; at < n; at += span, j++) {
        float *s = &partial[j % RMX_PARTIAL_SUMS];
        const int64_t terms = n - at < span ? n - at : span;
        if (span == 1)
            *s = add(of, first + at, *s);
        else
            *s = rmx_addf(*s, rmx_reference_sum_along(add, of, first + at, terms));
    }
    for (int off = RMX_PARTIAL_SUMS / 2; off > 0; off /= 2)
        for (int l = 0; l < off; l++) partial[l] = rmx_addf(partial[l], partial[l + off]);
    return partial[0];
}

/* down() of ops.h: the sum down `rows` rows. The sums of the row blocks are added to `start`, one
 * after the other. */
static inline float rmx_reference_sum_down(rmx_reference_term *add, const void *of, int64_t rows,
                                           float start)
{
    float sum = start;
    for (int64_t first = 0; first < rows; first += RMX_ROW_BLOCK) {
        float block = 0.0f;
        for (int64_t r = first; r < rows && r < first + RMX_ROW_BLOCK; r++)
            block = add(of, r, block);
        sum = rmx_addf(sum, block);
    }
    return sum;
}

#endif /* RMX_REFERENCE_H */
