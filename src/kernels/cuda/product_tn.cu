/* SPDX-License-Identifier: MIT */
/* product_tn.cu: instantiates the product's kernels for A along m, B along n; see product.h. */
#include "kernels/cuda/product_variants.cuh"

const rmx_product_tile rmx_product_tile_tn[RMX_PRODUCT_TILES] =
    RMX_PRODUCT_TILE_LIST(RMX_LOAD_MN_MAJOR, RMX_LOAD_MN_MAJOR);
const rmx_product_tile rmx_product_simt_tn[RMX_PRODUCT_SIMT_TILES] =
    RMX_PRODUCT_SIMT_LIST(RMX_LOAD_MN_MAJOR, RMX_LOAD_MN_MAJOR);
