/* gemm_nn.cu: the product's kernels for RMX_GEMM_NN, see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_tiles_nn[RMX_GEMM_TILES] = RMX_GEMM_LIST(false, true, true, false);
