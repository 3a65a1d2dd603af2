/* SPDX-License-Identifier: MIT */
/* product_variants.cuh: the list of tile shapes, written once for all memory layouts.
 *
 * No sum over k is split, so a product's only parallelism is its outputs. The tile must be small
 * enough for every multiprocessor to get one. Shapes with a factor 3 exist because powers of two
 * leave many products of a ranker at 96 or 192 blocks on 132 multiprocessors: there 64 x 96,
 * 64 x 48 or 16 x 24 make 128 or 256 blocks. product.cu has the cost of each shape. */
#ifndef RMX_CUDA_PRODUCT_VARIANTS_CUH
#define RMX_CUDA_PRODUCT_VARIANTS_CUH

#include "kernels/cuda/product_simt.cuh"
#include "kernels/cuda/product_tile.cuh"

/* clang-format off */
#define RMX_PRODUCT_TILE_LIST(A, B)                                \
    {                                                              \
        /*               BM   BN  TM  TN  BK stages blocks */      \
        RMX_PRODUCT_TILE(128, 256, 16,  8,  8, 4, 1, A, B),        \
        RMX_PRODUCT_TILE( 64, 128,  8,  8, 16, 3, 3, A, B),        \
        RMX_PRODUCT_TILE( 64,  96,  4, 12, 16, 3, 3, A, B),        \
    }
#define RMX_PRODUCT_SIMT_LIST(A, B)                                \
    {                                                              \
        /*               BM  BN TM  TN  BK KSTEP stages */         \
        RMX_PRODUCT_SIMT(64, 96, 8,  6,  32,  4, 3, A, B),         \
        RMX_PRODUCT_SIMT(64, 48, 4,  6,  32,  4, 4, A, B),         \
        RMX_PRODUCT_SIMT(64, 32, 4,  4,  32,  4, 4, A, B),         \
        RMX_PRODUCT_SIMT(32, 48, 2,  6,  32,  4, 5, A, B),         \
        RMX_PRODUCT_SIMT(32, 24, 2,  4,  64,  8, 5, A, B),         \
        RMX_PRODUCT_SIMT(16, 48, 2,  4, 128,  4, 4, A, B),         \
        RMX_PRODUCT_SIMT(16, 32, 1,  4,  64,  8, 6, A, B),         \
        RMX_PRODUCT_SIMT(16, 24, 1,  4, 128,  8, 5, A, B),         \
        RMX_PRODUCT_SIMT(16, 16, 1,  2,  64,  8, 8, A, B),         \
        RMX_PRODUCT_SIMT( 4, 32, 1,  1, 128, 16, 6, A, B),         \
    }
/* clang-format on */

#endif /* RMX_CUDA_PRODUCT_VARIANTS_CUH */
