/* SPDX-License-Identifier: MIT */
/* product_any.cu: instantiates the product's kernels for any strides; see product.h. */
#include "kernels/cuda/product_variants.cuh"

const rmx_product_tile rmx_product_tile_any[RMX_PRODUCT_TILES] =
    RMX_PRODUCT_TILE_LIST(RMX_LOAD_STRIDED_MN_MAJOR, RMX_LOAD_STRIDED_MN_MAJOR);
const rmx_product_tile rmx_product_simt_any[RMX_PRODUCT_SIMT_TILES] =
    RMX_PRODUCT_SIMT_LIST(RMX_LOAD_STRIDED_K_MAJOR, RMX_LOAD_STRIDED_K_MAJOR);
