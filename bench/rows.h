/* SPDX-License-Identifier: MIT */
/* rows.h: what the files of the group rows share: group_rows.c has the table of lines and measures
 * them, rows_layers.c runs what is computed sample by sample, rows_sums.c sums over all samples,
 * rows_embedding.c lookups and sparse updates. */
#ifndef RMX_BENCH_ROWS_H
#define RMX_BENCH_ROWS_H

#include "bench.h"

#define TOKENS 16

typedef struct rows rows;

/* A sample is tokens rows of width values of x. */
typedef struct row_case {
    const char *op, *shape;
    int64_t width, tokens;
    double moved; /* values that are read or written, for each of x */
    bench_part *run;
    int32_t kind;                    /* what run chooses by */
    rmx_status (*check)(rows *r);    /* of sums over all samples; NULL: a sample alone */
    enum { IN_Y, IN_DX, STATE } out; /* where its result lies; STATE: in y, changed in place */
    int64_t out_width;               /* of a sample; 0: as of x */
} row_case;

struct rows {
    bench *b;
    const row_case *c;
    int64_t count; /* values in a buffer */
    float *x, *dy, *y, *dx, *s1, *s2, *stat, *small, *ws;
    uint8_t *labels;
    size_t ws_bytes;
};

static inline int64_t rows_unit(const rows *r) { return r->c->width * r->c->tokens; }
static inline int64_t rows_samples(const rows *r) { return r->count / rows_unit(r); }

/* A line of something that has been checked, in turns with a copy of a buffer. */
rmx_status rows_line(rows *r, const char *op, const char *shape, const bench_side *side,
                     double bytes);

enum { GELU_ERF, GELU_TANH, GELU_ERF_BOTH, GELU_TANH_BOTH };
enum { SOFTMAX, LOG_SOFTMAX, SOFTMAX_BOTH, LOG_SOFTMAX_BOTH };
bench_part rows_token_mix, rows_mixer, rows_mixer_both; /* rows_layers.c */
bench_part rows_layer_norm, rows_rms_norm, rows_softmax, rows_softmax_across, rows_gelu;
bench_part rows_mean_tokens, rows_mean_width, rows_mean_back, rows_add, rows_sigmoid;
bench_part rows_dropout, rows_bce, rows_optimiser;

bench_part rows_col_sum, rows_sum_squares, rows_mean_all; /* rows_sums.c */
rmx_status rows_check_col_sum(rows *r);
rmx_status rows_check_sum_squares(rows *r);
rmx_status rows_check_mean_all(rows *r);

rmx_status rows_embedding(rows *r); /* its lines */

#endif /* RMX_BENCH_ROWS_H */
