/* gemm.h: what the files of the CUDA product share: gemm.cu (choice of a tile, launch), the two
 * kernels gemm_tile.cuh (many outputs: arithmetic is the limit) and gemm_chain.cuh (few outputs:
 * latency is), gemm_epilogue.cuh (after the chain), and one file for each memory layout that
 * makes the kernels: gemm_nn.cu, gemm_tn.cu, gemm_any.cu. */
#ifndef RMX_CUDA_GEMM_H
#define RMX_CUDA_GEMM_H

#include "kernels/cuda/cuda.h"

/* Operands that every thread may touch 16 bytes at a time: aligned, columns side by side. */
enum {
    RMX_WIDE_C = 1,
    RMX_WIDE_PRE = 2,
    RMX_WIDE_BIAS = 4,
    RMX_WIDE_GRAD_OF = 8,
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

typedef void rmx_gemm_kernel(rmx_gemm_job);

/* How the kernels read A and B.
 *   gemm_tile.cuh    RMX_GEMM_NN: B by 16 bytes along n, A element by element
 *                    RMX_GEMM_TN: A by 16 bytes along m, B by 16 bytes along n
 *   gemm_chain.cuh   RMX_GEMM_NN: A by 16 bytes along k, B element by element
 *                    RMX_GEMM_TN: both by 16 bytes along k
 *   both             RMX_GEMM_ANY: both element by element, any strides */
typedef enum rmx_gemm_layout {
    RMX_GEMM_NN,
    RMX_GEMM_TN,
    RMX_GEMM_ANY,
    RMX_GEMM_LAYOUTS
} rmx_gemm_layout;

/* A shape of tile. Every one gives the same bits. */
typedef struct rmx_gemm_tile {
    int32_t chain; /* gemm_chain.cuh, not gemm_tile.cuh */
    int32_t rows, cols, threads, shared_bytes;
    rmx_gemm_kernel *kernel;
} rmx_gemm_tile;

enum { RMX_GEMM_TILES = 16 };
extern const rmx_gemm_tile rmx_gemm_tiles_nn[RMX_GEMM_TILES];
extern const rmx_gemm_tile rmx_gemm_tiles_tn[RMX_GEMM_TILES];
extern const rmx_gemm_tile rmx_gemm_tiles_any[RMX_GEMM_TILES];

/* For tests and tuning: the tile that all products take, -1 to choose by shape. */
extern int rmx_cuda_gemm_variant;

#endif /* RMX_CUDA_GEMM_H */
