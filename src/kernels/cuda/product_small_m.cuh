/* SPDX-License-Identifier: MIT */
/* product_small_m.cuh: the product for few rows, where reading B and the length of a chain are the limit.
 * For compute capability 9.0 and later; before it product_simt.cuh has to do.
 *
 * Formula  ops.h; a lane owns TM outputs of one column, each one chain in one register, k
 *          ascending.
 * Shapes   a block computes BM x BN of C. Its first warp multiplies, with BN columns side by side
 *          and BM / TM lanes down. BN is chosen so that B's columns spread over all
 *          multiprocessors.
 * Memory   pieces of DEEP k. STAGES of them are on their way, as boxes that the copy engine fetches
 *          (copies that go through the threads' own loads and stores hold up those of the warp
 *          that multiplies: 7 cycles per k instead of 4.5). Three warps put each piece in one of
 *          two places: A as [BM][k], B turned, as [BN][k], by squares of 4 x 4, so that the warp
 *          that multiplies reads four k at once of either. Rows of [k] are padded by 4 floats
 *          against bank conflicts. Operands come to registers RMX_FEW_GROUP k before their use,
 *          between multiply-adds, as those wait 4 cycles for the one before. One barrier a piece.
 * FLOP     2 BM BN k a block, bytes 4 (BM + BN) k. No block ends before 4 k cycles.
 * Order    nothing but k: what does not divide DEEP is done by groups, then one k at a time. */
#ifndef RMX_CUDA_GEMM_FEW_CUH
#define RMX_CUDA_GEMM_FEW_CUH

#include "kernels/cuda/product_epilogue.cuh"

#define RMX_FEW_LANES 32
#define RMX_FEW_TURNERS 96
#define RMX_FEW_THREADS (RMX_FEW_LANES + RMX_FEW_TURNERS)
#define RMX_FEW_GROUP 16

template <int BM, int BN, int TM, int DEEP_, int STAGES_> struct rmx_few_shape {
    static constexpr int DEEP = DEEP_, STAGES = STAGES_;
    static constexpr int DOWN = BM / TM, PITCH = DEEP + 4, OUT_PITCH = BN + 4;
    /* in floats: a stage has B as [k][BN], then A; a place B as [BN][k], then A */
    static constexpr int STAGE_A = DEEP * BN, STAGE = STAGE_A + BM * DEEP;
    static constexpr int PLACE_A = BN * PITCH, PLACE = PLACE_A + BM * PITCH;
    static constexpr int SHARED = 4 * (STAGES * STAGE + 2 * PLACE) + 8 * STAGES;
    static constexpr int SQUARES = BN * DEEP / 16 / RMX_FEW_TURNERS; /* of a thread */
    static constexpr int QUADS = BM * DEEP / 4;                      /* of A */
    static_assert(BN * DEEP == SQUARES * 16 * RMX_FEW_TURNERS && BN % 8 == 0, "");
    static_assert(4 * STAGE_A % 128 == 0 && 4 * STAGE % 128 == 0, ""); /* where boxes may go */
    static_assert(DOWN * BN <= RMX_FEW_LANES && (DOWN == 1 || DOWN * BN == RMX_FEW_LANES), "");
    static_assert(DEEP % (2 * RMX_FEW_GROUP) == 0 && DEEP <= 256, "");
    static_assert(BM * OUT_PITCH <= PLACE, "");
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

__device__ __forceinline__ void rmx_few_store4(uint32_t at, float x, float y, float z, float w)
{
    asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(at), "f"(x), "f"(y), "f"(z),
                 "f"(w)
                 : "memory");
}

/* All of the block, from wherever in the code they are and one by one: __syncthreads() is for one
 * place and whole warps. */
__device__ __forceinline__ void rmx_few_meet(void)
{
    asm volatile("barrier.sync 1, %0;" ::"n"(RMX_FEW_THREADS) : "memory");
}

/* ---- boxes on their way: a gate opens when the bytes that it expects are there ---- */

__device__ __forceinline__ void rmx_gate_make(uint32_t gate)
{
    asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(gate) : "memory");
}

__device__ __forceinline__ void rmx_gate_expect(uint32_t gate, uint32_t bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(gate), "r"(bytes)
                 : "memory");
}

/* Until the gate has opened for the time of this parity, 0 the first. */
__device__ __forceinline__ void rmx_gate_wait(uint32_t gate, uint32_t parity)
{
    uint32_t open = 0;
    while (!open)
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; "
                     "selp.u32 %0, 1, 0, p; }"
                     : "=r"(open)
                     : "r"(gate), "r"(parity)
                     : "memory");
}

__device__ __forceinline__ void rmx_box_fetch(uint32_t to, const CUtensorMap *map, int32_t col,
                                              int32_t row, int32_t v, int32_t u, uint32_t gate)
{
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(to),
                 "l"(map), "r"(col), "r"(row), "r"(v), "r"(u), "r"(gate)
                 : "memory");
}

/* Asks for piece n. */
template <class S>
__device__ __forceinline__ void rmx_few_fetch(const rmx_product_job &job,
                                              const rmx_product_maps &maps,
                                              const rmx_product_origin &at, uint32_t stages,
                                              uint32_t gates, int n)
{
    const rmx_product_args &g = job.args;
    const uint32_t to = stages + 4 * (uint32_t)(n % S::STAGES * S::STAGE);
    const uint32_t gate = gates + 8 * (uint32_t)(n % S::STAGES);
    const int32_t k = n * S::DEEP, u = (int32_t)at.u, v = (int32_t)at.v;
    rmx_gate_expect(gate, 4 * S::STAGE);
    rmx_box_fetch(to, &maps.b, (int32_t)at.col, k, g.b.batch[1] ? v : 0, g.b.batch[0] ? u : 0,
                  gate);
    rmx_box_fetch(to + 4 * S::STAGE_A, &maps.a, k, (int32_t)at.row, g.a.batch[1] ? v : 0,
                  g.a.batch[0] ? u : 0, gate);
}

/* x[i] = x[(i + by) % 4], without leaving registers. */
__device__ __forceinline__ void rmx_few_rotate(float x[4], int by)
{
    const bool one = by & 1, two = by & 2;
    const float y[4] = {one ? x[1] : x[0], one ? x[2] : x[1], one ? x[3] : x[2],
                        one ? x[0] : x[3]};
#pragma unroll
    for (int i = 0; i < 4; i++) x[i] = two ? y[(i + 2) % 4] : y[i];
}

/* A thread's share of a piece on its way from a stage to a place, where B lies turned. Neighbours
 * begin with different rows of their squares, and then with different columns, so that 8 of them
 * touch 32 banks. */
template <class S, int BN> struct rmx_few_share {
    static constexpr int ACROSS = BN / 4, ALONG = S::DEEP / 4;
    static constexpr int A_EACH = (S::QUADS + RMX_FEW_TURNERS - 1) / RMX_FEW_TURNERS;
    float b[S::SQUARES][4][4], a[A_EACH][4]; /* b[][i]: the row i further than the first */

    __device__ __forceinline__ void take(uint32_t stage, int thread)
    {
#pragma unroll
        for (int i = 0; i < S::SQUARES; i++) {
            const int c = i * RMX_FEW_TURNERS + thread, across = c % ACROSS, along = c / ACROSS;
#pragma unroll
            for (int r = 0; r < 4; r++) {
                const int row = 4 * along + (r + along) % 4;
                rmx_few_load4(stage + 4 * (uint32_t)(row * BN + 4 * across), b[i][r]);
            }
        }
#pragma unroll
        for (int i = 0; i < A_EACH; i++) {
            const int c = i * RMX_FEW_TURNERS + thread;
            if (c < S::QUADS) rmx_few_load4(stage + 4 * (uint32_t)(S::STAGE_A + 4 * c), a[i]);
        }
    }

    __device__ __forceinline__ void put(uint32_t place, int thread)
    {
#pragma unroll
        for (int i = 0; i < S::SQUARES; i++) {
            const int c = i * RMX_FEW_TURNERS + thread, across = c % ACROSS, along = c / ACROSS;
            float q[4][4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
#pragma unroll
                for (int r = 0; r < 4; r++) q[j][r] = b[i][r][j];
                rmx_few_rotate(q[j], 4 - along % 4);
            }
#pragma unroll
            for (int r = 0; r < 4; r++) {
                float x[4] = {q[0][r], q[1][r], q[2][r], q[3][r]};
                rmx_few_rotate(x, across / 2);
#pragma unroll
                for (int j = 0; j < 4; j++) q[j][r] = x[j];
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const int col = 4 * across + (j + across / 2) % 4;
                rmx_few_store4(place + 4 * (uint32_t)(col * S::PITCH + 4 * along), q[j][0],
                               q[j][1], q[j][2], q[j][3]);
            }
        }
#pragma unroll
        for (int i = 0; i < A_EACH; i++) {
            const int c = i * RMX_FEW_TURNERS + thread;
            const uint32_t at = (uint32_t)(S::PLACE_A + c / ALONG * S::PITCH + c % ALONG * 4);
            if (c < S::QUADS) rmx_few_store4(place + 4 * at, a[i][0], a[i][1], a[i][2], a[i][3]);
        }
    }
};

/* The warps that turn. Behind barrier n piece n is in its place, and n - 1 has been read; piece
 * n + 1 is already in their registers. */
template <class S, int BN>
__device__ __forceinline__ void rmx_few_turn(const rmx_product_job &job,
                                             const rmx_product_maps &maps,
                                             const rmx_product_origin &at, uint32_t stages,
                                             uint32_t places, uint32_t gates, int thread)
{
    const int pieces = (int)((job.args.k + S::DEEP - 1) / S::DEEP);
    rmx_few_share<S, BN> share;
    auto take = [&](int n) {
        const uint32_t stage = (uint32_t)(n % S::STAGES);
        if (n >= pieces) return;
        rmx_gate_wait(gates + 8 * stage, (uint32_t)(n / S::STAGES) % 2);
        share.take(stages + 4 * stage * S::STAGE, thread);
    };
    if (thread == 0) {
        for (int i = 0; i < S::STAGES; i++) rmx_gate_make(gates + 8 * (uint32_t)i);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    rmx_few_meet(); /* the gates are there */
    if (thread == 0) {
        for (int n = 0; n < S::STAGES && n < pieces; n++)
            rmx_few_fetch<S>(job, maps, at, stages, gates, n);
    }
    take(0);
    /* Where DEEP divides k one more barrier than there are pieces is waited for. */
#pragma unroll 1
    for (int n = 0; n <= (int)(job.args.k / S::DEEP); n++) {
        if (n < pieces) share.put(places + 4 * (uint32_t)(n % 2 * S::PLACE), thread);
        if (n > 0) take(n + 1);
        rmx_few_meet();
        if (n == 0) take(1); /* the first piece need not wait for it */
        if (thread == 0 && n + S::STAGES < pieces)
            rmx_few_fetch<S>(job, maps, at, stages, gates, n + S::STAGES);
    }
}

/* The warp that multiplies: acc[i] goes on over all k of A's row and B's column whose first
 * elements lie at from_a (and DOWN rows further for each i) and from_b of a place. */
template <class S, int TM>
__device__ __forceinline__ void rmx_few_chain(float acc[TM], uint32_t from_a, uint32_t from_b,
                                              int k)
{
    constexpr int GROUP = RMX_FEW_GROUP, GROUPS = S::DEEP / GROUP;
    constexpr uint32_t ROWS_APART = 4 * S::DOWN * S::PITCH;
    float a[2][TM][GROUP], b[2][GROUP];
    uint32_t turn = 4 * S::PLACE; /* to the other place */
    auto load = [&](int to, int first) {
        const uint32_t at = 4 * (uint32_t)first;
#pragma unroll
        for (int j = 0; j < GROUP; j += 4) {
#pragma unroll
            for (int i = 0; i < TM; i++)
                rmx_few_load4(from_a + (uint32_t)i * ROWS_APART + at + 4 * j, &a[to][i][j]);
            rmx_few_load4(from_b + at + 4 * j, &b[to][j]);
        }
    };
    auto multiply = [&](int from) {
#pragma unroll
        for (int j = 0; j < GROUP; j++) {
#pragma unroll
            for (int i = 0; i < TM; i++) acc[i] = rmx_fmaf(a[from][i][j], b[from][j], acc[i]);
        }
    };
    load(0, 0);
#pragma unroll 1
    for (; k >= S::DEEP; k -= S::DEEP) {
#pragma unroll
        for (int q = 0; q < GROUPS; q++) {
            if (q == GROUPS - 1) { /* the last group loads from the next piece */
                from_a += turn;
                from_b += turn;
                turn = 0u - turn;
                rmx_few_meet();
            }
            load((q + 1) % 2, (q + 1) % GROUPS * GROUP);
            multiply(q % 2);
        }
    }
    int done = 0;
#pragma unroll 1
    for (; done + GROUP <= k; done += GROUP) {
        load(0, done);
        multiply(0);
    }
#pragma unroll 1
    for (; done < k; done++) {
        const float y = rmx_few_load(from_b + 4 * (uint32_t)done);
#pragma unroll
        for (int i = 0; i < TM; i++)
            acc[i] = rmx_fmaf(rmx_few_load(from_a + (uint32_t)i * ROWS_APART + 4 * (uint32_t)done),
                              y, acc[i]);
    }
}

template <int BM, int BN, int TM, int DEEP, int STAGES>
__global__ void __launch_bounds__(RMX_FEW_THREADS)
    rmx_product_few_kernel(const __grid_constant__ rmx_product_job job,
                           const __grid_constant__ rmx_product_maps maps)
{
#if __CUDA_ARCH__ >= 900
    using S = rmx_few_shape<BM, BN, TM, DEEP, STAGES>;
    extern __shared__ __align__(128) float shared[];
    const rmx_product_args &g = job.args;
    const rmx_product_origin at = rmx_product_here(job, BM, BN);
    const uint32_t stages = (uint32_t)__cvta_generic_to_shared(shared);
    const uint32_t places = stages + 4 * STAGES * S::STAGE, gates = places + 8 * S::PLACE;
    if (threadIdx.x >= RMX_FEW_LANES) {
        rmx_few_turn<S, BN>(job, maps, at, stages, places, gates,
                            (int)threadIdx.x - RMX_FEW_LANES);
        return;
    }
    const rmx_product_limits inside = rmx_product_inside(job, at, BM, BN);
    const int lane = threadIdx.x, col = lane % BN, down = lane / BN % S::DOWN;
    float acc[TM];
#pragma unroll
    for (int i = 0; i < TM; i++) {
        const int row = down + i * S::DOWN;
        acc[i] = 0.0f;
        if (g.accumulate && row < inside.rows && col < inside.cols)
            acc[i] = *rmx_product_at(g.c, at, at.row + row, at.col + col, 1);
    }
    rmx_few_meet(); /* the gates are there */
    rmx_few_meet(); /* and the first piece */
    rmx_few_chain<S, TM>(acc, places + 4 * (uint32_t)(S::PLACE_A + down * S::PITCH),
                         places + 4 * (uint32_t)(col * S::PITCH), (int)g.k);
    float *out = shared + STAGES * S::STAGE;
    __syncwarp(); /* nobody else is left that reads or writes there */
#pragma unroll
    for (int i = 0; i < TM; i++) out[(down + i * S::DOWN) * S::OUT_PITCH + col] = acc[i];
    __syncwarp();
    rmx_product_finish_rows<BM, BN, S::OUT_PITCH, RMX_FEW_LANES, 1>(job, at, inside, 0, 0, out,
                                                                    lane);
#endif
}

#define RMX_PRODUCT_FEW(BM, BN, TM, DEEP, STAGES)                                 \
    {                                                                             \
        BM, BN, RMX_FEW_THREADS, rmx_few_shape<BM, BN, TM, DEEP, STAGES>::SHARED, \
            (const void *)rmx_product_few_kernel<BM, BN, TM, DEEP, STAGES>, DEEP  \
    }

#endif /* RMX_CUDA_GEMM_FEW_CUH */
