/* gemm_tn.cu: the product's kernels for RMX_GEMM_TN, see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_tiles_tn[RMX_GEMM_TILES] = RMX_GEMM_LIST(true, true, true, true);
