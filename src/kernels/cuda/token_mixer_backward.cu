/* SPDX-License-Identifier: MIT */
/* token_mixer_backward.cu: the fused mixer's gradient; the permutation is token_mixer.cuh's. */
#include "kernels/cuda/rows_walk.cuh"
#include "kernels/cuda/token_mixer.cuh"

/* Several blocks to a multiprocessor, of which one computes while another fetches, were faster
 * than one that fetches ahead of itself; the widest rows leave room for one alone.
 * Wide rows: dz takes dy's place. Narrow ones (NV == 1) have few columns, so some warps go down
 * these while the others make dz, beside dy. */
template <int W, int NV> struct plan {
    static constexpr bool NARROW = NV == 1;
    static constexpr int THREADS = NV <= 2 ? 256 : NV <= 6 ? 512 : NV == 8 ? 1024 : 768;
    static constexpr int RESIDENT = NARROW ? 4 : NV == 2 ? 3 : NV <= 6 ? 2 : 1;
    static constexpr int DOWN = !NARROW  ? THREADS
                                : W <= 8 ? RMX_WARP
                                         : 4 * W; /* go down columns */
    static constexpr int COLS = (4 * W * NV + DOWN - 1) / DOWN;
};
#define PLAIN_THREADS 256
#define WARPS (PLAIN_THREADS / RMX_WARP)

/* What a row needs besides its elements. mean and rstd are fetched with the elements. */
typedef struct __align__(16) row
{
    rmx_stats st;
    rmx_averages m;
}
row;

/* The chains of dgamma and dbeta, of partial sums [chains, width]. */
typedef struct parameters {
    float *gamma, *beta;
    uint32_t *flags;
    bool walk; /* by the same kernel as dx */
} parameters;

/* What a and b of a row are made of; its elements are added in ascending order. */
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
    const rmx_averages m = {rmx_divf(rmx_team_total<W>(p.sum), d),
                            rmx_divf(rmx_team_total<W>(p.dot), d)};
    return m;
}

/* a and b of each row of a unit, a team of W lanes a row. Whether one of this thread's rows is
 * halved (norm_large.h). */
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
        const bool there = mine < count;                  /* if not, its lanes still exchange */
        const int r = there ? mine : 0, sample = over(r, s.by_tokens);
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

/* Where row t of mix(x) has column j, for t one after another: what moved_at says, without a
 * division a row. */
struct mixed_walk {
    int64_t at;                                 /* where the column lies, less (t, h)'s part */
    int t, h, first_t, first_h, step_t, step_h; /* piece h of token t of x; how both go on */

    __device__ mixed_walk(int tokens, int heads, int d, int j)
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

/* N rows of a column: the parameters' chains go on, and dz, if it is asked for, takes dy's place.
 * All N are loaded before the first is stored. mixed: of the first row; its step goes from row to
 * row. HALVED: some rows may be (norm_large.h). */
template <int N, bool DZ, bool HALVED>
static __device__ __forceinline__ void rows_down(int pitch, const float *x, const float *mixed,
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

/* Down all rows of column j of a sample. Where heads == tokens, the mixed column is d further in
 * every row. */
template <bool DZ, bool HALVED>
static __device__ __forceinline__ void column_down(const shape &s, const float *x, float *dy,
                                                   const row *rows, int j, bool scaled,
                                                   float gamma, float *dgamma, float *dbeta)
{
    const int place = place_of(s, j);
    int t = 0;
    if (s.square) {
        const float *mixed = x + place;
#pragma unroll 1
        for (; t + 8 <= s.tokens; t += 8)
            rows_down<8, DZ, HALVED>(s.pitch, x + t * s.pitch + j, mixed + t * s.d, s.d,
                                     dy + t * s.pitch + j, rows + t, scaled, gamma, dgamma, dbeta);
    }
#pragma unroll 1
    for (; t < s.tokens; t++)
        rows_down<1, DZ, HALVED>(s.pitch, x + t * s.pitch + j, x + moved_at<false>(s, t, place), 0,
                                 dy + t * s.pitch + j, rows + t, scaled, gamma, dgamma, dbeta);
}

/* dz of a unit's rows by the teams from `first` on. */
template <int W, int NV, bool QUADS>
static __device__ __forceinline__ void rows_dz(const shape &s, const columns<W, NV, QUADS> &own,
                                               const float *gamma, int count, const float *x,
                                               const float *dy, const row *rows, float *dz,
                                               int first)
{
    const int teams = plan<W, NV>::THREADS / W - first;
    for (int r = (int)threadIdx.x / W - first; r < count; r += teams) {
        const int sample = over(r, s.by_tokens);
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

/* dx = dz + revert(dz) of a unit's rows. */
template <int W, int NV, bool QUADS>
static __device__ __forceinline__ void add_reverted(const shape &s,
                                                    const columns<W, NV, QUADS> &own, int count,
                                                    const float *dz, float *dx)
{
    for (int r = (int)threadIdx.x / W; r < count; r += plan<W, NV>::THREADS / W) {
        const int sample = over(r, s.by_tokens);
#pragma unroll
        for (int i = 0; i < NV; i++) {
            const int j = rmx_column<W>(i);
            if (j >= s.width) continue;
            *(float4 *)(dx + r * s.width + j) = own.template sum<true>(
                s, dz + sample * s.tokens * s.pitch, r - sample * s.tokens, i);
        }
    }
}

/* dx, and chains down the rows for dgamma and dbeta. A unit is a few samples, whose rows divide
 * a chain's: averages of each row, then down the columns, then dx.
 *   grid     runs of units, rows_walk.cuh      shared  x, dy and rows of a unit; dz if narrow
 *   traffic  x and dy read once, dx written once */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(plan<W, NV>::THREADS, plan<W, NV>::RESIDENT)
    mixer_backward(rmx_token_mixer_backward_args a, shape s, int samples, parameters part)
{
    using P = plan<W, NV>;
    extern __shared__ float4 shared[];
    const int unit_rows = samples * s.tokens, half = unit_rows * s.pitch,
              thread = (int)threadIdx.x;
    const int64_t all = a.samples * s.tokens;
    float *x = (float *)shared, *dy = x + half, *dz = P::NARROW ? dy + half : dy;
    row *rows = (row *)(dz + half);
    const rmx_walk walk((all + unit_rows - 1) / unit_rows,
                        part.walk ? RMX_ROW_BLOCK / unit_rows : 1);
    const columns<W, NV, QUADS> own(s);
    rmx_walk_chains<P::COLS, P::DOWN> sum = {};

    for (int64_t i = 0; i < walk.count(); i++) {
        const int64_t u = walk.unit(i), first = u * unit_rows;
        const int count = (int)min((int64_t)unit_rows, all - first);
        for (int r = thread; r < count; r += P::THREADS) {
            rmx_copy4(&rows[r].st.mean, a.mean + first + r);
            rmx_copy4(&rows[r].st.rstd, a.rstd + first + r);
        }
        fetch_rows<W, NV, P::THREADS>(s, x, rmx_f32(a.x) + first * s.width, count);
        fetch_rows<W, NV, P::THREADS>(s, dy, rmx_f32(a.dy) + first * s.width, count);
        rmx_copies_commit();
        rmx_copies_wait<0>();
        __syncthreads();
        const bool halved =
            __syncthreads_or(row_averages<W, NV, QUADS>(s, own, a.gamma, count, x, dy, rows));
        if (part.walk) sum.begin(walk, u, part.flags, part.gamma, part.beta, s.width);
        if (!P::NARROW || thread < P::DOWN) {
#pragma unroll
            for (int c = 0; c < P::COLS; c++) {
                const int j = thread + c * P::DOWN;
                if (j >= s.width) continue;
                const float gamma = a.gamma ? a.gamma[j] : 1.0f;
                for (int r = 0; r < count; r += s.tokens) {
                    const float *x_at = x + r * s.pitch;
                    float *dy_at = dy + r * s.pitch;
                    if (halved)
                        column_down<!P::NARROW, true>(s, x_at, dy_at, rows + r, j, a.gamma != NULL,
                                                      gamma, &sum.gamma[c], &sum.beta[c]);
                    else
                        column_down<!P::NARROW, false>(s, x_at, dy_at, rows + r, j,
                                                       a.gamma != NULL, gamma, &sum.gamma[c],
                                                       &sum.beta[c]);
                }
            }
        } else {
            rows_dz<W, NV, QUADS>(s, own, a.gamma, count, x, dy, rows, dz, P::DOWN / W);
        }
        if (part.walk) sum.leave(walk, u, part.flags, part.gamma, part.beta, s.width);
        __syncthreads();
        add_reverted<W, NV, QUADS>(s, own, count, dz, rmx_f32(a.dx) + first * s.width);
        __syncthreads(); /* before another unit takes this one's place */
    }
}

/* ---- sums down the rows by themselves ---- */

/* The chains of dgamma and dbeta, a thread a column; any shape.
 *   grid     (columns, chains)      traffic  x and dy read once, x a second time, if not from L2 */
static __global__ void mixer_sums(rmx_token_mixer_backward_args a, parameters part)
{
    constexpr int TOGETHER = 8;
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const int64_t rows = a.samples * a.tokens;
    if (j >= a.width) return;
    const int tokens = (int)a.tokens, d = (int)(a.width / a.heads);
    mixed_walk from(tokens, (int)a.heads, d, (int)j);
    for (int64_t chain = blockIdx.y; chain * RMX_ROW_BLOCK < rows; chain += gridDim.y) {
        const int64_t first = chain * RMX_ROW_BLOCK, sample = first / tokens;
        const int count = (int)min((int64_t)RMX_ROW_BLOCK, rows - first);
        const float *x = rmx_f32(a.x) + sample * tokens * a.width;
        int t = (int)(first - sample * tokens);
        from.restart();
        for (int k = 0; k < t; k++) (void)from.next(tokens, d, a.width);
        float gamma = 0.0f, beta = 0.0f;
        for (int r = 0; r < count; r += TOGETHER) {
            float v[TOGETHER], z[TOGETHER];
            rmx_stats st[TOGETHER];
            bool halved = false; /* any of them */
#pragma unroll
            for (int k = 0; k < TOGETHER; k++) {
                if (r + k >= count) continue;
                if (t == tokens) t = 0, x += tokens * a.width, from.restart();
                v[k] = rmx_f32(a.dy)[(first + r + k) * a.width + j];
                z[k] = rmx_addf(x[t++ * a.width + j], x[from.next(tokens, d, a.width)]);
                st[k] = {a.mean[first + r + k], a.rstd[first + r + k]};
                halved |= rmx_norm_halved(st[k].rstd);
            }
            auto down = [&](auto normed) {
#pragma unroll
                for (int k = 0; k < TOGETHER; k++) {
                    if (r + k >= count) continue;
                    gamma = rmx_fmaf(v[k], normed(z[k], st[k]), gamma);
                    beta = rmx_addf(beta, v[k]);
                }
            };
            if (halved)
                down([](float e, rmx_stats st) { return rmx_normed<RMX_NORM_LAYER>(e, st); });
            else
                down(
                    [](float e, rmx_stats st) { return rmx_normed_whole<RMX_NORM_LAYER>(e, st); });
        }
        part.gamma[chain * a.width + j] = gamma;
        part.beta[chain * a.width + j] = beta;
    }
}

static cudaError_t launch_sums(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                               parameters part)
{
    const int64_t chains = rmx_row_blocks(a->samples * a->tokens);
    const unsigned threads = a->width <= 32 ? 32 : a->width <= 64 ? 64 : 128;
    const dim3 grid((unsigned)((a->width + threads - 1) / threads),
                    (unsigned)(chains < 65535 ? chains : 65535));
    mixer_sums<<<grid, threads, 0, rmx_cuda_stream(backend)>>>(*a, part);
    return cudaGetLastError();
}

/* ---- samples that do not fit in shared memory: dz to memory, then dx ---- */

/* A team a row, from device memory.    grid  rows / teams */
template <int W, int NV, bool QUADS>
static __global__ void __launch_bounds__(PLAIN_THREADS)
    dz_direct(rmx_token_mixer_backward_args a, shape s, float *dz)
{
    const int64_t mine = (int64_t)blockIdx.x * (PLAIN_THREADS / W) + threadIdx.x / W;
    const bool there = mine < a.samples * s.tokens; /* if not, its lanes still exchange */
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

/* Any shape: one warp a row. */
static __global__ void dz_long(rmx_token_mixer_backward_args a, float *dz)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / RMX_WARP;
    if (r >= a.samples * a.tokens) return;
    const z_f z = z_of(a, r);
    const rmx_g_f g = {rmx_f32(a.dy) + r * a.width, a.gamma};
    const rmx_stats st = {a.mean[r], a.rstd[r]};
    const rmx_averages m = rmx_long_averages<RMX_NORM_LAYER>(g, z, st, a.width);
    for (int64_t j = threadIdx.x % RMX_WARP; j < a.width; j += RMX_WARP)
        dz[r * a.width + j] =
            rmx_norm_dx<RMX_NORM_LAYER>(g(j), rmx_normed<RMX_NORM_LAYER>(z(j), st), m, st.rstd);
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

/* ---- which ---- */

/* part->walk: whether the sums were done as well. */
template <int W, int NV, bool QUADS>
static rmx_status dx_of(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                        parameters *part)
{
    using P = plan<W, NV>;
    const cudaStream_t stream = rmx_cuda_stream(backend);
    const int64_t rows = a->samples * a->tokens;
    const int64_t sample = a->tokens * (a->width + 4) * (int64_t)sizeof(float);
    const int samples = samples_of_unit(a->tokens, 2 * sample);
    const size_t bytes =
        (size_t)(samples * ((P::NARROW ? 3 : 2) * sample + a->tokens * (int64_t)sizeof(row)));
    if (bytes > rmx_cuda_shared_bytes(backend)) {
        dz_direct<W, NV, QUADS>
            <<<(unsigned)((rows * W + PLAIN_THREADS - 1) / PLAIN_THREADS), PLAIN_THREADS, 0,
               stream>>>(*a, shape_of(a->tokens, a->width, a->heads, a->width), (float *)a->ws);
        const rmx_status status = rmx_cuda_check_launch(backend, "token mixer backward");
        return status == RMX_OK ? add_reverted_to(backend, a) : status;
    }
    const cudaError_t error = cudaFuncSetAttribute(
        mixer_backward<W, NV, QUADS>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    if (error != cudaSuccess) return rmx_cuda_check(backend, error, "token mixer backward");
    const int64_t units = (a->samples + samples - 1) / samples;
    const int64_t most = rmx_walk_blocks(rmx_cuda_resident(backend, bytes, P::RESIDENT));
    part->walk = RMX_ROW_BLOCK % a->tokens == 0 && rmx_walk_pays(rmx_row_blocks(rows), most);
    mixer_backward<W, NV, QUADS>
        <<<(unsigned)(units < most ? units : most), P::THREADS, bytes, stream>>>(
            *a, shape_of(a->tokens, a->width, a->heads, a->width + 4), samples, *part);
    return rmx_cuda_check_launch(backend, "token mixer backward");
}

static rmx_status backward(rmx_backend *backend, const rmx_token_mixer_backward_args *a,
                           parameters *part)
{
    const int64_t rows = a->samples * a->tokens;
    if (a->width % 4 == 0 && a->width <= WIDEST && divides(a->tokens, a->heads) &&
        aligned16(a->x, a->dy, a->dx) && aligned16(a->gamma, a->ws, NULL)) {
        const shape s = shape_of(a->tokens, a->width, a->heads, a->width);
#define BACKWARD_QUADS(W, NV) dx_of<W, NV, true>(backend, a, part)
#define BACKWARD_SINGLE(W, NV) dx_of<W, NV, false>(backend, a, part)
        return RMX_BY_SHAPE(s, BACKWARD);
    }
    dz_long<<<(unsigned)((rows + WARPS - 1) / WARPS), PLAIN_THREADS, 0,
              rmx_cuda_stream(backend)>>>(*a, (float *)a->ws);
    const rmx_status status = rmx_cuda_check_launch(backend, "token mixer backward");
    return status == RMX_OK ? add_reverted_to(backend, a) : status;
}

rmx_status rmx_cuda_token_mixer_backward(rmx_backend *backend,
                                         const rmx_token_mixer_backward_args *a)
{
    const int64_t rows = a->samples * a->tokens, chains = rmx_row_blocks(rows);
    if (rows * a->width <= 0) return RMX_OK;
    float *ws = (float *)a->ws + rows * a->width;
    parameters part = {ws, ws + chains * a->width, rmx_cuda_flags(backend), false};
    rmx_status status = backward(backend, a, &part);
    if (status != RMX_OK || !(a->dgamma || a->dbeta)) return status;
    if (!part.walk)
        status = rmx_cuda_check(backend, launch_sums(backend, a, part), "token mixer backward");
    if (status != RMX_OK) return status;
    const rmx_rows_chain chain = {
        1, chains, a->width, {part.gamma, part.beta}, {a->dgamma, a->dbeta}};
    return rmx_cuda_rows_chain(backend, &chain);
}
