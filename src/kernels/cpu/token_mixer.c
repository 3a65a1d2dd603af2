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

typedef float quad __attribute__((vector_size(16)));

/* z = own + from, or from, of d elements; own may be z. */
RMX_INLINE void move_piece(int64_t d, const float *own, const float *from, float *z)
{
    int64_t k = 0;
    for (; k + RMX_VL <= d; k += RMX_VL) {
        rmx_vec v = rmx_vec_load(from + k);
        if (own) v = rmx_vec_load(own + k) + v;
        rmx_vec_store(z + k, v);
    }
    for (; k + 4 <= d; k += 4) {
        quad a, b;
        memcpy(&b, from + k, sizeof b);
        if (own) {
            memcpy(&a, own + k, sizeof a);
            b = a + b;
        }
        memcpy(z + k, &b, sizeof b);
    }
    for (; k < d; k++) z[k] = own ? rmx_addf(own[k], from[k]) : from[k];
}

/* z = own + mixed row; own NULL: the mixed row alone. D is d where the compiler shall know it. */
RMX_INLINE void gather_row(shape s, int64_t D, bool inverse, int64_t row, const float *x,
                           const float *own, float *z)
{
    if (inverse || s.heads == s.tokens) { /* the pieces are equally far apart */
        const float *from = x + row * D;
        const int64_t step = inverse ? s.tokens * D : s.heads * D;
        for (int64_t slot = 0; slot < s.heads; slot++, from += step) {
            move_piece(D, own ? own + slot * D : NULL, from, z + slot * D);
        }
        return;
    }
    int64_t h = row * s.heads / s.tokens, t = row * s.heads % s.tokens;
    for (int64_t slot = 0; slot < s.heads; slot++) {
        move_piece(D, own ? own + slot * D : NULL, x + (t * s.heads + h) * D, z + slot * D);
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
    int64_t row = begin % a->tokens;
    const float *x = a->x + (begin - row) * a->width; /* of the sample */
    for (int64_t r = begin; r < end; r++) {
        const float *residual = a->residual ? a->residual + r * a->width : NULL;
        float *y = a->y + r * a->width;
        if (a->inverse)
            revert_row(s, row, x, residual, y);
        else
            mix_row(s, row, x, residual, y);
        if (++row == a->tokens) {
            row = 0;
            x += a->tokens * a->width;
        }
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

/* Rows of z that are built before the first is read again. Pieces are stored narrower than rows
 * are loaded: a load right behind such stores would wait for them. */
static int64_t rows_ahead(int64_t width) { return width < 1024 ? 1 + 2048 / width : 1; }

/* Rows first .. last - 1 of z = x + mix(x), counted over the batch of `rows` rows. A row's pieces
 * come from all over its sample, which no prefetcher of the hardware follows: each row asks for
 * its counterpart in the next sample, where two samples fit in L1. */
static void build_z(shape s, int64_t first, int64_t last, int64_t rows, const float *x, float *z)
{
    int64_t row = first % s.tokens;
    const float *sample = x + (first - row) * s.width;
    const bool near = s.tokens * s.width <= 4096;
    for (int64_t r = first; r < last; r++, z += s.width) {
        if (near && r + s.tokens < rows) {
            const float *next = sample + (row + s.tokens) * s.width;
            for (int64_t j = 0; j < s.width; j += 16) __builtin_prefetch(next + j);
        }
        mix_row(s, row, sample, sample + row * s.width, z);
        if (++row == s.tokens) {
            row = 0;
            sample += s.tokens * s.width;
        }
    }
}

/* items: rows. z is built in the output rows, which are then normalised in place. */
static void token_mixer_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_token_mixer_args *a = job;
    (void)worker;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    const int64_t ahead = rows_ahead(a->width);
    for (int64_t first = begin; first < end; first += ahead) {
        const int64_t last = end - first < ahead ? end : first + ahead;
        build_z(s, first, last, a->samples * a->tokens, a->x, a->y + first * a->width);
        for (int64_t r = first; r < last; r++) {
            float *y = a->y + r * a->width;
            const rmx_norm_stats stats = rmx_norm_row_stats(RMX_NORM_LAYER, y, a->width, a->eps);
            rmx_norm_row_apply(y, stats, a->gamma, a->beta, a->width, y);
            if (a->mean) a->mean[r] = stats.mean;
            if (a->rstd) a->rstd[r] = stats.rstd;
        }
    }
}

/* y = LayerNorm(x + mix(x)).
 * order   as norm's
 * traffic x read once (a sample stays in cache for the gathers), y written once */
rmx_status RMX_CPU(token_mixer)(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    rmx_token_mixer_args job = *a;
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

/* dz of one sample, some rows of z at a time */
static void sample_dz(const rmx_token_mixer_backward_args *a, shape s, int64_t sample, float *z,
                      int64_t ahead, float *dz)
{
    const int64_t end = (sample + 1) * a->tokens;
    for (int64_t first = sample * a->tokens; first < end; first += ahead) {
        const int64_t last = end - first < ahead ? end : first + ahead;
        build_z(s, first, last, a->samples * a->tokens, a->x, z);
        for (int64_t r = first; r < last; r++, dz += a->width) {
            const rmx_norm_grad_row row = {a->dy + r * a->width, z + (r - first) * a->width,
                                           a->gamma, a->mean[r], a->rstd[r]};
            if (a->dgamma || a->dbeta)
                rmx_norm_row_parameters(&row, a->width, block_partial(a, r, 0),
                                        block_partial(a, r, 1));
            rmx_norm_row_backward(RMX_NORM_LAYER, &row, NULL, a->width, dz);
        }
    }
}

/* items: groups of samples. A sample's dz stays in the worker's scratch if it and some rows fit. */
static void token_mixer_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mixer_backward_job *j = job;
    const rmx_token_mixer_backward_args *a = j->a;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    const int64_t size = a->tokens * a->width;
    const int64_t room = (int64_t)(RMX_CPU_SCRATCH_BYTES / sizeof(float));
    float *z = rmx_cpu_scratch(j->backend, worker);
    const int64_t ahead = rows_ahead(a->width);
    const bool fits = size + ahead * a->width <= room;
    const int64_t last = end * j->samples_per_item;
    for (int64_t b = begin * j->samples_per_item; b < last && b < a->samples; b++) {
        float *dz = fits ? z + ahead * a->width : (float *)a->ws + b * size;
        float *dx = a->dx + b * size;
        /* too large for the scratch: z's rows go to dx until the sample's dz is complete */
        sample_dz(a, s, b, fits ? z : dx, fits ? ahead : 1, dz);
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
