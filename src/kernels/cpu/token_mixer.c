/* token_mixer.c: token mixing, alone and fused with the residual add and LayerNorm.
 *
 * In units of d = width / heads elements, called pieces, a sample is `tokens` rows of `heads`
 * pieces. Piece i = h * tokens + t of the mixed sample is piece h of row t of x, so
 *   row r, slot s of mix(x)    is  x[t][h]   with h = i / tokens, t = i % tokens, i = r * heads + s
 *   row t, slot h of revert(x) is  flat piece h * tokens + t of x.
 * Every kernel here builds its output row by row from pieces of one sample, which is in cache. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm_row.h"
#include "kernels/cpu/rows_sum.h"

typedef struct shape {
    int64_t tokens, width, heads, d;
} shape;

/* z = own + mixed row; own NULL: the mixed row alone. D is d where the compiler shall know it. */
RMX_INLINE void gather_row(shape s, int64_t D, bool inverse, int64_t row, const float *x,
                           const float *own, float *z)
{
    const int64_t first = inverse ? row : row * s.heads;
    int64_t h = first / s.tokens, t = first % s.tokens;
    for (int64_t slot = 0; slot < s.heads; slot++) {
        const float *from = inverse ? x + (slot * s.tokens + row) * D : x + (t * s.heads + h) * D;
        RMX_INDEPENDENT
        for (int64_t k = 0; k < D; k++) z[k] = own ? rmx_addf(own[k], from[k]) : from[k];
        z += D;
        if (own) own += D;
        if (++t == s.tokens) {
            t = 0;
            h++;
        }
    }
}

/* Small pieces get loops of constant length: the rest of a general loop would be all there is. */
RMX_INLINE void gather_sized(shape s, bool inverse, int64_t row, const float *x, const float *own,
                             float *z)
{
    switch (s.d) {
    case 1: gather_row(s, 1, inverse, row, x, own, z); break;
    case 2: gather_row(s, 2, inverse, row, x, own, z); break;
    case 4: gather_row(s, 4, inverse, row, x, own, z); break;
    case 8: gather_row(s, 8, inverse, row, x, own, z); break;
    case 16: gather_row(s, 16, inverse, row, x, own, z); break;
    default: gather_row(s, s.d, inverse, row, x, own, z); break;
    }
}

static void mix_row(shape s, int64_t row, const float *x, const float *own, float *z)
{
    if (own)
        gather_sized(s, false, row, x, own, z);
    else
        gather_sized(s, false, row, x, NULL, z);
}

static void revert_row(shape s, int64_t row, const float *x, const float *own, float *z)
{
    if (own)
        gather_sized(s, true, row, x, own, z);
    else
        gather_sized(s, true, row, x, NULL, z);
}

/* Rows a piece of work has at least: whole samples where that is not too much. */
static int64_t row_grain(int64_t samples, int64_t tokens, int64_t width)
{
    const int64_t rows = 1 + 8192 / width;
    return samples == 1 ? rows : (rows + tokens - 1) / tokens * tokens;
}

/* items: rows */
static void token_mix_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_token_mix_args *a = job;
    (void)worker;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r / a->tokens * a->tokens * a->width;
        const float *residual = a->residual ? a->residual + r * a->width : NULL;
        float *y = a->y + r * a->width;
        if (a->inverse)
            revert_row(s, r % a->tokens, x, residual, y);
        else
            mix_row(s, r % a->tokens, x, residual, y);
    }
}

/* y = permute(x) (+ residual), permute the mixing or its inverse.
 * order   none: copies, and one add
 * traffic x (and residual) read once, y written once */
rmx_status RMX_CPU(token_mix)(rmx_backend *backend, const rmx_token_mix_args *a)
{
    rmx_token_mix_args job = *a;
    if (a->samples * a->tokens * a->width == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), a->samples * a->tokens,
                 row_grain(a->samples, a->tokens, a->width), token_mix_task, &job);
    return RMX_OK;
}

typedef struct mixer_job {
    const rmx_token_mixer_args *a;
    rmx_backend *backend;
} mixer_job;

/* items: rows. z is built in the output row, which is then normalised in place. */
static void token_mixer_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mixer_job *j = job;
    const rmx_token_mixer_args *a = j->a;
    (void)worker;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r / a->tokens * a->tokens * a->width;
        const int64_t row = r % a->tokens;
        float *y = a->y + r * a->width;
        mix_row(s, row, x, x + row * a->width, y);
        const rmx_norm_stats stats = rmx_norm_row_stats(RMX_NORM_LAYER, y, a->width, a->eps);
        rmx_norm_row_apply(y, stats, a->gamma, a->beta, a->width, y);
        if (a->mean) a->mean[r] = stats.mean;
        if (a->rstd) a->rstd[r] = stats.rstd;
    }
}

/* y = LayerNorm(x + mix(x)).
 * order   as norm's
 * traffic x read once (a sample stays in cache for the gathers), y written once */
rmx_status RMX_CPU(token_mixer)(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    mixer_job job = {a, backend};
    if (a->samples * a->tokens * a->width == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), a->samples * a->tokens,
                 row_grain(a->samples, a->tokens, a->width), token_mixer_task, &job);
    return RMX_OK;
}

/* ---- backward ---- */

typedef struct mixer_backward_job {
    const rmx_token_mixer_backward_args *a;
    rmx_backend *backend;
    int64_t samples_per_item; /* so many that an item is whole blocks of rows */
} mixer_backward_job;

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        const int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* The block's partial sums that row r goes to, zeroed at the block's first row. */
static float *block_partial(const rmx_token_mixer_backward_args *a, int64_t r, int64_t output)
{
    const int64_t blocks = rmx_row_blocks(a->samples * a->tokens);
    float *partial = (float *)a->ws + a->samples * a->tokens * a->width;
    float *p = partial + (output * blocks + r / RMX_BLOCK_ROWS) * a->width;
    if (r % RMX_BLOCK_ROWS == 0) memset(p, 0, sizeof *p * (size_t)a->width);
    return p;
}

/* dz of one sample, z recomputed row by row */
static void sample_dz(const rmx_token_mixer_backward_args *a, shape s, int64_t sample, float *z,
                      float *dz)
{
    const int64_t size = a->tokens * a->width;
    for (int64_t row = 0; row < a->tokens; row++) {
        const int64_t r = sample * a->tokens + row;
        const float *x = a->x + sample * size;
        mix_row(s, row, x, x + row * a->width, z);
        const rmx_norm_grad_row grad = {a->dy + r * a->width, z, a->gamma, a->mean[r], a->rstd[r]};
        if (a->dgamma || a->dbeta)
            rmx_norm_row_parameters(&grad, a->width, block_partial(a, r, 0),
                                    block_partial(a, r, 1));
        rmx_norm_row_backward(RMX_NORM_LAYER, &grad, NULL, a->width, dz + row * a->width);
    }
}

/* items: groups of samples. A sample's dz stays in the worker's scratch if it and a row fit. */
static void token_mixer_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mixer_backward_job *j = job;
    const rmx_token_mixer_backward_args *a = j->a;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    const int64_t size = a->tokens * a->width;
    const int64_t room = (int64_t)(RMX_CPU_SCRATCH_BYTES / sizeof(float));
    float *z = rmx_cpu_scratch(j->backend, worker);
    const bool fits = size + a->width <= room;
    const int64_t last = end * j->samples_per_item;
    for (int64_t b = begin * j->samples_per_item; b < last && b < a->samples; b++) {
        float *dz = fits ? z + a->width : (float *)a->ws + b * size;
        float *dx = a->dx + b * size;
        /* too wide for the scratch: dx holds z's rows until the sample's dz is complete */
        sample_dz(a, s, b, fits ? z : dx, dz);
        for (int64_t row = 0; row < a->tokens; row++) {
            revert_row(s, row, dz, dz + row * a->width, dx + row * a->width);
        }
    }
}

/* dx = dz + revert(dz), dz = LayerNorm's dx at z = x + mix(x); dgamma, dbeta.
 * order   as norm_backward's
 * traffic dy and x read once, dx written once: z, dz and the partial sums stay in cache */
rmx_status RMX_CPU(token_mixer_backward)(rmx_backend *backend,
                                         const rmx_token_mixer_backward_args *a)
{
    const int64_t rows = a->samples * a->tokens, blocks = rmx_row_blocks(rows);
    if (rows * a->width == 0) return RMX_OK;
    mixer_backward_job job = {a, backend, RMX_BLOCK_ROWS / gcd(RMX_BLOCK_ROWS, a->tokens)};
    if (!a->dgamma && !a->dbeta) job.samples_per_item = 1;
    const int64_t items = (a->samples + job.samples_per_item - 1) / job.samples_per_item;
    rmx_parallel(rmx_cpu_pool(backend), items, 1, token_mixer_backward_task, &job);
    const float *partial = (const float *)a->ws + rows * a->width;
    if (a->dgamma) RMX_CPU(rows_chain)(backend, 1, blocks, a->width, partial, a->dgamma);
    partial += blocks * a->width;
    if (a->dbeta) RMX_CPU(rows_chain)(backend, 1, blocks, a->width, partial, a->dbeta);
    return RMX_OK;
}
