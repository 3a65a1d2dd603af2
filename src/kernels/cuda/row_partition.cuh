/* SPDX-License-Identifier: MIT */
/* row_partition.cuh: how a kernel that also sums down the rows divides the rows among its blocks.
 *
 * Why it exists: ops.h sums each row block of RMX_ROW_BLOCK rows in one ascending chain. If every
 * block of threads took whole row blocks, multiprocessors would idle: of 267 row blocks some of 132
 * multiprocessors get 3 and most get 2. Here every block takes an equal share of row tiles, which
 * are the rows that shared memory holds at once. Two shares may divide a row block between them:
 * the first hands its running sums, the carry, to the second through device memory.
 *
 *     share s        | lead | row block | row block | ... | trail |
 *
 * Order: the lead finishes the row block that share s - 1 began in its trail. A block does its
 * trail first, then its own row blocks, then its lead. By then the neighbour's trail is long done.
 * Progress: CUDA does not promise in which order blocks start, so a block takes its share by an
 * atomic ticket. It waits for the share before its own alone, whose ticket was taken earlier: that
 * block is running or done. The counter wraps to 0 with the last ticket of a launch.
 * Cost: one atomic and two barriers a block. Where shares are much shorter than a row block, they
 * would wait for one another in turn. Then the sums are a kernel of their own: see
 * rmx_partition_pays. */
#ifndef RMX_ROW_PARTITION_CUH
#define RMX_ROW_PARTITION_CUH

#include "kernels/cuda/cuda.h"

/* Blocks to launch where the device holds `resident` at once. */
static inline int64_t rmx_partition_blocks(int64_t resident)
{
    return resident < RMX_CUDA_FLAGS ? resident : RMX_CUDA_FLAGS;
}

static inline bool rmx_partition_pays(int64_t row_blocks, int64_t resident)
{
    return 2 * row_blocks >= rmx_partition_blocks(resident);
}

/* flags: of rmx_cuda_flags, all 0; they are 0 again when the kernel ends. flags[0] counts tickets.
 * flags[s] says that the carry for share s is in memory; share 0 needs none. */

/* All threads. `broadcast` is a word of shared memory that is free until this returns. */
static __device__ uint32_t rmx_take_ticket(uint32_t *flags, uint32_t *broadcast)
{
    if (threadIdx.x == 0) *broadcast = atomicInc(flags, gridDim.x - 1);
    __syncthreads();
    const uint32_t ticket = *broadcast;
    __syncthreads();
    return ticket;
}

/* All threads: what share s - 1 wrote before its rmx_carry_post may now be read, with __ldcg. */
static __device__ void rmx_carry_wait(uint32_t *flags, uint32_t share)
{
    if (threadIdx.x == 0) {
        uint32_t set;
        do {
            asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                         : "=r"(set)
                         : "l"(flags + share)
                         : "memory");
        } while (!set);
        flags[share] = 0;
    }
    __syncthreads();
}

/* All threads: share s + 1 may go on. */
static __device__ void rmx_carry_post(uint32_t *flags, uint32_t share)
{
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0)
        asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(flags + share + 1), "r"(1u)
                     : "memory");
}

/* One share of `tiles` row tiles, tiles_of_block of which are a row block. */
struct rmx_row_share {
    int64_t tiles, begin, lead, trail, end; /* lead: where it ends; trail: where it begins */
    int shift;                              /* tiles of a row block: 1 << shift */
    uint32_t share;

    __device__ rmx_row_share(int64_t all, int tiles_of_block, uint32_t number)
    {
        tiles = all;
        share = number;
        shift = __ffs(tiles_of_block) - 1;
        begin = all * share / gridDim.x;
        end = all * (share + 1) / gridDim.x;
        lead = min(end, (begin + tiles_of_block - 1) >> shift << shift);
        trail = max(lead, end >> shift << shift);
    }
    __device__ int64_t count(void) const { return end - begin; }
    /* The i-th tile in the order of work. */
    __device__ int64_t tile(int64_t i) const
    {
        const int64_t last = end - trail, own = end - lead;
        return i < last ? trail + i : i < own ? lead + (i - last) : begin + (i - own);
    }
    __device__ int64_t row_block(int64_t t) const { return t >> shift; }
    /* A tile begins its row block. */
    __device__ bool begins(int64_t t) const { return row_block(t) << shift == t; }
    /* It goes on with the carry of the share before. */
    __device__ bool takes_carry(int64_t t) const { return t == begin && !begins(t); }
    /* It is the last of its row block here. */
    __device__ bool ends(int64_t t) const
    {
        return begins(t + 1) || t + 1 == tiles || t + 1 == end;
    }
    /* The next share goes on with its row block. */
    __device__ bool posts_carry(int64_t t) const
    {
        return t + 1 == end && t + 1 != tiles && !begins(t + 1);
    }
};

/* Running sums of a row block for dgamma and dbeta, of COLS columns a thread, THREADS apart. The
 * block's first THREADS threads hold them, but all threads call. Sums that end, and carries, lie in
 * sums[row block][column]. */
template <int COLS, int THREADS> struct rmx_running_sums {
    float gamma[COLS], beta[COLS];

    static __device__ bool holds(int j, int dim) { return threadIdx.x < THREADS && j < dim; }
    /* Before tile t: +0, or the carry. */
    __device__ void begin(const rmx_row_share &rows, int64_t t, uint32_t *flags,
                          const float *gamma_sums, const float *beta_sums, int dim)
    {
        const int64_t at = rows.row_block(t) * dim;
        if (!rows.begins(t) && !rows.takes_carry(t)) return;
        if (rows.takes_carry(t)) rmx_carry_wait(flags, rows.share);
#pragma unroll
        for (int c = 0; c < COLS; c++) {
            const int j = (int)threadIdx.x + c * THREADS;
            const bool carried = rows.takes_carry(t) && holds(j, dim);
            gamma[c] = carried ? __ldcg(gamma_sums + at + j) : 0.0f;
            beta[c] = carried ? __ldcg(beta_sums + at + j) : 0.0f;
        }
    }
    /* Behind tile t: to memory where it is the last. */
    __device__ void end(const rmx_row_share &rows, int64_t t, uint32_t *flags, float *gamma_sums,
                        float *beta_sums, int dim) const
    {
        const int64_t at = rows.row_block(t) * dim;
        if (!rows.ends(t)) return;
#pragma unroll
        for (int c = 0; c < COLS; c++) {
            const int j = (int)threadIdx.x + c * THREADS;
            if (!holds(j, dim)) continue;
            gamma_sums[at + j] = gamma[c];
            beta_sums[at + j] = beta[c];
        }
        if (rows.posts_carry(t)) rmx_carry_post(flags, rows.share);
    }
};

#endif /* RMX_ROW_PARTITION_CUH */
