/* SPDX-License-Identifier: MIT */
/* tensor_map.c: see tensor_map.h. */
#include "kernels/cuda/tensor_map.h"

#include <string.h>

#include <cuda_runtime_api.h>

rmx_tensor_map_encoder rmx_tensor_map_find_encoder(int device_major)
{
    void *found_at = NULL;
    rmx_tensor_map_encoder encoder = NULL;
    enum cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    if (device_major < 9) return NULL;
#if CUDART_VERSION >= 12050
    const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found_at,
                                                               12000, cudaEnableDefault, &found);
#else
    const cudaError_t error =
        cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &found_at, cudaEnableDefault, &found);
#endif
    if (error != cudaSuccess) (void)cudaGetLastError();
    if (error != cudaSuccess || found != cudaDriverEntryPointSuccess) return NULL;
    memcpy(&encoder, &found_at, sizeof encoder); /* C has no cast from object to function */
    return encoder;
}

/* An extent that is not there, or always read at 0. */
static bool flat(int64_t count, int64_t stride) { return count == 1 || stride == 0; }

bool rmx_tensor_map_make(rmx_tensor_map_encoder encode, const rmx_matrix *x, int64_t rows,
                         int64_t cols, const int64_t batch[2], int32_t box_rows, int32_t box_cols,
                         CUtensorMap *map)
{
    const bool flat_v = flat(batch[1], x->batch[1]), flat_u = flat(batch[0], x->batch[0]);
    const int64_t row = 4 * x->rs, v = flat_v ? row : 4 * x->batch[1];
    const int64_t u = flat_u ? row : 4 * x->batch[0];
    if (!encode || rows < 1 || cols < 1 || rows > INT32_MAX || cols > INT32_MAX || row < 1 ||
        v < 1 || u < 1 || batch[0] > INT32_MAX || batch[1] > INT32_MAX)
        return false;
    const cuuint64_t extent[4] = {(cuuint64_t)cols, (cuuint64_t)rows,
                                  flat_v ? 1 : (cuuint64_t)batch[1],
                                  flat_u ? 1 : (cuuint64_t)batch[0]};
    const cuuint64_t stride[3] = {(cuuint64_t)row, (cuuint64_t)v, (cuuint64_t)u};
    const cuuint32_t box[4] = {(cuuint32_t)box_cols, (cuuint32_t)box_rows, 1, 1};
    const cuuint32_t each[4] = {1, 1, 1, 1};
    return encode(map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4, (void *)(uintptr_t)x->p, extent, stride,
                  box, each, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}
