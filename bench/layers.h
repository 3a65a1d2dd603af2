/* SPDX-License-Identifier: MIT */
/* layers.h: lines of whole layers, forward and forward + backward: over the samples of a batch, or
 * over the tokens of a sample. Samples alone are compared with the batch before a line is timed. */
#ifndef RMX_BENCH_LAYERS_H
#define RMX_BENCH_LAYERS_H

#include "bench.h"
#include "rankmixer/feed_forward.h"

typedef struct layer layer;

typedef struct layer_kind {
    const char *op, *series;
    /* Samples first .. first + samples - 1 of x to y, and of dy to dx where l->backward. */
    rmx_status (*run)(const layer *l, int64_t first, int64_t samples);
    int64_t (*parameters)(const layer *l); /* floats */
    int64_t (*saved)(const layer *l);      /* floats that forward leaves for backward */
    size_t (*scratch)(const layer *l);     /* bytes of ws */
    double (*flop)(const layer *l);        /* forward, the whole batch */
} layer_kind;

struct layer {
    bench *b;
    const layer_kind *kind;
    int64_t samples, sets;         /* x, dy, y, dx: sets times [samples, tokens, width] */
    int32_t tokens, width, hidden; /* hidden: of a feed-forward network */
    bool backward;
    float *x, *dy, *y, *dx;
    float *w, *dw, *saved; /* parameters, their gradients, what forward leaves */
    void *ws;
    size_t ws_bytes;
};

static inline int64_t layer_unit(const layer *l) { return (int64_t)l->tokens * l->width; }
static inline int64_t layer_values(const layer *l) { return l->samples * layer_unit(l); }

/* B samples of 16 tokens, B growing. */
rmx_status layers_over_samples(bench *b, const layer_kind *kind);
/* T tokens, T growing. */
rmx_status layers_over_tokens(bench *b, const layer_kind *kind);

/* A feed-forward network whose parameters lie in one array of layer_network_size floats. */
rmx_feed_forward_desc layer_network(const layer *l, int64_t samples);
int64_t layer_network_size(const layer *l);
rmx_feed_forward_gradients layer_network_gradients(const layer *l, float *at);
rmx_feed_forward_weights layer_network_weights(const layer *l, float *at);
double layer_network_flop(const layer *l);

#endif /* RMX_BENCH_LAYERS_H */
