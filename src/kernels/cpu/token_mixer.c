/* SPDX-License-Identifier: MIT */
/* token_mixer.c: token mixing, alone and fused with the residual add and LayerNorm.
 *
 * In units of d = width / heads elements, called pieces, a sample is `tokens` rows of `heads`
 * pieces. Piece i = h * tokens + t of the mixed sample is piece h of row t of x, so
 *   row r, slot s of mix(x)    is  x[t][h]   with h = i / tokens, t = i % tokens, i = r * heads + s
 *   row t, slot h of revert(x) is  flat piece h * tokens + t of x.
 * Every kernel here builds its output row by row from pieces of one sample, which is in cache. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/token_mixer_narrow.h"
#include "kernels/cpu/norm_row.h"
#include "kernels/cpu/token_mixer_slice.h"
#include "kernels/cpu/column_sum.h"

typedef float quad __attribute__((vector_size(16)));

/* z = own + from, or from, of d elements; own may be z. stream: d is a multiple of RMX_VL. */
RMX_INLINE void move_piece(int64_t d, const float *own, const float *from, bool stream, float *z)
{
    int64_t k = 0;
    for (; k + RMX_VL <= d; k += RMX_VL) {
        rmx_vec v = rmx_vec_load(from + k);
        if (own) v = rmx_vec_load(own + k) + v;
        rmx_stream_put(stream, z + k, v);
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

/* gather_row for the rows of a transposition, four or two; own's and z's are `width` apart. */
#if RMX_VL >= 8
RMX_INLINE void transpose_narrow(int64_t D, int64_t width, const float *x, int64_t step,
                                 const float *own, bool stream, float *z)
{
    for (int64_t j = 0; j < width; j += RMX_VL, x += RMX_VL / D * step) {
        rmx_vec v[4];
        transpose_pieces(D, x, step, v);
        for (int64_t i = 0; i < 4 / D; i++) {
            if (own) v[i] = rmx_vec_load(own + i * width + j) + v[i];
            rmx_stream_put(stream, z + i * width + j, v[i]);
        }
    }
}
#endif

/* gather_row for pieces narrower than a vector, which then are stored as wide as they are loaded
 * again (and wide enough to stream). `step` apart, a multiple of a vector's worth of them. */
RMX_INLINE void gather_narrow(int64_t D, int64_t width, const float *from, int64_t step,
                              const float *own, bool stream, float *z)
{
    for (int64_t j = 0; j < width; j += RMX_VL, from += RMX_VL / D * step) {
        rmx_vec v = join_pieces(D, from, step);
        if (own) v = rmx_vec_load(own + j) + v;
        rmx_stream_put(stream, z + j, v);
    }
}

/* z = own + mixed row; own NULL: the mixed row alone. D is d where the compiler shall know it. */
RMX_INLINE void gather_row(const shape *s, int64_t D, bool inverse, int64_t row, const float *x,
                           const float *own, bool stream, float *z)
{
    if (inverse || s->heads == s->tokens) { /* the pieces are equally far apart */
        const float *from = x + row * D;
        const int64_t step = inverse ? s->tokens * D : s->heads * D;
        if ((D == 4 || D == 8) && D < RMX_VL && s->width % RMX_VL == 0) {
            gather_narrow(D, s->width, from, step, own, stream, z);
            return;
        }
        for (int64_t slot = 0; slot < s->heads; slot++, from += step) {
            move_piece(D, own ? own + slot * D : NULL, from, stream, z + slot * D);
        }
        return;
    }
    int64_t h = row * s->heads / s->tokens, t = row * s->heads % s->tokens;
    for (int64_t slot = 0; slot < s->heads; slot++) {
        const float *from = x + (t * s->heads + h) * D;
        move_piece(D, own ? own + slot * D : NULL, from, stream, z + slot * D);
        if (++t == s->tokens) {
            t = 0;
            h++;
        }
    }
}

/* Small pieces get loops of constant length: the rest of a general loop would be all there is. */
RMX_INLINE void gather_sized(const shape *s, bool inverse, int64_t row, const float *x,
                             const float *own, bool stream, float *z)
{
    switch (s->d) {
    case 1: gather_row(s, 1, inverse, row, x, own, false, z); break;
    case 2: gather_row(s, 2, inverse, row, x, own, false, z); break;
    case 4: gather_row(s, 4, inverse, row, x, own, stream, z); break;
    case 8: gather_row(s, 8, inverse, row, x, own, stream, z); break;
    case 16: gather_row(s, 16, inverse, row, x, own, stream, z); break;
    default: gather_row(s, s->d, inverse, row, x, own, stream, z); break;
    }
}

RMX_INLINE void gather(const shape *s, bool inverse, int64_t row, const float *x, const float *own,
                       bool stream, float *z)
{
    if (own && stream)
        gather_sized(s, inverse, row, x, own, true, z);
    else if (own)
        gather_sized(s, inverse, row, x, own, false, z);
    else if (stream)
        gather_sized(s, inverse, row, x, NULL, true, z);
    else
        gather_sized(s, inverse, row, x, NULL, false, z);
}

/* A row's pieces come from all over its sample, which no prefetcher of the hardware follows: each
 * row asks for its counterpart in the next sample, into L1 or L2, whichever holds two samples. */
static inline void prefetch_row(const shape *s, const float *next)
{
    if (s->tokens * s->width <= 4096) {
        for (int64_t j = 0; j < s->width; j += 16) __builtin_prefetch(next + j);
    } else if (s->tokens * s->width <= 32768) {
        for (int64_t j = 0; j < s->width; j += 16) __builtin_prefetch(next + j, 0, 2);
    }
}

/* Rows that transpose_narrow has done of `rows`, as many as come in fours or twos. */
static int64_t transpose_rows(const shape *s, bool inverse, int64_t row, int64_t rows,
                              const float *x, const float *own, bool stream, float *z)
{
    int64_t i = 0;
#if RMX_VL >= 8
    const bool even = inverse || s->heads == s->tokens; /* the pieces are equally far apart */
    if (s->d > 2 || !even || s->width % RMX_VL != 0) return 0;
    const int64_t together = 4 / s->d, step = (inverse ? s->tokens : s->heads) * s->d;
    for (; i + together <= rows; i += together) {
        const float *from = x + (row + i) * s->d, *mine = own ? own + i * s->width : NULL;
        if (s->d == 1)
            transpose_narrow(1, s->width, from, step, mine, stream, z + i * s->width);
        else
            transpose_narrow(2, s->width, from, step, mine, stream, z + i * s->width);
    }
#else
    (void)s, (void)inverse, (void)row, (void)rows, (void)x, (void)own, (void)stream, (void)z;
#endif
    return i;
}

/* `rows` rows of one sample from `row` on, of z = own + mix(x) or, inverse, revert(x); own NULL:
 * without it. next: the same rows of the next sample, which are asked for; or NULL. */
static void gather_rows(const shape *of, bool inverse, int64_t row, int64_t rows, const float *x,
                        const float *own, const float *next, bool stream, float *z)
{
    const shape s = *of; /* a copy, which no store can change */
    const int64_t done = transpose_rows(of, inverse, row, rows, x, own, stream, z);
    for (int64_t i = 0; i < rows; i++) {
        const int64_t at = i * s.width;
        if (next) prefetch_row(&s, next + at);
        if (i >= done) gather(&s, inverse, row + i, x, own ? own + at : NULL, stream, z + at);
    }
}

/* Whether an output's rows can be streamed as they are gathered, piece by piece: pieces that are
 * whole vectors, or that gather_narrow joins. */
static bool stream_pieces(const shape *s, bool inverse, const float *y, int64_t rows)
{
    const bool even = inverse || s->heads == s->tokens; /* the pieces are equally far apart */
    const bool joined = even && (s->d == 4 || s->d == 8) && RMX_VL % s->d == 0;
    return (s->d % RMX_VL == 0 || joined) && rmx_stream_wanted(y, rows * s->width, s->width);
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
    const int64_t rows = a->samples * a->tokens;
    const bool stream = a->residual != a->y && stream_pieces(&s, a->inverse, a->y, rows);
    for (int64_t r = begin, some; r < end; r += some) {
        const int64_t row = r % a->tokens, left = a->tokens - row;
        const float *x = (const float *)a->x + (r - row) * a->width; /* of the sample */
        some = left < RMX_ROWS ? left : RMX_ROWS;
        if (some > end - r) some = end - r;
        const float *next = r + some + a->tokens <= rows ? x + (row + a->tokens) * a->width : NULL;
        gather_rows(&s, a->inverse, row, some, x,
                    a->residual ? (const float *)a->residual + r * a->width : NULL, next, stream,
                    (float *)a->y + r * a->width);
    }
    rmx_stream_end(stream);
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

/* Rows of z that are built before the first is read again. Pieces are stored narrower than rows
 * are loaded: a load right behind such stores would wait for them. */
static int64_t rows_ahead(int64_t width)
{
    const int64_t together = rmx_norm_together(width);
    if (together > 1) return together;
    return width < 1024 ? 1 + 2048 / width : 1;
}

/* `rows` rows of z = x + mix(x), the first of them row *row of the sample at *sample; both are
 * moved on behind the last. */
static void build_z(const shape *s, int64_t rows, int64_t *row, const float **sample, float *z)
{
    for (int64_t some; rows > 0; rows -= some, z += some * s->width) {
        some = s->tokens - *row < rows ? s->tokens - *row : rows;
        gather_rows(s, false, *row, some, *sample, *sample + *row * s->width, NULL, false, z);
        *row += some;
        if (*row == s->tokens) {
            *row = 0;
            *sample += s->tokens * s->width;
        }
    }
}

typedef struct mixer_job {
    const rmx_token_mixer_args *a;
    rmx_backend *backend;
} mixer_job;

/* items: rows. Some rows of z at a time are built in the worker's scratch and normalised from
 * there; z of a row beyond the scratch is built in the output. */
static void token_mixer_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const mixer_job *m = job;
    const rmx_token_mixer_args *a = m->a;
    const shape s = {a->tokens, a->width, a->heads, a->width / a->heads};
    const int64_t ahead = rows_ahead(a->width), all = a->samples * a->tokens;
    const bool fits = ahead * a->width <= (int64_t)(RMX_CPU_SCRATCH_BYTES / sizeof(float));
    const bool stream = fits && rmx_stream_wanted(a->y, all * a->width, a->width);
    const rmx_norm_rows norm = {.kind = RMX_NORM_LAYER,
                                .dim = a->width,
                                .ld_x = a->width,
                                .ld_y = a->width,
                                .eps = a->eps,
                                .gamma = a->gamma,
                                .beta = a->beta,
                                .stream = stream};
    begin += mixer_short_rows(&s, a, &norm, begin, end);
    int64_t row = begin % a->tokens;
    const float *sample = (const float *)a->x + (begin - row) * a->width;
    for (int64_t first = begin, rows; first < end; first += rows) {
        rows = end - first < ahead ? end - first : ahead;
        float *y = (float *)a->y + first * a->width;
        float *z = fits ? rmx_cpu_scratch(m->backend, worker) : y;
        build_z(&s, rows, &row, &sample, z);
        const bool more = first + rows + a->tokens <= all;
        const float *next = more ? (const float *)a->x + (first + a->tokens) * a->width : z;
        rmx_norm_stats stats;
        rmx_norm_rows_forward(&norm, rows, z, next, y, &stats);
        rmx_norm_keep(stats.mean, rows, a->mean ? a->mean + first : NULL);
        rmx_norm_keep(stats.rstd, rows, a->rstd ? a->rstd + first : NULL);
    }
    rmx_stream_end(stream);
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

/* dz of one sample, some rows of z at a time, of one block of partial sums */
static void sample_dz(const rmx_token_mixer_backward_args *a, const shape *s, int64_t sample,
                      float *z, int64_t ahead, float *dz)
{
    const int64_t begin = sample * a->tokens, end = begin + a->tokens;
    const int64_t all = a->samples * a->tokens;
    const bool parameters = a->dgamma || a->dbeta;
    const rmx_norm_grads grads = {RMX_NORM_LAYER, a->width, a->width, a->gamma, false};
    const float *x = (const float *)a->x + begin * a->width;
    int64_t row_of_z = 0;
    for (int64_t r = begin, rows; r < end; r += rows) {
        const int64_t left = RMX_ROW_BLOCK - r % RMX_ROW_BLOCK;
        rows = end - r < ahead ? end - r : ahead;
        if (rows > left) rows = left;
        build_z(s, rows, &row_of_z, &x, z);
        const bool more = r + rows + a->tokens <= all;
        const rmx_norm_grads_at at = {
            .dy = (const float *)a->dy + r * a->width,
            .x = z,
            .mean = a->mean + r,
            .rstd = a->rstd + r,
            .next_dy = more ? (const float *)a->dy + (r + rows) * a->width : NULL,
            .next_x = more ? (const float *)a->x + (r + a->tokens) * a->width : NULL,
            .dx = dz + (r - begin) * a->width,
            .pgamma = parameters ? block_partial(a, r, 0) : NULL,
            .pbeta = parameters ? block_partial(a, r, 1) : NULL};
        rmx_norm_rows_backward(&grads, rows, &at);
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
    const int64_t ahead = rmx_norm_together_backward(a->width);
    const bool fits = size + ahead * a->width <= room;
    const int64_t to = end * j->samples_per_item, last = to < a->samples ? to : a->samples;
    const bool stream = fits && stream_pieces(&s, true, a->dx, a->samples * a->tokens);
    int64_t b = begin * j->samples_per_item;
    b += mixer_short_back(&s, a, b, last, z, room);
    for (; b < last; b++) {
        float *dz = fits ? z + ahead * a->width : (float *)a->ws + b * size;
        float *dx = (float *)a->dx + b * size;
        /* too large for the scratch: z's rows go to dx until the sample's dz is complete */
        sample_dz(a, &s, b, fits ? z : dx, fits ? ahead : 1, dz);
        gather_rows(&s, true, 0, a->tokens, dz, dz, NULL, stream, dx);
    }
    rmx_stream_end(stream);
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
    if (a->dgamma) RMX_CPU(rows_chain)(backend, 1, blocks, a->width, partial, a->dgamma);
    partial += blocks * a->width;
    if (a->dbeta) RMX_CPU(rows_chain)(backend, 1, blocks, a->width, partial, a->dbeta);
    return RMX_OK;
}
