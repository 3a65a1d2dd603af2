/* SPDX-License-Identifier: MIT */
/* variants_cuda.cu: see variants_cuda.h. */
extern "C" {
#include "variants_cuda.h"
}

#include "kernels/cuda/product.h"

extern "C" int32_t variants_cuda_count(void) { return RMX_PRODUCT_VARIANTS; }

extern "C" void variants_cuda_force(int32_t variant) { rmx_cuda_product_variant = variant; }
