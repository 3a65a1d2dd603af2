/* SPDX-License-Identifier: MIT */
/* token_mixer.cu: token mixing, alone and fused with the residual add and LayerNorm.
 *
 * The fused kernel holds whole samples in shared memory, so that x is read once from device memory.
 * Samples that do not fit there are read by rows, each of which stays in registers. Rows that
 * registers do not hold take the kernel for any shape: a warp a row, read again for every pass. */
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
    /* `at`: the head slice of y; `from`: that of x which mixing or reverting moves there. */
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
    if (a->width / a->heads % 4 == 0 && rmx_aligned16(a->x, a->residual, a->y))
        token_mix<float4><<<rmx_blocks_for(n / 4, THREADS), THREADS, 0, stream>>>(*a, n);
    else
        token_mix<float><<<rmx_blocks_for(n, THREADS), THREADS, 0, stream>>>(*a, n);
    return rmx_cuda_check_launch(backend, "token mix");
}

/* ---- fused forward ---- */

/* Threads of a block for rows of NV quads a lane. */
template <int NV> constexpr int MIXER_THREADS = NV >= 4 && NV <= 8 ? 512 : THREADS;

/* y = LayerNorm(x + mix(x)). A block takes a row tile of whole samples; its sub-warps of W lanes
 * take the rows. Several blocks to a multiprocessor overlap copies and arithmetic: they were faster
 * than persistent blocks that prefetch.
 *   grid     row tiles      shared   a row tile
 *   traffic  x read once, y written once */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(MIXER_THREADS<NV>)
    token_mixer(rmx_token_mixer_args a, shape s, int samples)
{
    extern __shared__ float4 shared[];
    const float *x = (const float *)shared;
    constexpr int SUBWARPS = MIXER_THREADS<NV> / W;
    const int64_t first = (int64_t)blockIdx.x * samples * s.tokens;
    const int rows = (int)min((int64_t)samples * s.tokens, a.samples * s.tokens - first);
    fetch_rows<W, NV, MIXER_THREADS<NV>>(s, (float *)shared, rmx_f32(a.x) + first * s.width, rows);
    rmx_copy_commit();
    const columns<W, NV, QUADS> own(s);
    rmx_copy_wait<0>();
    __syncthreads();
    for (int base = 0; base < rows; base += SUBWARPS) {
        const int mine = base + (int)threadIdx.x / W;
        const bool there = mine < rows; /* if not, its lanes still shuffle */
        const int r = there ? mine : 0, sample = divide(r, s.by_tokens);
        float4 z[NV];
#pragma unroll
        for (int i = 0; i < NV; i++) {
            if (rmx_column<W>(i) < s.width)
                z[i] = own.template sum<false>(s, x + sample * s.tokens * s.pitch,
                                               r - sample * s.tokens, i);
        }
        rmx_row_norm<RMX_NORM_LAYER, W, NV>(z, s.width, a.eps, a.gamma, a.beta,
                                            rmx_f32(a.y) + (first + r) * s.width, a.mean, a.rstd,
                                            first + r, there);
    }
}

/* Samples that do not fit in shared memory: a sub-warp a row, from device memory. What is read a
 * second time comes from L2.      grid  rows / sub-warps of a block */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(THREADS)
    token_mixer_direct(rmx_token_mixer_args a, shape s)
{
    const int64_t mine = (int64_t)blockIdx.x * (THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.samples * s.tokens; /* if not, its lanes still shuffle */
    const int64_t row = there ? mine : 0, sample = row / s.tokens;
    const columns<W, NV, QUADS> own(s);
    float4 z[NV];
#pragma unroll
    for (int i = 0; i < NV; i++) {
        if (rmx_column<W>(i) < s.width)
            z[i] = own.template sum<false>(s, rmx_f32(a.x) + sample * s.tokens * s.width,
                                           (int)(row - sample * s.tokens), i);
    }
    rmx_row_norm<RMX_NORM_LAYER, W, NV>(z, s.width, a.eps, a.gamma, a.beta,
                                        rmx_f32(a.y) + row * s.width, a.mean, a.rstd, row, there);
}

/* Any shape, one warp a row.      grid  rows / WARPS */
static __global__ void token_mixer_long(rmx_token_mixer_args a)
{
    const int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (row >= a.samples * a.tokens) return;
    rmx_long_norm<RMX_NORM_LAYER>(z_of(a, row), a.width, a.eps, a.gamma, a.beta,
                                  rmx_f32(a.y) + row * a.width, a.mean, a.rstd, row);
}

static cudaError_t launch_long(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    token_mixer_long<<<rmx_blocks_for(a->samples * a->tokens, WARPS), THREADS, 0,
                       rmx_cuda_stream(backend)>>>(*a);
    return cudaGetLastError();
}

template <int W, int NV, bool QUADS>
static cudaError_t launch_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    const int64_t sample = a->tokens * (a->width + 4) * (int64_t)sizeof(float);
    const int samples = samples_of_tile(a->tokens, sample);
    const size_t bytes = (size_t)(samples * sample);
    if (bytes > rmx_cuda_shared_bytes(backend)) {
        token_mixer_direct<W, NV, QUADS>
            <<<rmx_blocks_for(a->samples * a->tokens, THREADS / W), THREADS, 0,
               rmx_cuda_stream(backend)>>>(*a, shape_of(a->tokens, a->width, a->heads, a->width));
        return cudaGetLastError();
    }
    const cudaError_t error = cudaFuncSetAttribute(
        token_mixer<W, NV, QUADS>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    if (error != cudaSuccess) return error;
    token_mixer<W, NV, QUADS><<<rmx_blocks_for(a->samples, samples), MIXER_THREADS<NV>, bytes,
                                rmx_cuda_stream(backend)>>>(
        *a, shape_of(a->tokens, a->width, a->heads, a->width + 4), samples);
    return cudaGetLastError();
}

static cudaError_t launch(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    if (a->width % 4 != 0 || a->width > RMX_REGISTER_ROW || !fits_divisors(a->tokens, a->heads) ||
        !rmx_aligned16(a->x, a->y, a->gamma, a->beta))
        return launch_long(backend, a);
    const shape s = shape_of(a->tokens, a->width, a->heads, a->width);
#define MIXER_QUADS(W, NV) launch_mixer<W, NV, true>(backend, a)
#define MIXER_SINGLE(W, NV) launch_mixer<W, NV, false>(backend, a)
    return RMX_BY_SHAPE(s, MIXER);
}

rmx_status rmx_cuda_token_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    if (a->samples * a->tokens * a->width <= 0) return RMX_OK;
    return rmx_cuda_check(backend, launch(backend, a), "token mixer");
}
