/* SPDX-License-Identifier: MIT */
/* simd.h: one vector of floats in the instruction set that a kernel file is compiled for.
 *
 * RMX_VL lanes; every operation is IEEE and lane by lane, so a kernel written with these gives
 * the same bits at every width. + - * work on rmx_vec as they stand (vector types of gcc and
 * clang; -ffp-contract=off keeps them unfused); a fused multiply-add is rmx_vec_fma.
 * Without FMA instructions each lane calls rmx_fmaf: right, and slow. */
#ifndef RMX_SIMD_H
#define RMX_SIMD_H

#include <stdint.h>
#include <string.h>

#include "kernels/numerics.h"

#if defined(__AVX512F__) && defined(__FMA__)
#include <immintrin.h>
#define RMX_VL 16
typedef __m512 rmx_vec;
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define RMX_VL 8
typedef __m256 rmx_vec;
#else
#define RMX_VL 4
typedef float rmx_vec __attribute__((vector_size(16)));
#endif

/* Loads and stores take any address. */
static inline rmx_vec rmx_vec_load(const float *p)
{
    rmx_vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void rmx_vec_store(float *p, rmx_vec v) { memcpy(p, &v, sizeof v); }

/* The first n of RMX_VL lanes; the others load as +0 and are not stored, and their memory is not
 * touched. 0 <= n <= RMX_VL. */
static inline rmx_vec rmx_vec_load_part(const float *p, int64_t n)
{
#if RMX_VL == 16
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p);
#elif RMX_VL == 8
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
#else
    rmx_vec v = {0};
    for (int64_t i = 0; i < n; i++) v[i] = p[i];
    return v;
#endif
}

static inline void rmx_vec_store_part(float *p, rmx_vec v, int64_t n)
{
#if RMX_VL == 16
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), v);
#elif RMX_VL == 8
    /* by halves, as a masked store is slow on some processors */
    if (n == RMX_VL) {
        rmx_vec_store(p, v);
        return;
    }
    __m128 rest = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        const int64_t two = _mm_cvtsi128_si64(_mm_castps_si128(rest));
        memcpy(p, &two, sizeof two);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, rest);
#else
    for (int64_t i = 0; i < n; i++) p[i] = v[i];
#endif
}

static inline rmx_vec rmx_vec_set(float x)
{
#if RMX_VL == 16
    return _mm512_set1_ps(x);
#elif RMX_VL == 8
    return _mm256_set1_ps(x);
#else
    return (rmx_vec){x, x, x, x};
#endif
}

static inline rmx_vec rmx_vec_zero(void) { return rmx_vec_set(0.0f); }

/* a * b + c, rounded once. */
static inline rmx_vec rmx_vec_fma(rmx_vec a, rmx_vec b, rmx_vec c)
{
#if RMX_VL == 16
    return _mm512_fmadd_ps(a, b, c);
#elif RMX_VL == 8
    return _mm256_fmadd_ps(a, b, c);
#else
    return (rmx_vec){rmx_fmaf(a[0], b[0], c[0]), rmx_fmaf(a[1], b[1], c[1]),
                     rmx_fmaf(a[2], b[2], c[2]), rmx_fmaf(a[3], b[3], c[3])};
#endif
}

#endif /* RMX_SIMD_H */
