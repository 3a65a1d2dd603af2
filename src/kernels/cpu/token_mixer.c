/* SPDX-License-Identifier: MIT */
/* token_mixer.c: token mixing, alone and fused with the residual add and LayerNorm.
 *
 * A sample is `tokens` rows of `heads` head slices of d = width / heads elements. Mixing permutes
 * the slices: slice i = h * tokens + t of the mixed sample is slice h of row t of x. So
 *   row r, slot s of mix(x)    is  x[t][h]   with h = i / tokens, t = i % tokens, i = r * heads + s
 *   row t, slot h of revert(x) is  flat slice h * tokens + t of x.
 *
 * 1. gather_rows builds rows of z = own + permuted x from one sample, which is in cache.
 * 2. token_mix stores these rows as its result.
 * 3. token_mixer builds some rows of z in the worker's scratch and normalises them from there.
 * 4. token_mixer_backward builds z again, computes the norm's dz of a few samples in the scratch,
 *    and gathers dx = dz + revert(dz). */
#include <string.h>

#include "kernels/cpu/column_sum.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm_narrow.h"

typedef struct shape {
    int64_t tokens, width, heads, d;
} shape;

/* z = own + from, or from, of d elements; own may be z. */
RMX_INLINE void move_slice(int64_t d, const float *own, const float *from, float *z)
{
    int64_t k = 0;
    for (; k + RMX_VL <= d; k += RMX_VL) {
        rmx_vec v = rmx_vec_load(from + k);
        if (own) v = rmx_vec_load(own + k) + v;
        rmx_vec_store(z + k, v);
    }
    RMX_INDEPENDENT
    for (; k < d; k++) z[k] = own ? rmx_addf(own[k], from[k]) : from[k];
}

/* One row. D is d where the compiler shall know it: the loop of a general length is slow for small
 * slices. */
RMX_INLINE void gather_row(const shape *s, int64_t D, bool inverse, int64_t row, const float *x,
                           const float *own, float *z)
{
    int64_t h = row * s->heads / s->tokens, t = row * s->heads % s->tokens;
    for (int64_t slot = 0; slot < s->heads; slot++) {
        const int64_t slice = inverse ? slot * s->tokens + row : t * s->heads + h;
        move_slice(D, own ? own + slot * D : NULL, x + slice * D, z + slot * D);
        if (++t == s->tokens) {
            t = 0;
            h++;
        }
    }
}

static void gather_one(const shape *s, bool inverse, int64_t row, const float *x, const float *own,
                       float *z)
{
    switch (s->d) {
    case 1: gather_row(s, 1, inverse, row, x, own, z); break;
    case 2: gather_row(s, 2, inverse, row, x, own, z); break;
    case 4: gather_row(s, 4, inverse, row, x, own, z); break;
    case 8: gather_row(s, 8, inverse, row, x, own, z); break;
    case 16: gather_row(s, 16, inverse, row, x, own, z); break;
    default: gather_row(s, s->d, inverse, row, x, own, z); break;
    }
}

/* Four rows from `row` on of a sample whose slices are single elements and lie `width` apart: a
 * transposition. Without it a training step of configs/base.ini takes 18 % longer. */
static void transpose_four(int64_t width, int64_t row, const float *x, const float *own, float *z)
{
    for (int64_t j = 0; j < width; j += 4)
        rmx_transpose_4x4(x + j * width + row, own ? own + j : NULL, z + j, width);
}

/* `rows` rows of one sample from `row` on, of z = own + mix(x) or, inverse, revert(x); own NULL:
 * without it. */
static void gather_rows(const shape *of, bool inverse, int64_t row, int64_t rows, const float *x,
                        const float *own, float *z)
{
    const shape s = *of; /* a copy, which no store can change */
    const bool transposes = s.d == 1 && s.tokens == s.heads && s.width % 4 == 0;
    for (int64_t i = 0, some; i < rows; i += some) {
        const float *mine = own ? own + i * s.width : NULL;
        some = transposes && rows - i >= 4 ? 4 : 1;
        if (some == 4)
            transpose_four(s.width, row + i, x, mine, z + i * s.width);
        else
            gather_one(&s, inverse, row + i, x, mine, z + i * s.width);
    }
}

/* ---- token_mix ---- */

/* Rows a task has at least: whole samples where that is not too much. */
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
    for (int64_t r = begin, some; r < end; r += some) {
        const int64_t row = r % a->tokens, left = a->tokens - row;
        some = end - r < left ? end - r : left;
        gather_rows(&s, a->inverse, row, some, (const float *)a->x + (r - row) * a->width,
                    a->residual ? (const float *)a->residual + r * a->width : NULL,
                    (float *)a->y + r * a->width);
    }
}

/* y = permute(x) (+ residual), permute the mixing or its inverse.
 * order   none: copies, and one add
 * traffic x (and residual) read once, y written once */
rmx_status rmx_cpu_token_mix(rmx_backend *backend, const rmx_token_mix_args *a)
{
    rmx_token_mix_args job = *a;
    if (a->samples * a->tokens * a->width == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), a->samples * a->tokens,
                 row_grain(a->samples, a->tokens, a->width), token_mix_task, &job);
    return RMX_OK;
}

/* ---- token_mixer ---- */

typedef struct mixer_job {
    const rmx_token_mixer_args *a;
    rmx_backend *backend;
} mixer_job;

/* Rows of z that are built before the first is read again. Slices are stored narrower than rows are
 * loaded, and a load right behind such a store would wait for it. */
static int64_t rows_of_z(int64_t width)
{
    if (rmx_norm_narrow(width)) return RMX_NORM_NARROW;
    return width < 1024 ? 1 + 2048 / width : 1;
}

/* z = x + mix(x) of rows first .. first + rows - 1 of the batch. */
static void build_z(const shape *s, const float *x, int64_t first, int64_t rows, float *z)
{
    for (int64_t i = 0, some; i < rows; i += some) {
        const int64_t row = (first + i) % s->tokens, left = s->tokens - row;
        const float *sample = x + (first + i - row) * s->width;
        some = left < rows - i ? left : rows - i;
        gather_rows(s, false, row, some, sample, sample + row * s->width, z + i * s->width);
    }
}

/* items: rows. z of a row that exceeds the scratch is built in the output. */
static void token_mixer_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mixer_job *m = job;
    const rmx_token_mixer_args *a = m->a;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    const int64_t ahead = rows_of_z(a->width);
    const bool fits = ahead * a->width <= (int64_t)(RMX_CPU_SCRATCH_BYTES / sizeof(float));
    const rmx_norm_rows norm = {
        .kind = RMX_NORM_LAYER,
        .dim = a->width,
        .ld_x = a->width,
        .ld_y = a->width,
        .eps = a->eps,
        .gamma = a->gamma,
        .beta = a->beta,
        .stream = fits && rmx_norm_streams(a->y, a->samples * a->tokens, a->width, a->width)};
    for (int64_t first = begin, rows; first < end; first += rows) {
        rows = end - first < ahead ? end - first : ahead;
        float *y = (float *)a->y + first * a->width;
        float *z = fits ? rmx_cpu_scratch(m->backend, worker) : y;
        build_z(&s, a->x, first, rows, z);
        rmx_norm_rows_forward(&norm, rows, z, y, a->mean ? a->mean + first : NULL,
                              a->rstd ? a->rstd + first : NULL);
    }
    rmx_stream_end(norm.stream);
}

/* y = LayerNorm(x + mix(x)).
 * order   as norm's
 * traffic x read once (a sample stays in cache for the gathers), y written once */
rmx_status rmx_cpu_token_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    mixer_job job = {a, backend};
    if (a->samples * a->tokens * a->width == 0) return RMX_OK;
    rmx_parallel(rmx_cpu_pool(backend), a->samples * a->tokens,
                 row_grain(a->samples, a->tokens, a->width), token_mixer_task, &job);
    return RMX_OK;
}

/* ---- token_mixer_backward ---- */

typedef struct mixer_backward_job {
    const rmx_token_mixer_backward_args *a;
    rmx_backend *backend;
    int64_t samples_per_item; /* so many that an item is whole row blocks */
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

/* The partial sums of the row block of row r, zeroed at the block's first row. */
static float *block_partial(const rmx_token_mixer_backward_args *a, int64_t r, int64_t output)
{
    const int64_t blocks = rmx_row_blocks(a->samples * a->tokens);
    float *partial = (float *)a->ws + a->samples * a->tokens * a->width;
    float *p = partial + (output * blocks + r / RMX_ROW_BLOCK) * a->width;
    if (r % RMX_ROW_BLOCK == 0) memset(p, 0, sizeof *p * (size_t)a->width);
    return p;
}

/* dz of rows begin .. end - 1, `ahead` rows of z at a time, all of one row block. */
static void compute_dz(const rmx_token_mixer_backward_args *a, const shape *s, int64_t begin,
                       int64_t end, int64_t ahead, float *z, float *dz)
{
    const bool parameters = a->dgamma || a->dbeta;
    const rmx_norm_grads norm = {
        .kind = RMX_NORM_LAYER, .dim = a->width, .ld = a->width, .gamma = a->gamma};
    for (int64_t r = begin, rows; r < end; r += rows, dz += rows * a->width) {
        const int64_t left = RMX_ROW_BLOCK - r % RMX_ROW_BLOCK;
        rows = end - r < ahead ? end - r : ahead;
        if (rows > left) rows = left;
        build_z(s, a->x, r, rows, z);
        const rmx_norm_grads_at at = {.dy = (const float *)a->dy + r * a->width,
                                      .x = z,
                                      .mean = a->mean + r,
                                      .rstd = a->rstd + r,
                                      .dx = dz,
                                      .pgamma = parameters ? block_partial(a, r, 0) : NULL,
                                      .pbeta = parameters ? block_partial(a, r, 1) : NULL};
        rmx_norm_rows_backward(&norm, rows, &at);
    }
}

/* items: groups of samples. dz of as many samples as have RMX_NORM_NARROW rows stays in the
 * worker's scratch. A sample that exceeds the scratch has its dz in the workspace, and z's rows in
 * dx until dz is complete. */
static void token_mixer_backward_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mixer_backward_job *j = job;
    const rmx_token_mixer_backward_args *a = j->a;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    const int64_t size = a->tokens * a->width, ahead = rows_of_z(a->width);
    const int64_t room = (int64_t)(RMX_CPU_SCRATCH_BYTES / sizeof(float));
    const bool fits = size + 2 * ahead * a->width <= room;
    const int64_t together = fits ? (ahead + a->tokens - 1) / a->tokens : 1;
    const int64_t to = end * j->samples_per_item, last = to < a->samples ? to : a->samples;
    float *z = rmx_cpu_scratch(j->backend, worker);
    for (int64_t b = begin * j->samples_per_item, some; b < last; b += some) {
        some = last - b < together ? last - b : together;
        float *dz = fits ? z + ahead * a->width : (float *)a->ws + b * size;
        float *dx = (float *)a->dx + b * size;
        compute_dz(a, &s, b * a->tokens, (b + some) * a->tokens, fits ? ahead : 1, fits ? z : dx,
                   dz);
        for (int64_t i = 0; i < some * size; i += size)
            gather_rows(&s, true, 0, a->tokens, dz + i, dz + i, dx + i);
    }
}

/* dx = dz + revert(dz), dz = LayerNorm's dx at z = x + mix(x); dgamma, dbeta.
 * order   as norm_backward's
 * traffic dy and x read once, dx written once: z, dz and the partial sums stay in cache */
rmx_status rmx_cpu_token_mixer_backward(rmx_backend *backend,
                                        const rmx_token_mixer_backward_args *a)
{
    const int64_t rows = a->samples * a->tokens, blocks = rmx_row_blocks(rows);
    if (rows * a->width == 0) return RMX_OK;
    mixer_backward_job job = {a, backend, RMX_ROW_BLOCK / gcd(RMX_ROW_BLOCK, a->tokens)};
    if (!a->dgamma && !a->dbeta) job.samples_per_item = 1;
    const int64_t items = (a->samples + job.samples_per_item - 1) / job.samples_per_item;
    rmx_parallel(rmx_cpu_pool(backend), items, 1, token_mixer_backward_task, &job);
    const float *partial = (const float *)a->ws + rows * a->width;
    if (a->dgamma) RMX_CPU(column_sum_blocks)(backend, 1, blocks, a->width, partial, a->dgamma);
    partial += blocks * a->width;
    if (a->dbeta) RMX_CPU(column_sum_blocks)(backend, 1, blocks, a->width, partial, a->dbeta);
    return RMX_OK;
}
