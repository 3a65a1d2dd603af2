/* SPDX-License-Identifier: MIT */
/* exp.h: exponentials of numbers that are not above 0, a vector at a time, and the maximum of a row
 * that makes them so.
 *
 * There rmx_exp_scaled, with half the work, gives the bits of rmx_expf: its argument is cut off
 * below, and the power of two taken out again. */
#ifndef RMX_EXP_H
#define RMX_EXP_H

#include "kernels/cpu/partial_sums.h"

#define RMX_EXP_LEAST (-104.0f) /* exp: 0 */

/* exp(x) for x <= 0 or NaN */
RMX_INLINE float rmx_exp_negative(float x)
{
    return rmx_mulf(rmx_exp_scaled(rmx_at_leastf(x, RMX_EXP_LEAST)), RMX_UNSCALE);
}

/* The same of each lane. gcc and clang make vector code of the loop and keep it in registers; only
 * the select they would spend three instructions on. */
RMX_INLINE rmx_vec rmx_exp_negative_vec(rmx_vec x)
{
    float lane[RMX_VL];
    rmx_vec_store(lane, rmx_lanes_max(rmx_vec_set(RMX_EXP_LEAST), x)); /* NaN stays */
    for (int i = 0; i < RMX_VL; i++) lane[i] = rmx_mulf(rmx_exp_scaled(lane[i]), RMX_UNSCALE);
    return rmx_vec_load(lane);
}

/* The largest of the numbers in a row's whole vectors, NaNs passed over: they show elsewhere. */
RMX_INLINE rmx_vec rmx_row_max_vec(const float *x, int64_t n)
{
    rmx_vec m0 = rmx_vec_set(-RMX_INF), m1 = m0;
    int64_t j = 0;
    for (; j + 2 * RMX_VL <= n; j += 2 * RMX_VL) {
        m0 = rmx_lanes_max(rmx_vec_load(x + j), m0);
        m1 = rmx_lanes_max(rmx_vec_load(x + j + RMX_VL), m1);
    }
    if (j + RMX_VL <= n) m0 = rmx_lanes_max(rmx_vec_load(x + j), m0);
    return rmx_lanes_max(m0, m1);
}

RMX_INLINE float rmx_row_max(const float *x, int64_t n)
{
    float m = rmx_lanes_max_vec(rmx_row_max_vec(x, n));
    for (int64_t j = n / RMX_VL * RMX_VL; j < n; j++) m = rmx_maxf(x[j], m);
    return m;
}

#endif /* RMX_EXP_H */
