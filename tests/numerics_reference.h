/* SPDX-License-Identifier: MIT */
/* numerics_reference.h: what the functions of numerics.h should give, in double precision, and how
 * far off a float is. Shared by test_numerics.c (a sample) and long_numerics.c (all floats).
 *
 * Where a function is a short series or a constant to double precision, that is used instead of
 * libm: most floats are very small or very large, and all 2^32 of them are to be tried. */
#ifndef RMX_TESTS_NUMERICS_REFERENCE_H
#define RMX_TESTS_NUMERICS_REFERENCE_H

#include <math.h>
#include <stdint.h>

#include "numerics_list.h"

#define REF_SQRT_HALF 0.70710678118654752440
#define REF_INV_SQRT_2PI 0.39894228040143267794
#define REF_2_OVER_SQRT_PI 1.12837916709551257390
#define REF_GELU_TANH_C 1.59576912160573071176 /* 2 sqrt(2 / pi) */
#define REF_TINY 1e-300                        /* stands for "rounds to zero, with this sign" */

static inline double ref_expf(double x)
{
    return fabs(x) < 0x1p-17 ? 1 + x * (1 + x * (0.5 + x / 6)) : exp(x);
}

static inline double ref_logf(double x) { return log(x); }

static inline double ref_log1pf(double x)
{
    return fabs(x) < 0x1p-14 ? x - x * x * (0.5 - x / 3) : log1p(x);
}

static inline double ref_tanhf(double x)
{
    if (fabs(x) > 20) {
        return copysign(1.0, x);
    }
    return fabs(x) < 0x1p-10 ? x * (1 - x * x * (1.0 / 3 - 2.0 / 15 * x * x)) : tanh(x);
}

static inline double ref_erff(double x)
{
    if (fabs(x) > 6) {
        return copysign(1.0, x);
    }
    return fabs(x) < 0x1p-10 ? REF_2_OVER_SQRT_PI * x * (1 - x * x * (1.0 / 3 - x * x / 10))
                             : erf(x);
}

static inline double ref_sigmoidf(double x)
{
    if (fabs(x) < 0x1p-12) {
        return 0.5 + x / 4 - x * x * x / 48;
    }
    const double e = exp(-(fabs(x) < 690 ? fabs(x) : 690));
    return (x < 0 ? e : 1) / (1 + e);
}

static inline double ref_softplusf(double x)
{
    if (x > 40) {
        return x;
    }
    if (fabs(x) < 0x1p-12) {
        return 0.69314718055994530942 + x / 2 + x * x / 8;
    }
    return (x > 0 ? x : 0) + log1p(exp(-(fabs(x) < 690 ? fabs(x) : 690)));
}

static inline double ref_gelu_erff(double x)
{
    if (x > 9) {
        return x;
    }
    if (x < -37) {
        return -REF_TINY;
    }
    return fabs(x) < 0x1p-14 ? x * (0.5 + REF_INV_SQRT_2PI * x)
                             : 0.5 * x * erfc(-x * REF_SQRT_HALF);
}

static inline double ref_gelu_erf_gradf(double x)
{
    if (x > 9) {
        return 1;
    }
    if (x < -37) {
        return -REF_TINY;
    }
    return fabs(x) < 0x1p-14
               ? 0.5 + 2 * REF_INV_SQRT_2PI * x
               : 0.5 * erfc(-x * REF_SQRT_HALF) + x * REF_INV_SQRT_2PI * exp(-0.5 * x * x);
}

static inline double ref_gelu_tanhf(double x)
{
    if (x > 9) {
        return x;
    }
    if (x < -20) {
        return -REF_TINY;
    }
    return x / (1 + exp(-REF_GELU_TANH_C * x * (1 + 0.044715 * x * x)));
}

static inline double ref_gelu_tanh_gradf(double x)
{
    if (x > 9) {
        return 1;
    }
    if (x < -20) {
        return -REF_TINY;
    }
    const double e = exp(-REF_GELU_TANH_C * fabs(x) * (1 + 0.044715 * x * x));
    const double y = 1 / (1 + e);
    const double g = e * y * (1 - fabs(x) * y * REF_GELU_TANH_C * (1 + 3 * 0.044715 * x * x));
    return x < 0 ? g : 1 - g;
}

/* Error of `got` in ulp of `ref`, or in units of 2^-27 if `root`. Infinity for what no rounding
 * explains: a NaN or infinity in the wrong place, or a wrong sign, of a zero too. */
static inline double ref_error(float got, double ref, int root)
{
    union {
        double d;
        uint64_t u;
    } r = {ref}, g = {(double)got}, per_ulp;
    if (root) {
        return fabs(g.d - ref) * 0x1p+27;
    }
    const uint64_t e = r.u >> 52 & 0x7ff, least = 1023 - 126, most = 1023 + 127;
    if (e > most || !(fabs(g.d) < (double)INFINITY)) { /* something is not finite as a float */
        if (ref != ref || got != got) {
            return ref != ref && got != got ? 0 : (double)INFINITY;
        }
        const double limit = copysign(0x1p+128, ref); /* infinity is where it would be */
        const double near = fabs(ref) < 0x1p+128 ? ref : limit;
        return fabs((fabs(g.d) < 0x1p+128 ? g.d : copysign(0x1p+128, g.d)) - near) * 0x1p-104;
    }
    if ((r.u ^ g.u) >> 63 != 0) {
        return (double)INFINITY;
    }
    per_ulp.u = (2 * 1023 + 23 - (e < least ? least : e)) << 52;
    return fabs(g.d - ref) * per_ulp.d;
}

#endif /* RMX_TESTS_NUMERICS_REFERENCE_H */
