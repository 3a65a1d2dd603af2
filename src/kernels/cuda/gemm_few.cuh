/* gemm_few.cuh: the product for few rows, where reading B and the length of a chain are the limit.
 *
 * Formula  ops.h; a lane owns TM outputs of one column, each one chain in one register, k
 *          ascending.
 * Shapes   a block computes BM x BN of C. Its first warp multiplies, with BN columns side by side
 *          and BM / TM lanes down; RMX_FEW_LOADERS threads copy. BN is chosen so that B's columns
 *          spread over all multiprocessors.
 * Memory   a ring of STAGES pieces, DEEP k of A ([BM][k], rows padded by 4 floats against bank
 *          conflicts) and of B, filled by cp.async: one barrier a piece. Operands come to
 *          registers GROUP k before their use, between multiply-adds, as those wait 4 cycles for
 *          the one before. A load takes 4 cycles too, so narrow strips of B, for which the chain
 *          is the limit, are turned on the way, by copies of one element, and read four k at a
 *          time ([BN][k], padded); wide ones, for which copies are, stay as they are ([k][BN]).
 *          Copies are kept out of the warp that multiplies: a
 *          register of an address is free only when the copy leaves the queue, behind all loads,
 *          and to reuse it cost more than the multiply-adds.
 * FLOP     2 BM BN k a block, bytes 4 (BM + BN) k. No block ends before 4 k cycles.
 * Order    nothing but k: what does not divide GROUP is done one k at a time after the rest. */
#ifndef RMX_CUDA_GEMM_FEW_CUH
#define RMX_CUDA_GEMM_FEW_CUH

#include "kernels/cuda/gemm_epilogue.cuh"

#define RMX_FEW_LANES 32
#define RMX_FEW_LOADERS 128
#define RMX_FEW_THREADS (RMX_FEW_LANES + RMX_FEW_LOADERS)

template <int BM, int BN, int TM, int DEEP_, int STAGES_> struct rmx_few_shape {
    static constexpr int DEEP = DEEP_, STAGES = STAGES_, GROUP = 16, GROUPS = DEEP / GROUP;
    static constexpr int DOWN = BM / TM, OUT_PITCH = BN + 4;
    static constexpr bool TURN = BN <= 16;
    static constexpr int A_PITCH = DEEP + 4, B_FLOATS = TURN ? BN * (DEEP + 4) : DEEP * BN;
    static constexpr int B_COL = TURN ? DEEP + 4 : 1, B_K = TURN ? 1 : BN; /* strides */
    static constexpr int STAGE = B_FLOATS + BM * A_PITCH, RING = STAGES * STAGE;
    static constexpr int SHARED = (int)sizeof(float) * RING;
    static constexpr uint32_t STAGE_BYTES = 4 * STAGE, RING_BYTES = 4 * RING;
    /* Copies of a piece: a thread has B_COPIES of B, of B_WIDE floats, and A_COPIES of A, of 4. A
     * warp turns 8 columns of 4 k at once, which go to 32 banks. */
    static constexpr int B_WIDE = TURN ? 1 : 4, B_ACROSS = TURN ? 8 : BN / 4;
    static constexpr int B_COPIES = BN * DEEP / B_WIDE / RMX_FEW_LOADERS;
    static constexpr int A_ACROSS = DEEP / 4, A_ALL = BM * A_ACROSS;
    static constexpr int A_COPIES = (A_ALL + RMX_FEW_LOADERS - 1) / RMX_FEW_LOADERS;
    static_assert(BN % 4 == 0 && BN * DEEP % (4 * RMX_FEW_LOADERS) == 0 && (!TURN || BN % 8 == 0),
                  "");
    static_assert(DOWN * BN <= RMX_FEW_LANES && (DOWN == 1 || DOWN * BN == RMX_FEW_LANES), "");
    static_assert(DEEP % (2 * GROUP) == 0 && STAGES >= 3 && BM * OUT_PITCH <= RING, "");
};

/* Loads in the order in which they are written, which is that of their use. */
__device__ __forceinline__ float rmx_few_load(uint32_t at)
{
    float x;
    asm volatile("ld.volatile.shared.f32 %0, [%1];" : "=f"(x) : "r"(at));
    return x;
}

__device__ __forceinline__ void rmx_few_load4(uint32_t at, float x[4])
{
    asm volatile("ld.volatile.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(x[0]), "=f"(x[1]), "=f"(x[2]), "=f"(x[3])
                 : "r"(at));
}

/* 4 or 1 floats of B: other blocks want the rest of the line. */
template <int WIDE> __device__ __forceinline__ void rmx_few_copy(float *to, const float *from)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(to);
    if (WIDE == 4)
        asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(at), "l"(from));
    else
        asm volatile("cp.async.ca.shared.global.L2::128B [%0], [%1], 4;" ::"r"(at), "l"(from));
}

__device__ __forceinline__ uint32_t rmx_few_next(uint32_t offset, uint32_t step, uint32_t ring)
{
    return offset + step == ring ? 0 : offset + step;
}

/* The threads that copy. After the first barrier piece 0 is there; after barrier p + 1 piece
 * p + 1 is, and piece p has been read, so that its place is filled anew. */
template <class S>
__device__ __forceinline__ void rmx_few_fill(const rmx_gemm_job &job, const rmx_gemm_origin &at,
                                             const rmx_gemm_limits &inside, float *ring,
                                             int thread, int barriers)
{
    const rmx_gemm_args &g = job.args;
    const float *from_a = rmx_gemm_at(g.a, at, at.row, 0, 0);
    const float *from_b = rmx_gemm_at(g.b, at, 0, at.col, 1);
    const float *a[S::A_COPIES], *b[S::B_COPIES];
    int k_a[S::A_COPIES], k_b[S::B_COPIES]; /* within a piece */
    int to_a[S::A_COPIES], to_b[S::B_COPIES], left = (int)g.k;
    const int64_t step_b = S::DEEP * g.b.rs;
#pragma unroll
    for (int i = 0; i < S::B_COPIES; i++) {
        const int c = i * RMX_FEW_LOADERS + thread;
        const int col = c / (S::B_ACROSS * S::DEEP) * 8 + c % S::B_ACROSS * S::B_WIDE;
        k_b[i] = c / S::B_ACROSS % S::DEEP;
        b[i] = from_b + min(col, inside.cols - S::B_WIDE) + k_b[i] * g.b.rs;
        to_b[i] = col * S::B_COL + k_b[i] * S::B_K;
    }
#pragma unroll
    for (int i = 0; i < S::A_COPIES; i++) {
        const int c = i * RMX_FEW_LOADERS + thread, row = c / S::A_ACROSS;
        const int k = c % S::A_ACROSS * 4;
        k_a[i] = row < inside.rows ? k : INT32_MAX; /* never: no such row */
        a[i] = from_a + min(row, inside.rows - 1) * g.a.rs + k;
        to_a[i] = S::B_FLOATS + row * S::A_PITCH + k;
    }
    auto fetch = [&](int stage) {
        float *to = ring + stage * S::STAGE;
#pragma unroll
        for (int i = 0; i < S::B_COPIES; i++) {
            if (k_b[i] < left) rmx_few_copy<S::B_WIDE>(to + to_b[i], b[i]);
            b[i] += step_b;
        }
#pragma unroll
        for (int i = 0; i < S::A_COPIES; i++) {
            if (k_a[i] < left) rmx_copy16(to + to_a[i], a[i]);
            a[i] += S::DEEP;
        }
        left -= S::DEEP;
        rmx_copies_commit();
    };
#pragma unroll 1
    for (int s = 0; s < S::STAGES; s++) fetch(s);
    rmx_copies_wait<S::STAGES - 1>();
    __syncthreads();
    int stage = 0;
#pragma unroll 1
    for (int n = 0; n < barriers; n++) {
        rmx_copies_wait<S::STAGES - 2>();
        __syncthreads();
        fetch(stage);
        stage = stage + 1 == S::STAGES ? 0 : stage + 1;
    }
    rmx_copies_wait<0>(); /* of pieces beyond the last, if any: empty */
}

/* The warp that multiplies: acc[i] goes on over all k of A's row and B's column whose first
 * elements lie at from_a (and DOWN rows further for each i) and from_b in the ring. */
template <class S, int TM>
__device__ __forceinline__ void rmx_few_chain(float acc[TM], uint32_t from_a, uint32_t from_b,
                                              int groups, int rest)
{
    constexpr int GROUP = S::GROUP, GROUPS = S::GROUPS;
    constexpr uint32_t ROWS_APART = 4 * S::DOWN * S::A_PITCH;
    float a[2][TM][GROUP], b[2][GROUP];
    uint32_t use = 0, at_a = from_a, at_b = from_b;
    auto load = [&](int to, int first) {
#pragma unroll
        for (int k = 0; k < GROUP; k += 4) {
#pragma unroll
            for (int i = 0; i < TM; i++)
                rmx_few_load4(at_a + (uint32_t)i * ROWS_APART + 4 * (uint32_t)(first + k),
                              &a[to][i][k]);
            if (S::TURN) rmx_few_load4(at_b + 4 * (uint32_t)(first + k), &b[to][k]);
        }
#pragma unroll
        for (int k = 0; !S::TURN && k < GROUP; k++)
            b[to][k] = rmx_few_load(at_b + 4 * (uint32_t)((first + k) * S::B_K));
    };
    load(0, 0);
#pragma unroll 1
    for (int group = 0; group < groups; group += GROUPS) {
        const uint32_t next = rmx_few_next(use, S::STAGE_BYTES, S::RING_BYTES);
#pragma unroll
        for (int q = 0; q < GROUPS; q++) {
            /* This branch also keeps a group's multiply-adds from moving up to the loads that
             * they wait for. */
            if (group + q >= groups) break;
            load((q + 1) % 2, (q + 1) % GROUPS * GROUP);
#pragma unroll
            for (int k = 0; k < GROUP; k++) {
#pragma unroll
                for (int i = 0; i < TM; i++)
                    acc[i] = rmx_fmaf(a[q % 2][i][k], b[q % 2][k], acc[i]);
            }
            if (q == GROUPS - 2) { /* the last group loads from the next piece */
                at_a = from_a + next;
                at_b = from_b + next;
                __syncthreads();
            }
            if (q == GROUPS - 1) use = next;
        }
    }
    const int first = groups % GROUPS * GROUP;
#pragma unroll 1
    for (int k = first; k < first + rest; k++) {
        const float y = rmx_few_load(from_b + use + 4 * (uint32_t)(k * S::B_K));
#pragma unroll
        for (int i = 0; i < TM; i++) {
            const float x =
                rmx_few_load(from_a + use + (uint32_t)i * ROWS_APART + 4 * (uint32_t)k);
            acc[i] = rmx_fmaf(x, y, acc[i]);
        }
    }
}

template <int BM, int BN, int TM, int DEEP, int STAGES>
__global__ void __launch_bounds__(RMX_FEW_THREADS)
    rmx_gemm_few_kernel(const __grid_constant__ rmx_gemm_job job)
{
    using S = rmx_few_shape<BM, BN, TM, DEEP, STAGES>;
    extern __shared__ __align__(16) float shared[];
    const rmx_gemm_args &g = job.args;
    const rmx_gemm_origin at = rmx_gemm_here(job, BM, BN);
    const rmx_gemm_limits inside = rmx_gemm_inside(job, at, BM, BN);
    const int groups = (int)(g.k / S::GROUP), rest = (int)(g.k % S::GROUP);
    const int lane = threadIdx.x, col = lane % BN, down = lane / BN % S::DOWN;
    if (lane >= RMX_FEW_LANES) {
        /* The last but one group of each piece ends with a barrier. */
        rmx_few_fill<S>(job, at, inside, shared, lane - RMX_FEW_LANES, (groups + 1) / S::GROUPS);
        return;
    }
    float acc[TM];
#pragma unroll
    for (int i = 0; i < TM; i++) {
        const int row = down + i * S::DOWN;
        acc[i] = 0.0f;
        if (g.accumulate && row < inside.rows && col < inside.cols)
            acc[i] = *rmx_gemm_at(g.c, at, at.row + row, at.col + col, 1);
    }
    const uint32_t ring = (uint32_t)__cvta_generic_to_shared(shared);
    __syncthreads();
    rmx_few_chain<S, TM>(acc, ring + 4 * (uint32_t)(S::B_FLOATS + down * S::A_PITCH),
                         ring + 4 * (uint32_t)(col * S::B_COL), groups, rest);
    __shared__ __align__(16) float out[BM * S::OUT_PITCH]; /* the ring may still be filled */
#pragma unroll
    for (int i = 0; i < TM; i++) out[(down + i * S::DOWN) * S::OUT_PITCH + col] = acc[i];
    __syncwarp();
    rmx_gemm_finish_rows<BM, BN, S::OUT_PITCH, RMX_FEW_LANES, 1>(job, at, inside, 0, 0, out, lane);
}

#define RMX_GEMM_FEW(BM, BN, TM, DEEP, STAGES)                                    \
    {                                                                             \
        BM, BN, RMX_FEW_THREADS, rmx_few_shape<BM, BN, TM, DEEP, STAGES>::SHARED, \
            rmx_gemm_few_kernel<BM, BN, TM, DEEP, STAGES>                         \
    }

#endif /* RMX_CUDA_GEMM_FEW_CUH */
