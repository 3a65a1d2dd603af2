/* SPDX-License-Identifier: MIT */
/* product.h: what the files of the CUDA product share.
 *
 *   product.cu             chooses a variant by a cost model, and launches it
 *   product_tile.cuh       SIMT kernel for many outputs: throughput is the limit
 *   product_simt.cuh       SIMT kernel for few outputs: latency is the limit
 *   product_small_m.cuh    kernel for at most 8 rows, with TMA and warp roles
 *   product_pipeline.cuh   their common parts: tile loaders and stage rings
 *   product_epilogue.cuh   their common end
 *   product_variants.cuh   the list of tile shapes, for all memory layouts
 *   product_{nn,nt,tn,any,small_m}.cu   instantiate the kernels, a layout each */
#ifndef RMX_CUDA_PRODUCT_H
#define RMX_CUDA_PRODUCT_H

#include <cuda.h>

#include "kernels/cuda/cuda.h"

/* Operands that every thread may access by 16 bytes: aligned, with contiguous columns. */
enum {
    RMX_WIDE_C = 1,
    RMX_WIDE_ACTIVATION_GRADIENT = 2,
    RMX_WIDE_BIAS = 4,
    RMX_WIDE_MULTIPLIER = 8,
    RMX_WIDE_RESIDUAL = 16
};

/* One launch: blockIdx.x is a tile of C; blockIdx.y and .z are the product (v, u), counted from
 * first[1] and first[0]. Raster order: down a band of row tiles, then to the next column of the
 * band. Blocks that run at the same time then share rows of A and columns of B in L2. */
typedef struct rmx_product_job {
    rmx_product_args args;
    int64_t first[2];
    int32_t row_tiles, col_tiles, band;
    uint32_t wide;
} rmx_product_job;

/* Tensor maps of A and B, for kernels that fetch by TMA. */
typedef struct rmx_product_maps {
    CUtensorMap a, b;
} rmx_product_maps;

/* A kernel for one tile shape. All of them give the same bits. The kernel takes an
 * rmx_product_job and, where box_k > 0, maps whose boxes have box_k k. */
typedef struct rmx_product_tile {
    int32_t rows, cols, threads, shared_bytes;
    const void *kernel;
    int32_t box_k;
} rmx_product_tile;

/* The variants of a product, in this order: product_tile.cuh, product_simt.cuh,
 * product_small_m.cuh. The last needs the layout nn and a device with TMA. Layouts:
 *   nn   A along k, B along n        nt   A along k, B along k
 *   tn   A along m, B along n        any  any strides, copied by 4 bytes
 * "along": that stride is 1, and pointers and other strides are multiples of 16 bytes. */
enum {
    RMX_PRODUCT_TILES = 3,
    RMX_PRODUCT_SIMT_TILES = 10,
    RMX_PRODUCT_SMALL_M_TILES = 8,
    RMX_PRODUCT_VARIANTS = RMX_PRODUCT_TILES + RMX_PRODUCT_SIMT_TILES + RMX_PRODUCT_SMALL_M_TILES
};
extern const rmx_product_tile rmx_product_tile_nn[RMX_PRODUCT_TILES]; /* A: any strides */
extern const rmx_product_tile rmx_product_tile_tn[RMX_PRODUCT_TILES];
extern const rmx_product_tile rmx_product_tile_any[RMX_PRODUCT_TILES];
extern const rmx_product_tile rmx_product_simt_nn[RMX_PRODUCT_SIMT_TILES];
extern const rmx_product_tile rmx_product_simt_nt[RMX_PRODUCT_SIMT_TILES];
extern const rmx_product_tile rmx_product_simt_tn[RMX_PRODUCT_SIMT_TILES];
extern const rmx_product_tile rmx_product_simt_any[RMX_PRODUCT_SIMT_TILES];
extern const rmx_product_tile rmx_product_small_m_nn[RMX_PRODUCT_SMALL_M_TILES];

#endif /* RMX_CUDA_PRODUCT_H */
