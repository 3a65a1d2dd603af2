/* SPDX-License-Identifier: MIT */
/* product_small_m.cuh: C = epilogue(A B) for at most 8 rows, on devices with TMA.
 *
 * Why it exists: with few rows the product is bound by reading B once, and by the latency of K
 * dependent multiply-adds. Copies through a thread's own loads and stores hold up those of the warp
 * that multiplies: 7 cycles per k instead of 4.5. Here TMA copies and other warps transpose.
 * Grid: one block per tile of BM x BN and batch; BN is small, so that the columns of B spread over
 *   all multiprocessors. Block: warp 0 is the consumer, warps 1 to 3 are transpose warps; the first
 *   transpose thread is also the producer.
 * Pipeline:
 *   1. The producer fetches K blocks into rmx_tma_ring (mbarrier full[i] a stage).
 *   2. The transpose warps wait for full[i], read the K block into registers and write it to one of
 *      two buffers: A as [BM][k], B transposed as [BN][k], by squares of 4 x 4. Rows are padded by
 *      4 floats against bank conflicts.
 *   3. All meet at named barrier 1, once a K block. Behind it the buffer is full, the other buffer
 *      has been read, and the stage is free for the producer.
 *   4. The consumer reads four k of a row or column at a time, RMX_SMALL_M_KSTEP k before their
 *      use, between multiply-adds. A lane owns TM outputs of one column.
 * Order: k ascends in one accumulator per output. What BK does not divide is done by
 *   RMX_SMALL_M_KSTEP k, then one k at a time.
 * Cost: 2 BM BN k FLOP and 4 (BM + BN) k bytes a block; at least 4 k cycles. */
#ifndef RMX_CUDA_PRODUCT_SMALL_M_CUH
#define RMX_CUDA_PRODUCT_SMALL_M_CUH

#include "kernels/cuda/product_epilogue.cuh"

#define RMX_SMALL_M_CONSUMERS 32
#define RMX_SMALL_M_TRANSPOSERS 96
#define RMX_SMALL_M_THREADS (RMX_SMALL_M_CONSUMERS + RMX_SMALL_M_TRANSPOSERS)
#define RMX_SMALL_M_KSTEP 16

template <int BM, int BN, int TM, int BK_, int STAGES_> struct rmx_small_m_shape {
    using ring = rmx_tma_ring<BM, BN, BK_, STAGES_>;
    static constexpr int STAGES = STAGES_, BK = BK_, DOWN = BM / TM, PITCH = BK + 4,
                         OUT_PITCH = BN + 4;
    static constexpr int BUFFER_A = BN * PITCH, BUFFER = BUFFER_A + BM * PITCH; /* in floats */
    static constexpr int STAGES_BYTES = 4 * STAGES * ring::STAGE, BUFFERS_BYTES = 8 * BUFFER;
    static constexpr int SHARED = STAGES_BYTES + BUFFERS_BYTES + 8 * STAGES;
    static constexpr int SQUARES = BN * BK / 16 / RMX_SMALL_M_TRANSPOSERS; /* of a thread */
    static constexpr int QUADS = BM * BK / 4;                              /* of A */
    static_assert(BN * BK == SQUARES * 16 * RMX_SMALL_M_TRANSPOSERS && BN % 8 == 0, "");
    static_assert(DOWN * BN <= RMX_SMALL_M_CONSUMERS, "");
    static_assert(DOWN == 1 || DOWN * BN == RMX_SMALL_M_CONSUMERS, "");
    static_assert(BK % (2 * RMX_SMALL_M_KSTEP) == 0 && BK <= 256, "");
    static_assert(BM * OUT_PITCH <= BUFFER, "");
};

/* Loads in the order in which they are written, which is that of their use. */
__device__ __forceinline__ float rmx_shared_load1(uint32_t at)
{
    float x;
    asm volatile("ld.volatile.shared.f32 %0, [%1];" : "=f"(x) : "r"(at));
    return x;
}

__device__ __forceinline__ void rmx_shared_load4(uint32_t at, float x[4])
{
    asm volatile("ld.volatile.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(x[0]), "=f"(x[1]), "=f"(x[2]), "=f"(x[3])
                 : "r"(at));
}

__device__ __forceinline__ void rmx_shared_store4(uint32_t at, float x, float y, float z, float w)
{
    asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(at), "f"(x), "f"(y), "f"(z),
                 "f"(w)
                 : "memory");
}

/* Named barrier 1 of the whole block. Each role reaches it from its own code, which
 * __syncthreads() does not allow. */
__device__ __forceinline__ void rmx_small_m_barrier(void)
{
    asm volatile("barrier.sync 1, %0;" ::"n"(RMX_SMALL_M_THREADS) : "memory");
}

/* ---- transpose warps ---- */

/* x[i] = x[(i + by) % 4], without leaving registers. */
__device__ __forceinline__ void rmx_rotate4(float x[4], int by)
{
    const bool one = by & 1, two = by & 2;
    const float y[4] = {one ? x[1] : x[0], one ? x[2] : x[1], one ? x[3] : x[2],
                        one ? x[0] : x[3]};
#pragma unroll
    for (int i = 0; i < 4; i++) x[i] = two ? y[(i + 2) % 4] : y[i];
}

/* A thread's share of a K block: squares of B and quads of A. Neighbouring threads begin with
 * different rows of their squares, and then with different columns: 8 of them touch 32 banks. */
template <class S, int BN> struct rmx_small_m_share {
    static constexpr int ACROSS = BN / 4, ALONG = S::BK / 4;
    static constexpr int A_EACH =
        (S::QUADS + RMX_SMALL_M_TRANSPOSERS - 1) / RMX_SMALL_M_TRANSPOSERS;
    float b[S::SQUARES][4][4], a[A_EACH][4]; /* b[][i]: the row i further than the first */

    __device__ __forceinline__ void load(uint32_t stage, int thread)
    {
#pragma unroll
        for (int i = 0; i < S::SQUARES; i++) {
            const int c = i * RMX_SMALL_M_TRANSPOSERS + thread;
            const int across = c % ACROSS, along = c / ACROSS;
#pragma unroll
            for (int r = 0; r < 4; r++) {
                const int row = 4 * along + (r + along) % 4;
                rmx_shared_load4(stage + 4 * (uint32_t)(row * BN + 4 * across), b[i][r]);
            }
        }
#pragma unroll
        for (int i = 0; i < A_EACH; i++) {
            const int c = i * RMX_SMALL_M_TRANSPOSERS + thread;
            if (c < S::QUADS) rmx_shared_load4(stage + 4 * (uint32_t)(S::ring::A + 4 * c), a[i]);
        }
    }

    __device__ __forceinline__ void store(uint32_t buffer, int thread)
    {
#pragma unroll
        for (int i = 0; i < S::SQUARES; i++) {
            const int c = i * RMX_SMALL_M_TRANSPOSERS + thread;
            const int across = c % ACROSS, along = c / ACROSS;
            float q[4][4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
#pragma unroll
                for (int r = 0; r < 4; r++) q[j][r] = b[i][r][j];
                rmx_rotate4(q[j], 4 - along % 4);
            }
#pragma unroll
            for (int r = 0; r < 4; r++) {
                float x[4] = {q[0][r], q[1][r], q[2][r], q[3][r]};
                rmx_rotate4(x, across / 2);
#pragma unroll
                for (int j = 0; j < 4; j++) q[j][r] = x[j];
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const int col = 4 * across + (j + across / 2) % 4;
                rmx_shared_store4(buffer + 4 * (uint32_t)(col * S::PITCH + 4 * along), q[j][0],
                                  q[j][1], q[j][2], q[j][3]);
            }
        }
#pragma unroll
        for (int i = 0; i < A_EACH; i++) {
            const int c = i * RMX_SMALL_M_TRANSPOSERS + thread;
            const uint32_t at = (uint32_t)(S::BUFFER_A + c / ALONG * S::PITCH + c % ALONG * 4);
            if (c < S::QUADS)
                rmx_shared_store4(buffer + 4 * at, a[i][0], a[i][1], a[i][2], a[i][3]);
        }
    }
};

/* Behind barrier n K block n is in its buffer and n - 1 has been read; K block n + 1 is already in
 * registers. */
template <class S, int BN>
__device__ __forceinline__ void rmx_small_m_transpose(const rmx_product_job &job,
                                                      const rmx_product_maps &maps,
                                                      const rmx_product_origin &at,
                                                      const typename S::ring &ring,
                                                      uint32_t buffers, int thread)
{
    const int blocks = (int)((job.args.k + S::BK - 1) / S::BK);
    rmx_small_m_share<S, BN> share;
    auto load = [&](int n) {
        if (n < blocks) share.load(ring.wait(n), thread);
    };
    if (thread == 0) ring.init();
    rmx_small_m_barrier(); /* the mbarriers are there */
    if (thread == 0) {
        for (int n = 0; n < S::STAGES && n < blocks; n++) ring.fetch(job, maps, at, n);
    }
    load(0);
    /* Where BK divides k there is one more barrier than there are K blocks. */
#pragma unroll 1
    for (int n = 0; n <= (int)(job.args.k / S::BK); n++) {
        if (n < blocks) share.store(buffers + 4 * (uint32_t)(n % 2 * S::BUFFER), thread);
        if (n > 0) load(n + 1);
        rmx_small_m_barrier();
        if (n == 0) load(1); /* the consumer need not wait for it */
        if (thread == 0 && n + S::STAGES < blocks) ring.fetch(job, maps, at, n + S::STAGES);
    }
}

/* ---- consumer warp ---- */

/* acc[i] goes on over all k of a row of A and a column of B. from_a and from_b: their first
 * elements in a buffer; the row of acc[i] is i * DOWN further. */
template <class S, int TM>
__device__ __forceinline__ void rmx_small_m_consume(float acc[TM], uint32_t from_a,
                                                    uint32_t from_b, int k)
{
    constexpr int KSTEP = RMX_SMALL_M_KSTEP, KSTEPS = S::BK / KSTEP;
    constexpr uint32_t ROWS_APART = 4 * S::DOWN * S::PITCH;
    float a[2][TM][KSTEP], b[2][KSTEP];
    uint32_t other = 4 * S::BUFFER; /* from here to the other buffer */
    auto load = [&](int to, int first) {
        const uint32_t at = 4 * (uint32_t)first;
#pragma unroll
        for (int j = 0; j < KSTEP; j += 4) {
#pragma unroll
            for (int i = 0; i < TM; i++)
                rmx_shared_load4(from_a + (uint32_t)i * ROWS_APART + at + 4 * j, &a[to][i][j]);
            rmx_shared_load4(from_b + at + 4 * j, &b[to][j]);
        }
    };
    auto multiply = [&](int from) {
#pragma unroll
        for (int j = 0; j < KSTEP; j++) {
#pragma unroll
            for (int i = 0; i < TM; i++) acc[i] = rmx_fmaf(a[from][i][j], b[from][j], acc[i]);
        }
    };
    load(0, 0);
#pragma unroll 1
    for (; k >= S::BK; k -= S::BK) {
#pragma unroll
        for (int q = 0; q < KSTEPS; q++) {
            if (q == KSTEPS - 1) { /* the last step loads from the next K block */
                from_a += other;
                from_b += other;
                other = 0u - other;
                rmx_small_m_barrier();
            }
            load((q + 1) % 2, (q + 1) % KSTEPS * KSTEP);
            multiply(q % 2);
        }
    }
    int done = 0;
#pragma unroll 1
    for (; done + KSTEP <= k; done += KSTEP) {
        load(0, done);
        multiply(0);
    }
#pragma unroll 1
    for (; done < k; done++) {
        const uint32_t at = 4 * (uint32_t)done;
        const float y = rmx_shared_load1(from_b + at);
#pragma unroll
        for (int i = 0; i < TM; i++)
            acc[i] = rmx_fmaf(rmx_shared_load1(from_a + (uint32_t)i * ROWS_APART + at), y, acc[i]);
    }
}

/* ---- the kernel ---- */

template <int BM, int BN, int TM, int BK, int STAGES>
__global__ void __launch_bounds__(RMX_SMALL_M_THREADS)
    rmx_product_small_m_kernel(const __grid_constant__ rmx_product_job job,
                               const __grid_constant__ rmx_product_maps maps)
{
#if __CUDA_ARCH__ >= 900
    using S = rmx_small_m_shape<BM, BN, TM, BK, STAGES>;
    extern __shared__ __align__(128) float shared[];
    const rmx_product_origin at = rmx_product_locate(job, BM, BN);
    const uint32_t stages = (uint32_t)__cvta_generic_to_shared(shared);
    const uint32_t buffers = stages + S::STAGES_BYTES;
    if (threadIdx.x >= RMX_SMALL_M_CONSUMERS) {
        const typename S::ring ring = {stages, buffers + S::BUFFERS_BYTES};
        rmx_small_m_transpose<S, BN>(job, maps, at, ring, buffers,
                                     (int)threadIdx.x - RMX_SMALL_M_CONSUMERS);
        return;
    }
    const rmx_product_limits inside = rmx_product_clip(job, at, BM, BN);
    const int lane = threadIdx.x, col = lane % BN, down = lane / BN % S::DOWN;
    float acc[TM];
#pragma unroll
    for (int i = 0; i < TM; i++)
        acc[i] = rmx_product_begin(job, at, inside, down + i * S::DOWN, col);
    rmx_small_m_barrier(); /* the mbarriers are there */
    rmx_small_m_barrier(); /* the first K block is in its buffer */
    rmx_small_m_consume<S, TM>(acc, buffers + 4 * (uint32_t)(S::BUFFER_A + down * S::PITCH),
                               buffers + 4 * (uint32_t)(col * S::PITCH), (int)job.args.k);
    float *out = shared + S::STAGES_BYTES / 4;
    __syncwarp(); /* no other warp reads or writes there any more */
#pragma unroll
    for (int i = 0; i < TM; i++) out[(down + i * S::DOWN) * S::OUT_PITCH + col] = acc[i];
    __syncwarp();
    rmx_product_finish_rows<BM, BN, S::OUT_PITCH, RMX_SMALL_M_CONSUMERS, 1>(job, at, inside, 0, 0,
                                                                            out, lane);
#endif
}

#define RMX_PRODUCT_SMALL_M(BM, BN, TM, BK, STAGES)                                     \
    {                                                                                   \
        BM, BN, RMX_SMALL_M_THREADS, rmx_small_m_shape<BM, BN, TM, BK, STAGES>::SHARED, \
            (const void *)rmx_product_small_m_kernel<BM, BN, TM, BK, STAGES>, BK        \
    }

#endif /* RMX_CUDA_PRODUCT_SMALL_M_CUH */
