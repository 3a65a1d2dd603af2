/* SPDX-License-Identifier: MIT */
/* norm_large.h: LayerNorm and RMSNorm of rows whose sum, or sum of squares, overflows; ops.h has
 * the contract. The reference, the CPU and the GPU share this text. */
#ifndef RMX_NORM_LARGE_H
#define RMX_NORM_LARGE_H

#include "kernels/numerics.h"

/* What the elements are multiplied by. The largest float becomes 2^32, whose square leaves room for
 * rows of 2^60 elements; a row that overflowed has one of at least 2^64 / sqrt(dim). What is below
 * 2^-30 may lose bits, all of which are far below the last one of the sums. */
#define RMX_NORM_SCALE 0x1p-96f
#define RMX_NORM_UNSCALE 0x1p96f

/* Where x - mean may overflow, rstd is below this. A variance that is a float gives at least as
 * much. */
#define RMX_NORM_HALVED 0x1p-64f

/* Whether nothing overflowed on the way to this rstd: an infinite variance gives 0, and NaN is not
 * above 0. */
RMX_HD int rmx_norm_usual(float rstd) { return rstd > 0.0f; }

/* From the mean and the variance of the scaled elements those of the row. False where they are not
 * finite either, as the row is not: then the first ones stay.
 *
 * A variance that is a float, as of a row whose sum alone overflowed, is used as ever. For any
 * other, at least 2^128, eps * 2^-192 has no subnormal bits that matter. Roundings may bring the
 * mean above the largest element, but not above the largest float. */
RMX_HD int rmx_norm_unscale(float scaled_mean, float scaled_variance, float eps, float *mean,
                            float *rstd)
{
    const float variance = rmx_mulf(rmx_mulf(scaled_variance, RMX_NORM_UNSCALE), RMX_NORM_UNSCALE);
    const float below = rmx_addf(variance, eps);
    const float scaled_eps = rmx_mulf(rmx_mulf(eps, RMX_NORM_SCALE), RMX_NORM_SCALE);
    const float r = below <= FLT_MAX ? rmx_divf(1.0f, rmx_sqrtf(below))
                                     : rmx_divf(RMX_NORM_SCALE,
                                                rmx_sqrtf(rmx_addf(scaled_variance, scaled_eps)));
    if (!rmx_norm_usual(r)) return 0;
    *mean =
        rmx_at_leastf(rmx_at_mostf(rmx_mulf(scaled_mean, RMX_NORM_UNSCALE), FLT_MAX), -FLT_MAX);
    *rstd = r;
    return 1;
}

/* Whether a row's elements are halved before the mean is subtracted. */
RMX_HD int rmx_norm_halved(float rstd) { return rmx_absf(rstd) < RMX_NORM_HALVED; }

/* h of a halved element. The difference has the bits of x - mean, unless that overflows. With the
 * mean 0 it has those of x * rstd, so RMSNorm need not halve. */
RMX_HD float rmx_norm_halved_h(float x, float mean, float rstd)
{
    const float centred = rmx_fmaf(x, 0.5f, rmx_negf(rmx_mulf(mean, 0.5f)));
    return rmx_mulf(centred, rmx_mulf(rstd, 2.0f));
}

#endif /* RMX_NORM_LARGE_H */
