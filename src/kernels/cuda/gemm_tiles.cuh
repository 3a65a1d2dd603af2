/* gemm_tiles.cuh: the list of tiles, written once for all layouts; gemm.cu says what each costs.
 *
 * Shapes with a factor 3 are there because 128 and 256 alone leave many products of a ranker at
 * 96 or 192 blocks on 132 multiprocessors: 1024 x 3072 is 96 blocks of 128 x 256, a quarter of
 * the device idle, but 11 x 12 = 132 of 96 x 256. */
#ifndef RMX_CUDA_GEMM_TILES_CUH
#define RMX_CUDA_GEMM_TILES_CUH

#include "kernels/cuda/gemm_chain.cuh"
#include "kernels/cuda/gemm_tile.cuh"

/* clang-format off */
#define RMX_GEMM_LIST(TILE_A, TILE_B, CHAIN_A, CHAIN_B)                                           \
    {                                                                                             \
        /*             rows cols  thread   deep stages blocks */                                  \
        RMX_GEMM_TILE(128, 256, 16,  8,   8, 4, 1, TILE_A, TILE_B),                               \
        RMX_GEMM_TILE( 96, 256, 12,  8,   8, 4, 1, TILE_A, TILE_B),                               \
        RMX_GEMM_TILE(192, 128, 12,  8,   8, 4, 1, TILE_A, TILE_B),                               \
        RMX_GEMM_TILE(128, 128,  8,  8,   8, 4, 2, TILE_A, TILE_B),                               \
        RMX_GEMM_TILE( 64, 128,  8,  8,  16, 3, 3, TILE_A, TILE_B),                               \
        RMX_GEMM_TILE( 64,  96,  4, 12,  16, 3, 3, TILE_A, TILE_B),                               \
        /*             rows cols thread   deep group stages */                                    \
        RMX_GEMM_CHAIN( 64, 48, 4, 6,  32,  4,  4, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 64, 32, 4, 4,  32,  4,  4, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 32, 48, 4, 3,  32,  4,  5, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 32, 24, 2, 3,  64,  8,  5, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 16, 48, 2, 3,  64,  8,  5, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 16, 32, 2, 2,  64,  8,  6, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 16, 24, 1, 3,  64,  8,  7, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 16, 16, 2, 1,  64,  8,  8, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN( 16,  8, 1, 1,  64, 16,  8, CHAIN_A, CHAIN_B),                             \
        RMX_GEMM_CHAIN(  4,  8, 1, 1,  64, 16, 12, CHAIN_A, CHAIN_B),                             \
    }
/* clang-format on */

#endif /* RMX_CUDA_GEMM_TILES_CUH */
