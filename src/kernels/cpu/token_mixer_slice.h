/* SPDX-License-Identifier: MIT */
/* token_mixer_slice.h: the pieces that token mixing moves, a vector of them at a time. */
#ifndef RMX_PIECES_H
#define RMX_PIECES_H

#include "kernels/cpu/partial_sums.h"

typedef struct shape {
    int64_t tokens, width, heads, d;
} shape;

/* A vector of pieces of D elements that lie `step` apart, D = 4, 8 or 16 and RMX_VL at most. */
#if RMX_VL >= 8
RMX_INLINE __m256 join_pieces_8(int64_t D, const float *from, int64_t step)
{
    if (D == 8) return _mm256_loadu_ps(from);
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)),
                                _mm_loadu_ps(from + step), 1);
}
#endif

RMX_INLINE rmx_vec join_pieces(int64_t D, const float *from, int64_t step)
{
    if (D == RMX_VL) return rmx_vec_load(from);
#if RMX_VL == 16
    const __m256 low = join_pieces_8(D, from, step);
    return _mm512_insertf32x8(_mm512_castps256_ps512(low),
                              join_pieces_8(D, from + 8 / D * step, step), 1);
#elif RMX_VL == 8
    return join_pieces_8(D, from, step);
#else
    (void)D, (void)step;
    return rmx_vec_load(from);
#endif
}

#if RMX_VL == 16
#define UNPACK_LOW _mm512_unpacklo_ps
#define UNPACK_HIGH _mm512_unpackhi_ps
#define SHUFFLE _mm512_shuffle_ps
#elif RMX_VL == 8
#define UNPACK_LOW _mm256_unpacklo_ps
#define UNPACK_HIGH _mm256_unpackhi_ps
#define SHUFFLE _mm256_shuffle_ps
#endif

/* Pieces of 1 or 2 elements: four rows, or two, whose slots' pieces lie side by side in x and
 * `step` apart from slot to slot, are a transposition of quads. v: a vector of each row. */
#if RMX_VL >= 8
RMX_INLINE void transpose_pieces(int64_t D, const float *x, int64_t step, rmx_vec v[4])
{
    rmx_vec r[4];
    for (int64_t i = 0; i < 4 / D; i++) r[i] = join_pieces(4, x + i * step, 4 / D * step);
    if (D == 1) {
        const rmx_vec low0 = UNPACK_LOW(r[0], r[1]), high0 = UNPACK_HIGH(r[0], r[1]);
        const rmx_vec low1 = UNPACK_LOW(r[2], r[3]), high1 = UNPACK_HIGH(r[2], r[3]);
        v[0] = SHUFFLE(low0, low1, 0x44);
        v[1] = SHUFFLE(low0, low1, 0xee);
        v[2] = SHUFFLE(high0, high1, 0x44);
        v[3] = SHUFFLE(high0, high1, 0xee);
    } else {
        v[0] = SHUFFLE(r[0], r[1], 0x44);
        v[1] = SHUFFLE(r[0], r[1], 0xee);
    }
}
#endif

#endif /* RMX_PIECES_H */
