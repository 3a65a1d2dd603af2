/* SPDX-License-Identifier: MIT */
/* token_mixer_backward.cu: the gradient of the fused token mixer; see token_mixer.cuh.
 *
 * dz is the gradient of the norm, dx = dz + revert(dz). The kernel holds whole samples in shared
 * memory and computes, in one pass, dx and the sums down the rows for dgamma and dbeta. Samples
 * that do not fit take three kernels: dz by rows, dx, and the sums. Rows that registers do not hold
 * take three for any shape. */
#include "kernels/cuda/norm_column.cuh"
#include "kernels/cuda/row_partition.cuh"
#include "kernels/cuda/token_mixer.cuh"

/* Several blocks to a multiprocessor, of which one computes while another copies, were faster than
 * one that prefetches; the widest rows leave room for one alone.
 * Wide rows: dz overwrites dy. Narrow rows (NV == 1) have few columns: some warps sum down the
 * columns while the others compute dz, beside dy. */
template <int W, int NV> struct plan {
    static constexpr bool NARROW = NV == 1;
    static constexpr int THREADS = NV <= 2 ? 256 : NV <= 6 ? 512 : NV == 8 ? 1024 : 768;
    static constexpr int RESIDENT = NARROW ? 4 : NV == 2 ? 3 : NV <= 6 ? 2 : 1;
    /* Threads that sum down columns, and columns of each. */
    static constexpr int SUMMERS = !NARROW ? THREADS : W <= 8 ? RMX_WARP : 4 * W;
    static constexpr int COLS = (4 * W * NV + SUMMERS - 1) / SUMMERS;
};
#define LONG_THREADS 256
#define WARPS (LONG_THREADS / RMX_WARP)

/* The statistics of a row, which are fetched with its elements, and the averages. */
typedef struct __align__(16) row
{
    rmx_stats st;
    rmx_averages m;
}
row;

/* ---- one row tile, step by step ---- */

/* Partial sums of a row's averages a and b; its elements are added in ascending order. */
typedef struct partials {
    float4 sum, dot;
} partials;

static __device__ __forceinline__ void add_to(partials *p, float4 g, float4 h)
{
    rmx_add4(&p->sum, g);
    rmx_fma4(&p->dot, g, h);
}

template <int W>
static __device__ __forceinline__ rmx_averages averages_of(const partials &p, int width)
{
    const float d = (float)width;
    const rmx_averages m = {rmx_divf(rmx_subwarp_total<W>(p.sum), d),
                            rmx_divf(rmx_subwarp_total<W>(p.dot), d)};
    return m;
}

/* Step 1: a and b of each row, a sub-warp of W lanes a row. Returns whether one of this thread's
 * rows is halved (norm_large.h). */
template <int W, int NV, bool QUADS>
static __device__ __forceinline__ bool row_averages(const shape &s,
                                                    const columns<W, NV, QUADS> &own,
                                                    const float *gamma, int count, const float *x,
                                                    const float *dy, row *rows)
{
    bool halved = false;
    for (int base = 0; base < count; base += plan<W, NV>::THREADS / W) {
        const int mine = base + (int)threadIdx.x / W;
        if (mine - mine % (RMX_WARP / W) >= count) break; /* the whole warp has no row */
        const bool there = mine < count;                  /* if not, its lanes still shuffle */
        const int r = there ? mine : 0, sample = divide(r, s.by_tokens);
        const rmx_stats st = rows[r].st;
        halved |= rmx_norm_halved(st.rstd);
        partials p = {rmx_zero4(), rmx_zero4()};
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column<W>(i);
            if (j >= s.width) continue;
            const float4 z = own.template sum<false>(s, x + sample * s.tokens * s.pitch,
                                                     r - sample * s.tokens, i);
            add_to(&p, rmx_scaled4(*(const float4 *)(dy + r * s.pitch + j), gamma, j),
                   rmx_normed4<RMX_NORM_LAYER>(z, st));
        }
        const rmx_averages m = averages_of<W>(p, s.width);
        if (there && threadIdx.x % W == 0) rows[r].m = m;
    }
    return halved;
}

/* The sources of column j of mix(x), row after row: what moved_at returns, without a division. */
struct mixed_column {
    int64_t at;                                 /* offset in the head slice */
    int t, h, first_t, first_h, step_t, step_h; /* head slice h of token t of x; how both go on */

    mixed_column() = default;
    __device__ mixed_column(int tokens, int heads, int d, int j)
    {
        const int slot = j / d;
        at = j - slot * d;
        first_h = h = slot / tokens, first_t = t = slot - h * tokens;
        step_h = heads / tokens, step_t = heads - step_h * tokens;
    }
    __device__ int64_t next(int tokens, int d, int64_t pitch)
    {
        const int64_t now = at + t * pitch + (int64_t)h * d;
        t += step_t, h += step_h;
        if (t >= tokens) t -= tokens, h++;
        return now;
    }
    __device__ void restart(void) { t = first_t, h = first_h; }
};

/* Step 2: N rows of a column: adds to the running sums, and, if DZ, overwrites dy by dz. All N are
 * loaded before the first is stored. mixed: of the first row, `step` further in each row. HALVED:
 * some rows may be (norm_large.h). */
template <int N, bool DZ, bool HALVED>
static __device__ __forceinline__ void sum_rows(int pitch, const float *x, const float *mixed,
                                                int step, float *dy, const row *rows, bool scaled,
                                                float gamma, float *dgamma, float *dbeta)
{
    float v[N], z[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
        v[k] = dy[k * pitch];
        z[k] = rmx_addf(x[k * pitch], mixed[k * step]);
    }
#pragma unroll
    for (int k = 0; k < N; k++) {
        const row w = rows[k];
        const float h = HALVED ? rmx_normed<RMX_NORM_LAYER>(z[k], w.st)
                               : rmx_normed_whole<RMX_NORM_LAYER>(z[k], w.st);
        *dgamma = rmx_fmaf(v[k], h, *dgamma);
        *dbeta = rmx_addf(*dbeta, v[k]);
        const float g = scaled ? rmx_mulf(v[k], gamma) : v[k];
        if (DZ) dy[k * pitch] = rmx_norm_dx<RMX_NORM_LAYER>(g, h, w.m, w.st.rstd);
    }
}

/* The same for all rows of column j of a sample. Where heads == tokens, the mixed column is d
 * further in every row. */
template <bool DZ, bool HALVED>
static __device__ __forceinline__ void sum_column(const shape &s, const float *x, float *dy,
                                                  const row *rows, int j, bool scaled, float gamma,
                                                  float *dgamma, float *dbeta)
{
    const int base = column_base(s, j);
    int t = 0;
    if (s.square) {
        const float *mixed = x + base;
#pragma unroll 1
        for (; t + 8 <= s.tokens; t += 8)
            sum_rows<8, DZ, HALVED>(s.pitch, x + t * s.pitch + j, mixed + t * s.d, s.d,
                                    dy + t * s.pitch + j, rows + t, scaled, gamma, dgamma, dbeta);
    }
#pragma unroll 1
    for (; t < s.tokens; t++)
        sum_rows<1, DZ, HALVED>(s.pitch, x + t * s.pitch + j, x + moved_at<false>(s, t, base), 0,
                                dy + t * s.pitch + j, rows + t, scaled, gamma, dgamma, dbeta);
}

/* Step 2 of narrow rows: dz of all rows by the sub-warps from `first` on. */
template <int W, int NV, bool QUADS>
static __device__ __forceinline__ void rows_dz(const shape &s, const columns<W, NV, QUADS> &own,
                                               const float *gamma, int count, const float *x,
                                               const float *dy, const row *rows, float *dz,
                                               int first)
{
    const int subwarps = plan<W, NV>::THREADS / W - first;
    for (int r = (int)threadIdx.x / W - first; r < count; r += subwarps) {
        const int sample = divide(r, s.by_tokens);
        const row w = rows[r];
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column<W>(i);
            if (j >= s.width) continue;
            const float4 z = own.template sum<false>(s, x + sample * s.tokens * s.pitch,
                                                     r - sample * s.tokens, i);
            const float4 g = rmx_scaled4(*(const float4 *)(dy + r * s.pitch + j), gamma, j);
            *(float4 *)(dz + r * s.pitch + j) = rmx_norm_dx4<RMX_NORM_LAYER>(
                g, rmx_normed4<RMX_NORM_LAYER>(z, w.st), w.m, w.st.rstd);
        }
    }
}

/* Step 3: dx = dz + revert(dz) of all rows. */
template <int W, int NV, bool QUADS>
static __device__ __forceinline__ void add_reverted(const shape &s,
                                                    const columns<W, NV, QUADS> &own, int count,
                                                    const float *dz, float *dx)
{
    for (int r = (int)threadIdx.x / W; r < count; r += plan<W, NV>::THREADS / W) {
        const int sample = divide(r, s.by_tokens);
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column<W>(i);
            if (j >= s.width) continue;
            *(float4 *)(dx + r * s.width + j) = own.template sum<true>(
                s, dz + sample * s.tokens * s.pitch, r - sample * s.tokens, i);
        }
    }
}

/* dx, and the sums down the rows for dgamma and dbeta.
 * Grid: one block per share of the rows (row_partition.cuh). A row tile is a few samples, whose
 *   rows divide RMX_ROW_BLOCK. Shared memory: x, dy and the statistics of a row tile; dz if narrow.
 * Pipeline: no prefetch; several blocks to a multiprocessor overlap. For each row tile:
 *   0. all threads copy x, dy and the statistics;
 *   1. sub-warps compute the averages of their rows;
 *   2. threads go down the rows of their columns; dz of each element;
 *   3. sub-warps add dz and revert(dz).
 *   A __syncthreads() ends each step.
 * Cost: x and dy read once, dx written once. */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(plan<W, NV>::THREADS, plan<W, NV>::RESIDENT)
    mixer_backward(rmx_token_mixer_backward_args a, shape s, int samples, rmx_norm_sums sums)
{
    using P = plan<W, NV>;
    extern __shared__ float4 shared[];
    const int tile_rows = samples * s.tokens, half = tile_rows * s.pitch;
    const int thread = (int)threadIdx.x;
    const int64_t all = a.samples * s.tokens;
    float *x = (float *)shared, *dy = x + half, *dz = P::NARROW ? dy + half : dy;
    row *rows = (row *)(dz + half);
    const rmx_row_share share(
        (all + tile_rows - 1) / tile_rows, sums.fused ? RMX_ROW_BLOCK / tile_rows : 1,
        sums.fused ? rmx_take_ticket(sums.flags, (uint32_t *)shared) : blockIdx.x);
    const columns<W, NV, QUADS> own(s);
    rmx_running_sums<P::COLS, P::SUMMERS> sum = {};

    for (int64_t i = 0; i < share.count(); i++) {
        const int64_t t = share.tile(i), first = t * tile_rows;
        const int count = (int)min((int64_t)tile_rows, all - first);
        for (int r = thread; r < count; r += P::THREADS) {
            rmx_copy_async4(&rows[r].st.mean, a.mean + first + r);
            rmx_copy_async4(&rows[r].st.rstd, a.rstd + first + r);
        }
        fetch_rows<W, NV, P::THREADS>(s, x, rmx_f32(a.x) + first * s.width, count);
        fetch_rows<W, NV, P::THREADS>(s, dy, rmx_f32(a.dy) + first * s.width, count);
        rmx_copy_commit();
        rmx_copy_wait<0>();
        __syncthreads();
        const bool halved =
            __syncthreads_or(row_averages<W, NV, QUADS>(s, own, a.gamma, count, x, dy, rows));
        if (sums.fused) sum.begin(share, t, sums.flags, sums.gamma, sums.beta, s.width);
        if (!P::NARROW || thread < P::SUMMERS) {
#pragma unroll
            for (int c = 0; c < P::COLS; c++) {
                const int j = thread + c * P::SUMMERS;
                if (j >= s.width) continue;
                const float gamma = a.gamma ? a.gamma[j] : 1.0f;
                for (int r = 0; r < count; r += s.tokens) {
                    const float *x_at = x + r * s.pitch;
                    float *dy_at = dy + r * s.pitch;
                    if (halved)
                        sum_column<!P::NARROW, true>(s, x_at, dy_at, rows + r, j, a.gamma != NULL,
                                                     gamma, &sum.gamma[c], &sum.beta[c]);
                    else
                        sum_column<!P::NARROW, false>(s, x_at, dy_at, rows + r, j, a.gamma != NULL,
                                                      gamma, &sum.gamma[c], &sum.beta[c]);
                }
            }
        } else {
            rows_dz<W, NV, QUADS>(s, own, a.gamma, count, x, dy, rows, dz, P::SUMMERS / W);
        }
        if (sums.fused) sum.end(share, t, sums.flags, sums.gamma, sums.beta, s.width);
        __syncthreads();
        add_reverted<W, NV, QUADS>(s, own, count, dz, rmx_f32(a.dx) + first * s.width);
        __syncthreads();
    }
}

/* ---- sums down the rows by themselves ---- */

/* Column j of z = x + mix(x), for rmx_norm_column_sums; any shape. */
struct z_column {
    const float *x; /* the batch, then the sample */
    const float *sample;
    int tokens, heads, d, t;
    int64_t width, j;
    mixed_column mixed;

    __device__ void column(int64_t col)
    {
        j = col;
        mixed = mixed_column(tokens, heads, d, (int)j);
    }
    __device__ void start(int64_t row)
    {
        const int64_t number = row / tokens;
        sample = x + number * tokens * width;
        t = (int)(row - number * tokens);
        mixed.restart();
        for (int k = 0; k < t; k++) (void)mixed.next(tokens, d, width);
    }
    __device__ float next(void)
    {
        if (t == tokens) t = 0, sample += tokens * width, mixed.restart();
        return rmx_addf(sample[t++ * width + j], sample[mixed.next(tokens, d, width)]);
    }
};

static cudaError_t launch_sums(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                               const rmx_norm_sums &sums)
{
    z_column z = {};
    z.x = rmx_f32(a->x);
    z.tokens = (int)a->tokens, z.heads = (int)a->heads, z.d = (int)(a->width / a->heads);
    z.width = a->width;
    return rmx_norm_launch_sums<RMX_NORM_LAYER>(rmx_cuda_stream(backend), z,
                                                a->samples * a->tokens, a->width, a->width, a->dy,
                                                a->mean, a->rstd, sums);
}

/* ---- dz to device memory, then dx ---- */

/* Samples that do not fit in shared memory: a sub-warp a row, from device memory.
 *     grid  rows / sub-warps of a block */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(LONG_THREADS)
    dz_direct(rmx_token_mixer_backward_args a, shape s, float *dz)
{
    const int64_t mine = (int64_t)blockIdx.x * (LONG_THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.samples * s.tokens; /* if not, its lanes still shuffle */
    const int64_t at = there ? mine : 0, sample = at / s.tokens;
    const columns<W, NV, QUADS> own(s);
    const rmx_stats st = {a.mean[at], a.rstd[at]};
    float4 g[NV], h[NV];
    partials p = {rmx_zero4(), rmx_zero4()};
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j >= s.width) continue;
        h[i] = rmx_normed4<RMX_NORM_LAYER>(
            own.template sum<false>(s, rmx_f32(a.x) + sample * s.tokens * s.width,
                                    (int)(at - sample * s.tokens), i),
            st);
        g[i] = rmx_scaled4(*(const float4 *)(rmx_f32(a.dy) + at * s.width + j), a.gamma, j);
        add_to(&p, g[i], h[i]);
    }
    const rmx_averages m = averages_of<W>(p, s.width);
    if (!there) return;
#pragma unroll
    for (int i = 0; i < NV; i++) {
        const int j = rmx_column<W>(i);
        if (j < s.width)
            *(float4 *)(dz + at * s.width + j) =
                rmx_norm_dx4<RMX_NORM_LAYER>(g[i], h[i], m, st.rstd);
    }
}

/* Any shape, one warp a row.      grid  rows / WARPS */
static __global__ void dz_long(rmx_token_mixer_backward_args a, float *dz)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.samples * a.tokens) return;
    const rmx_g_f g = {rmx_f32(a.dy) + r * a.width, a.gamma};
    const rmx_stats st = {a.mean[r], a.rstd[r]};
    rmx_long_dx<RMX_NORM_LAYER>(g, z_of(a, r), st, a.width, NULL, dz + r * a.width);
}

static rmx_status add_reverted_to(rmx_backend *backend, const rmx_token_mixer_backward_args *a)
{
    const rmx_token_mix_args revert = {.dtype = a->dtype,
                                       .samples = a->samples,
                                       .tokens = a->tokens,
                                       .width = a->width,
                                       .heads = a->heads,
                                       .inverse = true,
                                       .x = a->ws,
                                       .residual = a->ws,
                                       .y = a->dx};
    return rmx_cuda_token_mix(backend, &revert);
}

static rmx_status backward_long(rmx_backend *backend, const rmx_token_mixer_backward_args *a)
{
    dz_long<<<rmx_blocks_for(a->samples * a->tokens, WARPS), LONG_THREADS, 0,
              rmx_cuda_stream(backend)>>>(*a, (float *)a->ws);
    const rmx_status status = rmx_cuda_check_launch(backend, "token mixer backward");
    return status == RMX_OK ? add_reverted_to(backend, a) : status;
}

/* ---- launch ---- */

/* Sets sums->fused. */
template <int W, int NV, bool QUADS>
static rmx_status backward_tiles(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                                 rmx_norm_sums *sums)
{
    using P = plan<W, NV>;
    const int64_t rows = a->samples * a->tokens;
    const int64_t sample = a->tokens * (a->width + 4) * (int64_t)sizeof(float);
    const int samples = samples_of_tile(a->tokens, 2 * sample);
    const size_t bytes =
        (size_t)(samples * ((P::NARROW ? 3 : 2) * sample + a->tokens * (int64_t)sizeof(row)));
    if (bytes > rmx_cuda_shared_bytes(backend)) {
        dz_direct<W, NV, QUADS><<<rmx_blocks_for(rows, LONG_THREADS / W), LONG_THREADS, 0,
                                  rmx_cuda_stream(backend)>>>(
            *a, shape_of(a->tokens, a->width, a->heads, a->width), (float *)a->ws);
        const rmx_status status = rmx_cuda_check_launch(backend, "token mixer backward");
        return status == RMX_OK ? add_reverted_to(backend, a) : status;
    }
    const cudaError_t error = cudaFuncSetAttribute(
        mixer_backward<W, NV, QUADS>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    if (error != cudaSuccess) return rmx_cuda_check(backend, error, "token mixer backward");
    const int64_t tiles = (a->samples + samples - 1) / samples;
    const int64_t most = rmx_partition_blocks(rmx_cuda_resident(backend, bytes, P::RESIDENT));
    sums->fused = sums->wanted && RMX_ROW_BLOCK % a->tokens == 0 &&
                  rmx_partition_pays(rmx_row_blocks(rows), most);
    mixer_backward<W, NV, QUADS>
        <<<(unsigned)(tiles < most ? tiles : most), P::THREADS, bytes, rmx_cuda_stream(backend)>>>(
            *a, shape_of(a->tokens, a->width, a->heads, a->width + 4), samples, *sums);
    return rmx_cuda_check_launch(backend, "token mixer backward");
}

static rmx_status backward(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                           rmx_norm_sums *sums)
{
    if (a->width % 4 != 0 || a->width > RMX_REGISTER_ROW || !fits_divisors(a->tokens, a->heads) ||
        !rmx_aligned16(a->x, a->dy, a->dx, a->gamma))
        return backward_long(backend, a);
    const shape s = shape_of(a->tokens, a->width, a->heads, a->width);
#define BACKWARD_QUADS(W, NV) backward_tiles<W, NV, true>(backend, a, sums)
#define BACKWARD_SINGLE(W, NV) backward_tiles<W, NV, false>(backend, a, sums)
    return RMX_BY_SHAPE(s, BACKWARD);
}

rmx_status rmx_cuda_token_mixer_backward(rmx_backend *backend,
                                         const rmx_token_mixer_backward_args *a)
{
    const int64_t rows = a->samples * a->tokens;
    if (rows * a->width <= 0) return RMX_OK;
    rmx_norm_sums sums = rmx_norm_sums_in((float *)a->ws + rows * a->width, rows, a->width,
                                          a->dgamma || a->dbeta, backend);
    rmx_status status = backward(backend, a, &sums);
    if (status != RMX_OK || !sums.wanted) return status;
    if (!sums.fused)
        status = rmx_cuda_check(backend, launch_sums(backend, a, sums), "token mixer backward");
    if (status != RMX_OK) return status;
    return rmx_norm_add_sums(backend, rows, a->width, sums, a->dgamma, a->dbeta);
}
