/* token_mixer.cu: token mixing, alone and fused with the residual add and LayerNorm. The fused
 * kernel holds a sample in shared memory, so that device memory sees x once; samples that do not
 * fit there, or rows that are not multiples of 4, take the plain one. */
#include "kernels/cuda/token_mixer.cuh"

/* ---- the permutation alone ---- */

/* y = permute(x) (+ residual); V floats a thread.
 *   grid     elements / V      traffic  x (and residual) read once, y written once */
template <class V> static __global__ void token_mix(rmx_token_mix_args a, shape s, int64_t n)
{
    constexpr int width = sizeof(V) / sizeof(float);
    const int64_t e = ((int64_t)blockIdx.x * THREADS + threadIdx.x) * width;
    if (e >= n) return;
    const int sample = s.tokens * s.width;
    const int64_t base = e / sample * sample;
    const int within = (int)(e - base), r = within / s.width, j = within % s.width;
    const int from = a.inverse ? reverted_at(s, r, j) : mixed_at(s, r, j);
    V v = *(const V *)(a.x + base + from);
    if (a.residual) {
        const V own = *(const V *)(a.residual + e);
        float *p = (float *)&v;
        const float *q = (const float *)&own;
#pragma unroll
        for (int k = 0; k < width; k++) p[k] = rmx_addf(q[k], p[k]);
    }
    *(V *)(a.y + e) = v;
}

rmx_status rmx_cuda_token_mix(rmx_backend *backend, const rmx_token_mix_args *a)
{
    const int64_t n = a->samples * a->tokens * a->width;
    if (n <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const shape s = shape_of(a->tokens, a->width, a->heads);
    if (s.d % 4 == 0 && aligned16(a->x, a->residual, a->y))
        token_mix<float4>
            <<<(unsigned)((n / 4 + THREADS - 1) / THREADS), THREADS, 0, stream>>>(*a, s, n);
    else
        token_mix<float>
            <<<(unsigned)((n + THREADS - 1) / THREADS), THREADS, 0, stream>>>(*a, s, n);
    return rmx_cuda_check_launch(backend, "token mix");
}

/* ---- fused forward ---- */

/* y = LayerNorm(x + mix(x)): a block takes a sample, a warp every WARPSth row of it.
 *   grid     samples      shared   tokens * width floats
 *   traffic  x read once, y written once */
template <int NV>
static __global__ void __launch_bounds__(RMX_WARP *WARPS)
    token_mixer(rmx_token_mixer_args a, shape s)
{
    extern __shared__ float4 shared[];
    const float *x = (const float *)shared;
    const int64_t sample = (int64_t)blockIdx.x * s.tokens * s.width;
    fetch_sample(shared, (const float4 *)(a.x + sample), s.tokens * s.width / 4);
    fetch_done();
    for (int t = threadIdx.y; t < s.tokens; t += WARPS) {
        float4 z[NV];
#pragma unroll
        for (int i = 0; i < NV; i++)
            if (rmx_column(i) < s.width) z[i] = z_at(s, x, t, rmx_column(i));
        const rmx_stats st = rmx_row_stats<RMX_NORM_LAYER, NV>(z, s.width, a.eps);
        float *y = a.y + sample + (int64_t)t * s.width;
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column(i);
            if (j >= s.width) continue;
            *(float4 *)(y + j) =
                rmx_affine4(rmx_normed4<RMX_NORM_LAYER>(z[i], st), a.gamma, a.beta, j);
        }
        if (threadIdx.x != 0) continue;
        const int64_t row = (int64_t)blockIdx.x * s.tokens + t;
        if (a.mean) a.mean[row] = st.mean;
        if (a.rstd) a.rstd[row] = st.rstd;
    }
}

/* Any shape: one warp a row. */
static __global__ void token_mixer_long(rmx_token_mixer_args a, shape s)
{
    const int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    if (row >= a.samples * s.tokens) return;
    const int64_t sample = row / s.tokens * s.tokens * s.width;
    const z_f z = {a.x + sample, s, (int)(row % s.tokens)};
    const rmx_stats st = rmx_long_stats<RMX_NORM_LAYER>(z, s.width, a.eps);
    for (int j = threadIdx.x; j < s.width; j += RMX_WARP)
        a.y[row * s.width + j] = rmx_fmaf(rmx_normed<RMX_NORM_LAYER>(z(j), st),
                                          a.gamma ? a.gamma[j] : 1.0f, a.beta ? a.beta[j] : 0.0f);
    if (threadIdx.x != 0) return;
    if (a.mean) a.mean[row] = st.mean;
    if (a.rstd) a.rstd[row] = st.rstd;
}

template <int NV>
static cudaError_t launch_mixer(cudaStream_t stream, const rmx_token_mixer_args *a, shape s)
{
    const int bytes = s.tokens * s.width * (int)sizeof(float);
    const cudaError_t error =
        cudaFuncSetAttribute(token_mixer<NV>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error != cudaSuccess) return error;
    token_mixer<NV><<<(unsigned)a->samples, dim3(RMX_WARP, WARPS), bytes, stream>>>(*a, s);
    return cudaGetLastError();
}

rmx_status rmx_cuda_token_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    const int64_t rows = a->samples * a->tokens;
    if (rows * a->width <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const shape s = shape_of(a->tokens, a->width, a->heads);
    cudaError_t error;
    if (!fits(s, 1, aligned16(a->x, a->y, a->gamma) && aligned16(a->beta, 0, 0))) {
        token_mixer_long<<<(unsigned)((rows + WARPS - 1) / WARPS), dim3(RMX_WARP, WARPS), 0,
                           stream>>>(*a, s);
        error = cudaGetLastError();
    } else if (s.width <= 128) {
        error = launch_mixer<1>(stream, a, s);
    } else if (s.width <= 256) {
        error = launch_mixer<2>(stream, a, s);
    } else if (s.width <= 512) {
        error = launch_mixer<4>(stream, a, s);
    } else if (s.width <= 768) {
        error = launch_mixer<6>(stream, a, s);
    } else if (s.width <= 1024) {
        error = launch_mixer<8>(stream, a, s);
    } else if (s.width <= 1536) {
        error = launch_mixer<12>(stream, a, s);
    } else {
        error = launch_mixer<16>(stream, a, s);
    }
    return rmx_cuda_check(backend, error, "token mixer");
}
