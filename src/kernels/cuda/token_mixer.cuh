/* SPDX-License-Identifier: MIT */
/* token_mixer.cuh: the permutation, and what the two passes of the fused token mixer share.
 *
 * A head slice is one head of one token: d = width / heads elements. A sample is `tokens` rows of
 * `heads` head slices.
 *   mix(x)     slot s of row r is head slice h of token t, with i = r * heads + s, h = i / tokens
 *              and t = i % tokens
 *   revert(x)  slot h of row t is slot f % heads of row f / heads, with f = h * tokens + t
 * Where heads == tokens both are head slice r of row s.
 *
 * The fused passes hold whole samples in shared memory. A row is padded by 4 floats, so that head
 * slices of one slot, which are a row apart, lie in different banks. */
#ifndef RMX_TOKEN_MIXER_CUH
#define RMX_TOKEN_MIXER_CUH

#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/norm_row.cuh"

/* n / by as the upper half of a product. Exact where n * by is below 2^32, as magic * by exceeds
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

static __device__ __forceinline__ int divide(int n, divisor d)
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

/* Are the numbers small enough for the divisors? The largest counts the head slices of a sample. */
static bool fits_divisors(int64_t tokens, int64_t heads)
{
    const int64_t most = tokens > heads ? tokens : heads;
    return tokens * heads < ((int64_t)1 << 32) / most;
}

/* The part of moved_at that does not depend on the row: slot and offset of column j. Where heads ==
 * tokens it is the source in mix(x) and in revert(x), less r * d. */
static __device__ __forceinline__ int column_base(const shape &s, int j)
{
    const int slot = divide(j, s.by_d), within = j - slot * s.d;
    return s.square ? slot * s.pitch + within : slot << 16 | within;
}

/* The index in the sample of the element that mix(x), or revert(x), has in row r. */
template <bool REVERT>
static __device__ __forceinline__ int moved_at(const shape &s, int r, int base)
{
    if (s.square) return base + r * s.d;
    const int slot = base >> 16, within = base & 0xffff;
    const int i = REVERT ? slot * s.tokens + r : r * s.heads + slot;
    const int q = REVERT ? divide(i, s.by_heads) : divide(i, s.by_tokens);
    return REVERT ? q * s.pitch + (i - q * s.heads) * s.d + within
                  : (i - q * s.tokens) * s.pitch + q * s.d + within;
}

/* A thread's NV quads of columns. QUADS: d is a multiple of 4, so that the four are of one head
 * slice. */
template <int W, int NV, bool QUADS> struct columns {
    int base[NV];

    __device__ __forceinline__ columns(const shape &s)
    {
#pragma unroll
        for (int i = 0; i < NV; i++) base[i] = column_base(s, rmx_column<W>(i));
    }
    /* Quad i of row r of mix(x), or of revert(x). */
    template <bool REVERT>
    __device__ __forceinline__ float4 moved(const shape &s, const float *x, int r, int i) const
    {
        if constexpr (QUADS) {
            return *(const float4 *)(x + moved_at<REVERT>(s, r, base[i]));
        } else {
            float v[4];
#pragma unroll
            for (int k = 0; k < 4; k++)
                v[k] = x[moved_at<REVERT>(s, r, column_base(s, rmx_column<W>(i) + k))];
            return make_float4(v[0], v[1], v[2], v[3]);
        }
    }
    /* x + moved. */
    template <bool REVERT>
    __device__ __forceinline__ float4 sum(const shape &s, const float *x, int r, int i) const
    {
        float4 z = *(const float4 *)(x + r * s.pitch + rmx_column<W>(i));
        rmx_add4(&z, moved<REVERT>(s, x, r, i));
        return z;
    }
};

/* Copies rows, contiguous in device memory, to shared memory by all of THREADS. */
template <int W, int NV, int THREADS>
static __device__ __forceinline__ void fetch_rows(const shape &s, float *to, const float *from,
                                                  int rows)
{
    for (int r = (int)threadIdx.x / W; r < rows; r += THREADS / W) {
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column<W>(i);
            if (j < s.width) rmx_copy_async16(to + r * s.pitch + j, from + r * s.width + j);
        }
    }
}

/* Row r of z = x + mix(x) in device memory, of any shape: z(j) is element j. */
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

/* Samples of a row tile: as many as fit in TILE_BYTES, a power of two, with at most RMX_ROW_BLOCK
 * rows; at least one. */
#define TILE_BYTES (36 << 10)
static int samples_of_tile(int64_t tokens, int64_t sample_bytes)
{
    int n = 1;
    while (2 * n * sample_bytes <= TILE_BYTES && 2 * n * tokens <= RMX_ROW_BLOCK) n *= 2;
    return n;
}

/* CALL_QUADS(W, NV) or CALL_SINGLE(W, NV). */
#define RMX_BY_SHAPE(s, CALL) \
    ((s).d % 4 == 0 ? RMX_BY_DIM((s).width, CALL##_QUADS) : RMX_BY_DIM((s).width, CALL##_SINGLE))

#endif /* RMX_TOKEN_MIXER_CUH */
