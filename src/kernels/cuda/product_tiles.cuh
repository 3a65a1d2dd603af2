/* SPDX-License-Identifier: MIT */
/* product_tiles.cuh: the list of tiles, written once for all layouts; product.cu says what each costs.
 *
 * Since no chain is split, a product's only parallelism is its outputs: the tile has to be small
 * enough for every multiprocessor to get one. Shapes with a multiplier 3 are there because powers of
 * two leave many products of a ranker at 96 or 192 blocks on 132 multiprocessors, where 64 x 96,
 * 64 x 48 or 16 x 24 make 128 or 256. */
#ifndef RMX_CUDA_GEMM_TILES_CUH
#define RMX_CUDA_GEMM_TILES_CUH

#include "kernels/cuda/product_simt.cuh"
#include "kernels/cuda/product_tile.cuh"

/* clang-format off */
#define RMX_PRODUCT_TILE_LIST(VECTOR_A, VECTOR_B)                                                    \
    {                                                                                             \
        /*             rows cols  thread   deep stages blocks */                                  \
        RMX_PRODUCT_TILE(128, 256, 16,  8,   8, 4, 1, VECTOR_A, VECTOR_B),                           \
        RMX_PRODUCT_TILE( 64, 128,  8,  8,  16, 3, 3, VECTOR_A, VECTOR_B),                           \
        RMX_PRODUCT_TILE( 64,  96,  4, 12,  16, 3, 3, VECTOR_A, VECTOR_B),                           \
    }
#define RMX_PRODUCT_CHAIN_LIST(HOW_A, HOW_B)                                                         \
    {                                                                                             \
        /*             rows cols thread   deep group stages */                                    \
        RMX_PRODUCT_CHAIN( 64,  96, 8,  6,  32,  4, 3, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 64,  48, 4,  6,  32,  4, 4, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 64,  32, 4,  4,  32,  4, 4, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 32,  48, 2,  6,  32,  4, 5, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 32,  24, 2,  4,  64,  8, 5, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 16,  48, 2,  4, 128,  4, 4, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 16,  32, 1,  4,  64,  8, 6, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 16,  24, 1,  4, 128,  8, 5, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN( 16,  16, 1,  2,  64,  8, 8, HOW_A, HOW_B),                                \
        RMX_PRODUCT_CHAIN(  4,  32, 1,  1, 128, 16, 6, HOW_A, HOW_B),                                \
    }
/* clang-format on */

#endif /* RMX_CUDA_GEMM_TILES_CUH */
