/* SPDX-License-Identifier: MIT */
/* token_mixer.cu: token mixing, alone and fused with the residual add and LayerNorm. The fused
 * kernel holds samples in shared memory, so that device memory sees x once; samples that do not
 * fit there, or rows that are not multiples of 4, take the plain one. */
#include "kernels/cuda/token_mixer.cuh"

#define THREADS 256
#define WARPS (THREADS / RMX_WARP)

/* ---- the permutation alone ---- */

/* y = permute(x) (+ residual); a V a thread.
 *   grid     elements / V      traffic  x (and residual) read once, y written once */
template <class V> static __global__ void token_mix(rmx_token_mix_args a, int64_t n)
{
    constexpr int count = sizeof(V) / sizeof(float);
    const int64_t e = ((int64_t)blockIdx.x * THREADS + threadIdx.x) * count;
    if (e >= n) return;
    const unsigned tokens = (unsigned)a.tokens, width = (unsigned)a.width;
    const unsigned heads = (unsigned)a.heads, d = width / heads;
    const int64_t base = e / (a.tokens * a.width) * (a.tokens * a.width);
    const unsigned at = (unsigned)(e - base) / d, within = (unsigned)(e - base) % d;
    /* `at` is the flat piece of y: of x, the one that mixing or reverting brings there */
    const unsigned from =
        a.inverse ? at % heads * tokens + at / heads : at % tokens * heads + at / tokens;
    V v = *(const V *)(rmx_f32(a.x) + base + (int64_t)from * d + within);
    if (a.residual) {
        const V own = *(const V *)(rmx_f32(a.residual) + e);
        float *p = (float *)&v;
        const float *q = (const float *)&own;
#pragma unroll
        for (int k = 0; k < count; k++) p[k] = rmx_addf(q[k], p[k]);
    }
    *(V *)(rmx_f32(a.y) + e) = v;
}

rmx_status rmx_cuda_token_mix(rmx_backend *backend, const rmx_token_mix_args *a)
{
    const int64_t n = a->samples * a->tokens * a->width;
    if (n <= 0) return RMX_OK;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    if (a->width / a->heads % 4 == 0 && aligned16(a->x, a->residual, a->y))
        token_mix<float4>
            <<<(unsigned)((n / 4 + THREADS - 1) / THREADS), THREADS, 0, stream>>>(*a, n);
    else
        token_mix<float><<<(unsigned)((n + THREADS - 1) / THREADS), THREADS, 0, stream>>>(*a, n);
    return rmx_cuda_check_launch(backend, "token mix");
}

/* ---- fused forward ---- */

/* y of row `row` of the batch and its statistics, from z in a team's registers. */
template <int W, int NV>
static __device__ __forceinline__ void norm_of(const rmx_token_mixer_args &a, int width,
                                               const float4 (&z)[NV], int64_t row, bool there)
{
    const rmx_stats st = rmx_row_stats<RMX_NORM_LAYER, W, NV>(z, width, a.eps);
    if (!there) return;
    float *y = rmx_f32(a.y) + row * width;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j < width)
            *(float4 *)(y + j) =
                rmx_affine4(rmx_normed4<RMX_NORM_LAYER>(z[i], st), a.gamma, a.beta, j);
    }
    if (threadIdx.x % W != 0) return;
    if (a.mean) a.mean[row] = st.mean;
    if (a.rstd) a.rstd[row] = st.rstd;
}

/* Threads for rows that take NV floats of 4 a lane: a warp a row of 16. */
template <int NV> constexpr int TEAMWORK = NV >= 4 && NV <= 8 ? 512 : THREADS;

/* y = LayerNorm(x + mix(x)): a block takes a few samples, its teams of W lanes their rows. Blocks
 * that come and go, several to a multiprocessor, were faster than ones that stay and fetch ahead.
 *   grid     units      shared   a unit
 *   traffic  x read once, y written once */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(TEAMWORK<NV>)
    token_mixer(rmx_token_mixer_args a, shape s, int samples)
{
    extern __shared__ float4 shared[];
    const float *x = (const float *)shared;
    constexpr int TEAMS = TEAMWORK<NV> / W;
    const int64_t first = (int64_t)blockIdx.x * samples * s.tokens;
    const int rows = (int)min((int64_t)samples * s.tokens, a.samples * s.tokens - first);
    fetch_rows<W, NV, TEAMWORK<NV>>(s, (float *)shared, rmx_f32(a.x) + first * s.width, rows);
    rmx_copies_commit();
    const columns<W, NV, QUADS> own(s);
    rmx_copies_wait<0>();
    __syncthreads();
    for (int base = 0; base < rows; base += TEAMS) {
        const int mine = base + (int)threadIdx.x / W;
        const bool there = mine < rows; /* if not, its lanes still exchange */
        const int r = there ? mine : 0, sample = over(r, s.by_tokens);
        float4 z[NV];
#pragma unroll
        for (int i = 0; i < NV; i++) {
            if (rmx_column<W>(i) < s.width)
                z[i] = own.template sum<false>(s, x + sample * s.tokens * s.pitch,
                                               r - sample * s.tokens, i);
        }
        norm_of<W, NV>(a, s.width, z, first + r, there);
    }
}

/* Samples that are too large: a team a row, from device memory; what comes a second time should
 * be in L2.    grid  rows / teams */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(THREADS)
    token_mixer_direct(rmx_token_mixer_args a, shape s)
{
    const int64_t mine = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.samples * s.tokens;
    const int64_t row = there ? mine : 0, sample = row / s.tokens;
    const columns<W, NV, QUADS> own(s);
    float4 z[NV];
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (rmx_column<W>(i) < s.width)
            z[i] = own.template sum<false>(s, rmx_f32(a.x) + sample * s.tokens * s.width,
                                           (int)(row - sample * s.tokens), i);
    }
    norm_of<W, NV>(a, s.width, z, row, there);
}

/* Any shape: one warp a row. */
static __global__ void token_mixer_long(rmx_token_mixer_args a)
{
    const int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (row >= a.samples * a.tokens) return;
    const int lane = threadIdx.x % RMX_WARP;
    const z_f z = z_of(a, row);
    const rmx_stats st = rmx_long_stats<RMX_NORM_LAYER>(z, a.width, a.eps);
    for (int64_t j = lane; j < a.width; j += RMX_WARP)
        rmx_f32(a.y)[row * a.width + j] =
            rmx_fmaf(rmx_normed<RMX_NORM_LAYER>(z(j), st), a.gamma ? a.gamma[j] : 1.0f,
                     a.beta ? a.beta[j] : 0.0f);
    if (lane != 0) return;
    if (a.mean) a.mean[row] = st.mean;
    if (a.rstd) a.rstd[row] = st.rstd;
}

template <int W, int NV, bool QUADS>
static cudaError_t launch_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t sample = a->tokens * (a->width + 4) * (int64_t)sizeof(float);
    const int samples = samples_of_unit(a->tokens, sample);
    const int64_t bytes = samples * sample;
    if (bytes > (int64_t)rmx_cuda_shared_bytes(backend)) {
        const int64_t rows = a->samples * a->tokens;
        token_mixer_direct<W, NV, QUADS>
            <<<(unsigned)((rows * W + THREADS - 1) / THREADS), THREADS, 0, stream>>>(
                *a, shape_of(a->tokens, a->width, a->heads, a->width));
        return cudaGetLastError();
    }
    const cudaError_t error = cudaFuncSetAttribute(
        token_mixer<W, NV, QUADS>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    if (error != cudaSuccess) return error;
    token_mixer<W, NV, QUADS>
        <<<(unsigned)((a->samples + samples - 1) / samples), TEAMWORK<NV>, (size_t)bytes,
           stream>>>(*a, shape_of(a->tokens, a->width, a->heads, a->width + 4), samples);
    return cudaGetLastError();
}

rmx_status rmx_cuda_token_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    const int64_t rows = a->samples * a->tokens;
    if (rows * a->width <= 0) return RMX_OK;
    cudaError_t error;
    if (a->width % 4 == 0 && a->width <= WIDEST && aligned16(a->x, a->y, a->gamma) &&
        aligned16(a->beta, 0, 0) && divides(a->tokens, a->heads)) {
        const shape s = shape_of(a->tokens, a->width, a->heads, a->width);
#define MIXER_QUADS(W, NV) launch_mixer<W, NV, true>(backend, a)
#define MIXER_SINGLE(W, NV) launch_mixer<W, NV, false>(backend, a)
        error = RMX_BY_SHAPE(s, MIXER);
    } else {
        token_mixer_long<<<(unsigned)((rows + WARPS - 1) / WARPS), THREADS, 0,
                           rmx_cuda_stream(backend)>>>(*a);
        error = cudaGetLastError();
    }
    return rmx_cuda_check(backend, error, "token mixer");
}
