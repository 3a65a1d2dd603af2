/* SPDX-License-Identifier: MIT */
/* product_small_m.cu: instantiates the small-M kernel, for A along k, B along n; see product.h. */
#include "kernels/cuda/product_small_m.cuh"

/* clang-format off */
const rmx_product_tile rmx_product_small_m_nn[RMX_PRODUCT_SMALL_M_TILES] = {
    /*                BM  BN TM   BK stages */
    RMX_PRODUCT_SMALL_M(1,  8, 1, 192, 4),
    RMX_PRODUCT_SMALL_M(1, 16, 1, 192, 4),
    RMX_PRODUCT_SMALL_M(1, 24, 1, 128, 4),
    RMX_PRODUCT_SMALL_M(1, 32, 1,  96, 4),
    RMX_PRODUCT_SMALL_M(2, 16, 1, 192, 4),
    RMX_PRODUCT_SMALL_M(4,  8, 1, 192, 4),
    RMX_PRODUCT_SMALL_M(4, 16, 2, 192, 4),
    RMX_PRODUCT_SMALL_M(8,  8, 2, 192, 4),
};
/* clang-format on */
