/* table.c: the CUDA backend's table of kernels. */
#include "kernels/cuda/backend.h"
#include "kernels/cuda/cuda.h"

const rmx_ops rmx_cuda_ops = {
    .code = "cuda",
    .alloc = rmx_cuda_alloc,
    .free = rmx_cuda_free,
    .upload = rmx_cuda_upload,
    .download = rmx_cuda_download,
    .copy = rmx_cuda_copy,
    .zero = rmx_cuda_zero,
    .sync = rmx_cuda_sync,
    .gemm = rmx_cuda_gemm,
};
