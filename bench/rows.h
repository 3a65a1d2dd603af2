/* SPDX-License-Identifier: MIT */
/* rows.h: lines of operations that are bound by memory. Each is timed in turns with a copy between
 * buffers of the same size, and says what share of the copy's speed it reaches.
 *
 * Bytes are those that cannot be avoided: each input read once, each output written once. */
#ifndef RMX_BENCH_ROWS_H
#define RMX_BENCH_ROWS_H

#include "bench.h"

enum { ROWS_TOKENS = 16, ROWS_SMALL = 4096 };

typedef struct rows rows;

/* Computes samples first .. first + samples - 1. */
typedef rmx_status rows_part(const rows *r, int64_t first, int64_t samples);

/* A sample is tokens rows of width values of x. */
typedef struct row_case {
    const char *op, *shape;
    int64_t width, tokens;
    double moved; /* values that are read or written, for each of x */
    rows_part *run;
    int32_t kind; /* run reads this and backward */
    bool backward;
    bool launched;                /* its call cannot be recorded as a graph */
    rmx_status (*reset)(rows *r); /* the state before a run; NULL: any */
    rmx_status (*check)(rows *r); /* of sums over all samples; NULL: a sample alone */
    size_t (*scratch)(const rows *r) /* bytes of ws; NULL: none */;
    enum { IN_Y, IN_DX } out; /* where the result lies */
    int64_t out_width;        /* of a sample; 0: as of x */
} row_case;

struct rows {
    bench *b;
    const row_case *c;
    int64_t count;                    /* values in each of the next six */
    float *x, *dy, *y, *dx, *s1, *s2; /* random */
    float *stat;                      /* count / 8 values that were zero */
    float *small;                     /* ROWS_SMALL: gamma, beta and their gradients */
    void *ws;
    size_t ws_bytes;
};

static inline int64_t rows_unit(const rows *r) { return r->c->width * r->c->tokens; }
static inline int64_t rows_samples(const rows *r) { return r->count / rows_unit(r); }

/* Measures those of the cases that are wanted. */
rmx_status rows_measure(bench *b, const row_case *cases, size_t count);
#define ROWS_MEASURE(b, cases) rows_measure(b, cases, sizeof(cases) / sizeof *(cases))

/* ---- for operations that are no row_case ------------------------------------------------- */

int64_t rows_count(const bench *b);
rmx_status rows_open(rows *r, bench *b, size_t ws_bytes);
/* A line of something that has been checked. */
rmx_status rows_line(rows *r, const char *op, const char *shape, const bench_side *side,
                     double bytes);

/* RMX_ERR_NUMERIC where a sum over all values is not near what it should be. */
rmx_status rows_expect_near(rows *r, double is, double should);
/* The sum of x, or of its squares, on the host. */
rmx_status rows_host_sum(rows *r, bool squares, double *sum);

#endif /* RMX_BENCH_ROWS_H */
