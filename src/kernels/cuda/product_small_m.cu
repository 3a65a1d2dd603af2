/* SPDX-License-Identifier: MIT */
/* product_small_m.cu: the kernels of the product for few rows, A along k, B along n; see product.h. */
#include "kernels/cuda/product_small_m.cuh"

/* clang-format off */
const rmx_product_tile rmx_product_few_nn[RMX_PRODUCT_FEW_TILES] = {
    /*           rows cols each deep stages */
    RMX_PRODUCT_FEW(1,   8,  1, 192,  4),
    RMX_PRODUCT_FEW(1,  16,  1, 192,  4),
    RMX_PRODUCT_FEW(1,  24,  1, 128,  4),
    RMX_PRODUCT_FEW(1,  32,  1,  96,  4),
    RMX_PRODUCT_FEW(2,  16,  1, 192,  4),
    RMX_PRODUCT_FEW(4,   8,  1, 192,  4),
    RMX_PRODUCT_FEW(4,  16,  2, 192,  4),
    RMX_PRODUCT_FEW(8,   8,  2, 192,  4),
};
/* clang-format on */
