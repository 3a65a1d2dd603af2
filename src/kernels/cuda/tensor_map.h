/* SPDX-License-Identifier: MIT */
/* tensor_map.h: describes a matrix in memory for TMA (compute capability 9.0), so that one thread
 * can fetch a box of it by coordinates. */
#ifndef RMX_CUDA_TENSOR_MAP_H
#define RMX_CUDA_TENSOR_MAP_H

#include <cuda.h>
#include <cudaTypedefs.h>

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef PFN_cuTensorMapEncodeTiled_v12000 rmx_tensor_map_encoder;

/* The driver's function that makes maps; NULL where device or driver has none. */
rmx_tensor_map_encoder rmx_tensor_map_find_encoder(int device_major);
/* That of the backend's device: backend.c. */
rmx_tensor_map_encoder rmx_cuda_encoder(const rmx_backend *);

/* A map of batch[0] * batch[1] matrices of rows x cols, for boxes of box_rows x box_cols. Columns
 * are contiguous; the pointer and all other strides are multiples of 16 bytes. What a box has
 * beyond a matrix is +0. Coordinates are column, row, v, u; those of a batch with stride 0 are
 * always 0. False where TMA cannot do it. */
bool rmx_tensor_map_make(rmx_tensor_map_encoder encode, const rmx_matrix *x, int64_t rows,
                         int64_t cols, const int64_t batch[2], int32_t box_rows, int32_t box_cols,
                         CUtensorMap *map);

#ifdef __cplusplus
}
#endif
#endif /* RMX_CUDA_TENSOR_MAP_H */
