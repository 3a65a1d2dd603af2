/* SPDX-License-Identifier: MIT */
/* token_mixer_narrow.h: the fused token mixer for short rows (norm_narrow.h) whose pieces are equally far
 * apart. A row's are where heads divides tokens: its slots are the same head of successive tokens.
 *
 * Groups of RMX_ROWS rows are gathered by whole vectors, and normalised from L1. */
#ifndef RMX_MIXER_SHORT_H
#define RMX_MIXER_SHORT_H

#include "kernels/cpu/norm_row.h"
#include "kernels/cpu/token_mixer_slice.h"
#include "kernels/cpu/column_sum.h"

/* The block's partial sums that row r goes to, zeroed at the block's first row. */
static float *block_partial(const rmx_token_mixer_backward_args *a, int64_t r, int64_t output)
{
    const int64_t blocks = rmx_row_blocks(a->samples * a->tokens);
    float *partial = (float *)a->ws + a->samples * a->tokens * a->width;
    float *p = partial + (output * blocks + r / RMX_ROW_BLOCK) * a->width;
    if (r % RMX_ROW_BLOCK == 0) memset(p, 0, sizeof *p * (size_t)a->width);
    return p;
}

#if RMX_VL >= 8

/* The widest rows: of 128 the code would be as much again as of all others. */
#define SHORT_MOST 64

/* Goes from row to row. Row r is turn r % turns of head r / turns. */
typedef struct short_walk {
    const float *from; /* the row's first piece; its vector k begins at[k] further */
    int64_t step, at[SHORT_MOST / RMX_VL];
    int64_t turn, turns, head, heads;
    int64_t to_turn, to_head, to_sample; /* what is added to `from` at each, one after another */
} short_walk;

static void walk_vectors(const shape *s, short_walk *w)
{
    for (int64_t k = 0; k < s->width / RMX_VL; k++)
        w->at[k] = k * RMX_VL / s->d * w->step + k * RMX_VL % s->d;
}

static short_walk walk_from(const shape *s, int64_t row, const float *sample)
{
    const int64_t size = s->tokens * s->width, turns = s->tokens / s->heads;
    short_walk w = {.step = s->heads * s->d,
                    .turn = row % turns,
                    .turns = turns,
                    .head = row / turns,
                    .heads = s->heads,
                    .to_turn = s->heads * s->width,
                    .to_head = s->d - size,
                    .to_sample = size - s->width};
    w.from = sample + w.turn * w.to_turn + w.head * s->d;
    walk_vectors(s, &w);
    return w;
}

/* The inverse, from a sample's first row on: every row is a turn of the same head. */
static short_walk walk_back(const shape *s, const float *sample)
{
    short_walk w = {.from = sample,
                    .step = s->tokens * s->d,
                    .turns = s->tokens,
                    .heads = 1,
                    .to_turn = s->d,
                    .to_sample = s->tokens * (s->width - s->d)};
    walk_vectors(s, &w);
    return w;
}

RMX_INLINE void walk_on(short_walk *w)
{
    w->from += w->to_turn;
    if (++w->turn < w->turns) return;
    w->turn = 0;
    w->from += w->to_head;
    if (++w->head < w->heads) return;
    w->head = 0;
    w->from += w->to_sample;
}

/* Groups of rows that are taken together of so many. */
static int groups_in(int64_t rows)
{
    return rows < RMX_GROUPS * RMX_ROWS ? (int)(rows / RMX_ROWS) : RMX_GROUPS;
}

/* z = own + gathered of groups of rows of n vectors; D is d, or RMX_VL where a vector is of one
 * piece. As many rows at `next` are asked for. */
RMX_INLINE void gather_short(int n, int64_t D, short_walk *w, int groups, const float *own,
                             const float *next, bool stream, float *z)
{
    const int64_t width = n * RMX_VL;
    const int together = D < 4 ? (int)(4 / D) : 1;
    for (int64_t j = 0; j < groups * RMX_ROWS * width; j += together * width) {
        const float *from = w->from;
        for (int64_t i = 0; i < together * width; i += 16) __builtin_prefetch(next + j + i);
        for (int i = 0; i < together; i++) walk_on(w);
        for (int k = 0; k < n; k++) {
            rmx_vec v[4];
            if (D < 4)
                transpose_pieces(D, from + w->at[k], w->step, v);
            else
                v[0] = join_pieces(D, from + w->at[k], w->step);
            for (int i = 0; i < together; i++) {
                const int64_t at = j + i * width + k * RMX_VL;
                rmx_stream_put(stream, z + at, rmx_vec_load(own + at) + v[i]);
            }
        }
    }
}

/* Rows begin .. end - 1, group by group. Returns where it stopped: so many are not left. */
RMX_INLINE int64_t short_sized(int n, int64_t D, const shape *s, const rmx_token_mixer_args *a,
                               const rmx_norm_rows *norm, int64_t begin, int64_t end)
{
    const int64_t width = n * RMX_VL, row = begin % s->tokens, all = a->samples * a->tokens;
    short_walk w = walk_from(s, row, (const float *)a->x + (begin - row) * width);
    for (int groups; (groups = groups_in(end - begin)) > 0; begin += groups * RMX_ROWS) {
        const int64_t rows = groups * RMX_ROWS;
        float z[RMX_GROUPS * RMX_ROWS * SHORT_MOST];
        rmx_norm_stats stats;
        const float *own = (const float *)a->x + begin * width;
        const bool more = begin + rows + s->tokens <= all;
        gather_short(n, D, &w, groups, own, more ? own + s->tokens * width : own, false, z);
        rmx_norm_short_rows(norm, groups, z, NULL, (float *)a->y + begin * width, &stats);
        rmx_norm_keep(stats.mean, rows, a->mean ? a->mean + begin : NULL);
        rmx_norm_keep(stats.rstd, rows, a->rstd ? a->rstd + begin : NULL);
    }
    return begin;
}

RMX_INLINE int64_t short_pieces(int64_t D, const shape *s, const rmx_token_mixer_args *a,
                                const rmx_norm_rows *norm, int64_t begin, int64_t end)
{
    switch (s->width / RMX_VL) {
    case 1: return short_sized(1, D, s, a, norm, begin, end);
    case 2: return short_sized(2, D, s, a, norm, begin, end);
#if RMX_VL == 8
    case 4: return short_sized(4, D, s, a, norm, begin, end);
#endif
    default: return short_sized(SHORT_MOST / RMX_VL, D, s, a, norm, begin, end);
    }
}

/* ---- backward ---- */

/* dz of groups of rows from `row` on; where parameters are asked for, all of one block. */
RMX_INLINE void dz_short(int n, int64_t D, const shape *s, const rmx_token_mixer_backward_args *a,
                         const rmx_norm_grads *norm, short_walk *w, int64_t row, int groups,
                         float *dz)
{
    const int64_t width = n * RMX_VL;
    const bool parameters = a->dgamma || a->dbeta;
    const bool more = row + groups * RMX_ROWS + s->tokens <= a->samples * s->tokens;
    const float *own = (const float *)a->x + row * width;
    float z[RMX_GROUPS * RMX_ROWS * SHORT_MOST];
    gather_short(n, D, w, groups, own, more ? own + s->tokens * width : own, false, z);
    const rmx_norm_grads_at at = {.dy = (const float *)a->dy + row * width,
                                  .x = z,
                                  .mean = a->mean + row,
                                  .rstd = a->rstd + row,
                                  .dx = dz,
                                  .pgamma = parameters ? block_partial(a, row, 0) : NULL,
                                  .pbeta = parameters ? block_partial(a, row, 1) : NULL};
    rmx_norm_short_backward(norm, groups, &at);
}

/* dx = dz + revert(dz) of the samples whose rows from `row` on are at dz. As much of dy is asked
 * for that comes next. */
RMX_INLINE void revert_short(int n, int64_t D, const shape *s,
                             const rmx_token_mixer_backward_args *a, int64_t row, int64_t rows,
                             bool stream, const float *dz)
{
    const int64_t width = n * RMX_VL;
    const bool more = row + 2 * rows <= a->samples * s->tokens;
    const float *next = (const float *)a->dy + (more ? row + rows : row) * width;
    float *dx = (float *)a->dx + row * width;
    short_walk w = walk_back(s, dz);
    gather_short(n, D, &w, (int)(rows / RMX_ROWS), dz, next, stream, dx);
}

/* Samples first .. last - 1, so many together that their rows are whole eights. Returns where it
 * stopped: so many are not left. */
RMX_INLINE int64_t back_sized(int n, int64_t D, const shape *s,
                              const rmx_token_mixer_backward_args *a, int64_t first, int64_t last,
                              int64_t together, float *dz)
{
    const int64_t width = n * RMX_VL, rows = together * s->tokens;
    const bool stream = rmx_stream_wanted(a->dx, a->samples * s->tokens * width, width);
    const rmx_norm_grads norm = {RMX_NORM_LAYER, width, width, a->gamma, false};
    const bool parameters = a->dgamma || a->dbeta;
    short_walk w = walk_from(s, 0, (const float *)a->x + first * s->tokens * width);
    for (; first + together <= last; first += together) {
        const int64_t row = first * s->tokens;
        for (int64_t i = 0, some; i < rows; i += some) {
            const int64_t left = RMX_ROW_BLOCK - (row + i) % RMX_ROW_BLOCK;
            const int groups = groups_in(parameters && left < rows - i ? left : rows - i);
            some = groups * RMX_ROWS;
            dz_short(n, D, s, a, &norm, &w, row + i, groups, dz + i * width);
        }
        if (stream)
            revert_short(n, D, s, a, row, rows, true, dz);
        else
            revert_short(n, D, s, a, row, rows, false, dz);
    }
    rmx_stream_end(stream);
    return first;
}

RMX_INLINE int64_t back_pieces(int64_t D, const shape *s, const rmx_token_mixer_backward_args *a,
                               int64_t first, int64_t last, int64_t together, float *dz)
{
    switch (s->width / RMX_VL) {
    case 1: return back_sized(1, D, s, a, first, last, together, dz);
    case 2: return back_sized(2, D, s, a, first, last, together, dz);
#if RMX_VL == 8
    case 4: return back_sized(4, D, s, a, first, last, together, dz);
#endif
    default: return back_sized(SHORT_MOST / RMX_VL, D, s, a, first, last, together, dz);
    }
}
#endif

/* Does as many rows of begin .. end - 1 as it can, from the first on: none where they are not short
 * or not equally far apart, or where quads of rows do not begin at `begin`. Returns how many. */
static int64_t mixer_short_rows(const shape *s, const rmx_token_mixer_args *a,
                                const rmx_norm_rows *norm, int64_t begin, int64_t end)
{
#if RMX_VL >= 8
    if (!rmx_norm_short(s->width) || s->width > SHORT_MOST || s->tokens % s->heads != 0) return 0;
    if (s->d < 4 && (s->tokens != s->heads || begin % 4 != 0)) return 0;
    switch (s->d) {
    case 1: return short_pieces(1, s, a, norm, begin, end) - begin;
    case 2: return short_pieces(2, s, a, norm, begin, end) - begin;
    case 4: return short_pieces(4, s, a, norm, begin, end) - begin;
#if RMX_VL == 16
    case 8: return short_pieces(8, s, a, norm, begin, end) - begin;
#endif
    default: return short_pieces(RMX_VL, s, a, norm, begin, end) - begin;
    }
#else
    (void)s, (void)a, (void)norm, (void)begin, (void)end;
    return 0;
#endif
}

/* Does as many samples of first .. last - 1 going back as it can, from the first on: none where
 * rows are not short or not equally far apart, or where dz, of `room` floats, is too small. Where
 * parameters are asked for, `first` begins a block. Returns how many. */
static int64_t mixer_short_back(const shape *s, const rmx_token_mixer_backward_args *a,
                                int64_t first, int64_t last, float *dz, int64_t room)
{
#if RMX_VL >= 8
    int64_t some = 1;
    while (some * s->tokens % RMX_ROWS != 0) some *= 2;
    if (!rmx_norm_short(s->width) || s->width > SHORT_MOST || s->tokens % s->heads != 0) return 0;
    if (s->d < 4 && s->tokens != s->heads) return 0;
    if (some * s->tokens * s->width > room) return 0;
    switch (s->d) {
    case 1: return back_pieces(1, s, a, first, last, some, dz) - first;
    case 2: return back_pieces(2, s, a, first, last, some, dz) - first;
    case 4: return back_pieces(4, s, a, first, last, some, dz) - first;
#if RMX_VL == 16
    case 8: return back_pieces(8, s, a, first, last, some, dz) - first;
#endif
    default: return back_pieces(RMX_VL, s, a, first, last, some, dz) - first;
    }
#else
    (void)s, (void)a, (void)first, (void)last, (void)dz, (void)room;
    return 0;
#endif
}

#endif /* RMX_MIXER_SHORT_H */
