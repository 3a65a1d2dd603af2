/* SPDX-License-Identifier: MIT */
/* simd.h: one vector of floats in the instruction set that a kernel file is compiled for.
 *
 * This is the only file with intrinsics, and the only one that asks for the vector width: the
 * kernels use the functions below, which exist at every width. RMX_VL is the vector width in
 * floats. Every operation is IEEE and works element by element, so a kernel gives the same bits at
 * every width. + - * work on rmx_vec as they stand (vector types of gcc and clang;
 * -ffp-contract=off keeps them unfused); a fused multiply-add is rmx_vec_fma. Without FMA
 * instructions each element calls rmx_fmaf: right, and slow.
 *
 * The file lists, in this order: loads and stores, arithmetic, tree reductions within a vector,
 * transpositions. */
#ifndef RMX_SIMD_H
#define RMX_SIMD_H

#include <stdbool.h>
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

#define RMX_INLINE static inline __attribute__((always_inline))

/* ---- loads and stores ---- */

/* Loads and stores take any address. */
static inline rmx_vec rmx_vec_load(const float *p)
{
    rmx_vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void rmx_vec_store(float *p, rmx_vec v) { memcpy(p, &v, sizeof v); }

/* A store past the caches where `stream` is set. p is then aligned to a vector. */
static inline void rmx_vec_put(bool stream, float *p, rmx_vec v)
{
#if RMX_VL == 16
    if (stream)
        _mm512_stream_ps(p, v);
    else
#elif RMX_VL == 8
    if (stream)
        _mm256_stream_ps(p, v);
    else
#endif
        rmx_vec_store(p, v);
    (void)stream;
}

/* After the streamed stores of a task: other threads see them before those that follow. */
static inline void rmx_stream_end(bool stream)
{
#if RMX_VL >= 8
    if (stream) _mm_sfence();
#endif
    (void)stream;
}

/* The first n of RMX_VL elements. The others load as +0 and are not stored, and their memory is not
 * touched. 0 <= n <= RMX_VL. */
static inline rmx_vec rmx_vec_load_part(const float *p, int64_t n)
{
#if RMX_VL == 16
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p);
#elif RMX_VL == 8
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), index));
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

/* The same where n is RMX_VL in nearly every call. */
RMX_INLINE rmx_vec rmx_vec_load_some(const float *p, int64_t n)
{
    return n == RMX_VL ? rmx_vec_load(p) : rmx_vec_load_part(p, n);
}

RMX_INLINE void rmx_vec_store_some(float *p, rmx_vec v, int64_t n)
{
    if (n == RMX_VL)
        rmx_vec_store(p, v);
    else
        rmx_vec_store_part(p, v, n);
}

/* Copies n floats in one go. overrun: RMX_VL floats may be read and written, and n may be less. */
RMX_INLINE void rmx_vec_copy(const float *from, int64_t n, bool overrun, float *to)
{
#if RMX_VL == 16
    (void)overrun; /* masks cost nothing */
    rmx_vec_store_part(to, rmx_vec_load_part(from, n), n);
#else
    if (overrun)
        rmx_vec_store(to, rmx_vec_load(from));
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
#endif
}

/* ---- arithmetic ---- */

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

/* The larger number of each pair, as rmx_maxf(a, b): b where either is NaN. */
static inline rmx_vec rmx_vec_max(rmx_vec a, rmx_vec b)
{
#if RMX_VL == 16
    return _mm512_max_ps(a, b);
#elif RMX_VL == 8
    return _mm256_max_ps(a, b);
#else
    for (int i = 0; i < RMX_VL; i++) b[i] = rmx_maxf(a[i], b[i]);
    return b;
#endif
}

/* ---- tree reductions within a vector: element i and element i + half, until one is left ---- */

/* The step from 16 elements to 8, where a vector has 16. */
#if RMX_VL == 16
RMX_INLINE __m256 rmx_vec_sum_to_8(rmx_vec v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

RMX_INLINE __m256 rmx_vec_max_to_8(rmx_vec v)
{
    return _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}
#elif RMX_VL == 8
RMX_INLINE __m256 rmx_vec_sum_to_8(rmx_vec v) { return v; }
RMX_INLINE __m256 rmx_vec_max_to_8(rmx_vec v) { return v; }
#endif

RMX_INLINE float rmx_vec_tree_sum(rmx_vec v)
{
#if RMX_VL >= 8
    const __m256 v8 = rmx_vec_sum_to_8(v);
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_movehdup_ps(v2)));
#else
    return rmx_addf(rmx_addf(v[0], v[2]), rmx_addf(v[1], v[3]));
#endif
}

/* No element is NaN. */
static inline float rmx_vec_tree_max(rmx_vec v)
{
#if RMX_VL >= 8
    const __m256 v8 = rmx_vec_max_to_8(v);
    const __m128 v4 = _mm_max_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_max_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_max_ss(v2, _mm_movehdup_ps(v2)));
#else
    return rmx_maxf(rmx_maxf(v[0], v[2]), rmx_maxf(v[1], v[3]));
#endif
}

/* rmx_vec_tree_sum of eight vectors, which share the instructions of each step. */
RMX_INLINE void rmx_vec_tree_sum_8(const rmx_vec v[8], float sums[8])
{
#if RMX_VL >= 8
    __m256 a[4], b[2];
    for (int i = 0; i < 4; i++) { /* vectors i and i + 4 in the two halves */
        const __m256 p = rmx_vec_sum_to_8(v[i]), q = rmx_vec_sum_to_8(v[i + 4]);
        a[i] =
            _mm256_add_ps(_mm256_permute2f128_ps(p, q, 0x20), _mm256_permute2f128_ps(p, q, 0x31));
    }
    for (int i = 0; i < 2; i++) {
        b[i] = _mm256_add_ps(_mm256_shuffle_ps(a[2 * i], a[2 * i + 1], 0x44),
                             _mm256_shuffle_ps(a[2 * i], a[2 * i + 1], 0xee));
    }
    _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_shuffle_ps(b[0], b[1], 0x88),
                                         _mm256_shuffle_ps(b[0], b[1], 0xdd)));
#else
    for (int i = 0; i < 8; i++) sums[i] = rmx_vec_tree_sum(v[i]);
#endif
}

/* ---- transpositions ---- */

/* to[j * ld + i] = add[j * ld + i] + from[i * ld + j] for i, j < 4; add NULL: without it. */
RMX_INLINE void rmx_transpose_4x4(const float *from, const float *add, float *to, int64_t ld)
{
#if RMX_VL >= 8
    __m128 r[4];
    for (int i = 0; i < 4; i++) r[i] = _mm_loadu_ps(from + i * ld);
    _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]);
    for (int j = 0; j < 4; j++)
        _mm_storeu_ps(to + j * ld, add ? _mm_add_ps(_mm_loadu_ps(add + j * ld), r[j]) : r[j]);
#else
    float r[4][4];
    for (int i = 0; i < 4; i++) memcpy(r[i], from + i * ld, sizeof r[i]);
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < 4; i++)
            to[j * ld + i] = add ? rmx_addf(add[j * ld + i], r[i][j]) : r[i][j];
    }
#endif
}

#if RMX_VL >= 8
static inline void rmx_transpose_8x8(__m256 r[8])
{
    __m256 t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}
#endif

/* to[j * ld_to + i] = from[i * ld_from + j] for i < n, j < columns; n <= 8. Unless RMX_VL is 16, as
 * a narrower store is slow, a store may write 8 floats: j ascends, so that the surplus lies where
 * the next store writes, or up to 7 floats past the end. */
static inline void rmx_transpose_8(const float *from, int64_t ld_from, int64_t n, int64_t columns,
                                   float *to, int64_t ld_to)
{
    int64_t j = 0;
#if RMX_VL >= 8
    for (; j + 8 <= columns; j += 8) {
        __m256 r[8];
        for (int i = 0; i < 8; i++)
            r[i] = i < n ? _mm256_loadu_ps(from + i * ld_from + j) : _mm256_setzero_ps();
        rmx_transpose_8x8(r);
        for (int i = 0; i < 8; i++) {
#if RMX_VL == 16
            _mm256_mask_storeu_ps(to + (j + i) * ld_to, (__mmask8)((1u << n) - 1u), r[i]);
#else
            _mm256_storeu_ps(to + (j + i) * ld_to, r[i]);
#endif
        }
    }
#endif
    for (; j < columns; j++) {
        for (int64_t i = 0; i < n; i++) to[j * ld_to + i] = from[i * ld_from + j];
    }
}

#endif /* RMX_SIMD_H */
