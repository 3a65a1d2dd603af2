/* SPDX-License-Identifier: MIT */
/* norm.cu: LayerNorm and RMSNorm, forward and backward. */
#include "kernels/cuda/copies.cuh"
#include "kernels/cuda/norm_row.cuh"
#include "kernels/cuda/column_sum.cuh"
#include "kernels/cuda/rows_walk.cuh"

#define THREADS 256
#define WARPS (THREADS / RMX_WARP)

static bool aligned16(const void *a, const void *b, const void *c, const void *d)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)d) & 15) == 0;
}

static unsigned blocks_for(int64_t rows, int each) { return (unsigned)((rows + each - 1) / each); }

/* y = h * gamma + beta, a team of W lanes a row in registers.
 *   grid     rows / teams      traffic  x read once, y written once */
template <rmx_norm_kind kind, int W, int NV>
static __global__ void __launch_bounds__(THREADS) norm(rmx_norm_args a)
{
    const int64_t mine = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.rows; /* its lanes take part in the exchanges of their warp */
    const int64_t r = there ? mine : a.rows - 1;
    const int dim = (int)a.dim;
    float4 v[NV];
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j < dim) v[i] = *(const float4 *)(rmx_f32(a.x) + r * a.ld_x + j);
    }
    const rmx_stats st = rmx_row_stats<kind, W, NV>(v, dim, a.eps);
    if (!there) return;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= dim) continue;
        *(float4 *)(rmx_f32(a.y) + r * a.ld_y + j) =
            rmx_affine4(rmx_normed4<kind>(v[i], st), a.gamma, a.beta, j);
    }
    if (threadIdx.x % W != 0) return;
    if (a.mean && kind == RMX_NORM_LAYER) a.mean[r] = st.mean;
    if (a.rstd) a.rstd[r] = st.rstd;
}

/* The same for rows of any length and alignment. y may be x: statistics come first. */
template <rmx_norm_kind kind> static __global__ void norm_long(rmx_norm_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.rows) return;
    const int lane = threadIdx.x % RMX_WARP;
    const rmx_plain_f z = {rmx_f32(a.x) + r * a.ld_x};
    const rmx_stats st = rmx_long_stats<kind>(z, a.dim, a.eps);
    for (int64_t j = lane; j < a.dim; j += RMX_WARP)
        rmx_f32(a.y)[r * a.ld_y + j] = rmx_fmaf(
            rmx_normed<kind>(z(j), st), a.gamma ? a.gamma[j] : 1.0f, a.beta ? a.beta[j] : 0.0f);
    if (lane != 0) return;
    if (a.mean && kind == RMX_NORM_LAYER) a.mean[r] = st.mean;
    if (a.rstd) a.rstd[r] = st.rstd;
}

template <rmx_norm_kind kind, int W, int NV>
static void launch_rows(cudaStream_t stream, const rmx_norm_args *a)
{
    norm<kind, W, NV><<<blocks_for(a->rows, THREADS / W), THREADS, 0, stream>>>(*a);
}

template <rmx_norm_kind kind> static void launch_norm(cudaStream_t stream, const rmx_norm_args *a)
{
    const bool vector = aligned16(a->x, a->y, a->gamma, a->beta) && a->ld_y % 4 == 0 &&
                        rmx_vector_row(a->dim, a->ld_x, 32);
#define NORM(W, NV) launch_rows<kind, W, NV>(stream, a)
    if (vector)
        RMX_BY_DIM(a->dim, NORM, a->dim <= 2048 ? NORM(32, 16) : NORM(32, 32));
    else
        norm_long<kind><<<blocks_for(a->rows, WARPS), THREADS, 0, stream>>>(*a);
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

typedef struct row_gradient {
    float *dgamma, *dbeta; /* [chains, dim] partial sums */
    bool wanted, walk;     /* at all; by the same kernel as dx */
} row_gradient;

/* Rows of a unit, one a team; bytes of the two units that shared memory holds. */
template <int W> constexpr int UNIT = THREADS / W;
template <int W> static int64_t unit_bytes(int64_t dim)
{
    return 2 * 2 * UNIT<W> * dim * (int64_t)sizeof(float);
}

/* One row by its team: dx to memory; h takes x's place in shared memory. dim is 0 where there is
 * no row: the lanes take part in the exchanges of their warp. */
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
    const rmx_averages m = {kind == RMX_NORM_LAYER ? rmx_divf(rmx_team_total<W>(s), d) : 0.0f,
                            rmx_divf(rmx_team_total<W>(t), d)};
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= dim) continue;
        float4 dx = rmx_norm_dx4<kind>(g[i], h[i], m, st.rstd);
        if (a.residual) rmx_add4(&dx, *(const float4 *)(rmx_f32(a.residual) + r * a.ld + j));
        *(float4 *)(rmx_f32(a.dx) + r * a.ld + j) = dx;
    }
}

/* dx, and chains down the rows for dgamma and dbeta. A unit is a row for every team: each makes
 * dx of its row and leaves h beside dy in shared memory, then every thread goes down the rows of
 * its columns. Units are fetched one ahead.
 *   grid     runs of units, rows_walk.cuh      shared  dy and x of two units
 *   traffic  dy, x (and residual) read once, dx written once */
template <rmx_norm_kind kind, int W, int NV>
static __global__ void __launch_bounds__(THREADS)
    norm_backward(rmx_norm_backward_args a, row_gradient part, uint32_t *flags)
{
    extern __shared__ float4 shared[];
    constexpr int ROWS = UNIT<W>, COLS = (4 * W * NV + THREADS - 1) / THREADS;
    const int dim = (int)a.dim, stage = 2 * ROWS * dim, team = threadIdx.x / W;
    const rmx_walk walk((a.rows + ROWS - 1) / ROWS, part.walk ? RMX_ROW_BLOCK / ROWS : 1);
    auto rows_of = [&](int64_t u) { return (int)min((int64_t)ROWS, a.rows - u * ROWS); };
    auto fetch = [&](int64_t i) { /* each thread what it will use itself */
                                  float *dy = (float *)shared + (i & 1) * stage + team * dim,
                                        *x = dy + ROWS * dim;
                                  if (i < walk.count() && team < rows_of(walk.unit(i))) {
                                      const int64_t at = (walk.unit(i) * ROWS + team) * a.ld;
#pragma unroll
                                      for (int v = 0; v < NV; v++) {
                                          const int j = rmx_column<W>(v);
                                          if (j >= dim) continue;
                                          rmx_copy16(dy + j, rmx_f32(a.dy) + at + j);
                                          rmx_copy16(x + j, rmx_f32(a.x) + at + j);
                                      }
                                  }
                                  rmx_copies_commit();
    };

    rmx_walk_chains<COLS, THREADS> sum;
    fetch(0);
    for (int64_t i = 0; i < walk.count(); i++) {
        const int64_t u = walk.unit(i);
        float *dy = (float *)shared + (i & 1) * stage, *h = dy + ROWS * dim;
        const int rows = rows_of(u), r = team < rows ? team : rows - 1;
        fetch(i + 1);
        rmx_copies_wait<1>();
        row_backward<kind, W, NV>(a, u * ROWS + r, team < rows ? dim : 0, dy + r * dim,
                                  h + r * dim);
        if (part.walk) {
            __syncthreads();
            sum.begin(walk, u, flags, part.dgamma, part.dbeta, dim);
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
            sum.leave(walk, u, flags, part.dgamma, part.dbeta, dim);
        }
        __syncthreads(); /* before the next but one takes this one's place */
    }
}

/* The sums by themselves, a thread a column: before dx, which may be dy.
 *   grid     (columns, chains)      traffic  dy and x read once */
template <rmx_norm_kind kind>
static __global__ void column_sums(rmx_norm_backward_args a, row_gradient part)
{
    constexpr int TOGETHER = 8;
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= a.dim) return;
    for (int64_t chain = blockIdx.y; chain * RMX_ROW_BLOCK < a.rows; chain += gridDim.y) {
        const int64_t first = chain * RMX_ROW_BLOCK;
        const int count = (int)min((int64_t)RMX_ROW_BLOCK, a.rows - first);
        float gamma = 0.0f, beta = 0.0f;
        for (int r = 0; r < count; r += TOGETHER) {
            float dy[TOGETHER], x[TOGETHER];
            rmx_stats st[TOGETHER];
            bool halved = false; /* any of them */
#pragma unroll
            for (int k = 0; k < TOGETHER; k++) {
                if (r + k >= count) continue;
                const int64_t row = first + r + k;
                dy[k] = rmx_f32(a.dy)[row * a.ld + j];
                x[k] = rmx_f32(a.x)[row * a.ld + j];
                st[k] = {kind == RMX_NORM_LAYER ? a.mean[row] : 0.0f, a.rstd[row]};
                halved |= rmx_norm_halved(st[k].rstd);
            }
            auto down = [&](auto normed) {
#pragma unroll
                for (int k = 0; k < TOGETHER; k++) {
                    if (r + k >= count) continue;
                    gamma = rmx_fmaf(dy[k], normed(x[k], st[k]), gamma);
                    beta = rmx_addf(beta, dy[k]);
                }
            };
            if (kind == RMX_NORM_LAYER && halved)
                down([](float e, rmx_stats st) { return rmx_normed<kind>(e, st); });
            else
                down([](float e, rmx_stats st) { return rmx_normed_whole<kind>(e, st); });
        }
        part.dgamma[chain * a.dim + j] = gamma;
        part.dbeta[chain * a.dim + j] = beta;
    }
}

/* dx of rows of any length and alignment: one warp a row. */
template <rmx_norm_kind kind> static __global__ void dx_long(rmx_norm_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.rows) return;
    const rmx_plain_f z = {rmx_f32(a.x) + r * a.ld};
    const rmx_g_f g = {rmx_f32(a.dy) + r * a.ld, a.gamma};
    const rmx_stats st = {kind == RMX_NORM_LAYER ? a.mean[r] : 0.0f, a.rstd[r]};
    const rmx_averages m = rmx_long_averages<kind>(g, z, st, a.dim);
    for (int64_t j = threadIdx.x % RMX_WARP; j < a.dim; j += RMX_WARP) {
        float dx = rmx_norm_dx<kind>(g(j), rmx_normed<kind>(z(j), st), m, st.rstd);
        if (a.residual) dx = rmx_addf(dx, rmx_f32(a.residual)[r * a.ld + j]);
        rmx_f32(a.dx)[r * a.ld + j] = dx;
    }
}

template <rmx_norm_kind kind>
static void launch_sums(cudaStream_t stream, const rmx_norm_backward_args *a, row_gradient part)
{
    const int64_t chains = rmx_row_blocks(a->rows);
    const unsigned threads = a->dim <= 32 ? 32 : a->dim <= 64 ? 64 : 128;
    const dim3 grid((unsigned)((a->dim + threads - 1) / threads),
                    (unsigned)(chains < 65535 ? chains : 65535));
    column_sums<kind><<<grid, threads, 0, stream>>>(*a, part);
}

template <rmx_norm_kind kind, int W, int NV>
static cudaError_t launch_units(rmx_backend *backend, const rmx_norm_backward_args *a,
                                row_gradient part)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t bytes = unit_bytes<W>(a->dim), units = (a->rows + UNIT<W> - 1) / UNIT<W>;
    const int64_t most = rmx_walk_blocks(rmx_cuda_resident(backend, (size_t)bytes, 4));
    const cudaError_t error = cudaFuncSetAttribute(
        norm_backward<kind, W, NV>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    if (error != cudaSuccess) return error;
    part.walk = part.wanted && rmx_walk_pays(rmx_row_blocks(a->rows), most);
    if (part.wanted && !part.walk) launch_sums<kind>(stream, a, part);
    norm_backward<kind, W, NV>
        <<<(unsigned)(units < most ? units : most), THREADS, (size_t)bytes, stream>>>(
            *a, part, rmx_cuda_flags(backend));
    return cudaGetLastError();
}

template <rmx_norm_kind kind>
static cudaError_t launch_backward(rmx_backend *backend, const rmx_norm_backward_args *a,
                                   row_gradient part)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t bytes = unit_bytes<RMX_WARP>(a->dim);
    if (aligned16(a->dy, a->x, a->gamma, a->dx) && aligned16(a->residual, 0, 0, 0) &&
        rmx_vector_row(a->dim, a->ld, 12) && bytes <= (int64_t)rmx_cuda_shared_bytes(backend)) {
#define UNITS(W, NV) launch_units<kind, W, NV>(backend, a, part)
        return RMX_BY_DIM(a->dim, UNITS, UNITS(32, 12));
#undef UNITS
    }
    if (part.wanted) launch_sums<kind>(stream, a, part);
    if (a->dx) dx_long<kind><<<blocks_for(a->rows, WARPS), THREADS, 0, stream>>>(*a);
    return cudaGetLastError();
}

rmx_status rmx_cuda_norm_backward(rmx_backend *backend, const rmx_norm_backward_args *a)
{
    if (a->rows * a->dim <= 0) return RMX_OK;
    const int64_t chains = rmx_row_blocks(a->rows);
    float *ws = (float *)a->ws;
    const row_gradient part = {ws, ws + chains * a->dim, a->dgamma || a->dbeta, false};
    const rmx_status status = rmx_cuda_check(
        backend,
        a->kind == RMX_NORM_LAYER ? launch_backward<RMX_NORM_LAYER>(backend, a, part)
                                  : launch_backward<RMX_NORM_RMS>(backend, a, part),
        "norm backward");
    if (status != RMX_OK || !part.wanted) return status;
    const rmx_rows_chain chain = {
        1, chains, a->dim, {part.dgamma, part.dbeta}, {a->dgamma, a->dbeta}};
    return rmx_cuda_rows_chain(backend, &chain);
}
