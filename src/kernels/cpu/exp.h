/* SPDX-License-Identifier: MIT */
/* exp.h: exponentials of numbers that are not above 0, a vector at a time, and the maximum of a
 * row, which a softmax subtracts to get such numbers.
 *
 * For them rmx_exp_scaled gives the bits of rmx_expf with half the work: the argument is cut off
 * below, and the power of two is taken out again. */
#ifndef RMX_EXP_H
#define RMX_EXP_H

#include "kernels/cpu/partial_sums.h"

#define RMX_EXP_LEAST (-104.0f) /* exp: 0 */

/* exp(x) for x <= 0 or NaN */
RMX_INLINE float rmx_exp_negative(float x)
{
    return rmx_mulf(rmx_exp_scaled(rmx_at_leastf(x, RMX_EXP_LEAST)), RMX_UNSCALE);
}

/* The same of each element. gcc and clang make vector code of the loop and keep it in registers.
 * For the maximum alone they would spend three instructions. */
RMX_INLINE rmx_vec rmx_exp_negative_vec(rmx_vec x)
{
    float e[RMX_VL];
    rmx_vec_store(e, rmx_vec_max(rmx_vec_set(RMX_EXP_LEAST), x)); /* NaN stays */
    for (int i = 0; i < RMX_VL; i++) e[i] = rmx_mulf(rmx_exp_scaled(e[i]), RMX_UNSCALE);
    return rmx_vec_load(e);
}

/* The largest number of a row. NaNs are skipped: they show in the sum. */
RMX_INLINE float rmx_row_max(const float *x, int64_t n)
{
    rmx_vec m0 = rmx_vec_set(-RMX_INF), m1 = m0;
    int64_t j = 0;
    for (; j + 2 * RMX_VL <= n; j += 2 * RMX_VL) {
        m0 = rmx_vec_max(rmx_vec_load(x + j), m0);
        m1 = rmx_vec_max(rmx_vec_load(x + j + RMX_VL), m1);
    }
    if (j + RMX_VL <= n) m0 = rmx_vec_max(rmx_vec_load(x + j), m0);
    float m = rmx_vec_tree_max(rmx_vec_max(m0, m1));
    for (j = n / RMX_VL * RMX_VL; j < n; j++) m = rmx_maxf(x[j], m);
    return m;
}

#endif /* RMX_EXP_H */
