/* SPDX-License-Identifier: MIT */
/* gemm_few.cu: the kernels of the product for few rows, A along k, B along n; see gemm.h. */
#include "kernels/cuda/gemm_few.cuh"

/* clang-format off */
const rmx_gemm_tile rmx_gemm_few_nn[RMX_GEMM_FEW_TILES] = {
    /*           rows cols each deep stages */
    RMX_GEMM_FEW(1,   8,  1, 192,  4),
    RMX_GEMM_FEW(1,  16,  1, 192,  4),
    RMX_GEMM_FEW(1,  24,  1, 128,  4),
    RMX_GEMM_FEW(1,  32,  1,  96,  4),
    RMX_GEMM_FEW(2,  16,  1, 192,  4),
    RMX_GEMM_FEW(4,   8,  1, 192,  4),
    RMX_GEMM_FEW(4,  16,  2, 192,  4),
    RMX_GEMM_FEW(8,   8,  2, 192,  4),
};
/* clang-format on */
