/* gemm_any.cu: the product's kernels for RMX_GEMM_ANY, see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_tiles_any[RMX_GEMM_TILES] = RMX_GEMM_LIST(false, false, false, false);
