/* token_mixer_backward.cu: the fused mixer's gradient; the permutation is token_mixer.cuh's. */
#include "kernels/cuda/token_mixer.cuh"

/* What a row needs besides its elements; kept in shared memory between the phases. */
typedef struct row {
    rmx_stats st;
    rmx_averages m;
} row;

/* a and b of each row of the sample: one warp a row. */
template <int NV>
static __device__ void row_averages(const rmx_token_mixer_backward_args &a, shape s, int64_t first,
                                    const float *x, const float *dy, row *rows)
{
    for (int t = threadIdx.y; t < s.tokens; t += WARPS) {
        const rmx_stats st = {a.mean[first + t], a.rstd[first + t]};
        float4 sum = rmx_zero4(), dot = rmx_zero4();
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column(i);
            if (j >= s.width) continue;
            const float4 g = rmx_scaled4(*(const float4 *)(dy + t * s.width + j), a.gamma, j);
            rmx_add4(&sum, g);
            rmx_fma4(&dot, g, rmx_normed4<RMX_NORM_LAYER>(z_at(s, x, t, j), st));
        }
        const float d = (float)s.width;
        const rmx_averages m = {rmx_divf(rmx_warp_total(sum), d),
                                rmx_divf(rmx_warp_total(dot), d)};
        if (threadIdx.x == 0) rows[t] = {st, m};
    }
}

/* Down the rows, one thread a group of four columns: the parameters' chains go on, and dz takes
 * dy's place. */
static __device__ __forceinline__ void columns_down(const rmx_token_mixer_backward_args &a,
                                                    shape s, const float *x, float *dy,
                                                    const row *rows, int j, float4 *dgamma,
                                                    float4 *dbeta)
{
    for (int t = 0; t < s.tokens; t++) {
        const row w = rows[t];
        float4 *at = (float4 *)(dy + t * s.width + j);
        const float4 v = *at, h = rmx_normed4<RMX_NORM_LAYER>(z_at(s, x, t, j), w.st);
        rmx_fma4(dgamma, v, h);
        rmx_add4(dbeta, v);
        *at = rmx_norm_dx4<RMX_NORM_LAYER>(rmx_scaled4(v, a.gamma, j), h, w.m, w.st.rstd);
    }
}

/* dx, and sums for dgamma and dbeta. A block takes RMX_BLOCK_ROWS rows, which are whole samples,
 * one after another: fetch x and dy; averages of each row; down the columns; dx = dz + revert(dz).
 *   grid     row blocks      shared   2 * tokens * width floats and the rows' numbers
 *   traffic  x and dy read once, dx written once */
template <int NV>
static __global__ void __launch_bounds__(THREADS)
    mixer_backward(rmx_token_mixer_backward_args a, shape s, float *gamma_part, float *beta_part)
{
    extern __shared__ float4 shared[];
    const int size = s.tokens * s.width;
    float *x = (float *)shared, *dy = x + size;
    row *rows = (row *)(dy + size);
    const int per_block = RMX_BLOCK_ROWS / s.tokens;
    const int64_t begin = (int64_t)blockIdx.x * per_block;
    const int64_t left = a.samples - begin;
    const int count = left < per_block ? (int)left : per_block;
    const int thread = threadIdx.y * RMX_WARP + threadIdx.x;
    constexpr int GROUPS = (NV * RMX_LANES / 4 + THREADS - 1) / THREADS;
    float4 dgamma[GROUPS] = {}, dbeta[GROUPS] = {};

    for (int b = 0; b < count; b++) {
        const int64_t sample = begin + b;
        fetch_sample((float4 *)x, (const float4 *)(a.x + sample * size), size / 4);
        fetch_sample((float4 *)dy, (const float4 *)(a.dy + sample * size), size / 4);
        fetch_done();
        row_averages<NV>(a, s, sample * s.tokens, x, dy, rows);
        __syncthreads();
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
            const int j = 4 * (thread + g * THREADS);
            if (j < s.width) columns_down(a, s, x, dy, rows, j, &dgamma[g], &dbeta[g]);
        }
        __syncthreads();
        for (int e = 4 * thread; e < size; e += 4 * THREADS) {
            const int t = e / s.width, j = e % s.width;
            float4 dx = *(const float4 *)(dy + e);
            rmx_add4(&dx, *(const float4 *)(dy + reverted_at(s, t, j)));
            *(float4 *)(a.dx + sample * size + e) = dx;
        }
        __syncthreads();
    }
#pragma unroll
    for (int g = 0; g < GROUPS; g++) {
        const int j = 4 * (thread + g * THREADS);
        if (j >= s.width) continue;
        *(float4 *)(gamma_part + (int64_t)blockIdx.x * s.width + j) = dgamma[g];
        *(float4 *)(beta_part + (int64_t)blockIdx.x * s.width + j) = dbeta[g];
    }
}

/* ---- any shape: dz to memory, sums down the rows, then dx ---- */

static __global__ void dz_long(rmx_token_mixer_backward_args a, shape s, float *dz)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (r >= a.samples * s.tokens) return;
    const z_f z = {a.x + r / s.tokens * s.tokens * s.width, s, (int)(r % s.tokens)};
    const rmx_g_f g = {a.dy + r * s.width, a.gamma};
    const rmx_stats st = {a.mean[r], a.rstd[r]};
    const rmx_averages m = rmx_long_averages<RMX_NORM_LAYER>(g, z, st, s.width);
    for (int j = threadIdx.x; j < s.width; j += RMX_WARP)
        dz[r * s.width + j] =
            rmx_norm_dx<RMX_NORM_LAYER>(g(j), rmx_normed<RMX_NORM_LAYER>(z(j), st), m, st.rstd);
}

static __global__ void sums_long(rmx_token_mixer_backward_args a, shape s, float *gamma_part,
                                 float *beta_part)
{
    const int j = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (j >= s.width) return;
    const int64_t rows = a.samples * s.tokens;
    for (int64_t block = blockIdx.y; block * RMX_BLOCK_ROWS < rows; block += gridDim.y) {
        const int64_t first = block * RMX_BLOCK_ROWS;
        const int64_t last = rows - first < RMX_BLOCK_ROWS ? rows : first + RMX_BLOCK_ROWS;
        float gamma = 0.0f, beta = 0.0f;
        for (int64_t r = first; r < last; r++) {
            const z_f z = {a.x + r / s.tokens * s.tokens * s.width, s, (int)(r % s.tokens)};
            const rmx_stats st = {a.mean[r], a.rstd[r]};
            const float dy = a.dy[r * s.width + j];
            gamma = rmx_fmaf(dy, rmx_normed<RMX_NORM_LAYER>(z(j), st), gamma);
            beta = rmx_addf(beta, dy);
        }
        gamma_part[block * s.width + j] = gamma;
        beta_part[block * s.width + j] = beta;
    }
}

static rmx_status backward_long(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                                shape s, float *gamma_part, float *beta_part)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t rows = a->samples * a->tokens, blocks = rmx_row_blocks(rows);
    float *dz = (float *)a->ws;
    dz_long<<<(unsigned)((rows + WARPS - 1) / WARPS), dim3(RMX_WARP, WARPS), 0, stream>>>(*a, s,
                                                                                          dz);
    const dim3 grid((unsigned)((s.width + 127) / 128),
                    (unsigned)(blocks < 65535 ? blocks : 65535));
    sums_long<<<grid, 128, 0, stream>>>(*a, s, gamma_part, beta_part);
    const rmx_status status = rmx_cuda_check_launch(backend, "token mixer backward");
    if (status != RMX_OK) return status;
    const rmx_token_mix_args revert = {.samples = a->samples,
                                       .tokens = a->tokens,
                                       .width = a->width,
                                       .heads = a->heads,
                                       .inverse = true,
                                       .x = dz,
                                       .residual = dz,
                                       .y = a->dx};
    return rmx_cuda_token_mix(backend, &revert);
}

template <int NV>
static rmx_status launch_backward(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                                  shape s, float *gamma_part, float *beta_part)
{
    const int bytes = 2 * s.tokens * s.width * (int)sizeof(float) + s.tokens * (int)sizeof(row);
    const rmx_status status =
        rmx_cuda_check(backend,
                       cudaFuncSetAttribute(mixer_backward<NV>,
                                            cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
                       "token mixer backward");
    if (status != RMX_OK) return status;
    const int64_t blocks = rmx_row_blocks(a->samples * a->tokens);
    mixer_backward<NV>
        <<<(unsigned)blocks, dim3(RMX_WARP, WARPS), bytes, rmx_cuda_stream(backend)>>>(
            *a, s, gamma_part, beta_part);
    return rmx_cuda_check_launch(backend, "token mixer backward");
}

static rmx_status backward(rmx_backend *backend, const rmx_token_mixer_backward_args *a, shape s,
                           float *gamma_part, float *beta_part)
{
    const bool aligned = aligned16(a->x, a->dy, a->dx) && aligned16(a->gamma, a->ws, NULL);
    if (!fits(s, 2, aligned) || RMX_BLOCK_ROWS % s.tokens != 0)
        return backward_long(backend, a, s, gamma_part, beta_part);
    if (s.width <= 128) return launch_backward<1>(backend, a, s, gamma_part, beta_part);
    if (s.width <= 256) return launch_backward<2>(backend, a, s, gamma_part, beta_part);
    if (s.width <= 512) return launch_backward<4>(backend, a, s, gamma_part, beta_part);
    if (s.width <= 768) return launch_backward<6>(backend, a, s, gamma_part, beta_part);
    if (s.width <= 1024) return launch_backward<8>(backend, a, s, gamma_part, beta_part);
    return launch_backward<16>(backend, a, s, gamma_part, beta_part);
}

rmx_status rmx_cuda_token_mixer_backward(rmx_backend *backend,
                                         const rmx_token_mixer_backward_args *a)
{
    const int64_t rows = a->samples * a->tokens, blocks = rmx_row_blocks(rows);
    if (rows * a->width <= 0) return RMX_OK;
    float *gamma_part = (float *)a->ws + rows * a->width;
    float *beta_part = gamma_part + blocks * a->width;
    rmx_status status =
        backward(backend, a, shape_of(a->tokens, a->width, a->heads), gamma_part, beta_part);
    if (status == RMX_OK && a->dgamma)
        status = rmx_cuda_rows_chain(backend, 1, blocks, a->width, gamma_part, a->dgamma);
    if (status == RMX_OK && a->dbeta)
        status = rmx_cuda_rows_chain(backend, 1, blocks, a->width, beta_part, a->dbeta);
    return status;
}
