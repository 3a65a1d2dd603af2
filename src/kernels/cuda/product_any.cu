/* SPDX-License-Identifier: MIT */
/* product_any.cu: the kernels of the product for any strides; see product.h. */
#include "kernels/cuda/product_tiles.cuh"

const rmx_product_tile rmx_product_tiles_any[RMX_PRODUCT_TILES] =
    RMX_PRODUCT_TILE_LIST(false, false);
const rmx_product_tile rmx_product_chains_any[RMX_PRODUCT_CHAINS] =
    RMX_PRODUCT_CHAIN_LIST(RMX_STRIP_ANY, RMX_STRIP_ANY);
