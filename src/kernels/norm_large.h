/* SPDX-License-Identifier: MIT */
/* norm_large.h: LayerNorm and RMSNorm of rows whose sum or sum of squares overflows. ops.h has the
 * contract. All backends include this file. */
#ifndef RMX_NORM_LARGE_H
#define RMX_NORM_LARGE_H

#include "kernels/numerics.h"

/* The elements of such a row are multiplied by RMX_NORM_SCALE. The largest float becomes 2^32,
 * whose square leaves room for rows of 2^60 elements. A row that overflowed has an element of at
 * least 2^64 / sqrt(dim). An element below 2^-30 may lose bits; they are far below the last bit of
 * the sums. */
#define RMX_NORM_SCALE 0x1p-96f
#define RMX_NORM_UNSCALE 0x1p96f

/* Where x - mean may overflow, rstd is below this. A variance that is a finite float gives an rstd
 * of at least this. */
#define RMX_NORM_HALVED 0x1p-64f

/* True if no sum overflowed before this rstd. An infinite variance gives 0, and a NaN is not above
 * 0. */
RMX_HD int rmx_norm_usual(float rstd) { return rstd > 0.0f; }

/* Computes the row's mean and rstd from the mean and the variance of its scaled elements. Returns
 * 0 and leaves them alone if the scaled ones are not finite, because then the row is not.
 *
 * A variance below 2^128, as of a row whose sum alone overflowed, is used as usual. For a larger
 * one, the subnormal bits that eps * 2^-192 loses do not matter. Rounding may bring the mean above
 * the largest element, but the mean stays within the floats. */
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

/* True if a row's elements are halved before the mean is subtracted. */
RMX_HD int rmx_norm_halved(float rstd) { return rmx_absf(rstd) < RMX_NORM_HALVED; }

/* h of an element that is halved. The result has the bits of the usual formula where that does not
 * overflow. With mean 0 it has the bits of x * rstd, so RMSNorm need not halve. */
RMX_HD float rmx_norm_halved_h(float x, float mean, float rstd)
{
    const float centred = rmx_fmaf(x, 0.5f, rmx_negf(rmx_mulf(mean, 0.5f)));
    return rmx_mulf(centred, rmx_mulf(rstd, 2.0f));
}

#endif /* RMX_NORM_LARGE_H */
