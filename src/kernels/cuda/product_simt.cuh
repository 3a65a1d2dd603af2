/* SPDX-License-Identifier: MIT */
/* product_simt.cuh: the product where blocks are few: short of outputs, so latency counts too.
 *
 * Formula  ops.h; a thread owns TM x TN outputs, each one chain in one register, k ascending.
 * Shapes   a block of RMX_CHAIN_THREADS threads computes BM x BN of C; the first BM/TM * BN/TN
 *          threads multiply, all copy.
 * Memory   STAGES pieces of BK deep, filled by cp.async while earlier ones are used: one barrier
 *          a piece. Each operand keeps the order that it has in memory, so that it is copied by
 *          16 bytes: k by k (RMX_STRIP_ACROSS, [k][n]), from which a thread loads neighbouring
 *          columns, or row by row (RMX_STRIP_ALONG, [m][k], rows padded by 4 floats against bank
 *          conflicts), from which it loads four k of a row. Any strides (RMX_STRIP_ANY) go
 *          element by element into the second form. Deep enough for the memory latency: a
 *          multiply-add waits 4 cycles for the one before it, so 64 k last 256 cycles or more.
 *          GROUP k's operands are loaded into registers before the GROUP before is used, across
 *          pieces too.
 * FLOP     2 BM BN k a block, bytes 4 (BM + BN) k. No block ends before 4 k cycles.
 * Order    nothing but k: what does not divide BK is done one k at a time after the rest. */
#ifndef RMX_CUDA_GEMM_CHAIN_CUH
#define RMX_CUDA_GEMM_CHAIN_CUH

#include "kernels/cuda/product_epilogue.cuh"

#define RMX_CHAIN_THREADS 128

/* A load that stays where it is written: of two loads in different pieces whose values meet at
 * the head of the loop, the compiler would make one load there, and wait for it. */
__device__ __forceinline__ float rmx_shared_load(const float *p)
{
    float x;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"((uint32_t)__cvta_generic_to_shared(p)));
    return x;
}

enum { RMX_STRIP_ALONG, RMX_STRIP_ACROSS, RMX_STRIP_ANY };

/* One operand's way to shared memory and on to registers: EXT rows (of A, or columns of B) by BK.
 * start: the operand's first element and strides, rows that exist: the tile's others are not
 * copied, which matters where every block reads the same few rows. In a vector of neighbours they
 * repeat the last.
 * fetch: the next BK, or deep, k. row: which row is thread number t's i-th, of T.
 * load: x[i][0 .. GROUP-1], from k on, of thread number t. */
template <int EXT, int BK, int HOW> struct rmx_strip;

/* Shared memory as [EXT][BK + 4]. */
template <int EXT, int BK> struct rmx_strip_by_row {
    static constexpr int PITCH = BK + 4, FLOATS = EXT * PITCH;

    template <int T> static __device__ __forceinline__ int row(int t, int i)
    {
        return t + i * (EXT / T);
    }

    template <int T, int GROUP>
    static __device__ __forceinline__ void load(float x[T][GROUP], const float *p, int t, int k)
    {
#pragma unroll
        for (int i = 0; i < T; i++) {
            const float *from = p + row<T>(t, i) * PITCH + k;
#pragma unroll
            for (int q = 0; q < GROUP / 4 * 4; q += 4) {
                const float4 w = *(const float4 *)(from + q);
                x[i][q] = w.x, x[i][q + 1] = w.y, x[i][q + 2] = w.z, x[i][q + 3] = w.w;
            }
            if (GROUP == 1) x[i][0] = *from;
        }
    }
};

/* Shared memory as [BK][EXT]: a step's operands are groups of 4, 2 or 1 neighbours. */
template <int EXT, int BK> struct rmx_strip<EXT, BK, RMX_STRIP_ACROSS> {
    static constexpr int PITCH = EXT, FLOATS = EXT * BK;
    static constexpr int ACROSS = EXT / 4, ALL = BK * ACROSS;
    static constexpr int COUNT = (ALL + RMX_CHAIN_THREADS - 1) / RMX_CHAIN_THREADS;
    const float *from[COUNT];
    int64_t step;

    template <int T> static __device__ __forceinline__ int row(int t, int i)
    {
        constexpr int WIDE = T % 4 == 0 ? 4 : T % 2 == 0 ? 2 : 1;
        return i / WIDE * (EXT / T * WIDE) + t * WIDE + i % WIDE;
    }

    template <int T, int GROUP>
    static __device__ __forceinline__ void load(float x[T][GROUP], const float *p, int t, int k)
    {
#pragma unroll
        for (int q = 0; q < GROUP; q++) {
            const float *now = p + (k + q) * PITCH;
            if (T % 4 == 0) {
#pragma unroll
                for (int i = 0; i + 4 <= T; i += 4) {
                    const float4 w = *(const float4 *)(now + row<T>(t, i));
                    x[i][q] = w.x, x[i + 1][q] = w.y, x[i + 2][q] = w.z, x[i + 3][q] = w.w;
                }
            } else if (T % 2 == 0) {
#pragma unroll
                for (int i = 0; i + 2 <= T; i += 2) {
                    const float2 w = *(const float2 *)(now + row<T>(t, i));
                    x[i][q] = w.x, x[i + 1][q] = w.y;
                }
            } else {
#pragma unroll
                for (int i = 0; i < T; i++) x[i][q] = rmx_shared_load(now + row<T>(t, i));
            }
        }
    }

    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = i * RMX_CHAIN_THREADS + (int)threadIdx.x;
            from[i] = p + min(c % ACROSS * 4, rows - 4) + (c / ACROSS) * k_stride;
        }
        step = BK * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int deep)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = i * RMX_CHAIN_THREADS + (int)threadIdx.x;
            if ((ALL % RMX_CHAIN_THREADS == 0 || c < ALL) && (WHOLE || c / ACROSS < deep))
                rmx_copy16(to + c * 4, from[i]);
            from[i] += step;
        }
    }
};

template <int EXT, int BK> struct rmx_strip<EXT, BK, RMX_STRIP_ALONG> : rmx_strip_by_row<EXT, BK> {
    static constexpr int PITCH = BK + 4, ACROSS = BK / 4, ROWS = RMX_CHAIN_THREADS / ACROSS;
    static constexpr int COUNT = (EXT + ROWS - 1) / ROWS;
    const float *from[COUNT];
    int rows;

    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows_there)
    {
        rows = rows_there;
        const int k = threadIdx.x % ACROSS * 4, r = threadIdx.x / ACROSS;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            from[i] = p + min(r + i * ROWS, rows - 1) * row_stride + k;
        }
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int deep)
    {
        const int k = threadIdx.x % ACROSS * 4, r = threadIdx.x / ACROSS;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            if (r + i * ROWS < rows && (WHOLE || k < deep))
                rmx_copy16(to + (r + i * ROWS) * PITCH + k, from[i]);
            from[i] += BK;
        }
    }
};

template <int EXT, int BK> struct rmx_strip<EXT, BK, RMX_STRIP_ANY> : rmx_strip_by_row<EXT, BK> {
    static constexpr int PITCH = BK + 4;
    static constexpr int ROWS = EXT < 8 ? EXT : 8, DEEP = RMX_CHAIN_THREADS / ROWS;
    static constexpr int COUNT = EXT / ROWS;
    const float *from[COUNT];
    int64_t step;
    int rows;

    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows_there)
    {
        rows = rows_there;
        const int r = threadIdx.x % ROWS, k = threadIdx.x / ROWS;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            from[i] = p + min(r + i * ROWS, rows - 1) * row_stride + k * k_stride;
        }
        step = DEEP * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int deep)
    {
        const int r = threadIdx.x % ROWS, k = threadIdx.x / ROWS;
#pragma unroll
        for (int k0 = 0; k0 < BK; k0 += DEEP) {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                if (r + i * ROWS < rows && (WHOLE || k0 + k < deep))
                    rmx_copy4(to + (r + i * ROWS) * PITCH + k0 + k, from[i]);
                from[i] += step;
            }
        }
    }
};

template <int BM, int BN, int TM, int TN, int BK, int GROUP, int STAGES, int HOW_A, int HOW_B>
struct rmx_chain_shape {
    using strip_a = rmx_strip<BM, BK, HOW_A>;
    using strip_b = rmx_strip<BN, BK, HOW_B>;
    static constexpr int DOWN = BM / TM, ACROSS = BN / TN, WORKERS = DOWN * ACROSS;
    static constexpr int STAGE = strip_a::FLOATS + strip_b::FLOATS;
    static constexpr int OUT_PITCH = BN + 4;
    static constexpr int OUT = BM * OUT_PITCH;
    static constexpr int SHARED =
        (int)sizeof(float) * (STAGES * STAGE > OUT ? STAGES * STAGE : OUT);
    static_assert(WORKERS % 32 == 0 && WORKERS <= RMX_CHAIN_THREADS, "");
    static_assert(BN % 4 == 0 && (DOWN % 2 == 0 || TN == 1), "");
    static_assert(BM != 4 || (ACROSS == 32 && TM == 1 && TN == 1), "");
    static_assert(BK % (2 * GROUP) == 0 && GROUP % 4 == 0 && BK % 32 == 0, "");
};

template <int TM, int TN, int GROUP>
__device__ __forceinline__ void rmx_chain_go_on(float acc[TM][TN], float a[TM][GROUP],
                                                float b[TN][GROUP])
{
#pragma unroll
    for (int k = 0; k < GROUP; k++) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j++) acc[i][j] = rmx_fmaf(a[i][k], b[j][k], acc[i][j]);
        }
    }
}

template <int BM, int BN, int TM, int TN, int BK, int GROUP, int STAGES, int HOW_A, int HOW_B>
__global__ void __launch_bounds__(RMX_CHAIN_THREADS)
    rmx_product_chain_kernel(const __grid_constant__ rmx_product_job job)
{
    using S = rmx_chain_shape<BM, BN, TM, TN, BK, GROUP, STAGES, HOW_A, HOW_B>;
    extern __shared__ __align__(16) float shared[];
    const rmx_product_args &g = job.args;
    const rmx_product_origin at = rmx_product_here(job, BM, BN);
    const rmx_product_limits inside = rmx_product_inside(job, at, BM, BN);
    /* Two threads down for each across, then the next: a 16-byte load whose addresses come in
     * equal pairs takes half the time. */
    constexpr int PAIR = TN > 1 ? 2 : 1;
    const int thread = threadIdx.x, strip = thread % (PAIR * S::ACROSS);
    const int down = thread / (PAIR * S::ACROSS) * PAIR + strip % PAIR, across = strip / PAIR;
    /* Known to the compiler where it can be: a branch keeps copies from being scheduled between
     * multiply-adds. With four rows a warp has one of them, and C may have fewer. */
    const bool works =
        BM == 4 ? down < inside.rows : S::WORKERS == RMX_CHAIN_THREADS || thread < S::WORKERS;
    const float *sb = shared + S::strip_a::FLOATS;

    typename S::strip_a from_a;
    typename S::strip_b from_b;
    from_a.start(rmx_product_at(g.a, at, at.row, 0, 0), g.a.rs, g.a.cs, inside.rows);
    from_b.start(rmx_product_at(g.b, at, 0, at.col, g.b.cs), g.b.cs, g.b.rs, inside.cols);
    const int pieces = (int)(g.k / BK), rest = (int)(g.k % BK);
    auto fetch = [&](int piece, float *to) {
        if (piece < pieces) {
            from_b.template fetch<true>(to + S::strip_a::FLOATS, BK);
            from_a.template fetch<true>(to, BK);
        } else if (piece == pieces && rest) {
            from_b.template fetch<false>(to + S::strip_a::FLOATS, rest);
            from_a.template fetch<false>(to, rest);
        }
        rmx_copies_commit();
    };

#pragma unroll 1
    for (int s = 0; s < STAGES - 1; s++) fetch(s, shared + s * S::STAGE);
    float acc[TM][TN];
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int j = 0; j < TN; j++) {
            const int row = S::strip_a::template row<TM>(down, i);
            const int col = S::strip_b::template row<TN>(across, j);
            acc[i][j] = 0.0f;
            if (works && g.accumulate && row < inside.rows && col < inside.cols)
                acc[i][j] = *rmx_product_at(g.c, at, at.row + row, at.col + col, 1);
        }
    }
    rmx_copies_wait<STAGES - 2>();
    __syncthreads();
    float a[2][TM][GROUP], b[2][TN][GROUP];
    if (works) {
        S::strip_a::template load<TM, GROUP>(a[0], shared, down, 0);
        S::strip_b::template load<TN, GROUP>(b[0], sb, across, 0);
    }

    constexpr int GROUPS = BK / GROUP;
    int use = 0, fill = (STAGES - 1) * S::STAGE; /* offsets of stages */
#pragma unroll 1
    for (int piece = 0; piece < pieces; piece++) {
        int next = use;
#pragma unroll
        for (int q = 0; q < GROUPS; q++) {
            if (q == GROUPS - 1) {
                rmx_copies_wait<STAGES - 2>();
                __syncthreads();
                next = use + S::STAGE == STAGES * S::STAGE ? 0 : use + S::STAGE;
            }
            if (works) {
                const int ahead = (q + 1) % GROUPS * GROUP;
                S::strip_a::template load<TM, GROUP>(a[(q + 1) % 2], shared + next, down, ahead);
                S::strip_b::template load<TN, GROUP>(b[(q + 1) % 2], sb + next, across, ahead);
            }
            if (q == 0) fetch(piece + STAGES - 1, shared + fill);
            if (works) rmx_chain_go_on<TM, TN, GROUP>(acc, a[q % 2], b[q % 2]);
        }
        fill = use;
        use = next;
    }
#pragma unroll 1
    for (int k = 0; works && k < rest; k++) {
        float x[TM][1], y[TN][1];
        S::strip_a::template load<TM, 1>(x, shared + use, down, k);
        S::strip_b::template load<TN, 1>(y, sb + use, across, k);
        rmx_chain_go_on<TM, TN, 1>(acc, x, y);
    }
    __syncthreads();
    if (works) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j++) {
                shared[S::strip_a::template row<TM>(down, i) * S::OUT_PITCH +
                       S::strip_b::template row<TN>(across, j)] = acc[i][j];
            }
        }
    }
    __syncthreads();
    rmx_product_finish_rows<BM, BN, S::OUT_PITCH, RMX_CHAIN_THREADS, 1>(job, at, inside, 0, 0,
                                                                        shared, threadIdx.x);
}

#define RMX_PRODUCT_CHAIN(BM, BN, TM, TN, BK, GROUP, STAGES, HOW_A, HOW_B)                 \
    {                                                                                      \
        BM, BN, RMX_CHAIN_THREADS,                                                         \
            rmx_chain_shape<BM, BN, TM, TN, BK, GROUP, STAGES, HOW_A, HOW_B>::SHARED,      \
            (const void *)                                                                 \
                rmx_product_chain_kernel<BM, BN, TM, TN, BK, GROUP, STAGES, HOW_A, HOW_B>, \
            0                                                                              \
    }

#endif /* RMX_CUDA_GEMM_CHAIN_CUH */
