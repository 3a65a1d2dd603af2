/* SPDX-License-Identifier: MIT */
/* long_numerics_cuda.cu: the checksums of long_numerics.c, computed by a GPU.
 *
 * Every function of one argument in numerics.h at all 2^32 floats, and Philox against cuRAND's
 * device function. Prints a line each; exit status 1 if any differs from numerics_list.h, 77
 * without a GPU. The host functions that nvcc makes are checked too, at every NUMERICS_SAMPLE-th
 * float.
 *   nvcc -arch=sm_90a -O3 -fmad=false -Xcompiler -ffp-contract=off -Isrc -Itests \
 *        tests/long_numerics_cuda.cu */
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include <curand_kernel.h>

#include "kernels/numerics.h"
#include "kernels/philox.h"
#include "numerics_list.h"

static void check(cudaError_t e, const char *what)
{
    if (e != cudaSuccess) {
        std::fprintf(stderr, "long_numerics_cuda: %s: %s\n", what, cudaGetErrorString(e));
        std::exit(2);
    }
}

/* One functor a function, so that host and device code come from the same call. */
#define DEFINE_CALL(name, ...)                                                        \
    struct call_##name {                                                              \
        __host__ __device__ float operator()(float x) const { return rmx_##name(x); } \
    };
NUMERICS_LIST(DEFINE_CALL)

/* Integer sums do not depend on the order in which threads add. */
template <class Call> __global__ void sum_all(Call call, unsigned long long *sum)
{
    const uint64_t step = (uint64_t)gridDim.x * blockDim.x;
    unsigned long long s = 0;
    for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i >> 32 == 0; i += step) {
        const uint32_t out = rmx_float_bits(call(rmx_bits_float((uint32_t)i)));
        s += NUMERICS_CHECKSUM_TERM(i, out);
    }
    atomicAdd(sum, s);
}

template <class Call>
static int compare(const char *name, Call call, uint64_t sample, uint64_t full)
{
    unsigned long long *sum = nullptr, device = 0;
    check(cudaMallocManaged(&sum, sizeof *sum), "memory");
    *sum = 0;
    sum_all<<<1056, 256>>>(call, sum);
    check(cudaDeviceSynchronize(), name);
    device = *sum;
    check(cudaFree(sum), "free");

    uint64_t host = 0;
    for (uint64_t i = 0; i >> 32 == 0; i += NUMERICS_SAMPLE) {
        const uint32_t out = rmx_float_bits(call(rmx_bits_float((uint32_t)i)));
        host += NUMERICS_CHECKSUM_TERM(i, out);
    }
    const int bad = device != full || host != sample;
    std::printf("%-16s gpu %016llx host sample %016" PRIx64 "%s\n", name, device, host,
                bad ? "  OTHER BITS" : "");
    return bad;
}

__global__ void compare_philox(unsigned long long *differences)
{
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t ctr[4] = {i, i * 2654435761u, i ^ 0xdeadbeefu, ~i};
    const uint32_t key[2] = {i * 40503u, i + 12345u};
    uint32_t out[4];
    rmx_philox4x32(ctr, key, out);
    const uint4 r = curand_Philox4x32_10(make_uint4(ctr[0], ctr[1], ctr[2], ctr[3]),
                                         make_uint2(key[0], key[1]));
    if (out[0] != r.x || out[1] != r.y || out[2] != r.z || out[3] != r.w) {
        atomicAdd(differences, 1ull);
    }
}

int main()
{
    int bad = 0, devices = 0;
    const cudaError_t error = cudaGetDeviceCount(&devices);
    if (error != cudaSuccess || devices == 0) {
        std::printf("no GPU: %s\n", cudaGetErrorString(error));
        return 77;
    }
#define COMPARE(name, bound, root_bound, sample, full) \
    bad |= compare(#name, call_##name(), sample, full);
    NUMERICS_LIST(COMPARE)

    unsigned long long *differences = nullptr;
    check(cudaMallocManaged(&differences, sizeof *differences), "memory");
    *differences = 0;
    compare_philox<<<1 << 14, 256>>>(differences);
    check(cudaDeviceSynchronize(), "philox");
    std::printf("philox: %llu of %d counters differ from cuRAND\n", *differences, 1 << 22);
    bad |= *differences != 0;
    check(cudaFree(differences), "free");
    return bad;
}
