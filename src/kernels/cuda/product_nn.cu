/* SPDX-License-Identifier: MIT */
/* product_nn.cu: the kernels of the product for A along k, B along n; see product.h. */
#include "kernels/cuda/product_tiles.cuh"

const rmx_product_tile rmx_product_tiles_nn[RMX_PRODUCT_TILES] =
    RMX_PRODUCT_TILE_LIST(false, true);
const rmx_product_tile rmx_product_chains_nn[RMX_PRODUCT_CHAINS] =
    RMX_PRODUCT_CHAIN_LIST(RMX_STRIP_ALONG, RMX_STRIP_ACROSS);
