/* SPDX-License-Identifier: MIT */
/* mean.cu: the mean over any axes of a strided tensor. */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/partial_sums.cuh"

#define WARPS 8
#define THREADS 128

/* Axes as they are passed to a kernel, outermost first; neighbours that run on are merged. */
typedef struct axes {
    int32_t count;
    int64_t shape[RMX_MAX_DIMS], stride[RMX_MAX_DIMS], size;
} axes;

static axes merge(int32_t count, const int64_t *shape, const int64_t *stride)
{
    axes m = {};
    m.size = 1;
    for (int32_t i = 0; i < count; i++) {
        m.size *= shape[i];
        if (shape[i] == 1) continue;
        if (m.count > 0 && m.stride[m.count - 1] == shape[i] * stride[i]) {
            m.shape[m.count - 1] *= shape[i];
            m.stride[m.count - 1] = stride[i];
        } else {
            m.shape[m.count] = shape[i];
            m.stride[m.count++] = stride[i];
        }
    }
    return m;
}

static __device__ __forceinline__ int64_t offset_of(const axes &a, int64_t index)
{
    if (a.count == 1) return index * a.stride[0];
    int64_t offset = 0;
    for (int32_t i = a.count - 1; i >= 0; i--) {
        offset += index % a.shape[i] * a.stride[i];
        index /= a.shape[i];
    }
    return offset;
}

/* Element j of the row that begins at x. */
struct element_f {
    const float *x;
    const axes *reduced;
    __device__ float operator()(int64_t j, float acc) const
    {
        return rmx_addf(acc, x[offset_of(*reduced, j)]);
    }
};

/* One warp a row.      grid  rows / WARPS      traffic  x read once */
static __global__ void mean_warp(const __grid_constant__ axes kept,
                                 const __grid_constant__ axes reduced, const float *x, float *y)
{
    const int64_t o = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (o >= kept.size) return;
    const element_f e = {x + offset_of(kept, o), &reduced};
    const float s = rmx_warp_row(reduced.size, e);
    if (threadIdx.x == 0) y[o] = rmx_divf(s, (float)reduced.size);
}

/* One warp a contiguous row of at most RMX_SPAN elements, which are n, or the sums of n. */
static __global__ void mean_span(const __grid_constant__ axes kept, int count, int64_t n,
                                 const float *x, float *y)
{
    const int64_t o = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (o >= kept.size) return;
    const float total = rmx_warp_sum<8>(x + offset_of(kept, o), count);
    if (threadIdx.x == 0) y[o] = rmx_divf(total, (float)n);
}

/* ---- a thread's rows lie side by side: at most RMX_PARTIAL_SUMS elements, each a partial of its own ----
 *
 * Halving 128 partials of which only the first n <= P = 16 M are not +0 is a tree over P, whose
 * left half are the even ones, whose left half ..: so the elements r, r + M, r + 2 M, ... of one
 * remainder r meet first, in a tree of 16, and then the M remainders in one like it. */

static __device__ __forceinline__ float added(float a, float b) { return rmx_addf(a, b); }
static __device__ __forceinline__ float4 added(float4 a, float4 b)
{
    return make_float4(rmx_addf(a.x, b.x), rmx_addf(a.y, b.y), rmx_addf(a.z, b.z),
                       rmx_addf(a.w, b.w));
}
static __device__ __forceinline__ float over(float a, float n) { return rmx_divf(a, n); }
static __device__ __forceinline__ float4 over(float4 a, float n)
{
    return make_float4(rmx_divf(a.x, n), rmx_divf(a.y, n), rmx_divf(a.z, n), rmx_divf(a.w, n));
}
template <class V> static __device__ __forceinline__ V nothing(void);
template <> __device__ __forceinline__ float nothing<float>(void) { return 0.0f; }
template <> __device__ __forceinline__ float4 nothing<float4>(void) { return rmx_zero4(); }

/* The tree over elements r, r + M, ...; all are loaded before the first is added. */
template <class V>
static __device__ __forceinline__ V sixteen(const float *x, const axes &reduced, int n, int r,
                                            int m)
{
    V v[16];
#pragma unroll
    for (int i = 0; i < 16; i++) {
        const int l = r + i * m;
        v[i] = nothing<V>();
        if (l < n) v[i] = *(const V *)(x + offset_of(reduced, l));
    }
#pragma unroll
    for (int i = 0; i < 16; i++) v[i] = added(nothing<V>(), v[i]); /* a partial begins as +0 */
#pragma unroll
    for (int i = 0; i < 8; i++) v[i] = added(v[i], v[i + 8]);
#pragma unroll
    for (int i = 0; i < 4; i++) v[i] = added(v[i], v[i + 4]);
    return added(added(v[0], v[2]), added(v[1], v[3]));
}

/* The means of sizeof(V) / 4 neighbours in the last kept axis a thread.
 *   grid     rows / threads      traffic  x read once */
template <class V>
static __global__ void __launch_bounds__(THREADS)
    mean_columns(const __grid_constant__ axes kept, const __grid_constant__ axes reduced,
                 const float *x, float *y)
{
    constexpr int WIDE = sizeof(V) / sizeof(float);
    const int64_t o = ((int64_t)blockIdx.x * THREADS + threadIdx.x) * WIDE;
    if (o >= kept.size) return;
    const int n = (int)reduced.size, m = n <= 16 ? 1 : n <= 32 ? 2 : n <= 64 ? 4 : 8;
    const float *row = x + offset_of(kept, o);
    /* remainders in the order 0, 4, 2, 6, 1, 5, 3, 7 (of 8): what meets is then neighbours */
    V held[3] = {nothing<V>(), nothing<V>(), nothing<V>()}, v = nothing<V>();
#pragma unroll 1
    for (int c = 0; c < m; c++) {
        const int r = (int)(__brev((unsigned)c) >> 29) * m / 8;
        v = sixteen<V>(row, reduced, n, r, m);
        if (c & 1) {
            v = added(held[0], v);
            if (c & 2) {
                v = added(held[1], v);
                if (c & 4)
                    v = added(held[2], v);
                else
                    held[2] = v;
            } else {
                held[1] = v;
            }
        } else {
            held[0] = v;
        }
    }
    *(V *)(y + o) = over(v, (float)n);
}

/* Long contiguous rows: every span is a warp's, and its sum an element of the next row.
 *   grid     (spans / WARPS, rows)      traffic  x read once */
static __global__ void span_sums(const __grid_constant__ axes kept, int64_t n, int64_t spans,
                                 const float *x, float *sums)
{
    const int64_t span = (int64_t)blockIdx.x * WARPS + threadIdx.y, o = blockIdx.y;
    if (span >= spans) return;
    const float *row = x + offset_of(kept, o) + span * RMX_SPAN;
    const float total = rmx_warp_sum_span(row, n - span * RMX_SPAN);
    if (threadIdx.x == 0) sums[o * spans + span] = total;
}

static int64_t spans_of(int64_t n) { return (n + RMX_SPAN - 1) / RMX_SPAN; }

static unsigned blocks_for(int64_t items, int each)
{
    return (unsigned)((items + each - 1) / each);
}

/* Are four neighbours in the kept axes four floats in memory, aligned, wherever they begin? */
static bool fours(const axes *kept, const axes *reduced, const float *x, const float *y)
{
    if ((((uintptr_t)x | (uintptr_t)y) & 15) || kept->count == 0) return false;
    const int32_t last = kept->count - 1;
    if (kept->stride[last] != 1 || kept->shape[last] % 4 != 0) return false;
    for (int32_t i = 0; i < last; i++)
        if (kept->stride[i] % 4 != 0) return false;
    for (int32_t i = 0; i < reduced->count; i++)
        if (reduced->stride[i] % 4 != 0) return false;
    return true;
}

static void launch_spans(rmx_backend *backend, axes kept, int64_t n, const float *x, float *y)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const dim3 warps(RMX_WARP, WARPS);
    float *sums = (float *)rmx_cuda_scratch(backend);
    int64_t count = n;
    while (count > RMX_SPAN) {
        const int64_t spans = spans_of(count);
        const dim3 grid(blocks_for(spans, WARPS), (unsigned)kept.size);
        span_sums<<<grid, warps, 0, stream>>>(kept, count, spans, x, sums);
        kept = merge(1, &kept.size, &spans);
        x = sums;
        sums += kept.size * spans;
        count = spans;
    }
    mean_span<<<blocks_for(kept.size, WARPS), warps, 0, stream>>>(kept, (int)count, n, x, y);
}

rmx_status rmx_cuda_mean(rmx_backend *backend, const rmx_mean_args *a)
{
    const axes kept = merge(a->kept, a->kept_shape, a->kept_stride);
    axes reduced = merge(a->reduced, a->reduced_shape, a->reduced_stride);
    if (kept.size <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const dim3 warps(RMX_WARP, WARPS);
    const int64_t n = reduced.size;
    if (reduced.count == 0) { /* one element, or none: 0 / 0 is the promised NaN */
        reduced.count = 1;
        reduced.shape[0] = n;
        reduced.stride[0] = 1;
    }
    const bool contiguous = reduced.count == 1 && reduced.stride[0] == 1;
    /* in the scratch, the sums of spans and, less than half as many, of spans of them */
    const int64_t most = (int64_t)(RMX_CUDA_SCRATCH_BYTES / sizeof(float) / 2);
    const bool few = kept.size <= 65535 && kept.size * spans_of(n) <= most;
    if (contiguous && n > 0 && (n <= RMX_SPAN || few)) {
        launch_spans(backend, kept, n, rmx_f32(a->x), rmx_f32(a->y));
    } else if (n > 0 && n <= RMX_PARTIAL_SUMS) {
        if (fours(&kept, &reduced, rmx_f32(a->x), rmx_f32(a->y)))
            mean_columns<float4><<<blocks_for(kept.size / 4, THREADS), THREADS, 0, stream>>>(
                kept, reduced, rmx_f32(a->x), rmx_f32(a->y));
        else
            mean_columns<float><<<blocks_for(kept.size, THREADS), THREADS, 0, stream>>>(
                kept, reduced, rmx_f32(a->x), rmx_f32(a->y));
    } else {
        mean_warp<<<blocks_for(kept.size, WARPS), warps, 0, stream>>>(kept, reduced, rmx_f32(a->x),
                                                                      rmx_f32(a->y));
    }
    return rmx_cuda_check_launch(backend, "mean");
}

/* dx[o, r, i] = dy[o, i] / n.
 *   grid     (inner / THREADS, outer in y)      traffic  dy read once, dx written once */
static __global__ void mean_backward(rmx_mean_backward_args a)
{
    const int64_t column = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (column >= a.outer * a.inner) return;
    const int64_t o = column / a.inner, i = column % a.inner;
    const float v = rmx_divf(rmx_f32(a.dy)[column], (float)a.n);
    float *dx = rmx_f32(a.dx) + o * a.n * a.inner + i;
    for (int64_t r = blockIdx.y; r < a.n; r += gridDim.y) dx[r * a.inner] = v;
}

/* inner == 1: a value fills a row; one thread an element. */
static __global__ void mean_backward_rows(rmx_mean_backward_args a)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < a.outer * a.n) rmx_f32(a.dx)[i] = rmx_divf(rmx_f32(a.dy)[i / a.n], (float)a.n);
}

rmx_status rmx_cuda_mean_backward(rmx_backend *backend, const rmx_mean_backward_args *a)
{
    if (a->outer * a->n * a->inner <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    if (a->inner == 1) {
        mean_backward_rows<<<blocks_for(a->outer * a->n, THREADS), THREADS, 0, stream>>>(*a);
    } else {
        const int64_t split = (a->n + 15) / 16; /* 16 rows a thread */
        const dim3 grid(blocks_for(a->outer * a->inner, THREADS),
                        (unsigned)(split < 65535 ? split : 65535));
        mean_backward<<<grid, THREADS, 0, stream>>>(*a);
    }
    return rmx_cuda_check_launch(backend, "mean backward");
}
