/* SPDX-License-Identifier: MIT */
/* product_pipeline.cuh: how a block finds its tile of C, and how A and B come to shared memory.
 *
 * Every kernel goes through k in K blocks of BK and keeps STAGES of them in shared memory: it
 * computes on one while the others are on their way. There are two rings of stages:
 *   rmx_copy_ring   all threads copy by cp.async and meet at one __syncthreads() a K block;
 *                   a tile loader for each operand knows the memory layout
 *   rmx_tma_ring    one thread fetches boxes by TMA; an mbarrier a stage says that it is full
 * A kernel chooses a ring and keeps what is its own: register tiling and roles. */
#ifndef RMX_CUDA_PRODUCT_PIPELINE_CUH
#define RMX_CUDA_PRODUCT_PIPELINE_CUH

#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/product.h"

/* ---- the block's tile ---- */

/* Product (u, v), first row and column of this block's tile. */
struct rmx_product_origin {
    int64_t u, v, row, col;
};

/* Rows and columns of C that the tile has. */
struct rmx_product_limits {
    int rows, cols;
};

__device__ __forceinline__ rmx_product_origin rmx_product_locate(const rmx_product_job &job,
                                                                 int rows, int cols)
{
    const uint32_t tile = blockIdx.x, band_tiles = (uint32_t)(job.band * job.col_tiles);
    const uint32_t first = tile / band_tiles * (uint32_t)job.band, inside = tile % band_tiles;
    const uint32_t height = min((uint32_t)job.band, (uint32_t)job.row_tiles - first);
    rmx_product_origin o;
    o.u = job.first[0] + blockIdx.z;
    o.v = job.first[1] + blockIdx.y;
    o.row = (int64_t)(first + inside % height) * rows;
    o.col = (int64_t)(inside / height) * cols;
    return o;
}

__device__ __forceinline__ rmx_product_limits rmx_product_clip(const rmx_product_job &job,
                                                               const rmx_product_origin &o,
                                                               int rows, int cols)
{
    rmx_product_limits l;
    l.rows = (int)min((int64_t)rows, job.args.m - o.row);
    l.cols = (int)min((int64_t)cols, job.args.n - o.col);
    return l;
}

/* The address of element (row, col) of an operand in this block's product. */
template <class MAT>
__device__ __forceinline__ auto rmx_product_at(const MAT &x, const rmx_product_origin &o,
                                               int64_t row, int64_t col, int64_t cs)
{
    return rmx_f32(x.p) + o.u * x.batch[0] + o.v * x.batch[1] + row * x.rs + col * cs;
}

/* ---- tile loaders: one operand, by cp.async ---- */

/* MN: rows of A or columns of B. An operand comes from memory that is contiguous along k or along
 * MN, by 16 bytes, or from memory with any strides, by 4 bytes. Shared memory is K-major or
 * MN-major. A pad of 4 floats avoids bank conflicts. */
enum rmx_load {
    RMX_LOAD_K_MAJOR,          /* contiguous along k, to [MN][BK + 4] */
    RMX_LOAD_MN_MAJOR,         /* contiguous along MN, to [BK][MN] */
    RMX_LOAD_STRIDED_K_MAJOR,  /* any strides, to [MN][BK + 4] */
    RMX_LOAD_STRIDED_MN_MAJOR, /* any strides, to [BK][MN + 4] */
};

/* start: p is the tile's first element; `there` of the MN exist. Copies by 16 bytes along MN and
 * by 4 bytes to MN-major memory repeat the last one for the others; the other loaders copy nothing,
 * which matters where every block reads the same few rows.
 * fetch: the next K block to shared memory; if not WHOLE, its first `count` k. */
template <int MN, int BK, int THREADS, rmx_load LOAD> struct rmx_tile_loader;

template <int MN, int BK, int THREADS> struct rmx_tile_loader<MN, BK, THREADS, RMX_LOAD_K_MAJOR> {
    static constexpr int PITCH = BK + 4, FLOATS = MN * PITCH;
    static constexpr int QUADS = BK / 4, STEP = THREADS / QUADS, COUNT = (MN + STEP - 1) / STEP;
    const float *from[COUNT];
    int limit;

    __device__ __forceinline__ void start(const float *p, int64_t mn_stride, int64_t k_stride,
                                          int there)
    {
        limit = there;
        const int k = threadIdx.x % QUADS * 4, r = threadIdx.x / QUADS;
#pragma unroll
        for (int i = 0; i < COUNT; i++) from[i] = p + min(r + i * STEP, there - 1) * mn_stride + k;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int count)
    {
        const int k = threadIdx.x % QUADS * 4, r = threadIdx.x / QUADS;
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            if (r + i * STEP < limit && (WHOLE || k < count))
                rmx_copy_async16(to + (r + i * STEP) * PITCH + k, from[i]);
            from[i] += BK;
        }
    }
};

template <int MN, int BK, int THREADS> struct rmx_tile_loader<MN, BK, THREADS, RMX_LOAD_MN_MAJOR> {
    static constexpr int PITCH = MN, FLOATS = BK * PITCH;
    static constexpr int QUADS = MN / 4, ALL = BK * QUADS, COUNT = (ALL + THREADS - 1) / THREADS;
    const float *from[COUNT];
    int64_t step;

    __device__ __forceinline__ void start(const float *p, int64_t mn_stride, int64_t k_stride,
                                          int there)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = i * THREADS + (int)threadIdx.x;
            const int r = min(c % QUADS * 4, there - 4);
            from[i] = p + r + (c / QUADS) * k_stride;
        }
        step = BK * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int count)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = i * THREADS + (int)threadIdx.x;
            if (((i + 1) * THREADS <= ALL || c < ALL) && (WHOLE || c / QUADS < count))
                rmx_copy_async16(to + c * 4, from[i]);
            from[i] += step;
        }
    }
};

template <int MN, int BK, int THREADS>
struct rmx_tile_loader<MN, BK, THREADS, RMX_LOAD_STRIDED_K_MAJOR> {
    static constexpr int PITCH = BK + 4, FLOATS = MN * PITCH;
    static constexpr int ROWS = MN < 8 ? MN : 8, STEP = THREADS / ROWS, COUNT = MN / ROWS;
    const float *from[COUNT];
    int64_t step;
    int limit;

    __device__ __forceinline__ void start(const float *p, int64_t mn_stride, int64_t k_stride,
                                          int there)
    {
        limit = there;
        const int r = threadIdx.x % ROWS, k = threadIdx.x / ROWS;
#pragma unroll
        for (int i = 0; i < COUNT; i++)
            from[i] = p + min(r + i * ROWS, there - 1) * mn_stride + k * k_stride;
        step = STEP * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int count)
    {
        const int r = threadIdx.x % ROWS, k = threadIdx.x / ROWS;
#pragma unroll
        for (int k0 = 0; k0 < BK; k0 += STEP) {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                if (r + i * ROWS < limit && (WHOLE || k0 + k < count))
                    rmx_copy_async4(to + (r + i * ROWS) * PITCH + k0 + k, from[i]);
                from[i] += step;
            }
        }
    }
};

/* Eight threads along k: whole sectors where k is contiguous. */
template <int MN, int BK, int THREADS>
struct rmx_tile_loader<MN, BK, THREADS, RMX_LOAD_STRIDED_MN_MAJOR> {
    static constexpr int PITCH = MN + 4, FLOATS = BK * PITCH;
    static constexpr int STEP = THREADS / 8, COUNT = MN / STEP;
    const float *from[COUNT];
    int64_t step;

    __device__ __forceinline__ void start(const float *p, int64_t mn_stride, int64_t k_stride,
                                          int there)
    {
        const int k = threadIdx.x % 8, r = threadIdx.x / 8;
#pragma unroll
        for (int i = 0; i < COUNT; i++)
            from[i] = p + min(r + i * STEP, there - 1) * mn_stride + k * k_stride;
        step = 8 * k_stride;
    }

    template <bool WHOLE> __device__ __forceinline__ void fetch(float *to, int count)
    {
        const int k = threadIdx.x % 8, r = threadIdx.x / 8;
#pragma unroll
        for (int k0 = 0; k0 < BK; k0 += 8) {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                if (WHOLE || k0 + k < count)
                    rmx_copy_async4(to + (k0 + k) * PITCH + r + i * STEP, from[i]);
                from[i] += step;
            }
        }
    }
};

/* ---- the ring of cp.async ---- */

/* A stage holds A's part of a K block, then B's. A kernel calls, for each K block that it uses,
 * prefetch(block + STAGES - 1) at its beginning, next(use) before its last read of it, and
 * release(use) at its end. `use`: the stage's offset in floats. */
template <class LOADER_A, class LOADER_B, int BK, int STAGES> struct rmx_copy_ring {
    static constexpr int B = LOADER_A::FLOATS, STAGE = B + LOADER_B::FLOATS;
    LOADER_A a;
    LOADER_B b;
    float *stages;
    int blocks, rest; /* whole K blocks; k behind them */
    int free;         /* offset of the stage to fill */

    /* Starts the first STAGES - 1 K blocks. */
    __device__ __forceinline__ void start(const rmx_product_job &job, const rmx_product_origin &at,
                                          const rmx_product_limits &inside, float *shared)
    {
        const rmx_product_args &g = job.args;
        a.start(rmx_product_at(g.a, at, at.row, 0, 0), g.a.rs, g.a.cs, inside.rows);
        b.start(rmx_product_at(g.b, at, 0, at.col, g.b.cs), g.b.cs, g.b.rs, inside.cols);
        stages = shared;
        blocks = (int)(g.k / BK), rest = (int)(g.k % BK);
#pragma unroll 1
        for (int s = 0; s < STAGES - 1; s++) {
            free = s * STAGE;
            prefetch(s);
        }
        free = (STAGES - 1) * STAGE;
    }

    /* Every thread commits a group for every K block, an empty one behind the last. */
    __device__ __forceinline__ void prefetch(int block)
    {
        float *to = stages + free;
        if (block < blocks) {
            b.template fetch<true>(to + B, BK);
            a.template fetch<true>(to, BK);
        } else if (block == blocks && rest) {
            b.template fetch<false>(to + B, rest);
            a.template fetch<false>(to, rest);
        }
        rmx_copy_commit();
    }

    /* Waits for the oldest K block on its way. All threads are then past the one before `use`. */
    __device__ __forceinline__ void wait(void)
    {
        rmx_copy_wait<STAGES - 2>();
        __syncthreads();
    }

    __device__ __forceinline__ int next(int use)
    {
        wait();
        return use + STAGE == STAGES * STAGE ? 0 : use + STAGE;
    }

    __device__ __forceinline__ void release(int use) { free = use; }
};

/* ---- the ring of TMA ---- */

/* A stage holds B's box [BK][BN], then A's box [BM][BK], and has an mbarrier. */
template <int BM, int BN, int BK, int STAGES> struct rmx_tma_ring {
    static constexpr int A = BK * BN, STAGE = A + BM * BK; /* in floats */
    static_assert(4 * A % 128 == 0 && 4 * STAGE % 128 == 0, "boxes are aligned to 128 bytes");
    uint32_t stages, barriers; /* addresses in shared memory */

    /* By the producer, before anybody waits. */
    __device__ __forceinline__ void init(void) const
    {
        for (int i = 0; i < STAGES; i++) rmx_mbarrier_init(barriers + 8 * (uint32_t)i);
        rmx_mbarrier_init_fence();
    }

    /* By the producer: fetches a K block into its stage, which must have been read. */
    __device__ __forceinline__ void fetch(const rmx_product_job &job, const rmx_product_maps &maps,
                                          const rmx_product_origin &at, int block) const
    {
        const rmx_product_args &g = job.args;
        const uint32_t to = stages + 4 * (uint32_t)(block % STAGES * STAGE);
        const uint32_t barrier = barriers + 8 * (uint32_t)(block % STAGES);
        const int32_t k = block * BK, u = (int32_t)at.u, v = (int32_t)at.v;
        rmx_mbarrier_expect(barrier, 4 * STAGE);
        rmx_tma_fetch(to, &maps.b, (int32_t)at.col, k, g.b.batch[1] ? v : 0, g.b.batch[0] ? u : 0,
                      barrier);
        rmx_tma_fetch(to + 4 * A, &maps.a, k, (int32_t)at.row, g.a.batch[1] ? v : 0,
                      g.a.batch[0] ? u : 0, barrier);
    }

    /* Waits for a K block and returns the address of its stage. */
    __device__ __forceinline__ uint32_t wait(int block) const
    {
        const uint32_t stage = (uint32_t)(block % STAGES);
        rmx_mbarrier_wait(barriers + 8 * stage, (uint32_t)(block / STAGES) % 2);
        return stages + 4 * stage * STAGE;
    }
};

#endif /* RMX_CUDA_PRODUCT_PIPELINE_CUH */
