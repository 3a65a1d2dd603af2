/* SPDX-License-Identifier: MIT */
/* norm.cu: LayerNorm and RMSNorm, forward and backward.
 *
 * Forward: a sub-warp holds a row in registers, reads it once and writes it once.
 * Backward: a kernel computes dx and, in the same pass, the sums down the rows for dgamma and dbeta
 *   (norm_backward). Where row blocks are few these sums are a kernel of their own
 *   (norm_column.cuh).
 * Rows longer than RMX_REGISTER_ROW, or not aligned: a warp a row, read again for every pass. */
#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/norm_column.cuh"
#include "kernels/cuda/row_partition.cuh"

#define THREADS 256
#define WARPS (THREADS / RMX_WARP)

static bool register_row(int64_t dim, int64_t ld)
{
    return dim % 4 == 0 && ld % 4 == 0 && dim <= RMX_REGISTER_ROW;
}

/* ---- forward ---- */

/* y = h * gamma + beta, a sub-warp of W lanes a row.
 *   grid     rows / sub-warps      traffic  x read once, y written once */
template <rmx_norm_kind kind, int W, int NV>
static __global__ void __launch_bounds__(THREADS) norm(rmx_norm_args a)
{
    const int64_t mine = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.rows;
    const int64_t r = there ? mine : a.rows - 1;
    const int dim = (int)a.dim;
    float4 v[NV];
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j < dim) v[i] = *(const float4 *)(rmx_f32(a.x) + r * a.ld_x + j);
    }
    rmx_row_norm<kind, W, NV>(v, dim, a.eps, a.gamma, a.beta, rmx_f32(a.y) + r * a.ld_y, a.mean,
                              a.rstd, r, there);
}

/* The same for any row, one warp a row.      grid  rows / WARPS */
template <rmx_norm_kind kind> static __global__ void norm_long(rmx_norm_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.rows) return;
    const rmx_plain_f z = {rmx_f32(a.x) + r * a.ld_x};
    rmx_long_norm<kind>(z, a.dim, a.eps, a.gamma, a.beta, rmx_f32(a.y) + r * a.ld_y, a.mean,
                        a.rstd, r);
}

template <rmx_norm_kind kind, int W, int NV>
static void launch_rows(cudaStream_t stream, const rmx_norm_args *a)
{
    norm<kind, W, NV><<<rmx_blocks_for(a->rows, THREADS / W), THREADS, 0, stream>>>(*a);
}

template <rmx_norm_kind kind> static void launch_norm(cudaStream_t stream, const rmx_norm_args *a)
{
    const bool in_registers = rmx_aligned16(a->x, a->y, a->gamma, a->beta) && a->ld_y % 4 == 0 &&
                              register_row(a->dim, a->ld_x);
#define NORM(W, NV) launch_rows<kind, W, NV>(stream, a)
    if (in_registers)
        RMX_BY_DIM(a->dim, NORM);
    else
        norm_long<kind><<<rmx_blocks_for(a->rows, WARPS), THREADS, 0, stream>>>(*a);
#undef NORM
}

rmx_status rmx_cuda_norm(rmx_backend *backend, const rmx_norm_args *a)
{
    if (a->rows * a->dim <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    if (a->kind == RMX_NORM_LAYER)
        launch_norm<RMX_NORM_LAYER>(stream, a);
    else
        launch_norm<RMX_NORM_RMS>(stream, a);
    return rmx_cuda_check_launch(backend, "norm");
}

/* ---- backward ---- */

/* Rows of a row tile, one a sub-warp; bytes of the two row tiles that shared memory holds. */
template <int W> constexpr int TILE_ROWS = THREADS / W;
template <int W> static int64_t shared_bytes(int64_t dim)
{
    return 2 * 2 * TILE_ROWS<W> * dim * (int64_t)sizeof(float);
}

/* Blocks of a multiprocessor, as shared memory and registers allow; and how many the compiler must
 * leave registers for (0: it need not). */
template <int NV> constexpr int RESIDENT = NV <= 2 ? 4 : NV <= 4 ? 3 : NV <= 6 ? 2 : 1;
template <int NV> constexpr int LEAST_RESIDENT = NV == 6 ? RESIDENT<NV> : 0;

/* dx of one row by its sub-warp, to device memory; h takes x's place in shared memory. dim is 0
 * where there is no row: the lanes take part in the shuffles of their warp. */
template <rmx_norm_kind kind, int W, int NV>
static __device__ __forceinline__ void row_backward(const rmx_norm_backward_args &a, int64_t r,
                                                    int dim, const float *dy_row, float *x_row)
{
    const rmx_stats st = {kind == RMX_NORM_LAYER ? a.mean[r] : 0.0f, a.rstd[r]};
    const float d = (float)a.dim;
    float4 g[NV], h[NV], s = rmx_zero4(), t = rmx_zero4();
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= dim) continue;
        h[i] = rmx_normed4<kind>(*(const float4 *)(x_row + j), st);
        g[i] = rmx_scaled4(*(const float4 *)(dy_row + j), a.gamma, j);
        *(float4 *)(x_row + j) = h[i];
        if (kind == RMX_NORM_LAYER) rmx_add4(&s, g[i]);
        rmx_fma4(&t, g[i], h[i]);
    }
    if (!a.dx) return;
    const rmx_averages m = {kind == RMX_NORM_LAYER ? rmx_divf(rmx_subwarp_total<W>(s), d) : 0.0f,
                            rmx_divf(rmx_subwarp_total<W>(t), d)};
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= dim) continue;
        float4 dx = rmx_norm_dx4<kind>(g[i], h[i], m, st.rstd);
        if (a.residual) rmx_add4(&dx, *(const float4 *)(rmx_f32(a.residual) + r * a.ld + j));
        *(float4 *)(rmx_f32(a.dx) + r * a.ld + j) = dx;
    }
}

/* dx, and the sums down the rows for dgamma and dbeta.
 * Grid: one block per share of the rows (row_partition.cuh). Block: sub-warps of W lanes, which
 *   have a row of a row tile each; every thread also sums down columns.
 * Pipeline: two row tiles of dy and x in shared memory; the next is fetched while this one is used.
 *   1. Each sub-warp computes dx of its row and leaves h beside dy in shared memory.
 *   2. __syncthreads(); each thread goes down the rows of its columns.
 *   3. __syncthreads(): the row tile may be overwritten.
 * Cost: dy, x (and residual) read once, dx written once. */
template <rmx_norm_kind kind, int W, int NV>
static __global__ void __launch_bounds__(THREADS, LEAST_RESIDENT<NV>)
    norm_backward(rmx_norm_backward_args a, rmx_norm_sums sums)
{
    extern __shared__ float4 shared[];
    constexpr int ROWS = TILE_ROWS<W>, COLS = (4 * W * NV + THREADS - 1) / THREADS;
    const int dim = (int)a.dim, stage = 2 * ROWS * dim, subwarp = threadIdx.x / W;
    const rmx_row_share share((a.rows + ROWS - 1) / ROWS, sums.fused ? RMX_ROW_BLOCK / ROWS : 1,
                              sums.fused ? rmx_take_ticket(sums.flags, (uint32_t *)shared)
                                         : blockIdx.x);
    auto rows_of = [&](int64_t t) { return (int)min((int64_t)ROWS, a.rows - t * ROWS); };
    /* Each thread fetches what it will read itself. */
    auto fetch = [&](int64_t i) {
        float *dy = (float *)shared + (i & 1) * stage + subwarp * dim, *x = dy + ROWS * dim;
        if (i < share.count() && subwarp < rows_of(share.tile(i))) {
            const int64_t at = (share.tile(i) * ROWS + subwarp) * a.ld;
#pragma unroll
            for (int v = 0; v < NV; v++) {
                const int j = rmx_column<W>(v);
                if (j >= dim) continue;
                rmx_copy_async16(dy + j, rmx_f32(a.dy) + at + j);
                rmx_copy_async16(x + j, rmx_f32(a.x) + at + j);
            }
        }
        rmx_copy_commit();
    };

    rmx_running_sums<COLS, THREADS> sum;
    fetch(0);
    for (int64_t i = 0; i < share.count(); i++) {
        const int64_t t = share.tile(i);
        float *dy = (float *)shared + (i & 1) * stage, *h = dy + ROWS * dim;
        const int rows = rows_of(t), r = subwarp < rows ? subwarp : rows - 1;
        fetch(i + 1);
        rmx_copy_wait<1>();
        row_backward<kind, W, NV>(a, t * ROWS + r, subwarp < rows ? dim : 0, dy + r * dim,
                                  h + r * dim);
        if (sums.fused) {
            __syncthreads();
            sum.begin(share, t, sums.flags, sums.gamma, sums.beta, dim);
#pragma unroll
            for (int c = 0; c < COLS; c++) {
                const int j = (int)threadIdx.x + c * THREADS;
                if (j >= dim) continue;
#pragma unroll 8
                for (int k = 0; k < rows; k++) {
                    const float v = dy[k * dim + j];
                    sum.gamma[c] = rmx_fmaf(v, h[k * dim + j], sum.gamma[c]);
                    sum.beta[c] = rmx_addf(sum.beta[c], v);
                }
            }
            sum.end(share, t, sums.flags, sums.gamma, sums.beta, dim);
        }
        __syncthreads();
    }
}

/* dx of any row, one warp a row.      grid  rows / WARPS */
template <rmx_norm_kind kind> static __global__ void dx_long(rmx_norm_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.rows) return;
    const rmx_plain_f z = {rmx_f32(a.x) + r * a.ld};
    const rmx_g_f g = {rmx_f32(a.dy) + r * a.ld, a.gamma};
    const rmx_stats st = {kind == RMX_NORM_LAYER ? a.mean[r] : 0.0f, a.rstd[r]};
    rmx_long_dx<kind>(g, z, st, a.dim, a.residual ? rmx_f32(a.residual) + r * a.ld : NULL,
                      rmx_f32(a.dx) + r * a.ld);
}

/* Column j of x, for rmx_norm_column_sums. */
struct plain_column {
    const float *x, *at;
    int64_t ld, j;
    __device__ void column(int64_t col) { j = col; }
    __device__ void start(int64_t row) { at = x + row * ld + j; }
    __device__ float next(void)
    {
        const float v = *at;
        at += ld;
        return v;
    }
};

/* Before dx, which may be dy. */
template <rmx_norm_kind kind>
static cudaError_t launch_sums(cudaStream_t stream, const rmx_norm_backward_args *a,
                               const rmx_norm_sums &sums)
{
    const plain_column x = {rmx_f32(a->x), NULL, a->ld, 0};
    return rmx_norm_launch_sums<kind>(stream, x, a->rows, a->dim, a->ld, a->dy, a->mean, a->rstd,
                                      sums);
}

template <rmx_norm_kind kind, int W, int NV>
static cudaError_t launch_shares(rmx_backend *backend, const rmx_norm_backward_args *a,
                                 rmx_norm_sums sums)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const size_t bytes = (size_t)shared_bytes<W>(a->dim);
    const int64_t tiles = (a->rows + TILE_ROWS<W> - 1) / TILE_ROWS<W>;
    const int64_t most = rmx_partition_blocks(rmx_cuda_resident(backend, bytes, RESIDENT<NV>));
    cudaError_t error = cudaFuncSetAttribute(
        norm_backward<kind, W, NV>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    sums.fused = sums.wanted && rmx_partition_pays(rmx_row_blocks(a->rows), most);
    if (error == cudaSuccess && sums.wanted && !sums.fused)
        error = launch_sums<kind>(stream, a, sums);
    if (error != cudaSuccess) return error;
    norm_backward<kind, W, NV>
        <<<(unsigned)(tiles < most ? tiles : most), THREADS, bytes, stream>>>(*a, sums);
    return cudaGetLastError();
}

template <rmx_norm_kind kind>
static cudaError_t launch_backward(rmx_backend *backend, const rmx_norm_backward_args *a,
                                   const rmx_norm_sums &sums)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    if (rmx_aligned16(a->dy, a->x, a->gamma, a->dx, a->residual) && register_row(a->dim, a->ld) &&
        shared_bytes<RMX_WARP>(a->dim) <= (int64_t)rmx_cuda_shared_bytes(backend)) {
#define SHARES(W, NV) launch_shares<kind, W, NV>(backend, a, sums)
        return RMX_BY_DIM(a->dim, SHARES);
#undef SHARES
    }
    const cudaError_t error = sums.wanted ? launch_sums<kind>(stream, a, sums) : cudaSuccess;
    if (error != cudaSuccess) return error;
    if (a->dx) dx_long<kind><<<rmx_blocks_for(a->rows, WARPS), THREADS, 0, stream>>>(*a);
    return cudaGetLastError();
}

rmx_status rmx_cuda_norm_backward(rmx_backend *backend, const rmx_norm_backward_args *a)
{
    if (a->rows * a->dim <= 0) return RMX_OK;
    const rmx_norm_sums sums =
        rmx_norm_sums_in((float *)a->ws, a->rows, a->dim, a->dgamma || a->dbeta, backend);
    const rmx_status status = rmx_cuda_check(
        backend,
        a->kind == RMX_NORM_LAYER ? launch_backward<RMX_NORM_LAYER>(backend, a, sums)
                                  : launch_backward<RMX_NORM_RMS>(backend, a, sums),
        "norm backward");
    if (status != RMX_OK || !sums.wanted) return status;
    return rmx_norm_add_sums(backend, a->rows, a->dim, sums, a->dgamma, a->dbeta);
}
