/* SPDX-License-Identifier: MIT */
/* gemm_nn.cu: the kernels of the product for A along k, B along n; see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_tiles_nn[RMX_GEMM_TILES] = RMX_GEMM_TILE_LIST(false, true);
const rmx_gemm_tile rmx_gemm_chains_nn[RMX_GEMM_CHAINS] =
    RMX_GEMM_CHAIN_LIST(RMX_STRIP_ALONG, RMX_STRIP_ACROSS);
