/* norm.cu: LayerNorm and RMSNorm, forward and backward. */
#include "kernels/cuda/norm_row.cuh"
#include "kernels/cuda/rows_sum.cuh"

#define WARPS 8 /* rows a block */
#define SHARED_MOST (96 << 10)

static bool aligned16(const void *a, const void *b, const void *c, const void *d)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)d) & 15) == 0;
}

static unsigned row_blocks(int64_t rows) { return (unsigned)((rows + WARPS - 1) / WARPS); }

/* y = h * gamma + beta, one warp a row in registers.
 *   grid     rows / WARPS      traffic  x read once, y written once */
template <rmx_norm_kind kind, int NV>
static __global__ void __launch_bounds__(RMX_WARP *WARPS) norm(rmx_norm_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.rows) return;
    const int dim = (int)a.dim;
    float4 v[NV];
#pragma unroll
    for (int i = 0; i < NV; i++)
        if (rmx_column(i) < dim) v[i] = *(const float4 *)(a.x + r * a.ld_x + rmx_column(i));
    const rmx_stats st = rmx_row_stats<kind, NV>(v, dim, a.eps);
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column(i);
        if (j >= dim) continue;
        *(float4 *)(a.y + r * a.ld_y + j) =
            rmx_affine4(rmx_normed4<kind>(v[i], st), a.gamma, a.beta, j);
    }
    if (threadIdx.x != 0) return;
    if (a.mean && kind == RMX_NORM_LAYER) a.mean[r] = st.mean;
    if (a.rstd) a.rstd[r] = st.rstd;
}

/* The same for rows of any length and alignment. y may be x: statistics come first. */
template <rmx_norm_kind kind> static __global__ void norm_long(rmx_norm_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.rows) return;
    const rmx_plain_f z = {a.x + r * a.ld_x};
    const rmx_stats st = rmx_long_stats<kind>(z, a.dim, a.eps);
    for (int64_t j = threadIdx.x; j < a.dim; j += RMX_WARP)
        a.y[r * a.ld_y + j] = rmx_fmaf(rmx_normed<kind>(z(j), st), a.gamma ? a.gamma[j] : 1.0f,
                                       a.beta ? a.beta[j] : 0.0f);
    if (threadIdx.x != 0) return;
    if (a.mean && kind == RMX_NORM_LAYER) a.mean[r] = st.mean;
    if (a.rstd) a.rstd[r] = st.rstd;
}

template <rmx_norm_kind kind> static void launch_norm(cudaStream_t stream, const rmx_norm_args *a)
{
    const dim3 threads(RMX_WARP, WARPS);
    const unsigned blocks = row_blocks(a->rows);
    const bool vector = aligned16(a->x, a->y, a->gamma, a->beta) && a->ld_y % 4 == 0;
    if (!vector || !rmx_vector_row(a->dim, a->ld_x, 32))
        norm_long<kind><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 128)
        norm<kind, 1><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 256)
        norm<kind, 2><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 512)
        norm<kind, 4><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 768)
        norm<kind, 6><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 1024)
        norm<kind, 8><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 1536)
        norm<kind, 12><<<blocks, threads, 0, stream>>>(*a);
    else if (a->dim <= 2048)
        norm<kind, 16><<<blocks, threads, 0, stream>>>(*a);
    else
        norm<kind, 32><<<blocks, threads, 0, stream>>>(*a);
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
    float *dgamma, *dbeta; /* [blocks, dim] partial sums, NULL where not wanted */
} row_gradient;

/* dx, and the block's sums for dgamma and dbeta. A block takes RMX_BLOCK_ROWS rows, WARPS at a
 * time: each warp does a row and leaves dy and h in shared memory, then every thread goes down the
 * rows of its columns, so that the chain over rows is in order and x and dy are read once.
 *   grid     row blocks      shared   2 * WARPS * dim floats
 *   traffic  dy, x (and residual) read once, dx written once */
template <rmx_norm_kind kind, int NV>
static __global__ void __launch_bounds__(RMX_WARP *WARPS)
    norm_backward(rmx_norm_backward_args a, row_gradient part)
{
    extern __shared__ float4 shared[];
    const int dim = (int)a.dim;
    float *dy_rows = (float *)shared, *h_rows = dy_rows + WARPS * dim;
    const int64_t first = (int64_t)blockIdx.x * RMX_BLOCK_ROWS;
    const int64_t left = a.rows - first;
    const int rows = left < RMX_BLOCK_ROWS ? (int)left : RMX_BLOCK_ROWS;
    const int thread = threadIdx.y * RMX_WARP + threadIdx.x;
    constexpr int COLS = (NV * RMX_LANES + RMX_WARP * WARPS - 1) / (RMX_WARP * WARPS);
    float sum_gamma[COLS] = {}, sum_beta[COLS] = {};

    for (int base = 0; base < rows; base += WARPS) {
        const int mine = base + threadIdx.y;
        if (mine < rows) {
            const int64_t r = first + mine;
            const rmx_stats st = {kind == RMX_NORM_LAYER ? a.mean[r] : 0.0f, a.rstd[r]};
            float4 g[NV], h[NV], s = rmx_zero4(), t = rmx_zero4();
#pragma unroll
            for (int i = 0; i < NV; i++) {
                const int j = rmx_column(i);
                if (j >= dim) continue;
                const float4 dy = *(const float4 *)(a.dy + r * a.ld + j);
                h[i] = rmx_normed4<kind>(*(const float4 *)(a.x + r * a.ld + j), st);
                g[i] = rmx_scaled4(dy, a.gamma, j);
                *(float4 *)(dy_rows + threadIdx.y * dim + j) = dy;
                *(float4 *)(h_rows + threadIdx.y * dim + j) = h[i];
                if (kind == RMX_NORM_LAYER) rmx_add4(&s, g[i]);
                rmx_fma4(&t, g[i], h[i]);
            }
            const float d = (float)dim;
            const rmx_averages m = {kind == RMX_NORM_LAYER ? rmx_divf(rmx_warp_total(s), d) : 0.0f,
                                    rmx_divf(rmx_warp_total(t), d)};
#pragma unroll
            for (int i = 0; i < NV; i++) {
                const int j = rmx_column(i);
                if (j >= dim || !a.dx) continue;
                float4 dx = rmx_norm_dx4<kind>(g[i], h[i], m, st.rstd);
                if (a.residual) rmx_add4(&dx, *(const float4 *)(a.residual + r * a.ld + j));
                *(float4 *)(a.dx + r * a.ld + j) = dx;
            }
        }
        if (!part.dgamma && !part.dbeta) continue;
        __syncthreads();
        const int count = rows - base < WARPS ? rows - base : WARPS;
#pragma unroll
        for (int c = 0; c < COLS; c++) {
            const int j = thread + c * RMX_WARP * WARPS;
            if (j >= dim) continue;
            for (int k = 0; k < count; k++) {
                const float dy = dy_rows[k * dim + j];
                sum_gamma[c] = rmx_fmaf(dy, h_rows[k * dim + j], sum_gamma[c]);
                sum_beta[c] = rmx_addf(sum_beta[c], dy);
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int c = 0; c < COLS; c++) {
        const int j = thread + c * RMX_WARP * WARPS;
        if (j >= dim) continue;
        if (part.dgamma) part.dgamma[blockIdx.x * a.dim + j] = sum_gamma[c];
        if (part.dbeta) part.dbeta[blockIdx.x * a.dim + j] = sum_beta[c];
    }
}

/* The same in two kernels for rows of any length and alignment: first the sums, since dx may be
 * dy; one thread a column. */
template <rmx_norm_kind kind>
static __global__ void column_sums_long(rmx_norm_backward_args a, row_gradient part)
{
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= a.dim) return;
    for (int64_t block = blockIdx.y; block * RMX_BLOCK_ROWS < a.rows; block += gridDim.y) {
        const int64_t first = block * RMX_BLOCK_ROWS;
        const int64_t last = a.rows - first < RMX_BLOCK_ROWS ? a.rows : first + RMX_BLOCK_ROWS;
        float gamma = 0.0f, beta = 0.0f;
        for (int64_t r = first; r < last; r++) {
            const rmx_stats st = {kind == RMX_NORM_LAYER ? a.mean[r] : 0.0f, a.rstd[r]};
            const float dy = a.dy[r * a.ld + j];
            gamma = rmx_fmaf(dy, rmx_normed<kind>(a.x[r * a.ld + j], st), gamma);
            beta = rmx_addf(beta, dy);
        }
        if (part.dgamma) part.dgamma[block * a.dim + j] = gamma;
        if (part.dbeta) part.dbeta[block * a.dim + j] = beta;
    }
}

template <rmx_norm_kind kind> static __global__ void dx_long(rmx_norm_backward_args a)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.rows) return;
    const rmx_plain_f z = {a.x + r * a.ld};
    const rmx_g_f g = {a.dy + r * a.ld, a.gamma};
    const rmx_stats st = {kind == RMX_NORM_LAYER ? a.mean[r] : 0.0f, a.rstd[r]};
    const rmx_averages m = rmx_long_averages<kind>(g, z, st, a.dim);
    for (int64_t j = threadIdx.x; j < a.dim; j += RMX_WARP) {
        float dx = rmx_norm_dx<kind>(g(j), rmx_normed<kind>(z(j), st), m, st.rstd);
        if (a.residual) dx = rmx_addf(dx, a.residual[r * a.ld + j]);
        a.dx[r * a.ld + j] = dx;
    }
}

template <rmx_norm_kind kind, int NV>
static cudaError_t launch_vector(cudaStream_t stream, const rmx_norm_backward_args *a,
                                 row_gradient part)
{
    const int shared = 2 * WARPS * (int)a->dim * (int)sizeof(float);
    const cudaError_t error = cudaFuncSetAttribute(
        norm_backward<kind, NV>, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_MOST);
    if (error != cudaSuccess) return error;
    norm_backward<kind, NV>
        <<<(unsigned)rmx_row_blocks(a->rows), dim3(RMX_WARP, WARPS), shared, stream>>>(*a, part);
    return cudaGetLastError();
}

template <rmx_norm_kind kind>
static cudaError_t launch_backward(cudaStream_t stream, const rmx_norm_backward_args *a,
                                   row_gradient part)
{
    const bool vector = aligned16(a->dy, a->x, a->gamma, a->dx) &&
                        aligned16(a->residual, 0, 0, 0) && rmx_vector_row(a->dim, a->ld, 12);
    if (vector && a->dim <= 128) return launch_vector<kind, 1>(stream, a, part);
    if (vector && a->dim <= 256) return launch_vector<kind, 2>(stream, a, part);
    if (vector && a->dim <= 512) return launch_vector<kind, 4>(stream, a, part);
    if (vector && a->dim <= 768) return launch_vector<kind, 6>(stream, a, part);
    if (vector && a->dim <= 1024) return launch_vector<kind, 8>(stream, a, part);
    if (vector) return launch_vector<kind, 12>(stream, a, part);
    if (part.dgamma || part.dbeta) {
        const int64_t blocks = rmx_row_blocks(a->rows);
        const dim3 grid((unsigned)((a->dim + 127) / 128),
                        (unsigned)(blocks < 65535 ? blocks : 65535));
        column_sums_long<kind><<<grid, 128, 0, stream>>>(*a, part);
    }
    if (a->dx) dx_long<kind><<<row_blocks(a->rows), dim3(RMX_WARP, WARPS), 0, stream>>>(*a);
    return cudaGetLastError();
}

rmx_status rmx_cuda_norm_backward(rmx_backend *backend, const rmx_norm_backward_args *a)
{
    if (a->rows * a->dim <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t blocks = rmx_row_blocks(a->rows);
    float *ws = (float *)a->ws;
    const row_gradient part = {a->dgamma ? ws : NULL, a->dbeta ? ws + blocks * a->dim : NULL};
    rmx_status status =
        rmx_cuda_check(backend,
                       a->kind == RMX_NORM_LAYER ? launch_backward<RMX_NORM_LAYER>(stream, a, part)
                                                 : launch_backward<RMX_NORM_RMS>(stream, a, part),
                       "norm backward");
    if (status == RMX_OK && a->dgamma)
        status = rmx_cuda_rows_chain(backend, 1, blocks, a->dim, part.dgamma, a->dgamma);
    if (status == RMX_OK && a->dbeta)
        status = rmx_cuda_rows_chain(backend, 1, blocks, a->dim, part.dbeta, a->dbeta);
    return status;
}
