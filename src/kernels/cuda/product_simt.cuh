/* SPDX-License-Identifier: MIT */
/* product_simt.cuh: C = epilogue(A B) where latency is the limit: small tiles, deep K blocks.
 *
 * Why it exists: with few outputs a multiprocessor has one small block. Its time is that of K
 * dependent multiply-adds (4 cycles each) as long as the operands arrive in time.
 * Grid: one block per tile of BM x BN and batch. Block: RMX_SIMT_THREADS threads; all of them copy,
 *   the first BM/TM * BN/TN also multiply. A thread owns TM x TN outputs.
 * Pipeline: rmx_copy_ring; one __syncthreads() a K block. K blocks are deep enough for the latency
 *   of memory: 64 k last 256 cycles or more. An operand keeps the order that it has in memory, so
 *   that it is copied by 16 bytes: MN-major, from which a thread loads neighbouring columns, or
 *   K-major, from which it loads four k of a row. The operands of KSTEP k are loaded into registers
 *   before those of the KSTEP before are used, across K blocks too.
 * Order: k ascends in one accumulator per output. What BK does not divide is done one k at a time.
 * Cost: 2 BM BN k FLOP and 4 (BM + BN) k bytes a block; at least 4 k cycles. */
#ifndef RMX_CUDA_PRODUCT_SIMT_CUH
#define RMX_CUDA_PRODUCT_SIMT_CUH

#include "kernels/cuda/product_epilogue.cuh"

#define RMX_SIMT_THREADS 128

/* ---- operands of a thread: from shared memory to registers ---- */

/* A load that stays where it is written. If two loads of different K blocks have values that meet
 * at the head of the loop, the compiler makes one load there and waits for it. */
__device__ __forceinline__ float rmx_shared_load(const float *p)
{
    float x;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"((uint32_t)__cvta_generic_to_shared(p)));
    return x;
}

/* line: the row of A or column of B that is the i-th of thread t, which has T of them.
 * load: x[i][0 .. KSTEP-1] of thread t, from k on. */
template <int MN, int BK, rmx_load LOAD> struct rmx_simt_operand { /* K-major */
    static constexpr int PITCH = BK + 4;

    template <int T> static __device__ __forceinline__ int line(int t, int i)
    {
        return t + i * (MN / T);
    }

    template <int T, int KSTEP>
    static __device__ __forceinline__ void load(float x[T][KSTEP], const float *p, int t, int k)
    {
#pragma unroll
        for (int i = 0; i < T; i++) {
            const float *from = p + line<T>(t, i) * PITCH + k;
#pragma unroll
            for (int q = 0; q < KSTEP / 4 * 4; q += 4) {
                const float4 w = *(const float4 *)(from + q);
                x[i][q] = w.x, x[i][q + 1] = w.y, x[i][q + 2] = w.z, x[i][q + 3] = w.w;
            }
            if (KSTEP == 1) x[i][0] = *from;
        }
    }
};

/* MN-major: a thread's lines are groups of 4, 2 or 1 neighbours. */
template <int MN, int BK> struct rmx_simt_operand<MN, BK, RMX_LOAD_MN_MAJOR> {
    template <int T> static __device__ __forceinline__ int line(int t, int i)
    {
        constexpr int WIDE = T % 4 == 0 ? 4 : T % 2 == 0 ? 2 : 1;
        return i / WIDE * (MN / T * WIDE) + t * WIDE + i % WIDE;
    }

    template <int T, int KSTEP>
    static __device__ __forceinline__ void load(float x[T][KSTEP], const float *p, int t, int k)
    {
#pragma unroll
        for (int q = 0; q < KSTEP; q++) {
            const float *now = p + (k + q) * MN;
            if (T % 4 == 0) {
#pragma unroll
                for (int i = 0; i + 4 <= T; i += 4) {
                    const float4 w = *(const float4 *)(now + line<T>(t, i));
                    x[i][q] = w.x, x[i + 1][q] = w.y, x[i + 2][q] = w.z, x[i + 3][q] = w.w;
                }
            } else if (T % 2 == 0) {
#pragma unroll
                for (int i = 0; i + 2 <= T; i += 2) {
                    const float2 w = *(const float2 *)(now + line<T>(t, i));
                    x[i][q] = w.x, x[i + 1][q] = w.y;
                }
            } else {
#pragma unroll
                for (int i = 0; i < T; i++) x[i][q] = rmx_shared_load(now + line<T>(t, i));
            }
        }
    }
};

/* ---- the kernel ---- */

template <int BM, int BN, int TM, int TN, int BK, int KSTEP, int STAGES, rmx_load A, rmx_load B>
struct rmx_simt_shape {
    using ring = rmx_copy_ring<rmx_tile_loader<BM, BK, RMX_SIMT_THREADS, A>,
                               rmx_tile_loader<BN, BK, RMX_SIMT_THREADS, B>, BK, STAGES>;
    using operand_a = rmx_simt_operand<BM, BK, A>;
    using operand_b = rmx_simt_operand<BN, BK, B>;
    static constexpr int DOWN = BM / TM, ACROSS = BN / TN, WORKERS = DOWN * ACROSS;
    static constexpr int OUT_PITCH = BN + 4;
    static constexpr int OUT = BM * OUT_PITCH;
    static constexpr int SHARED =
        (int)sizeof(float) * (STAGES * ring::STAGE > OUT ? STAGES * ring::STAGE : OUT);
    static_assert(WORKERS % 32 == 0 && WORKERS <= RMX_SIMT_THREADS, "");
    static_assert(BN % 4 == 0 && (DOWN % 2 == 0 || TN == 1), "");
    static_assert(BM != 4 || (ACROSS == 32 && TM == 1 && TN == 1), "");
    static_assert(BK % (2 * KSTEP) == 0 && KSTEP % 4 == 0 && BK % 32 == 0, "");
};

template <int TM, int TN, int KSTEP>
__device__ __forceinline__ void rmx_simt_multiply(float acc[TM][TN], float a[TM][KSTEP],
                                                  float b[TN][KSTEP])
{
#pragma unroll
    for (int k = 0; k < KSTEP; k++) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j++) acc[i][j] = rmx_fmaf(a[i][k], b[j][k], acc[i][j]);
        }
    }
}

template <int BM, int BN, int TM, int TN, int BK, int KSTEP, int STAGES, rmx_load A, rmx_load B>
__global__ void __launch_bounds__(RMX_SIMT_THREADS)
    rmx_product_simt_kernel(const __grid_constant__ rmx_product_job job)
{
    using S = rmx_simt_shape<BM, BN, TM, TN, BK, KSTEP, STAGES, A, B>;
    using OPA = typename S::operand_a;
    using OPB = typename S::operand_b;
    extern __shared__ __align__(16) float shared[];
    const rmx_product_origin at = rmx_product_locate(job, BM, BN);
    const rmx_product_limits inside = rmx_product_clip(job, at, BM, BN);
    /* Two threads down for each across, then the next: a 16-byte load whose addresses come in
     * equal pairs takes half the time. */
    constexpr int PAIR = TN > 1 ? 2 : 1;
    const int thread = threadIdx.x, strip = thread % (PAIR * S::ACROSS);
    const int down = thread / (PAIR * S::ACROSS) * PAIR + strip % PAIR, across = strip / PAIR;
    /* A constant where it can be: a branch keeps the compiler from scheduling copies between
     * multiply-adds. With BM == 4 a warp has one row, and C may have fewer rows. */
    const bool works =
        BM == 4 ? down < inside.rows : S::WORKERS == RMX_SIMT_THREADS || thread < S::WORKERS;
    const float *sb = shared + S::ring::B;

    typename S::ring ring;
    ring.start(job, at, inside, shared);
    float acc[TM][TN];
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int j = 0; j < TN; j++)
            acc[i][j] = works ? rmx_product_begin(job, at, inside, OPA::template line<TM>(down, i),
                                                  OPB::template line<TN>(across, j))
                              : 0.0f;
    }
    ring.wait();
    float a[2][TM][KSTEP], b[2][TN][KSTEP];
    if (works) {
        OPA::template load<TM, KSTEP>(a[0], shared, down, 0);
        OPB::template load<TN, KSTEP>(b[0], sb, across, 0);
    }

    constexpr int KSTEPS = BK / KSTEP;
    int use = 0;
#pragma unroll 1
    for (int block = 0; block < ring.blocks; block++) {
        int next = use;
#pragma unroll
        for (int q = 0; q < KSTEPS; q++) {
            if (q == KSTEPS - 1) next = ring.next(use);
            if (works) {
                const int ahead = (q + 1) % KSTEPS * KSTEP;
                OPA::template load<TM, KSTEP>(a[(q + 1) % 2], shared + next, down, ahead);
                OPB::template load<TN, KSTEP>(b[(q + 1) % 2], sb + next, across, ahead);
            }
            if (q == 0) ring.prefetch(block + STAGES - 1);
            if (works) rmx_simt_multiply<TM, TN, KSTEP>(acc, a[q % 2], b[q % 2]);
        }
        ring.release(use);
        use = next;
    }
#pragma unroll 1
    for (int k = 0; works && k < ring.rest; k++) {
        float x[TM][1], y[TN][1];
        OPA::template load<TM, 1>(x, shared + use, down, k);
        OPB::template load<TN, 1>(y, sb + use, across, k);
        rmx_simt_multiply<TM, TN, 1>(acc, x, y);
    }
    __syncthreads();
    if (works) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j++)
                shared[OPA::template line<TM>(down, i) * S::OUT_PITCH +
                       OPB::template line<TN>(across, j)] = acc[i][j];
        }
    }
    __syncthreads();
    rmx_product_finish_rows<BM, BN, S::OUT_PITCH, RMX_SIMT_THREADS, 1>(job, at, inside, 0, 0,
                                                                       shared, threadIdx.x);
}

#define RMX_PRODUCT_SIMT(BM, BN, TM, TN, BK, KSTEP, STAGES, A, B)                             \
    {                                                                                         \
        BM, BN, RMX_SIMT_THREADS,                                                             \
            rmx_simt_shape<BM, BN, TM, TN, BK, KSTEP, STAGES, A, B>::SHARED,                  \
            (const void *)rmx_product_simt_kernel<BM, BN, TM, TN, BK, KSTEP, STAGES, A, B>, 0 \
    }

#endif /* RMX_CUDA_PRODUCT_SIMT_CUH */
