/* SPDX-License-Identifier: MIT */
/* gemm_any.cu: the kernels of the product for any strides; see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_tiles_any[RMX_GEMM_TILES] = RMX_GEMM_TILE_LIST(false, false);
const rmx_gemm_tile rmx_gemm_chains_any[RMX_GEMM_CHAINS] =
    RMX_GEMM_CHAIN_LIST(RMX_STRIP_ANY, RMX_STRIP_ANY);
