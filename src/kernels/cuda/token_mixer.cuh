/* SPDX-License-Identifier: MIT */
/* token_mixer.cuh: the permutation, and what the fused mixer's two passes share.
 *
 * In units of d = width / heads elements, a sample is `tokens` rows of `heads` pieces, and
 *   row r, slot s of mix(x)    is piece h of token t, i = r * heads + s, h = i / tokens,
 *                              t = i % tokens
 *   row t, slot h of revert(x) is flat piece f = h * tokens + t, slot f % heads of row f / heads.
 * Where heads == tokens both are piece r of row s.
 *
 * The fused passes hold whole samples in shared memory. Its rows have 4 floats more than the
 * sample's, so that pieces of one slot, which are a row apart, lie in different banks. */
#ifndef RMX_TOKEN_MIXER_CUH
#define RMX_TOKEN_MIXER_CUH

#include "kernels/cuda/copies.cuh"
#include "kernels/cuda/norm_row.cuh"
#include "kernels/cuda/column_sum.cuh"

#define WIDEST 2048 /* rows of a sample that registers hold */

/* n / by as a multiplication's upper half. Exact where n * by is below 2^32, as magic * by exceeds
 * 2^32 by less than by. */
typedef struct divisor {
    int by;
    uint32_t magic;
} divisor;

static divisor divisor_of(int by)
{
    const divisor d = {by, by == 1 ? 0 : (uint32_t)(((1ull << 32) + (unsigned)by - 1) / by)};
    return d;
}

static __device__ __forceinline__ int over(int n, divisor d)
{
    return d.magic ? (int)__umulhi((uint32_t)n, d.magic) : n;
}

/* A sample whose rows are pitch elements apart. */
typedef struct shape {
    int tokens, width, heads, d, pitch;
    bool square; /* as many heads as tokens */
    divisor by_tokens, by_heads, by_d;
} shape;

static shape shape_of(int64_t tokens, int64_t width, int64_t heads, int64_t pitch)
{
    const int t = (int)tokens, w = (int)width, h = (int)heads, d = w / h;
    const shape s = {t, w, h, d, (int)pitch, t == h, divisor_of(t), divisor_of(h), divisor_of(d)};
    return s;
}

/* Are the numbers small enough for the divisors? The largest is a piece of a sample. */
static bool divides(int64_t tokens, int64_t heads)
{
    const int64_t most = tokens > heads ? tokens : heads;
    return tokens * heads < ((int64_t)1 << 32) / most;
}

/* Where an element lies in its row's pieces: what does not depend on the row. Where heads ==
 * tokens that is all but r * d of its place in mix(x) and in revert(x). */
static __device__ __forceinline__ int place_of(const shape &s, int j)
{
    const int slot = over(j, s.by_d), within = j - slot * s.d;
    return s.square ? slot * s.pitch + within : slot << 16 | within;
}

/* Where the element is in a sample that row r of mix(x), or of revert(x), has at a place. */
template <bool REVERT>
static __device__ __forceinline__ int moved_at(const shape &s, int r, int place)
{
    if (s.square) return place + r * s.d;
    const int slot = place >> 16, within = place & 0xffff;
    const int i = REVERT ? slot * s.tokens + r : r * s.heads + slot;
    const int q = REVERT ? over(i, s.by_heads) : over(i, s.by_tokens);
    return REVERT ? q * s.pitch + (i - q * s.heads) * s.d + within
                  : (i - q * s.tokens) * s.pitch + q * s.d + within;
}

/* A thread's NV quadruples of columns. QUADS: d is a multiple of 4, so that the four are of one
 * piece. */
template <int W, int NV, bool QUADS> struct columns {
    int place[NV];

    __device__ __forceinline__ columns(const shape &s)
    {
#pragma unroll
        for (int i = 0; i < NV; i++) place[i] = place_of(s, rmx_column<W>(i));
    }
    /* Quadruple i of row r of mix(x), or of revert(x). */
    template <bool REVERT>
    __device__ __forceinline__ float4 moved(const shape &s, const float *x, int r, int i) const
    {
        if constexpr (QUADS) {
            return *(const float4 *)(x + moved_at<REVERT>(s, r, place[i]));
        } else {
            float v[4];
#pragma unroll
            for (int k = 0; k < 4; k++)
                v[k] = x[moved_at<REVERT>(s, r, place_of(s, rmx_column<W>(i) + k))];
            return make_float4(v[0], v[1], v[2], v[3]);
        }
    }
    /* own + moved */
    template <bool REVERT>
    __device__ __forceinline__ float4 sum(const shape &s, const float *x, int r, int i) const
    {
        float4 z = *(const float4 *)(x + r * s.pitch + rmx_column<W>(i));
        rmx_add4(&z, moved<REVERT>(s, x, r, i));
        return z;
    }
};

/* Rows, which lie one after another in device memory, to shared memory, by all of THREADS. */
template <int W, int NV, int THREADS>
static __device__ __forceinline__ void fetch_rows(const shape &s, float *to, const float *from,
                                                  int rows)
{
    for (int r = (int)threadIdx.x / W; r < rows; r += THREADS / W) {
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column<W>(i);
            if (j < s.width) rmx_copy16(to + r * s.pitch + j, from + r * s.width + j);
        }
    }
}

/* Element j of row r of z, read where it lies in device memory; any shape. */
struct z_f {
    const float *x; /* the sample */
    int64_t tokens, width, heads, r;
    __device__ float operator()(int64_t j) const
    {
        const int64_t d = width / heads, slot = j / d, i = r * heads + slot;
        return rmx_addf(x[r * width + j], x[i % tokens * width + i / tokens * d + (j - slot * d)]);
    }
};

template <class Args> static __device__ __forceinline__ z_f z_of(const Args &a, int64_t row)
{
    const z_f z = {rmx_f32(a.x) + row / a.tokens * a.tokens * a.width, a.tokens, a.width, a.heads,
                   row % a.tokens};
    return z;
}

static bool aligned16(const void *a, const void *b, const void *c)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) & 15) == 0;
}

/* Samples that shared memory takes at a time: as many as fit in UNIT_BYTES, a power of two, with
 * at most RMX_ROW_BLOCK rows; at least one. */
#define UNIT_BYTES (36 << 10)
static int samples_of_unit(int64_t tokens, int64_t sample_bytes)
{
    int n = 1;
    while (2 * n * sample_bytes <= UNIT_BYTES && 2 * n * tokens <= RMX_ROW_BLOCK) n *= 2;
    return n;
}

/* CALL_QUADS(W, NV) or CALL_SINGLE(W, NV). */
#define RMX_BY_SHAPE(s, CALL)                                                   \
    ((s).d % 4 == 0 ? RMX_BY_DIM((s).width, CALL##_QUADS, CALL##_QUADS(32, 16)) \
                    : RMX_BY_DIM((s).width, CALL##_SINGLE, CALL##_SINGLE(32, 16)))

#endif /* RMX_TOKEN_MIXER_CUH */
