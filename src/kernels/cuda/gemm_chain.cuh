/* gemm_chain.cuh: the product where latency is the limit: few outputs, long chains.
 *
 * Formula  ops.h; a thread owns TM x TN outputs, each one chain in one register, k ascending.
 * Shapes   a block of RMX_CHAIN_THREADS threads computes BM x BN of C; the first BM/TM * BN/TN
 *          threads multiply, all copy. A thread's rows are BM/TM apart, its columns BN/TN.
 * Memory   STAGES pieces of BK deep, as [m][k] and [n][k] with rows padded by 4 floats, so that
 *          one 16-byte load brings four k of a row and eight lanes' rows meet no bank twice. An
 *          operand contiguous in k is copied by 16 bytes; any other element by element, eight
 *          lanes along n and four along k. Deep enough for the memory latency: a multiply-add
 *          waits 4 cycles for the one before it, so a piece of 64 lasts 256 cycles or more.
 *          GROUP k's operands are loaded into registers before the GROUP before is used.
 * FLOP     2 BM BN k a block, bytes 4 (BM + BN) k. No block ends before 4 k cycles.
 * Order    nothing but k: what does not divide BK is done one k at a time after the rest. */
#ifndef RMX_CUDA_GEMM_CHAIN_CUH
#define RMX_CUDA_GEMM_CHAIN_CUH

#include "kernels/cuda/gemm_epilogue.cuh"

#define RMX_CHAIN_THREADS 128

/* One operand's way to shared memory: EXT rows (of A, or columns of B) by BK. */
template <int EXT, int BK, bool VECTOR> struct rmx_strip;

template <int EXT, int BK> struct rmx_strip<EXT, BK, true> {
    static constexpr int PITCH = BK + 4, ACROSS = BK / 4, ROWS = RMX_CHAIN_THREADS / ACROSS;
    static constexpr int COUNT = (EXT + ROWS - 1) / ROWS;
    const float *from[COUNT];

    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows)
    {
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
            if ((EXT % ROWS == 0 || r + i * ROWS < EXT) && (WHOLE || k < deep))
                rmx_copy16(to + (r + i * ROWS) * PITCH + k, from[i]);
            from[i] += BK;
        }
    }
};

template <int EXT, int BK> struct rmx_strip<EXT, BK, false> {
    static constexpr int PITCH = BK + 4;
    static constexpr int ROWS = EXT < 8 ? EXT : 8, DEEP = RMX_CHAIN_THREADS / ROWS;
    static constexpr int COUNT = EXT / ROWS;
    const float *from[COUNT];
    int64_t step;

    __device__ __forceinline__ void start(const float *p, int64_t row_stride, int64_t k_stride,
                                          int rows)
    {
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
                if (WHOLE || k0 + k < deep)
                    rmx_copy4(to + (r + i * ROWS) * PITCH + k0 + k, from[i]);
                from[i] += step;
            }
        }
    }
};

template <int BM, int BN, int TM, int TN, int BK, int GROUP, int STAGES, bool AVEC, bool BVEC>
struct rmx_chain_shape {
    using strip_a = rmx_strip<BM, BK, AVEC>;
    using strip_b = rmx_strip<BN, BK, BVEC>;
    static constexpr int PITCH = BK + 4;
    static constexpr int DOWN = BM / TM, ACROSS = BN / TN, WORKERS = DOWN * ACROSS;
    static constexpr int STAGE = (BM + BN) * PITCH;
    static constexpr int OUT_PITCH = BN + 4;
    static constexpr int OUT = BM * OUT_PITCH;
    static constexpr int SHARED =
        (int)sizeof(float) * (STAGES * STAGE > OUT ? STAGES * STAGE : OUT);
    static_assert(WORKERS % 32 == 0 && WORKERS <= RMX_CHAIN_THREADS && BN % 4 == 0, "");
    static_assert(BK % (2 * GROUP) == 0 && GROUP % 4 == 0 && BK % 32 == 0, "");
};

/* x[i][0 .. GROUP-1] of N rows, `apart` floats from each other. */
template <int N, int GROUP>
__device__ __forceinline__ void rmx_strip_load(float x[N][GROUP], const float *p, int apart)
{
#pragma unroll
    for (int i = 0; i < N; i++) {
#pragma unroll
        for (int k = 0; k < GROUP; k += 4) {
            const float4 w = *(const float4 *)(p + i * apart + k);
            x[i][k] = w.x, x[i][k + 1] = w.y, x[i][k + 2] = w.z, x[i][k + 3] = w.w;
        }
    }
}

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

template <int BM, int BN, int TM, int TN, int BK, int GROUP, int STAGES, bool AVEC, bool BVEC>
__global__ void __launch_bounds__(RMX_CHAIN_THREADS)
    rmx_gemm_chain_kernel(const __grid_constant__ rmx_gemm_job job)
{
    using S = rmx_chain_shape<BM, BN, TM, TN, BK, GROUP, STAGES, AVEC, BVEC>;
    extern __shared__ __align__(16) float shared[];
    const rmx_gemm_args &g = job.args;
    const rmx_gemm_origin at = rmx_gemm_here(job, BM, BN);
    const rmx_gemm_limits inside = rmx_gemm_inside(job, at, BM, BN);
    const bool works = S::WORKERS == RMX_CHAIN_THREADS || threadIdx.x < S::WORKERS;
    const int down = works ? threadIdx.x / S::ACROSS : 0, across = threadIdx.x % S::ACROSS;
    const float *sa = shared + down * S::PITCH;
    const float *sb = shared + (BM + across) * S::PITCH;

    typename S::strip_a from_a;
    typename S::strip_b from_b;
    from_a.start(rmx_gemm_at(g.a, at, at.row, 0, 0), g.a.rs, g.a.cs, inside.rows);
    from_b.start(rmx_gemm_at(g.b, at, 0, at.col, g.b.cs), g.b.cs, g.b.rs, inside.cols);
    const int pieces = (int)(g.k / BK), rest = (int)(g.k % BK);
    auto fetch = [&](int piece, float *to) {
        if (piece < pieces) {
            from_b.template fetch<true>(to + BM * S::PITCH, BK);
            from_a.template fetch<true>(to, BK);
        } else if (piece == pieces && rest) {
            from_b.template fetch<false>(to + BM * S::PITCH, rest);
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
            const int row = down + i * S::DOWN, col = across + j * S::ACROSS;
            acc[i][j] = 0.0f;
            if (g.accumulate && row < inside.rows && col < inside.cols)
                acc[i][j] = *rmx_gemm_at(g.c, at, at.row + row, at.col + col, 1);
        }
    }
    rmx_copies_wait<STAGES - 2>();
    __syncthreads();
    float a[2][TM][GROUP], b[2][TN][GROUP];
    rmx_strip_load<TM, GROUP>(a[0], sa, S::DOWN * S::PITCH);
    rmx_strip_load<TN, GROUP>(b[0], sb, S::ACROSS * S::PITCH);

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
                const int ahead = next + (q + 1) % GROUPS * GROUP;
                rmx_strip_load<TM, GROUP>(a[(q + 1) % 2], sa + ahead, S::DOWN * S::PITCH);
                rmx_strip_load<TN, GROUP>(b[(q + 1) % 2], sb + ahead, S::ACROSS * S::PITCH);
            }
            if (q == 0) fetch(piece + STAGES - 1, shared + fill);
            if (works) rmx_chain_go_on<TM, TN, GROUP>(acc, a[q % 2], b[q % 2]);
        }
        fill = use;
        use = next;
    }
#pragma unroll 1
    for (int k = 0; k < rest; k++) {
        float x[TM][1], y[TN][1];
#pragma unroll
        for (int i = 0; i < TM; i++) x[i][0] = sa[use + i * S::DOWN * S::PITCH + k];
#pragma unroll
        for (int j = 0; j < TN; j++) y[j][0] = sb[use + j * S::ACROSS * S::PITCH + k];
        rmx_chain_go_on<TM, TN, 1>(acc, x, y);
    }
    __syncthreads();
    if (works) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j++) {
                shared[(down + i * S::DOWN) * S::OUT_PITCH + across + j * S::ACROSS] = acc[i][j];
            }
        }
    }
    __syncthreads();
    rmx_gemm_finish_rows<BM, BN, S::OUT_PITCH, RMX_CHAIN_THREADS, 1>(job, at, inside, 0, 0, shared,
                                                                     threadIdx.x);
}

#define RMX_GEMM_CHAIN(BM, BN, TM, TN, BK, GROUP, STAGES, AVEC, BVEC)               \
    {                                                                               \
        1, BM, BN, RMX_CHAIN_THREADS,                                               \
            rmx_chain_shape<BM, BN, TM, TN, BK, GROUP, STAGES, AVEC, BVEC>::SHARED, \
            rmx_gemm_chain_kernel<BM, BN, TM, TN, BK, GROUP, STAGES, AVEC, BVEC>    \
    }

#endif /* RMX_CUDA_GEMM_CHAIN_CUH */
