/* SPDX-License-Identifier: MIT */
/* gemm_nt.cu: the kernels of the product for A and B along k; see gemm.h. */
#include "kernels/cuda/gemm_tiles.cuh"

const rmx_gemm_tile rmx_gemm_chains_nt[RMX_GEMM_CHAINS] =
    RMX_GEMM_CHAIN_LIST(RMX_STRIP_ALONG, RMX_STRIP_ALONG);
