/* SPDX-License-Identifier: MIT */
/* gemm.h: what the files of the CUDA product share: gemm.cu (choice of a tile, launch), the
 * kernels gemm_tile.cuh (many outputs: arithmetic is the limit), gemm_chain.cuh (few outputs:
 * latency is) and gemm_few.cuh (few rows), gemm_epilogue.cuh (after the chain), one file for each
 * memory layout that makes the kernels: gemm_nn.cu, gemm_nt.cu, gemm_tn.cu, gemm_any.cu, and
 * gemm_few.cu. */
#ifndef RMX_CUDA_GEMM_H
#define RMX_CUDA_GEMM_H

#include <cuda.h>

#include "kernels/cuda/cuda.h"

/* Operands that every thread may touch 16 bytes at a time: aligned, columns side by side. */
enum {
    RMX_WIDE_C = 1,
    RMX_WIDE_SLOPE = 2,
    RMX_WIDE_BIAS = 4,
    RMX_WIDE_FACTOR = 8,
    RMX_WIDE_RESIDUAL = 16
};

/* One launch: blockIdx.x is a tile of C, blockIdx.y and .z the product (v, u), counted from
 * first[1] and first[0]. Tiles go down a band of rows, then to the next column of the band, so
 * that blocks in flight together share rows of A and columns of B in L2. */
typedef struct rmx_gemm_job {
    rmx_gemm_args args;
    int64_t first[2];
    int32_t row_tiles, col_tiles, band;
    uint32_t wide;
} rmx_gemm_job;

/* How A and B lie in memory, for kernels that have the copy engine fetch them. */
typedef struct rmx_gemm_maps {
    CUtensorMap a, b;
} rmx_gemm_maps;

/* A shape of tile. Every one gives the same bits. The kernel takes an rmx_gemm_job and, where
 * deep > 0, maps for boxes of so many k. */
typedef struct rmx_gemm_tile {
    int32_t rows, cols, threads, shared_bytes;
    const void *kernel;
    int32_t deep;
} rmx_gemm_tile;

/* The tiles of gemm_tile.cuh, of gemm_chain.cuh, then of gemm_few.cuh (nn alone, and where there is
 * a copy engine), by how A and B lie in memory:
 *   nn   A along k, B along n        nt   A along k, B along k
 *   tn   A along m, B along n        any  any strides, element by element
 * "along": that stride is 1 and everything is a multiple of 16 bytes. */
enum {
    RMX_GEMM_TILES = 3,
    RMX_GEMM_CHAINS = 10,
    RMX_GEMM_FEW_TILES = 8,
    RMX_GEMM_VARIANTS = RMX_GEMM_TILES + RMX_GEMM_CHAINS + RMX_GEMM_FEW_TILES
};
extern const rmx_gemm_tile rmx_gemm_tiles_nn[RMX_GEMM_TILES]; /* A: any strides */
extern const rmx_gemm_tile rmx_gemm_tiles_tn[RMX_GEMM_TILES];
extern const rmx_gemm_tile rmx_gemm_tiles_any[RMX_GEMM_TILES];
extern const rmx_gemm_tile rmx_gemm_chains_nn[RMX_GEMM_CHAINS];
extern const rmx_gemm_tile rmx_gemm_chains_nt[RMX_GEMM_CHAINS];
extern const rmx_gemm_tile rmx_gemm_chains_tn[RMX_GEMM_CHAINS];
extern const rmx_gemm_tile rmx_gemm_chains_any[RMX_GEMM_CHAINS];
extern const rmx_gemm_tile rmx_gemm_few_nn[RMX_GEMM_FEW_TILES];

#endif /* RMX_CUDA_GEMM_H */
