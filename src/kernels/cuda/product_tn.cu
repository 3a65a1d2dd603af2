/* SPDX-License-Identifier: MIT */
/* product_tn.cu: the kernels of the product for A along m, B along n; see product.h. */
#include "kernels/cuda/product_tiles.cuh"

const rmx_product_tile rmx_product_tiles_tn[RMX_PRODUCT_TILES] = RMX_PRODUCT_TILE_LIST(true, true);
const rmx_product_tile rmx_product_chains_tn[RMX_PRODUCT_CHAINS] =
    RMX_PRODUCT_CHAIN_LIST(RMX_STRIP_ACROSS, RMX_STRIP_ACROSS);
