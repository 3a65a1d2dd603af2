/* SPDX-License-Identifier: MIT */
/* backend.c: the CUDA backend: one device, its streams, its memory.
 *
 * The runtime is linked statically and looks for the driver at the first call. So a program with
 * this file starts on any machine and can say what is missing.
 * Uploads go through a ring of pinned slots. The host copies the caller's bytes to a slot, the
 * device copies the slot in the stream, and the host waits only when it is a whole ring ahead. */
#include "kernels/cuda/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/tensor_map.h"

#define SLOTS 8
#define SLOT_BYTES ((size_t)2 << 20)

typedef struct cuda_state {
    cudaStream_t stream, input; /* the queues of ops.h */
    bool borrowed;              /* the stream is the caller's */
    cudaEvent_t events[RMX_EVENTS];
    int device;
    int32_t multiprocessors;
    size_t shared_bytes,
        shared_reserved;            /* of a block: the most, and what the system takes besides */
    size_t shared_all;              /* of a multiprocessor */
    rmx_tensor_map_encoder encoder; /* NULL: no TMA */
    unsigned char *staging;         /* SLOTS * SLOT_BYTES, pinned */
    cudaEvent_t left[SLOTS];        /* the slot's bytes have been read by the device */
    unsigned next;                  /* slot to fill next */
    void *scratch;                  /* of rmx_cuda_scratch */
    void *flags;                    /* of rmx_cuda_flags */
} cuda_state;

/* ---- errors ------------------------------------------------------------------------------ */

rmx_status rmx_cuda_check(rmx_backend *backend, cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return RMX_OK;
    (void)cudaGetLastError(); /* so that the next call is not blamed for this one */
    return rmx_cuda_judge_error(error, what, backend->error, sizeof backend->error);
}

rmx_status rmx_cuda_check_launch(rmx_backend *backend, const char *what)
{
    return rmx_cuda_check(backend, cudaGetLastError(), what);
}

/* ---- choice of a device ------------------------------------------------------------------ */

static rmx_status count_devices(rmx_backend *backend, int *count)
{
    int driver = 0, runtime = 0;
    const cudaError_t error = cudaGetDeviceCount(count);
    (void)cudaDriverGetVersion(&driver); /* 0 where there is none */
    (void)cudaRuntimeGetVersion(&runtime);
    (void)cudaGetLastError();
    return rmx_cuda_judge_count(error, *count, driver, runtime, backend->error,
                                sizeof backend->error);
}

/* Device `ordinal`; 0: the first of compute capability 8.0 or more. */
static rmx_status choose_device(rmx_backend *backend, cuda_state *state, int32_t ordinal,
                                struct cudaDeviceProp *chosen)
{
    int count = 0;
    rmx_status status = count_devices(backend, &count);
    if (status != RMX_OK) return status;
    if (ordinal >= count) {
        snprintf(backend->error, sizeof backend->error, "ordinal = %d: there are %d GPUs, 0 to %d",
                 ordinal, count, count - 1);
        return RMX_ERR_DEVICE;
    }
    const int end = ordinal > 0 ? ordinal + 1 : count;
    for (int device = ordinal; device < end; device++) {
        status = rmx_cuda_check(backend, cudaGetDeviceProperties(chosen, device),
                                "reading a GPU's properties");
        if (status != RMX_OK) return status;
        status = rmx_cuda_judge_device(chosen->name, chosen->major, chosen->minor, backend->error,
                                       sizeof backend->error);
        if (status != RMX_OK) continue;
        state->device = device;
        state->multiprocessors = chosen->multiProcessorCount;
        state->shared_bytes = chosen->sharedMemPerBlockOptin;
        state->shared_reserved = chosen->reservedSharedMemPerBlock;
        state->shared_all = chosen->sharedMemPerMultiprocessor;
        state->encoder = rmx_tensor_map_find_encoder(chosen->major);
        return RMX_OK;
    }
    return status; /* of the last device */
}

static rmx_status start(rmx_backend *backend, cuda_state *state, cudaStream_t stream)
{
    rmx_status status = rmx_cuda_check(backend, cudaSetDevice(state->device), "taking the GPU");
    if (status != RMX_OK) return status;
    state->stream = stream;
    state->borrowed = stream != NULL;
    if (!stream)
        status = rmx_cuda_check(backend,
                                cudaStreamCreateWithFlags(&state->stream, cudaStreamNonBlocking),
                                "creating a stream");
    if (status != RMX_OK) return status;
    status =
        rmx_cuda_check(backend, cudaStreamCreateWithFlags(&state->input, cudaStreamNonBlocking),
                       "creating a stream");
    if (status != RMX_OK) return status;
    void *staging = NULL;
    status = rmx_cuda_check(backend, cudaMallocHost(&staging, SLOTS * SLOT_BYTES),
                            "pinning host memory for uploads");
    state->staging = staging;
    for (int i = 0; status == RMX_OK && i < SLOTS; i++) {
        status = rmx_cuda_check(backend,
                                cudaEventCreateWithFlags(&state->left[i], cudaEventDisableTiming),
                                "creating an event");
    }
    for (int i = 0; status == RMX_OK && i < RMX_EVENTS; i++) {
        status = rmx_cuda_check(
            backend, cudaEventCreateWithFlags(&state->events[i], cudaEventDisableTiming),
            "creating an event");
    }
    if (status == RMX_OK)
        status = rmx_cuda_alloc(backend, RMX_CUDA_SCRATCH_BYTES, &state->scratch);
    if (status == RMX_OK)
        status = rmx_cuda_alloc(backend, RMX_CUDA_FLAGS * sizeof(uint32_t), &state->flags);
    if (status == RMX_OK)
        status = rmx_cuda_zero(backend, state->flags, RMX_CUDA_FLAGS * sizeof(uint32_t));
    return status;
}

rmx_status rmx_cuda_backend_create(rmx_backend *backend, int32_t ordinal, void *stream,
                                   char *describe, size_t describe_bytes)
{
    struct cudaDeviceProp device;
    memset(backend, 0, sizeof *backend);
    cuda_state *state = calloc(1, sizeof *state);
    if (!state) {
        snprintf(backend->error, sizeof backend->error, "out of memory");
        return RMX_ERR_MEMORY;
    }
    rmx_status status = choose_device(backend, state, ordinal, &device);
    backend->ops = &rmx_cuda_ops;
    backend->state = state;
    if (status == RMX_OK) status = start(backend, state, stream);
    if (status != RMX_OK) {
        rmx_cuda_backend_destroy(backend);
        return status;
    }
    snprintf(describe, describe_bytes, "cuda: %s, compute capability %d.%d, %.0f GiB", device.name,
             device.major, device.minor, (double)device.totalGlobalMem / (double)(1 << 30));
    return RMX_OK;
}

/* The error text of a failed creation is kept. */
void rmx_cuda_backend_destroy(rmx_backend *backend)
{
    cuda_state *state = backend->state;
    if (!state) return;
    if (state->stream) {
        (void)cudaSetDevice(state->device);
        (void)cudaStreamSynchronize(state->stream);
    }
    for (int i = 0; i < SLOTS; i++) {
        if (state->left[i]) (void)cudaEventDestroy(state->left[i]);
    }
    for (int i = 0; i < RMX_EVENTS; i++) {
        if (state->events[i]) (void)cudaEventDestroy(state->events[i]);
    }
    if (state->staging) (void)cudaFreeHost(state->staging);
    if (state->scratch) (void)cudaFree(state->scratch);
    if (state->flags) (void)cudaFree(state->flags);
    if (state->input) (void)cudaStreamDestroy(state->input);
    if (state->stream && !state->borrowed) (void)cudaStreamDestroy(state->stream);
    free(state);
    backend->state = NULL;
}

cudaStream_t rmx_cuda_stream(rmx_backend *backend)
{
    const cuda_state *state = backend->state;
    (void)cudaSetDevice(state->device);
    return state->stream;
}

cudaStream_t rmx_cuda_queue(rmx_backend *backend, rmx_queue queue)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    return queue == RMX_QUEUE_INPUT ? ((const cuda_state *)backend->state)->input : stream;
}

cudaEvent_t rmx_cuda_event(rmx_backend *backend, int32_t event)
{
    return ((const cuda_state *)backend->state)->events[event];
}

void *rmx_cuda_scratch(rmx_backend *backend)
{
    return ((const cuda_state *)backend->state)->scratch;
}

uint32_t *rmx_cuda_flags(rmx_backend *backend)
{
    return ((const cuda_state *)backend->state)->flags;
}

size_t rmx_cuda_shared_bytes(const rmx_backend *backend)
{
    return ((const cuda_state *)backend->state)->shared_bytes;
}

rmx_tensor_map_encoder rmx_cuda_encoder(const rmx_backend *backend)
{
    return ((const cuda_state *)backend->state)->encoder;
}

int64_t rmx_cuda_resident(const rmx_backend *backend, size_t shared_bytes, int most)
{
    const cuda_state *state = backend->state;
    const size_t fit = state->shared_all / (shared_bytes + state->shared_reserved);
    return (int64_t)state->multiprocessors * (fit < (size_t)most ? (int64_t)fit : most);
}

int32_t rmx_cuda_multiprocessors(const rmx_backend *backend)
{
    return ((const cuda_state *)backend->state)->multiprocessors;
}

/* ---- memory ------------------------------------------------------------------------------ */

rmx_status rmx_cuda_alloc(rmx_backend *backend, size_t bytes, void **out)
{
    size_t unused = 0, total = 0;
    (void)rmx_cuda_stream(backend);
    *out = NULL;
    const cudaError_t error = cudaMalloc(out, bytes ? bytes : 1);
    if (error != cudaErrorMemoryAllocation)
        return rmx_cuda_check(backend, error, "memory on the GPU");
    (void)cudaGetLastError();
    if (cudaMemGetInfo(&unused, &total) != cudaSuccess) (void)cudaGetLastError();
    return rmx_cuda_judge_memory(bytes, unused, total, backend->error, sizeof backend->error);
}

void rmx_cuda_free(rmx_backend *backend, void *memory)
{
    (void)rmx_cuda_stream(backend);
    if (cudaFree(memory) != cudaSuccess) (void)cudaGetLastError(); /* sync reports a lost device */
}

rmx_status rmx_cuda_upload(rmx_backend *backend, void *dst, const void *host_src, size_t bytes)
{
    cuda_state *state = backend->state;
    cudaStream_t stream = rmx_cuda_stream(backend);
    const unsigned char *from = host_src;
    unsigned char *to = dst;
    cudaError_t error = cudaSuccess;
    while (bytes && error == cudaSuccess) {
        const size_t chunk = bytes < SLOT_BYTES ? bytes : SLOT_BYTES;
        const unsigned slot = state->next++ % SLOTS;
        unsigned char *staging = state->staging + slot * SLOT_BYTES;
        error = cudaEventSynchronize(state->left[slot]); /* at once for an event not yet used */
        if (error != cudaSuccess) break;
        memcpy(staging, from, chunk);
        error = cudaMemcpyAsync(to, staging, chunk, cudaMemcpyHostToDevice, stream);
        if (error == cudaSuccess) error = cudaEventRecord(state->left[slot], stream);
        from += chunk;
        to += chunk;
        bytes -= chunk;
    }
    return rmx_cuda_check(backend, error, "upload");
}

rmx_status rmx_cuda_download(rmx_backend *backend, void *host_dst, const void *src, size_t bytes)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    cudaError_t error = cudaSuccess;
    if (bytes) error = cudaMemcpyAsync(host_dst, src, bytes, cudaMemcpyDeviceToHost, stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize(stream);
    return rmx_cuda_check(backend, error, "download");
}

rmx_status rmx_cuda_copy(rmx_backend *backend, void *dst, const void *src, size_t bytes)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    if (!bytes) return RMX_OK;
    return rmx_cuda_check(
        backend, cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, stream), "copy");
}

rmx_status rmx_cuda_zero(rmx_backend *backend, void *dst, size_t bytes)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    if (!bytes) return RMX_OK;
    return rmx_cuda_check(backend, cudaMemsetAsync(dst, 0, bytes, stream), "zero");
}

rmx_status rmx_cuda_sync(rmx_backend *backend)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    return rmx_cuda_check(backend, cudaStreamSynchronize(stream), "the work before this point");
}
