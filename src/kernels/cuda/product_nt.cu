/* SPDX-License-Identifier: MIT */
/* product_nt.cu: the kernels of the product for A and B along k; see product.h. */
#include "kernels/cuda/product_tiles.cuh"

const rmx_product_tile rmx_product_chains_nt[RMX_PRODUCT_CHAINS] =
    RMX_PRODUCT_CHAIN_LIST(RMX_STRIP_ALONG, RMX_STRIP_ALONG);
