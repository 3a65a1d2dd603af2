/* SPDX-License-Identifier: MIT */
/* plain_cuda_stream.cu: a context on the caller's GPU and stream, with the caller's memory. The
 * caller's copies before and after the library's work are ordered by the stream alone. */
#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

#include <vector>

#include "rankmixer/rankmixer.h"

#define CHECK(call)                                                           \
    do {                                                                      \
        const cudaError_t error = (call);                                     \
        if (error == cudaSuccess) break;                                      \
        printf("%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(error)); \
        return 1;                                                             \
    } while (0)
#define MUST(call)                                                                 \
    do {                                                                           \
        if ((call) == RMX_OK) break;                                               \
        printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, rmx_last_error(ctx)); \
        return 1;                                                                  \
    } while (0)

enum { ROWS = 4096, DIM = 768 };

static int norm_on(rmx_context *ctx, const float *x, float *y)
{
    rmx_norm_desc desc = {};
    desc.rows = ROWS, desc.dim = DIM, desc.eps = 1e-5f;
    MUST(rmx_norm_forward(ctx, &desc, x, NULL, NULL, y, NULL, NULL));
    return 0;
}

static int run(rmx_context *ctx, cudaStream_t stream, const float *x, float *y)
{
    const size_t bytes = sizeof(float) * ROWS * DIM;
    float *pinned, *from, *to;
    CHECK(cudaMallocHost((void **)&pinned, 2 * bytes));
    CHECK(cudaMalloc((void **)&from, bytes));
    CHECK(cudaMalloc((void **)&to, bytes));
    memcpy(pinned, x, bytes);
    CHECK(cudaMemcpyAsync(from, pinned, bytes, cudaMemcpyHostToDevice, stream));
    if (norm_on(ctx, from, to)) return 1;
    CHECK(cudaMemcpyAsync(pinned + ROWS * DIM, to, bytes, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    memcpy(y, pinned + ROWS * DIM, bytes);
    CHECK(cudaFree(from));
    CHECK(cudaFree(to));
    CHECK(cudaFreeHost(pinned));
    return 0;
}

int main(void)
{
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
        printf("no GPU\n");
        return 77;
    }
    char text[256];
    rmx_context *ctx = NULL, *cpu = NULL;
    rmx_context_options options = {};
    options.device = RMX_DEVICE_CUDA, options.ordinal = count;
    if (rmx_context_create(&options, &ctx, text, sizeof text) != RMX_ERR_DEVICE || ctx ||
        !strstr(text, "ordinal = ")) {
        printf("GPU %d of %d: \"%s\"\n", count, count, text);
        return 1;
    }
    cudaStream_t stream;
    options.ordinal = count - 1;
    CHECK(cudaSetDevice(options.ordinal));
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    options.stream = stream;
    MUST(rmx_context_create(&options, &ctx, text, sizeof text));
    rmx_context_options host = {};
    host.device = RMX_DEVICE_CPU;
    MUST(rmx_context_create(&host, &cpu, text, sizeof text));
    std::vector<float> x(ROWS * DIM), want(ROWS * DIM), got(ROWS * DIM);
    for (size_t i = 0; i < x.size(); i++) x[i] = (float)((i * 2654435761u) % 1000) - 500.0f;
    if (norm_on(cpu, x.data(), want.data())) return 1;
    if (run(ctx, stream, x.data(), got.data())) return 1;
    rmx_context_destroy(ctx);
    rmx_context_destroy(cpu);
    CHECK(cudaStreamSynchronize(stream)); /* it is still the caller's */
    CHECK(cudaStreamDestroy(stream));
    if (memcmp(want.data(), got.data(), sizeof(float) * x.size()) != 0) {
        printf("the norm on the caller's stream differs from the CPU's\n");
        return 1;
    }
    printf("%d rows of %d on GPU %d: the CPU's bits\n", ROWS, DIM, options.ordinal);
    return 0;
}
