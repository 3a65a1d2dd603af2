/* SPDX-License-Identifier: MIT */
/* product_tile.cuh: the product where arithmetic is the limit.
 *
 * Formula  ops.h; a thread owns TM x TN outputs, each one chain in one register, k ascending.
 * Shapes   a block of BM/TM * BN/TN threads computes BM x BN of C. A warp is 4 x 8 threads; a
 *          thread's rows are groups of 4, 16 apart, its columns groups of 4, 32 apart, so that
 *          every shared load is 16 bytes, without bank conflicts. Lanes go in pairs down a
 *          column: half a warp then touches 32 bytes of A and 128 of B, and loads can merge.
 * Memory   STAGES pieces of BK deep, as [k][m] and [k][n], filled by cp.async while earlier ones
 *          are used: one barrier a piece. A vector operand lies along m (or n) and is copied by
 *          16 bytes; any other is copied element by element, eight lanes along k and four along
 *          m, whose rows are padded by 4 floats: no conflicts, whole sectors where k is
 *          contiguous. Rows and columns past the end repeat the last one and are not stored.
 *          The next k's operands are loaded into registers before this k's are used, across
 *          pieces too.
 * FLOP     2 BM BN k a block; per k a thread issues TM TN multiply-adds and (TM + TN) / 4 loads.
 * Order    nothing but k: what does not divide BK is done one k at a time after the rest. */
#ifndef RMX_CUDA_GEMM_TILE_CUH
#define RMX_CUDA_GEMM_TILE_CUH

#include "kernels/cuda/product_epilogue.cuh"

/* One operand's way to shared memory: EXT rows (of A, or columns of B) by BK. */
template <int EXT, int BK, int THREADS, bool VECTOR> struct rmx_panel;

template <int EXT, int BK, int THREADS> struct rmx_panel<EXT, BK, THREADS, true> {
    static constexpr int PITCH = EXT, FLOATS = BK * PITCH;
    static constexpr int ACROSS = EXT / 4, ALL = BK * ACROSS;
    static constexpr int COUNT = (ALL + THREADS - 1) / THREADS;
    const float *from[COUNT];
    int64_t step;

    /* rows: of the operand from here on; row_stride is 1. */
    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = i * THREADS + (int)threadIdx.x;
            const int r = min(c % ACROSS * 4, rows - 4);
            from[i] = p + r + (c / ACROSS) * k_stride;
        }
        step = BK * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int deep)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = i * THREADS + (int)threadIdx.x;
            if (((i + 1) * THREADS <= ALL || c < ALL) && (WHOLE || c / ACROSS < deep))
                rmx_copy16(to + c * 4, from[i]);
            from[i] += step;
        }
    }
};

template <int EXT, int BK, int THREADS> struct rmx_panel<EXT, BK, THREADS, false> {
    static constexpr int PITCH = EXT + 4, FLOATS = BK * PITCH;
    static constexpr int ROWS = THREADS / 8, COUNT = EXT / ROWS;
    const float *from[COUNT];
    int64_t step;

    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows)
    {
        const int k = threadIdx.x % 8, r = threadIdx.x / 8;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            from[i] = p + min(r + i * ROWS, rows - 1) * row_stride + k * k_stride;
        }
        step = 8 * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int deep)
    {
        const int k = threadIdx.x % 8, r = threadIdx.x / 8;
#pragma unroll
        for (int k0 = 0; k0 < BK; k0 += 8) {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                if (WHOLE || k0 + k < deep)
                    rmx_copy4(to + (k0 + k) * PITCH + r + i * ROWS, from[i]);
                from[i] += step;
            }
        }
    }
};

template <int BM, int BN, int TM, int TN, int BK, int STAGES, int BLOCKS, bool AVEC, bool BVEC>
struct rmx_tile_shape {
    static constexpr int THREADS = (BM / TM) * (BN / TN);
    static constexpr int WM = 4 * TM, WN = 8 * TN; /* of a warp */
    static constexpr int WARPS_N = BN / WN;
    using panel_a = rmx_panel<BM, BK, THREADS, AVEC>;
    using panel_b = rmx_panel<BN, BK, THREADS, BVEC>;
    static constexpr int STAGE = panel_a::FLOATS + panel_b::FLOATS;
    static constexpr int OUT_PITCH = WN + 4; /* 16 rows of a warp's outputs */
    static constexpr int OUT = THREADS / 32 * 16 * OUT_PITCH;
    static constexpr int SHARED =
        (int)sizeof(float) * (STAGES * STAGE > OUT ? STAGES * STAGE : OUT);
    static_assert(BM % WM == 0 && BN % WN == 0 && TM % 4 == 0 && TN % 4 == 0 && BK % 8 == 0, "");
};

template <int N> __device__ __forceinline__ void rmx_fragment(float *x, const float *p, int apart)
{
#pragma unroll
    for (int g = 0; g < N / 4; g++) {
        const float4 w = *(const float4 *)(p + g * apart);
        x[4 * g] = w.x, x[4 * g + 1] = w.y, x[4 * g + 2] = w.z, x[4 * g + 3] = w.w;
    }
}

template <int TM, int TN>
__device__ __forceinline__ void rmx_outer_product(float acc[TM][TN], const float *a,
                                                  const float *b)
{
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int j = 0; j < TN; j++) acc[i][j] = rmx_fmaf(a[i], b[j], acc[i][j]);
    }
}

/* Chains start at +0, or at C. row, col: of the thread's first output in the tile. */
template <int TM, int TN>
__device__ __forceinline__ void rmx_tile_begin(const rmx_product_job &job,
                                               const rmx_product_origin &at,
                                               const rmx_product_limits &inside, int row, int col,
                                               float acc[TM][TN])
{
    const rmx_matrix_out &c = job.args.c;
    const bool from_c = job.args.accumulate;
    const float *p = from_c ? rmx_product_at(c, at, at.row, at.col, 1) : rmx_f32(c.p);
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int j = 0; j < TN; j++) acc[i][j] = 0.0f;
    }
    if (!from_c) return;
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int j = 0; j < TN; j += 4) {
            const rmx_quad q = rmx_quad_make(inside, row + i / 4 * 16 + i % 4, col + j * 8);
            rmx_quad_load(p, c.rs, 1, job.wide & RMX_WIDE_C, q, &acc[i][j]);
        }
    }
}

template <int BM, int BN, int TM, int TN, int BK, int STAGES, int BLOCKS, bool AVEC, bool BVEC>
__global__ void __launch_bounds__((BM / TM) * (BN / TN), BLOCKS)
    rmx_product_tile_kernel(const __grid_constant__ rmx_product_job job)
{
    using S = rmx_tile_shape<BM, BN, TM, TN, BK, STAGES, BLOCKS, AVEC, BVEC>;
    constexpr int PA = S::panel_a::PITCH, PB = S::panel_b::PITCH;
    extern __shared__ __align__(16) float shared[];
    const rmx_product_args &g = job.args;
    const rmx_product_origin at = rmx_product_here(job, BM, BN);
    const rmx_product_limits inside = rmx_product_inside(job, at, BM, BN);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int row0 = warp / S::WARPS_N * S::WM, col0 = warp % S::WARPS_N * S::WN;
    const int lane_m = lane / 16 * 2 + lane % 2, lane_n = lane % 16 / 2;
    const float *sa = shared + row0 + lane_m * 4;
    const float *sb = shared + S::panel_a::FLOATS + col0 + lane_n * 4;

    typename S::panel_a from_a;
    typename S::panel_b from_b;
    from_a.start(rmx_product_at(g.a, at, at.row, 0, 0), g.a.rs, g.a.cs, inside.rows);
    from_b.start(rmx_product_at(g.b, at, 0, at.col, g.b.cs), g.b.cs, g.b.rs, inside.cols);
    const int pieces = (int)(g.k / BK), rest = (int)(g.k % BK);
    auto fetch = [&](int piece, float *to) {
        if (piece < pieces) {
            from_a.template fetch<true>(to, BK);
            from_b.template fetch<true>(to + S::panel_a::FLOATS, BK);
        } else if (piece == pieces && rest) {
            from_a.template fetch<false>(to, rest);
            from_b.template fetch<false>(to + S::panel_a::FLOATS, rest);
        }
        rmx_copies_commit();
    };

#pragma unroll 1
    for (int s = 0; s < STAGES - 1; s++) fetch(s, shared + s * S::STAGE);
    float acc[TM][TN], a[2][TM], b[2][TN];
    rmx_tile_begin<TM, TN>(job, at, inside, row0 + lane_m * 4, col0 + lane_n * 4, acc);
    rmx_copies_wait<STAGES - 2>();
    __syncthreads();
    rmx_fragment<TM>(a[0], sa, 16);
    rmx_fragment<TN>(b[0], sb, 32);

    int use = 0, fill = (STAGES - 1) * S::STAGE; /* offsets of stages */
#pragma unroll 1
    for (int piece = 0; piece < pieces; piece++) {
        int next = use;
#pragma unroll
        for (int k = 0; k < BK; k++) {
            if (k == BK - 1) {
                rmx_copies_wait<STAGES - 2>();
                __syncthreads();
                next = use + S::STAGE == STAGES * S::STAGE ? 0 : use + S::STAGE;
            }
            const int ahead = (k + 1) % BK;
            rmx_fragment<TM>(a[(k + 1) % 2], sa + next + ahead * PA, 16);
            rmx_fragment<TN>(b[(k + 1) % 2], sb + next + ahead * PB, 32);
            if (k == 0) fetch(piece + STAGES - 1, shared + fill);
            rmx_outer_product<TM, TN>(acc, a[k % 2], b[k % 2]);
        }
        fill = use;
        use = next;
    }
#pragma unroll 1
    for (int k = 0; k < rest; k++) {
        rmx_fragment<TM>(a[0], sa + use + k * PA, 16);
        rmx_fragment<TN>(b[0], sb + use + k * PB, 32);
        rmx_outer_product<TM, TN>(acc, a[0], b[0]);
    }
    __syncthreads();

    /* Sixteen rows of each warp at a time go through shared memory, so that a row's neighbours
     * are handled by neighbouring lanes and the epilogue's code stands once. */
    float *out = shared + warp * 16 * S::OUT_PITCH;
#pragma unroll 1
    for (int group = 0; group < TM / 4; group++) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
            if (i / 4 != group) continue;
            float *to = out + (lane_m * 4 + i % 4) * S::OUT_PITCH + lane_n * 4;
#pragma unroll
            for (int j = 0; j < TN; j += 4) {
                *(float4 *)(to + j * 8) =
                    make_float4(acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]);
            }
        }
        __syncwarp();
        rmx_product_finish_rows<16, S::WN, S::OUT_PITCH, 32, 4>(job, at, inside, row0 + group * 16,
                                                                col0, out, lane);
        __syncwarp();
    }
}

#define RMX_PRODUCT_TILE(BM, BN, TM, TN, BK, STAGES, BLOCKS, AVEC, BVEC)                 \
    {                                                                                    \
        BM, BN, rmx_tile_shape<BM, BN, TM, TN, BK, STAGES, BLOCKS, AVEC, BVEC>::THREADS, \
            rmx_tile_shape<BM, BN, TM, TN, BK, STAGES, BLOCKS, AVEC, BVEC>::SHARED,      \
            (const void *)                                                               \
                rmx_product_tile_kernel<BM, BN, TM, TN, BK, STAGES, BLOCKS, AVEC, BVEC>, \
            0                                                                            \
    }

#endif /* RMX_CUDA_GEMM_TILE_CUH */
