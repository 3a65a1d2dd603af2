/* SPDX-License-Identifier: MIT */
/* rows_walk.cuh: how kernels that also sum down the rows share the rows out.
 *
 * A chain goes down RMX_ROW_BLOCK rows (ops.h). Blocks of threads that took whole chains would
 * leave multiprocessors idle: of 267 chains some of 132 get 3 and most get 2. So each takes an
 * equal run of *units*, the few rows that are in shared memory at once, and a chain that two
 * runs share is handed on through device memory:
 *
 *     run of block b      | lead |  chain  |  chain  | ... | trail |
 *
 * The lead goes on with the chain that block b - 1 began in its trail. Everybody walks the trail
 * first, then the chains of its own, then the lead, by when the neighbour's trail is long done. A
 * block waits for none but the one before, and blocks start in ascending order, so what is waited
 * on runs already. Runs much shorter than a chain would wait for one another in turn: where chains
 * are few, sums down the rows are a kernel of their own (rmx_walk_pays). */
#ifndef RMX_ROWS_WALK_CUH
#define RMX_ROWS_WALK_CUH

#include "kernels/cuda/cuda.h"

/* Blocks that walk, where the device holds `resident` at once. */
static inline int64_t rmx_walk_blocks(int64_t resident)
{
    return resident < RMX_CUDA_FLAGS ? resident : RMX_CUDA_FLAGS;
}

static inline bool rmx_walk_pays(int64_t chains, int64_t resident)
{
    return 2 * chains >= rmx_walk_blocks(resident);
}

struct rmx_walk {
    int64_t units, begin, lead, trail, end; /* lead: where it ends; trail: where it begins */
    int shift;                              /* units of a chain: 1 << shift */

    __device__ rmx_walk(int64_t all, int units_of_chain)
    {
        units = all;
        shift = __ffs(units_of_chain) - 1;
        begin = all * blockIdx.x / gridDim.x;
        end = all * (blockIdx.x + 1) / gridDim.x;
        lead = min(end, (begin + units_of_chain - 1) >> shift << shift);
        trail = max(lead, end >> shift << shift);
    }
    __device__ int64_t count(void) const { return end - begin; }
    /* The i-th unit of the walk. */
    __device__ int64_t unit(int64_t i) const
    {
        const int64_t last = end - trail, own = end - lead;
        return i < last ? trail + i : i < own ? lead + (i - last) : begin + (i - own);
    }
    __device__ int64_t chain(int64_t u) const { return u >> shift; }
    /* Of a unit: its chain begins with it; its chain was begun by the block before; its chain is
     * not gone on with here; it is gone on with by the next block. */
    __device__ bool begins(int64_t u) const { return chain(u) << shift == u; }
    __device__ bool takes_over(int64_t u) const { return u == begin && !begins(u); }
    __device__ bool leaves(int64_t u) const
    {
        return begins(u + 1) || u + 1 == units || u + 1 == end;
    }
    __device__ bool hands_on(int64_t u) const
    {
        return u + 1 == end && u + 1 != units && !begins(u + 1);
    }
};

/* flags: RMX_CUDA_FLAGS of rmx_cuda_flags, all 0; they are 0 again when the kernel ends. */

/* All threads: what the block before wrote before its rmx_walk_hand_on may now be read, with
 * __ldcg. */
static __device__ void rmx_walk_wait(uint32_t *flags)
{
    if (threadIdx.x == 0) {
        uint32_t set;
        do {
            asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                         : "=r"(set)
                         : "l"(flags + blockIdx.x)
                         : "memory");
        } while (!set);
        flags[blockIdx.x] = 0;
    }
    __syncthreads();
}

/* All threads: the block after may go on. */
static __device__ void rmx_walk_hand_on(uint32_t *flags)
{
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0)
        asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(flags + blockIdx.x + 1), "r"(1u)
                     : "memory");
}

/* The chains of COLS columns a thread, THREADS apart, for two parameters; by the block's first
 * THREADS threads, but all call. A chain that is left
 * lies in part[chain][column], whether it is at its end or to be handed on. */
template <int COLS, int THREADS> struct rmx_walk_chains {
    float gamma[COLS], beta[COLS];

    static __device__ bool holds(int j, int dim) { return threadIdx.x < THREADS && j < dim; }
    __device__ void begin(const rmx_walk &walk, int64_t u, uint32_t *flags,
                          const float *gamma_part, const float *beta_part, int dim)
    {
        const int64_t at = walk.chain(u) * dim;
        if (!walk.begins(u) && !walk.takes_over(u)) return;
        if (walk.takes_over(u)) rmx_walk_wait(flags);
#pragma unroll
        for (int c = 0; c < COLS; c++) {
            const int j = (int)threadIdx.x + c * THREADS;
            const bool more = walk.takes_over(u) && holds(j, dim);
            gamma[c] = more ? __ldcg(gamma_part + at + j) : 0.0f;
            beta[c] = more ? __ldcg(beta_part + at + j) : 0.0f;
        }
    }
    __device__ void leave(const rmx_walk &walk, int64_t u, uint32_t *flags, float *gamma_part,
                          float *beta_part, int dim) const
    {
        const int64_t at = walk.chain(u) * dim;
        if (!walk.leaves(u)) return;
#pragma unroll
        for (int c = 0; c < COLS; c++) {
            const int j = (int)threadIdx.x + c * THREADS;
            if (!holds(j, dim)) continue;
            gamma_part[at + j] = gamma[c];
            beta_part[at + j] = beta[c];
        }
        if (walk.hands_on(u)) rmx_walk_hand_on(flags);
    }
};

#endif /* RMX_ROWS_WALK_CUH */
