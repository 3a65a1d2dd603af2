/* SPDX-License-Identifier: MIT */
/* product_nt.cu: instantiates the product's kernels for A and B along k; see product.h. */
#include "kernels/cuda/product_variants.cuh"

const rmx_product_tile rmx_product_simt_nt[RMX_PRODUCT_SIMT_TILES] =
    RMX_PRODUCT_SIMT_LIST(RMX_LOAD_K_MAJOR, RMX_LOAD_K_MAJOR);
