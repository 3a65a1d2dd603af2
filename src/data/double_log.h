/* SPDX-License-Identifier: MIT */
/* double_log.h: log(1 + x) in double, equal bit for bit on every machine.
 *
 * A dense column is logged, centred and scaled in double and rounded to float once. The C library's
 * log1p may differ between machines in its last bit, so this one uses + - * / alone. */
#ifndef RMX_DATA_DOUBLE_LOG_H
#define RMX_DATA_DOUBLE_LOG_H

#include <stdint.h>
#include <string.h>

/* For finite x >= 0; at most 2 ulp off. u = 1 + x = 2^k m with m in [sqrt(1/2), sqrt(2)), and
 * log(m) = 2 atanh(s) = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = (m - 1) / (m + 1), |s| < 0.172.
 * What the rounding of u lost is added as (x - (u - 1)) / u. */
static inline double rmx_log1pd(double x)
{
    const double u = 1.0 + x;
    const double lost = u < 0x1p53 ? (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u : 0.0;
    uint64_t bits;
    memcpy(&bits, &u, sizeof bits);
    /* 0x3fe6a09e667f3bcd: the bits of sqrt(1/2) */
    const int64_t k = (int64_t)(bits - 0x3fe6a09e667f3bcdu) >> 52;
    bits -= (uint64_t)k << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 21.0;
    p = p * z + 1.0 / 19.0;
    p = p * z + 1.0 / 17.0;
    p = p * z + 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    /* ln 2 in two parts; the first has 33 bits, so k times it is exact */
    const double small = (double)k * 0x1.a39ef35793c76p-33 + lost;
    return (double)k * 0x1.62e42feep-1 + (2.0 * s + (2.0 * s * (z * p) + small));
}

#endif /* RMX_DATA_DOUBLE_LOG_H */
