/* SPDX-License-Identifier: MIT */
/* product_nn.cu: instantiates the product's kernels for A along k, B along n; see product.h. */
#include "kernels/cuda/product_variants.cuh"

const rmx_product_tile rmx_product_tile_nn[RMX_PRODUCT_TILES] =
    RMX_PRODUCT_TILE_LIST(RMX_LOAD_STRIDED_MN_MAJOR, RMX_LOAD_MN_MAJOR);
const rmx_product_tile rmx_product_simt_nn[RMX_PRODUCT_SIMT_TILES] =
    RMX_PRODUCT_SIMT_LIST(RMX_LOAD_K_MAJOR, RMX_LOAD_MN_MAJOR);
