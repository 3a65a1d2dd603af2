/* SPDX-License-Identifier: MIT */
/* plain_cuda_failures.cu: what is said of drivers, devices and errors that no test machine has.
 * Needs no GPU: failure.h is a function of what the runtime said. */
#include <cstdio>
#include <cstring>

#include "kernels/cuda/failure.h"

static int failed;
static char text[512];

static void expect(rmx_status status, rmx_status wanted, const char *words)
{
    const bool one_line = std::strchr(text, '\n') == nullptr;
    const bool good = status == wanted && one_line && std::strcmp(text, words) == 0;
    std::printf("%s %s: %s\n", good ? "ok" : "not ok", rmx_status_name(status), text);
    if (!good) std::printf("   wanted %s: %s\n", rmx_status_name(wanted), words);
    failed += !good;
    text[0] = '\0';
}

static void counts()
{
    const auto judge = [](cudaError_t error, int count, int driver) {
        return rmx_cuda_judge_count(error, count, driver, 13000, text, sizeof text);
    };
    const char *none = "device cuda: no GPU found, or CUDA_VISIBLE_DEVICES hides it";
    expect(judge(cudaSuccess, 1, 13000), RMX_OK, "");
    expect(judge(cudaSuccess, 0, 13000), RMX_ERR_DEVICE, none);
    expect(judge(cudaErrorNoDevice, 0, 13000), RMX_ERR_DEVICE, none);
    expect(judge(cudaErrorInsufficientDriver, 0, 0), RMX_ERR_DEVICE,
           "device cuda: no NVIDIA driver on this machine");
    expect(judge(cudaErrorInsufficientDriver, 0, 12040), RMX_ERR_DEVICE,
           "device cuda: the NVIDIA driver is too old: it is for CUDA 12.4 and this build for "
           "13.0; install a newer driver");
    expect(judge(cudaErrorSystemDriverMismatch, 0, 13000), RMX_ERR_DEVICE,
           "device cuda: looking for a GPU: system has unsupported display driver / cuda driver "
           "combination (cudaErrorSystemDriverMismatch)");
}

static void devices()
{
    const auto judge = [](const char *name, int major, int minor) {
        return rmx_cuda_judge_device(name, major, minor, text, sizeof text);
    };
    expect(judge("NVIDIA H100", 9, 0), RMX_OK, "");
    expect(judge("NVIDIA A100", 8, 0), RMX_OK, "");
    expect(judge("of tomorrow", 12, 1), RMX_OK, "");
    expect(judge("Tesla T4", 7, 5), RMX_ERR_DEVICE,
           "device cuda: Tesla T4 has compute capability 7.5; 8.0 (Ampere) or newer is needed");
}

static void errors()
{
    const auto judge = [](cudaError_t error) {
        return rmx_cuda_judge_error(error, "product", text, sizeof text);
    };
    expect(judge(cudaSuccess), RMX_OK, "");
    expect(
        judge(cudaErrorLaunchFailure), RMX_ERR_DEVICE,
        "device cuda: product: unspecified launch failure (cudaErrorLaunchFailure); the device is "
        "lost to this process: start it again");
    expect(judge(cudaErrorInvalidConfiguration), RMX_ERR_DEVICE,
           "device cuda: product: invalid configuration argument (cudaErrorInvalidConfiguration)");
    expect(judge(cudaErrorMemoryAllocation), RMX_ERR_MEMORY,
           "device cuda: product: out of memory (cudaErrorMemoryAllocation)");
}

static void memory()
{
    const size_t mib = (size_t)1 << 20;
    const auto judge = [](size_t asked, size_t unused, size_t total) {
        return rmx_cuda_judge_memory(asked, unused, total, text, sizeof text);
    };
    expect(judge(100000 * mib, 512 * mib, 81079 * mib), RMX_ERR_MEMORY,
           "out of device memory: 100000 MiB asked for, 512 of 81079 MiB are free");
    expect(judge(mib + 1, 0, 81079 * mib), RMX_ERR_MEMORY,
           "out of device memory: 2 MiB asked for, 0 of 81079 MiB are free");
    expect(judge(7, 0, 0), RMX_ERR_MEMORY, "out of device memory: 1 MiB asked for");
}

int main()
{
    counts();
    devices();
    errors();
    memory();
    return failed != 0;
}
