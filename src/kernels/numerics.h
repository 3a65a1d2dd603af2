/* SPDX-License-Identifier: MIT */
/* numerics.h: this file decides every fp32 rounding of the library.
 *
 * gcc, clang and nvcc (host and device passes) compile the same text. A kernel that does its
 * arithmetic with the functions below has one result, bit for bit, wherever it runs. The reasons:
 *  - Only add, sub, mul, div, sqrt and fma round. Each rounds once, to nearest even. The source
 *    says where a multiply and an add are fused (rmx_fmaf); no compiler chooses. So the host needs
 *    -ffp-contract=off, the device -fmad=false, and --use_fast_math is forbidden. No macro tells
 *    about these flags, so tests compare bits.
 *  - The elementary functions use those operations, integer operations on bit patterns, and
 *    selects. They have no library call, no table and no branch. One expression for all inputs
 *    lets a plain loop vectorise on the CPU and keeps a warp together on the GPU.
 *  - Subnormal numbers are operands and results like any other. Flushing them to zero breaks the
 *    file.
 *  - A NaN gives a NaN. Its payload and its sign are not promised.
 *
 * "Worst" is the largest error over all 2^32 inputs, in ulp of the exact result, which
 * tests/long_numerics.c prints. One ulp of a subnormal is 2^-149. All coefficients are minimax
 * fits to values of 40 digits: least squares, weighted for relative error, and weighted again
 * until the worst error stopped falling (Lawson's algorithm). Then the coefficients were rounded
 * to fp32 one at a time, the most important first, and the others were fitted again after each.
 *
 * The order of a sum along a row v[0..n-1] is this, whatever computes it:
 *   n <= RMX_SPAN  There are P = RMX_PARTIAL_SUMS partial sums, which start at +0. Element j goes
 *                  to partial sum j % P, j ascending: s += v[j], or s = fma(a[j], b[j], s) for a
 *                  sum of products. A tree reduction follows: for off = P / 2, ..., 2, 1, for
 *                  every l < off, s[l] = s[l] + s[l + off]. The sum is s[0]. A partial sum without
 *                  an element takes part as +0.
 *   n > RMX_SPAN   The row is cut into spans of RMX_SPAN elements; the last may be shorter. Each
 *                  is summed as above. Their sums are a row, which is summed by the same rule with
 *                  plain additions.
 * 128 partial sums are one warp with 16 bytes a load, or a few vector registers of a CPU. Spans
 * let several blocks share a long row, and the order does not depend on how many blocks there
 * are. */
#ifndef RMX_KERNELS_NUMERICS_H
#define RMX_KERNELS_NUMERICS_H

/* The number of the rules in docs/numerics.md. It changes when they change bits. */
#define RMX_NUMERICS_CONTRACT 1

#include <float.h>
#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ != 0)
#error "numerics.h: fast-math changes results; compile without it"
#endif
#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "numerics.h: float expressions must be evaluated in float (no x87, no excess precision)"
#endif
#ifdef __clang__ /* gcc has no such pragma, only the flag */
#pragma STDC FP_CONTRACT OFF
#endif

#ifdef __CUDACC__
#define RMX_HD static __host__ __device__ __forceinline__
#else
#define RMX_HD static inline
#endif

#define RMX_PARTIAL_SUMS 128 /* partial sums of a row */
#define RMX_SPAN 4096        /* elements of a row that are summed at once */
#define RMX_ROW_BLOCK 128    /* rows of a block, for sums down the rows that are not products */

/* ---- Operations that round once ---- */

#ifdef __CUDA_ARCH__ /* no flag lets these intrinsics be fused */
RMX_HD float rmx_addf(float a, float b) { return __fadd_rn(a, b); }
RMX_HD float rmx_subf(float a, float b) { return __fsub_rn(a, b); }
RMX_HD float rmx_mulf(float a, float b) { return __fmul_rn(a, b); }
RMX_HD float rmx_divf(float a, float b) { return __fdiv_rn(a, b); }
RMX_HD float rmx_sqrtf(float a) { return __fsqrt_rn(a); }
RMX_HD float rmx_fmaf(float a, float b, float c) { return __fmaf_rn(a, b, c); }
RMX_HD double rmx_addd(double a, double b) { return __dadd_rn(a, b); }
RMX_HD double rmx_muld(double a, double b) { return __dmul_rn(a, b); }
RMX_HD double rmx_divd(double a, double b) { return __ddiv_rn(a, b); }
RMX_HD double rmx_sqrtd(double a) { return __dsqrt_rn(a); }
RMX_HD double rmx_fmad(double a, double b, double c) { return __fma_rn(a, b, c); }
#else /* __builtin_fma is one instruction, or libm's exact fma where the target has none */
RMX_HD float rmx_addf(float a, float b) { return a + b; }
RMX_HD float rmx_subf(float a, float b) { return a - b; }
RMX_HD float rmx_mulf(float a, float b) { return a * b; }
RMX_HD float rmx_divf(float a, float b) { return a / b; }
RMX_HD float rmx_sqrtf(float a) { return __builtin_sqrtf(a); }
RMX_HD float rmx_fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
RMX_HD double rmx_addd(double a, double b) { return a + b; }
RMX_HD double rmx_muld(double a, double b) { return a * b; }
RMX_HD double rmx_divd(double a, double b) { return a / b; }
RMX_HD double rmx_sqrtd(double a) { return __builtin_sqrt(a); }
RMX_HD double rmx_fmad(double a, double b, double c) { return __builtin_fma(a, b, c); }
#endif

/* ---- Operations that are exact ---- */

RMX_HD uint32_t rmx_float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

RMX_HD float rmx_bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

RMX_HD float rmx_negf(float a) { return -a; }
RMX_HD float rmx_absf(float a) { return rmx_bits_float(rmx_float_bits(a) & 0x7fffffffu); }

/* a >= +0 with the sign of b */
RMX_HD float rmx_sign_from(float a, float b)
{
    return rmx_bits_float(rmx_float_bits(a) | (rmx_float_bits(b) & 0x80000000u));
}

/* The larger of two numbers. The result is b if either is a NaN or if they are zeros of two signs.
 * So a running maximum m = rmx_maxf(x, m) passes over NaNs, and m = rmx_maxf(m, x) lets the last
 * element decide. A maximum that must show every NaN has to test for it. */
RMX_HD float rmx_maxf(float a, float b) { return a > b ? a : b; }

/* The smaller of x and a bound, and the larger of the two. A NaN stays a NaN; fminf and fmaxf
 * would drop it. The bound must be a number other than zero. */
RMX_HD float rmx_at_mostf(float x, float bound)
{
#ifdef __CUDA_ARCH__ /* the select would take two instructions because of NaN */
    asm("min.NaN.f32 %0, %0, %1;" : "+f"(x) : "f"(bound));
    return x;
#else
    return x > bound ? bound : x;
#endif
}

RMX_HD float rmx_at_leastf(float x, float bound)
{
#ifdef __CUDA_ARCH__
    asm("max.NaN.f32 %0, %0, %1;" : "+f"(x) : "f"(bound));
    return x;
#else
    return x < bound ? bound : x;
#endif
}

/* ---- Order of a row sum ---- */

/* One step of the tree reduction: partial sums off to 2 off - 1 are added onto 0 to off - 1. */
RMX_HD void rmx_tree_step(float *s, int off)
{
    for (int l = 0; l < off; l++) {
        s[l] = rmx_addf(s[l], s[l + off]);
    }
}

/* The tree reduction on the host; s[0] becomes the sum. The steps are written out because constant
 * distances let the compiler see that reads and writes do not overlap. */
RMX_HD void rmx_tree_sum(float s[RMX_PARTIAL_SUMS])
{
    rmx_tree_step(s, 64);
    rmx_tree_step(s, 32);
    rmx_tree_step(s, 16);
    rmx_tree_step(s, 8);
    rmx_tree_step(s, 4);
    rmx_tree_step(s, 2);
    rmx_tree_step(s, 1);
}

/* ---- Parts that the elementary functions share ---- */

#define RMX_INF rmx_bits_float(0x7f800000u)
#define RMX_NAN rmx_bits_float(0x7fc00000u)

/* Adding RMX_ROUND to a v with |v| < 2^22 and subtracting it again rounds v to an integer. The low
 * bits of the sum are that integer on every machine; machines differ in the cast of a NaN or a
 * large value. RMX_ROUND_SCALED has 127 + 64 in its low bits, so (bits of the sum) << 23 are the
 * bits of 2^(integer + 64). That is a normal number for integers from -190 to 63. A last
 * multiplication by 2^-64 rounds it once into the subnormals. */
#define RMX_ROUND 0x1.8p+23f
#define RMX_ROUND_SCALED (RMX_ROUND + 191.0f)
#define RMX_UNSCALE 0x1p-64f

/* exp(r) for |r| <= ln(2)/2. The relative error of the polynomial is 2^-28.2. */
RMX_HD float rmx_exp_poly(float r)
{
    float p = 0x1.6a4002p-10f;
    p = rmx_fmaf(p, r, 0x1.1239ecp-7f);
    p = rmx_fmaf(p, r, 0x1.5558bep-5f);
    p = rmx_fmaf(p, r, 0x1.555492p-3f);
    p = rmx_fmaf(p, r, 0x1.fffffcp-2f);
    p = rmx_fmaf(p, r, 1.0f);
    return rmx_fmaf(p, r, 1.0f);
}

/* x - n ln 2. ln 2 has two parts; n times the first one is exact. */
RMX_HD float rmx_exp_reduce(float x, float n)
{
    const float r = rmx_fmaf(n, -0x1.62e400p-1f, x);
    return rmx_fmaf(n, -0x1.7f7d1cp-20f, r);
}

/* 2^64 exp(x) for -120 <= x <= 0: a normal number, even where exp(x) is subnormal. */
RMX_HD float rmx_exp_scaled(float x)
{
    const float t = rmx_fmaf(x, 0x1.715476p+0f, RMX_ROUND_SCALED);
    const float n = rmx_subf(t, RMX_ROUND_SCALED);
    const float p = rmx_exp_poly(rmx_exp_reduce(x, n));
    return rmx_mulf(p, rmx_bits_float(rmx_float_bits(t) << 23));
}

/* 1/d within 2^-14.9, for d from 2^-120 to 2^120. Subtracting the bits from a constant gives 1/d
 * within 5 %. A quadratic in the remaining factor does the rest. */
RMX_HD float rmx_recip_seed(float d)
{
    const float y = rmx_bits_float(0x7ef31000u - rmx_float_bits(d));
    const float u = rmx_mulf(d, y);
    float q = rmx_fmaf(u, 0x1.00841ap+0f, -0x1.80c2eap+1f);
    q = rmx_fmaf(q, u, 0x1.8080dcp+1f);
    return rmx_mulf(y, q);
}

/* num / d within 1 ulp. It has no division, whose slow path is a call on a GPU. */
RMX_HD float rmx_quotient(float num, float d)
{
    const float y = rmx_recip_seed(d);
    const float q = rmx_mulf(num, y);
    return rmx_fmaf(rmx_fmaf(-d, q, num), y, q);
}

/* num / (1 + e) for 0 <= e <= 1, as if 1 + e were not rounded, because num - q is exact. */
RMX_HD float rmx_quotient_1p(float num, float e)
{
    const float y = rmx_recip_seed(rmx_addf(1.0f, e));
    const float q = rmx_mulf(num, y);
    return rmx_fmaf(rmx_fmaf(-e, q, rmx_subf(num, q)), y, q);
}

/* ---- Elementary functions ---- */

/* exp(x). The power of two is applied in two halves, for two reasons: 2^128 is no float, and the
 * last multiplication must be the one that rounds a subnormal result. Worst: 0.897 ulp. */
RMX_HD float rmx_expf(float x)
{
    const float c = rmx_at_leastf(rmx_at_mostf(x, 89.0f), -104.0f); /* exp: infinity, 0 */
    const float t = rmx_fmaf(c, 0x1.715476p+0f, RMX_ROUND);
    const float n = rmx_subf(t, RMX_ROUND);
    const float p = rmx_exp_poly(rmx_exp_reduce(c, n));
    const uint32_t u = rmx_float_bits(t);
    const uint32_t half = (u >> 1) << 23; /* without RMX_ROUND's own bits */
    const float f0 = rmx_bits_float(half + 0x3f800000u);
    const float f1 = rmx_bits_float((u << 23) - half + 0x3f800000u);
    return rmx_mulf(rmx_mulf(p, f0), f1);
}

/* log(x). x = 2^k m with m in [2/3, 4/3). log(m) = f + f^2 P(f), where f = m - 1 is exact.
 * Worst: 0.903 ulp. */
RMX_HD float rmx_logf(float x)
{
    const int tiny = x < 0x1p-126f;
    const uint32_t u = rmx_float_bits(rmx_mulf(x, tiny ? 0x1p+23f : 1.0f));
    const uint32_t i = (u - 0x3f2aaaabu) & 0xff800000u;
    const float k = rmx_fmaf((float)(int32_t)i, 0x1p-23f, tiny ? -23.0f : 0.0f); /* exact */
    const float f = rmx_subf(rmx_bits_float(u - i), 1.0f);
    float p = 0x1.e9d188p-4f;
    p = rmx_fmaf(p, f, -0x1.06c2bap-3f);
    p = rmx_fmaf(p, f, 0x1.b91efap-4f);
    p = rmx_fmaf(p, f, -0x1.f3b02cp-4f);
    p = rmx_fmaf(p, f, 0x1.24eb6ep-3f);
    p = rmx_fmaf(p, f, -0x1.55978cp-3f);
    p = rmx_fmaf(p, f, 0x1.9997eep-3f);
    p = rmx_fmaf(p, f, -0x1.ffff18p-3f);
    p = rmx_fmaf(p, f, 0x1.555556p-2f);
    p = rmx_fmaf(p, f, -0.5f);
    p = rmx_fmaf(p, rmx_mulf(f, f), f);
    p = rmx_fmaf(k, 0x1.62e430p-1f, p);
    p = x < RMX_INF ? p : x;
    const float edge = x == 0.0f ? -RMX_INF : RMX_NAN;
    return x > 0.0f ? p : edge;
}

/* log(1 + x) for finite x > -1. 1 + x = 2^k (1 + m) with m in (-1/4, 1/2]. k comes from the
 * rounded sum, but m comes from x itself. A sum of 1.5 has k = 0, because m would lose a bit with
 * k = 1. */
RMX_HD float rmx_log1p_finite(float x)
{
    const uint32_t i = (rmx_float_bits(rmx_addf(1.0f, x)) - 0x3f400001u) & 0xff800000u;
    const float k = rmx_mulf((float)(int32_t)i, 0x1p-23f);
    const float s = rmx_bits_float(0x40800000u - i); /* 4 / 2^k; 1 / 2^k may be subnormal */
    const float xs = rmx_mulf(x, rmx_mulf(s, 0.25f));
    const float m = rmx_addf(xs, rmx_fmaf(0.25f, s, -1.0f));
    float p = 0x1.341ca4p-5f;
    p = rmx_fmaf(p, m, -0x1.7505f8p-4f);
    p = rmx_fmaf(p, m, 0x1.df1c62p-4f);
    p = rmx_fmaf(p, m, -0x1.04ad32p-3f);
    p = rmx_fmaf(p, m, 0x1.246388p-3f);
    p = rmx_fmaf(p, m, -0x1.5519d6p-3f);
    p = rmx_fmaf(p, m, 0x1.999764p-3f);
    p = rmx_fmaf(p, m, -0x1.00006ep-2f);
    p = rmx_fmaf(p, m, 0x1.55555ap-2f);
    p = rmx_fmaf(p, m, -0.5f);
    p = rmx_fmaf(p, rmx_mulf(m, m), m);
    return rmx_fmaf(k, 0x1.62e430p-1f, p);
}

/* log(1 + x). Worst: 0.933 ulp. */
RMX_HD float rmx_log1pf(float x)
{
    float p = rmx_log1p_finite(x);
    p = x == 0.0f ? x : p; /* the sign of zero */
    p = x < RMX_INF ? p : x;
    const float edge = x == -1.0f ? -RMX_INF : RMX_NAN;
    return x > -1.0f ? p : edge;
}

/* log(1 + exp(x)). Worst: 1.65 ulp. */
RMX_HD float rmx_softplusf(float x)
{
    const float a = rmx_absf(x);
    const float e = rmx_mulf(rmx_exp_scaled(rmx_at_leastf(-a, -104.0f)), RMX_UNSCALE);
    return rmx_addf(x < 0.0f ? 0.0f : x, rmx_log1p_finite(e));
}

/* 1 / (1 + exp(-x)). A negative x takes exp(x) / (1 + exp(x)), which keeps small results accurate.
 * Worst: 1.49 ulp. */
RMX_HD float rmx_sigmoidf(float x)
{
    const float a = rmx_absf(x);
    const float e = rmx_mulf(rmx_exp_scaled(rmx_at_leastf(-a, -104.0f)), RMX_UNSCALE);
    return rmx_quotient_1p(x < 0.0f ? e : 1.0f, e);
}

/* tanh(x) is x + x^3 P(x^2) up to 0.55, then 1 - 2 e / (1 + e) with e = exp(-2|x|).
 * Worst: 1.13 ulp. */
RMX_HD float rmx_tanhf(float x)
{
    const float s = rmx_mulf(x, x);
    float p = -0x1.9921a2p-8f;
    p = rmx_fmaf(p, s, 0x1.58e518p-6f);
    p = rmx_fmaf(p, s, -0x1.b91e7ep-5f);
    p = rmx_fmaf(p, s, 0x1.110ceep-3f);
    p = rmx_fmaf(p, s, -0x1.55554ap-2f);
    const float a = rmx_absf(x);
    p = rmx_fmaf(rmx_mulf(p, s), a, a);
    const float t = rmx_at_leastf(rmx_mulf(a, -2.0f), -20.0f);
    const float e = rmx_mulf(rmx_exp_scaled(t), RMX_UNSCALE);
    const float q = rmx_subf(1.0f, rmx_quotient_1p(rmx_addf(e, e), e));
    return rmx_sign_from(a < 0.55f ? p : q, x);
}

/* erf(x) is x + x P(x^2) up to 0.92, then 1 - 2^-w with w = |x| P(|x|). Worst: 1.10 ulp. */
RMX_HD float rmx_erff(float x)
{
    const float s = rmx_mulf(x, x);
    float p = -0x1.30ad0ap-11f;
    p = rmx_fmaf(p, s, 0x1.44c914p-8f);
    p = rmx_fmaf(p, s, -0x1.b6197ep-6f);
    p = rmx_fmaf(p, s, 0x1.ce1200p-4f);
    p = rmx_fmaf(p, s, -0x1.8126aep-2f);
    p = rmx_fmaf(p, s, 0x1.06eba4p-3f);
    const float a = rmx_absf(x);
    p = rmx_fmaf(p, a, a);
    const float c = rmx_at_mostf(a, 4.0f);
    float w = -0x1.44a382p-12f;
    w = rmx_fmaf(w, c, 0x1.307222p-8f);
    w = rmx_fmaf(w, c, -0x1.0eb790p-5f);
    w = rmx_fmaf(w, c, 0x1.3715c2p-3f);
    w = rmx_fmaf(w, c, 0x1.d590c8p-1f);
    w = rmx_fmaf(w, c, 0x1.a0cbd4p+0f);
    const float t = rmx_fmaf(w, -c, RMX_ROUND_SCALED);
    const float n = rmx_subf(t, RMX_ROUND_SCALED);
    const float f = rmx_fmaf(w, -c, -n);
    float g = 0x1.416b52p-13f; /* 2^f */
    g = rmx_fmaf(g, f, 0x1.5f082ep-10f);
    g = rmx_fmaf(g, f, 0x1.3b2de0p-7f);
    g = rmx_fmaf(g, f, 0x1.c6af7cp-5f);
    g = rmx_fmaf(g, f, 0x1.ebfbdcp-3f);
    g = rmx_fmaf(g, f, 0x1.62e430p-1f);
    g = rmx_fmaf(g, f, 1.0f);
    g = rmx_mulf(g, rmx_bits_float(rmx_float_bits(t) << 23));
    const float q = rmx_fmaf(g, -RMX_UNSCALE, 1.0f);
    return rmx_sign_from(a < 0.92f ? p : q, x);
}

/* ---- GELU ----
 * Both kinds are x S(x) with S(-x) = 1 - S(x). Let a = |x| and T = S(-a). T falls from 1/2 to 0
 * and is computed to full relative accuracy. Then
 *   value    = max(x, 0) - a T           gradient = G for x < 0, 1 - G else, G = T - a S'(a)
 * Nothing cancels, except where the exact result itself passes through zero.
 * For erf, T = exp(-a^2/2) R(a). R is a quotient of polynomials with positive coefficients
 * (relative error 2^-25.5 for a <= 14.6), and the square has twice the precision. */

/* 2^64 exp(-a^2/2) for 0 <= a <= 14.625 */
RMX_HD float rmx_gauss_scaled(float a)
{
    const float b = rmx_mulf(a, a);
    const float b_low = rmx_fmaf(a, a, -b);
    const float t = rmx_fmaf(b, -0x1.715476p-1f, RMX_ROUND_SCALED);
    const float n = rmx_subf(t, RMX_ROUND_SCALED);
    float r = rmx_fmaf(n, -0x1.62e400p+0f, -b); /* twice the usual r; P has the halves */
    r = rmx_fmaf(n, -0x1.7f7d1cp-19f, r);
    r = rmx_subf(r, b_low);
    float p = 0x1.6a4154p-16f;
    p = rmx_fmaf(p, r, 0x1.1239c6p-12f);
    p = rmx_fmaf(p, r, 0x1.5558bcp-9f);
    p = rmx_fmaf(p, r, 0x1.555492p-6f);
    p = rmx_fmaf(p, r, 0x1.fffffcp-4f);
    p = rmx_fmaf(p, r, 0.5f);
    p = rmx_fmaf(p, r, 1.0f);
    return rmx_mulf(p, rmx_bits_float(rmx_float_bits(t) << 23));
}

/* a N(a), where 2 R(a) = (1 + a N(a)) / (1 + a D(a)). */
RMX_HD float rmx_gelu_numerator(float a)
{
    float p = 0x1.0ca680p-7f;
    p = rmx_fmaf(p, a, 0x1.4be526p-4f);
    p = rmx_fmaf(p, a, 0x1.76871cp-2f);
    p = rmx_fmaf(p, a, 0x1.c04dd2p-1f);
    return rmx_mulf(p, a);
}

/* 1 + a D(a), likewise. */
RMX_HD float rmx_gelu_denominator(float a)
{
    float p = 0x1.50b304p-7f;
    p = rmx_fmaf(p, a, 0x1.9ffefap-4f);
    p = rmx_fmaf(p, a, 0x1.dfc424p-2f);
    p = rmx_fmaf(p, a, 0x1.3373f6p+0f);
    p = rmx_fmaf(p, a, 0x1.ac6918p+0f);
    return rmx_fmaf(p, a, 1.0f);
}

/* x Phi(x) = x (1 + erf(x / sqrt 2)) / 2. Worst: 3.4 ulp for x > -1, 6.63 ulp for all x. */
RMX_HD float rmx_gelu_erff(float x)
{
    const float a = rmx_at_mostf(rmx_absf(x), 14.625f); /* beyond, a T rounds to 0 */
    const float e = rmx_gauss_scaled(a);
    const float num = rmx_fmaf(e, rmx_gelu_numerator(a), e); /* one rounding less than a product */
    const float q = rmx_quotient(num, rmx_gelu_denominator(a));
    return rmx_fmaf(rmx_mulf(a, q), -0.5f * RMX_UNSCALE, x < 0.0f ? 0.0f : x);
}

/* Phi(x) + x phi(x). Worst: 5.38 ulp; 2^-23.7 between -1.25 and -0.5, where it passes zero. */
RMX_HD float rmx_gelu_erf_gradf(float x)
{
    const float a = rmx_at_mostf(rmx_absf(x), 14.625f);
    const float num = rmx_addf(1.0f, rmx_gelu_numerator(a));
    const float q = rmx_quotient(num, rmx_gelu_denominator(a));
    const float h = rmx_fmaf(a, -0x1.988454p-1f, q); /* sqrt(2 / pi) */
    const float g = rmx_mulf(rmx_mulf(rmx_gauss_scaled(a), h), 0.5f * RMX_UNSCALE);
    return x < 0.0f ? g : rmx_subf(1.0f, g);
}

/* x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3). The rounding of u
 * counts. Worst: 7 ulp for x > -2, 20 ulp for x > -4, 215 ulp near x = -10 (results of 1e-40). */
RMX_HD float rmx_gelu_tanhf(float x)
{
    const float a = rmx_at_mostf(rmx_absf(x), 11.0f);
    const float w = rmx_fmaf(rmx_mulf(a, a), -0x1.2444f2p-4f, -0x1.988454p+0f);
    const float es = rmx_exp_scaled(rmx_mulf(a, w));
    const float q = rmx_quotient_1p(es, rmx_mulf(es, RMX_UNSCALE));
    return rmx_fmaf(rmx_mulf(a, q), -RMX_UNSCALE, x < 0.0f ? 0.0f : x);
}

/* The derivative of rmx_gelu_tanhf: G = T (1 - a (1 - T) dv/da), v = 2 u. Worst: 8 ulp for x > -2,
 * 20 ulp for x > -4, 210 ulp near x = -10; 2^-24 between -1.25 and -0.5. */
RMX_HD float rmx_gelu_tanh_gradf(float x)
{
    const float a = rmx_at_mostf(rmx_absf(x), 11.0f);
    const float a2 = rmx_mulf(a, a);
    const float w = rmx_fmaf(a2, -0x1.2444f2p-4f, -0x1.988454p+0f);
    const float dv = rmx_fmaf(a2, 0x1.b6676cp-3f, 0x1.988454p+0f);
    const float es = rmx_exp_scaled(rmx_mulf(a, w));
    const float y = rmx_quotient_1p(1.0f, rmx_mulf(es, RMX_UNSCALE)); /* 1 - T */
    const float h = rmx_fmaf(rmx_mulf(a, y), -dv, 1.0f);
    const float g = rmx_mulf(rmx_mulf(rmx_mulf(es, y), h), RMX_UNSCALE);
    return x < 0.0f ? g : rmx_subf(1.0f, g);
}

#endif /* RMX_KERNELS_NUMERICS_H */
