/* SPDX-License-Identifier: MIT */
/* product_tile.cuh: C = epilogue(A B) where throughput is the limit: large tiles in registers.
 *
 * Why it exists: with many outputs every multiprocessor has enough of them to keep its FMA pipes
 * busy. The aim is few shared-memory loads for each multiply-add.
 * Grid: one block per tile of BM x BN and batch. Block: BM/TM * BN/TN threads, all in one role. A
 *   warp is 4 x 8 threads, a thread owns TM x TN outputs. Its rows are groups of 4, 16 apart; its
 *   columns are groups of 4, 32 apart: every shared load is 16 bytes, without bank conflicts. Lanes
 *   go in pairs down a column: half a warp then touches 32 bytes of A and 128 of B, and loads
 *   merge.
 * Pipeline: rmx_copy_ring with MN-major stages [k][m] and [k][n]; one __syncthreads() a K block.
 *   The operands of the next k are loaded into registers before those of this k are used, across K
 *   blocks too. Rows and columns past the end repeat the last one and are not stored.
 * Order: k ascends in one accumulator per output. What BK does not divide is done one k at a time.
 * Cost: 2 BM BN k FLOP a block; for each k a thread issues TM TN multiply-adds and (TM + TN) / 4
 *   loads. */
#ifndef RMX_CUDA_PRODUCT_TILE_CUH
#define RMX_CUDA_PRODUCT_TILE_CUH

#include "kernels/cuda/product_epilogue.cuh"

template <int BM, int BN, int TM, int TN, int BK, int STAGES, rmx_load A, rmx_load B>
struct rmx_tile_shape {
    static constexpr int THREADS = (BM / TM) * (BN / TN);
    static constexpr int WM = 4 * TM, WN = 8 * TN; /* of a warp */
    static constexpr int WARPS_N = BN / WN;
    using loader_a = rmx_tile_loader<BM, BK, THREADS, A>;
    using loader_b = rmx_tile_loader<BN, BK, THREADS, B>;
    using ring = rmx_copy_ring<loader_a, loader_b, BK, STAGES>;
    static constexpr int OUT_PITCH = WN + 4; /* 16 rows of a warp's outputs */
    static constexpr int OUT = THREADS / 32 * 16 * OUT_PITCH;
    static constexpr int SHARED =
        (int)sizeof(float) * (STAGES * ring::STAGE > OUT ? STAGES * ring::STAGE : OUT);
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

/* Accumulators start at +0 or at C. row, col: the thread's first output in the tile. */
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

/* The epilogue. Sixteen rows of each warp at a time go through shared memory, so that neighbouring
 * lanes handle neighbouring columns of a row, and the epilogue's code is there once. */
template <class S, int TM, int TN>
__device__ __forceinline__ void rmx_tile_end(const rmx_product_job &job,
                                             const rmx_product_origin &at,
                                             const rmx_product_limits &inside, int row0, int col0,
                                             const float acc[TM][TN], float *shared)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int lane_m = lane / 16 * 2 + lane % 2, lane_n = lane % 16 / 2;
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

template <int BM, int BN, int TM, int TN, int BK, int STAGES, int BLOCKS, rmx_load A, rmx_load B>
__global__ void __launch_bounds__((BM / TM) * (BN / TN), BLOCKS)
    rmx_product_tile_kernel(const __grid_constant__ rmx_product_job job)
{
    using S = rmx_tile_shape<BM, BN, TM, TN, BK, STAGES, A, B>;
    constexpr int PITCH_A = S::loader_a::PITCH, PITCH_B = S::loader_b::PITCH;
    extern __shared__ __align__(16) float shared[];
    const rmx_product_origin at = rmx_product_locate(job, BM, BN);
    const rmx_product_limits inside = rmx_product_clip(job, at, BM, BN);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int row0 = warp / S::WARPS_N * S::WM, col0 = warp % S::WARPS_N * S::WN;
    const int lane_m = lane / 16 * 2 + lane % 2, lane_n = lane % 16 / 2;
    const float *sa = shared + row0 + lane_m * 4;
    const float *sb = shared + S::ring::B + col0 + lane_n * 4;

    typename S::ring ring;
    ring.start(job, at, inside, shared);
    float acc[TM][TN], a[2][TM], b[2][TN];
    rmx_tile_begin<TM, TN>(job, at, inside, row0 + lane_m * 4, col0 + lane_n * 4, acc);
    ring.wait();
    rmx_fragment<TM>(a[0], sa, 16);
    rmx_fragment<TN>(b[0], sb, 32);

    int use = 0;
#pragma unroll 1
    for (int block = 0; block < ring.blocks; block++) {
        int next = use;
#pragma unroll
        for (int k = 0; k < BK; k++) {
            if (k == BK - 1) next = ring.next(use);
            const int ahead = (k + 1) % BK;
            rmx_fragment<TM>(a[(k + 1) % 2], sa + next + ahead * PITCH_A, 16);
            rmx_fragment<TN>(b[(k + 1) % 2], sb + next + ahead * PITCH_B, 32);
            if (k == 0) ring.prefetch(block + STAGES - 1);
            rmx_outer_product<TM, TN>(acc, a[k % 2], b[k % 2]);
        }
        ring.release(use);
        use = next;
    }
#pragma unroll 1
    for (int k = 0; k < ring.rest; k++) {
        rmx_fragment<TM>(a[0], sa + use + k * PITCH_A, 16);
        rmx_fragment<TN>(b[0], sb + use + k * PITCH_B, 32);
        rmx_outer_product<TM, TN>(acc, a[0], b[0]);
    }
    __syncthreads();
    rmx_tile_end<S, TM, TN>(job, at, inside, row0, col0, acc, shared);
}

#define RMX_PRODUCT_TILE(BM, BN, TM, TN, BK, STAGES, BLOCKS, A, B)                             \
    {                                                                                          \
        BM, BN, rmx_tile_shape<BM, BN, TM, TN, BK, STAGES, A, B>::THREADS,                     \
            rmx_tile_shape<BM, BN, TM, TN, BK, STAGES, A, B>::SHARED,                          \
            (const void *)rmx_product_tile_kernel<BM, BN, TM, TN, BK, STAGES, BLOCKS, A, B>, 0 \
    }

#endif /* RMX_CUDA_PRODUCT_TILE_CUH */
