/* SPDX-License-Identifier: MIT */
/* gemm_tn.cu: the kernels of the product for A along m, B along n; see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_tiles_tn[RMX_GEMM_TILES] = RMX_GEMM_TILE_LIST(true, true);
const rmx_gemm_tile rmx_gemm_chains_tn[RMX_GEMM_CHAINS] =
    RMX_GEMM_CHAIN_LIST(RMX_STRIP_ACROSS, RMX_STRIP_ACROSS);
