/* SPDX-License-Identifier: MIT */
/* queue.c: the input queue, events between the queues, and recorded steps.
 *
 * A queue is a stream. Input arrives in the input queue while kernels run in the compute queue,
 * from pinned host memory. A step is recorded once and replayed as one CUDA graph. */
#include "kernels/cuda/backend.h"
#include "kernels/cuda/cuda.h"

rmx_status rmx_cuda_host_alloc(rmx_backend *backend, size_t bytes, void **out)
{
    (void)rmx_cuda_stream(backend);
    *out = NULL;
    return rmx_cuda_check(backend, cudaMallocHost(out, bytes ? bytes : 1), "pinning host memory");
}

void rmx_cuda_host_free(rmx_backend *backend, void *memory)
{
    (void)rmx_cuda_stream(backend);
    if (memory && cudaFreeHost(memory) != cudaSuccess) (void)cudaGetLastError();
}

rmx_status rmx_cuda_send(rmx_backend *backend, void *dst, const void *host_src, size_t bytes)
{
    cudaStream_t input = rmx_cuda_queue(backend, RMX_QUEUE_INPUT);
    if (!bytes) return RMX_OK;
    return rmx_cuda_check(
        backend, cudaMemcpyAsync(dst, host_src, bytes, cudaMemcpyHostToDevice, input), "send");
}

rmx_status rmx_cuda_fetch(rmx_backend *backend, void *host_dst, const void *src, size_t bytes)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    if (!bytes) return RMX_OK;
    return rmx_cuda_check(
        backend, cudaMemcpyAsync(host_dst, src, bytes, cudaMemcpyDeviceToHost, stream), "fetch");
}

rmx_status rmx_cuda_signal(rmx_backend *backend, rmx_queue queue, int32_t event)
{
    cudaStream_t stream = rmx_cuda_queue(backend, queue);
    return rmx_cuda_check(backend, cudaEventRecord(rmx_cuda_event(backend, event), stream),
                          "signal");
}

rmx_status rmx_cuda_await(rmx_backend *backend, rmx_queue queue, int32_t event)
{
    cudaStream_t stream = rmx_cuda_queue(backend, queue);
    return rmx_cuda_check(backend, cudaStreamWaitEvent(stream, rmx_cuda_event(backend, event), 0),
                          "await");
}

rmx_status rmx_cuda_wait(rmx_backend *backend, int32_t event)
{
    (void)rmx_cuda_stream(backend);
    return rmx_cuda_check(backend, cudaEventSynchronize(rmx_cuda_event(backend, event)), "wait");
}

/* Only this thread's calls are restricted while it records: other contexts go on. */
rmx_status rmx_cuda_record_begin(rmx_backend *backend)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    return rmx_cuda_check(backend,
                          cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                          "recording a step");
}

rmx_status rmx_cuda_record_end(rmx_backend *backend, void **recording)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;
    cudaError_t error = cudaStreamEndCapture(stream, &graph);
    if (error == cudaSuccess) error = cudaGraphInstantiate(&exec, graph, 0);
    if (graph) (void)cudaGraphDestroy(graph);
    *recording = exec;
    return rmx_cuda_check(backend, error, "recording a step");
}

rmx_status rmx_cuda_replay(rmx_backend *backend, void *recording)
{
    cudaStream_t stream = rmx_cuda_stream(backend);
    return rmx_cuda_check(backend, cudaGraphLaunch(recording, stream), "replaying a step");
}

void rmx_cuda_record_free(rmx_backend *backend, void *recording)
{
    (void)rmx_cuda_stream(backend);
    if (recording && cudaGraphExecDestroy(recording) != cudaSuccess) (void)cudaGetLastError();
}
