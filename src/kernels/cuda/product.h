/* SPDX-License-Identifier: MIT */
/* product.h: what the files of the CUDA product share: product.cu (choice of a tile, launch), the
 * kernels product_tile.cuh (many outputs: arithmetic is the limit), product_simt.cuh (few outputs:
 * latency is) and product_small_m.cuh (few rows), product_epilogue.cuh (after the chain), one file for each
 * memory layout that makes the kernels: product_nn.cu, product_nt.cu, product_tn.cu, product_any.cu, and
 * product_small_m.cu. */
#ifndef RMX_CUDA_GEMM_H
#define RMX_CUDA_GEMM_H

#include <cuda.h>

#include "kernels/cuda/cuda.h"

/* Operands that every thread may touch 16 bytes at a time: aligned, columns side by side. */
enum {
    RMX_WIDE_C = 1,
    RMX_WIDE_ACTIVATION_GRADIENT = 2,
    RMX_WIDE_BIAS = 4,
    RMX_WIDE_MULTIPLIER = 8,
    RMX_WIDE_RESIDUAL = 16
};

/* One launch: blockIdx.x is a tile of C, blockIdx.y and .z the product (v, u), counted from
 * first[1] and first[0]. Tiles go down a band of rows, then to the next column of the band, so
 * that blocks in flight together share rows of A and columns of B in L2. */
typedef struct rmx_product_job {
    rmx_product_args args;
    int64_t first[2];
    int32_t row_tiles, col_tiles, band;
    uint32_t wide;
} rmx_product_job;

/* How A and B lie in memory, for kernels that have the copy engine fetch them. */
typedef struct rmx_product_maps {
    CUtensorMap a, b;
} rmx_product_maps;

/* A shape of tile. Every one gives the same bits. The kernel takes an rmx_product_job and, where
 * deep > 0, maps for boxes of so many k. */
typedef struct rmx_product_tile {
    int32_t rows, cols, threads, shared_bytes;
    const void *kernel;
    int32_t deep;
} rmx_product_tile;

/* The tiles of product_tile.cuh, of product_simt.cuh, then of product_small_m.cuh (nn alone, and where there is
 * a copy engine), by how A and B lie in memory:
 *   nn   A along k, B along n        nt   A along k, B along k
 *   tn   A along m, B along n        any  any strides, element by element
 * "along": that stride is 1 and everything is a multiple of 16 bytes. */
enum {
    RMX_PRODUCT_TILES = 3,
    RMX_PRODUCT_CHAINS = 10,
    RMX_PRODUCT_FEW_TILES = 8,
    RMX_PRODUCT_VARIANTS = RMX_PRODUCT_TILES + RMX_PRODUCT_CHAINS + RMX_PRODUCT_FEW_TILES
};
extern const rmx_product_tile rmx_product_tiles_nn[RMX_PRODUCT_TILES]; /* A: any strides */
extern const rmx_product_tile rmx_product_tiles_tn[RMX_PRODUCT_TILES];
extern const rmx_product_tile rmx_product_tiles_any[RMX_PRODUCT_TILES];
extern const rmx_product_tile rmx_product_chains_nn[RMX_PRODUCT_CHAINS];
extern const rmx_product_tile rmx_product_chains_nt[RMX_PRODUCT_CHAINS];
extern const rmx_product_tile rmx_product_chains_tn[RMX_PRODUCT_CHAINS];
extern const rmx_product_tile rmx_product_chains_any[RMX_PRODUCT_CHAINS];
extern const rmx_product_tile rmx_product_few_nn[RMX_PRODUCT_FEW_TILES];

#endif /* RMX_CUDA_GEMM_H */
