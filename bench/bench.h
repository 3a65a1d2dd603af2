/* SPDX-License-Identifier: MIT */
/* bench.h: what the nouns of rmx-bench share: the device, memory, checks, timing.
 *
 * Every line is made the same way. The result is checked first. Then our side and what it is
 * compared with are timed in turns within one run, because a machine that others use drifts by
 * more than the difference. Each turn takes the next of several sets of operands, which together
 * exceed the last-level cache. */
#ifndef RMX_BENCH_H
#define RMX_BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/context.h"
#include "core/error.h"
#include "records.h"
#include "vendor.h"

#define BENCH_TRY(call)                                \
    do {                                               \
        const rmx_status try_status_ = (call);         \
        if (try_status_ != RMX_OK) return try_status_; \
    } while (0)

#define BENCH_BUFFERS 512

typedef struct bench {
    rmx_context *ctx;
    rmx_backend *backend;
    bool cuda, quick;
    bool launched;              /* a GPU's calls are launched one by one, never as a graph */
    bool variants;              /* every kernel of the CUDA product has a line of its own */
    const char *noun;           /* that is being measured */
    const char *only;           /* text that a line's "op shape" must hold; NULL: every line */
    double seconds;             /* to spend on a line, at least a few runs */
    int32_t threads;            /* of the CPU; 1 on a GPU */
    int64_t cache_bytes;        /* last-level cache */
    double copy_rate;           /* bytes/s, read and written; the machine's own */
    double fma_rate;            /* flop/s; NaN where there is no code for this machine */
    vendor yardstick;           /* may be closed */
    const char *const *configs; /* of --config */
    int32_t config_count;
    records *out;
    rmx_error error; /* why the last call failed, where ctx does not know */
    float *pattern;  /* host values that buffers are filled from */
    void *buffer[BENCH_BUFFERS];
    int32_t buffers;
} bench;

/* Opens the context and the yardstick and measures the machine's ceilings. */
typedef struct bench_options {
    rmx_device device;
    int32_t threads;
    bool quick, launched, variants;
    double seconds; /* to spend on a line; 0: as many as the device needs */
    const char *only;
    const char *openblas, *cublas; /* NULL: looked for by their names */
} bench_options;
rmx_status bench_open(bench *b, const bench_options *options);
void bench_close(bench *b);

/* ---- memory ------------------------------------------------------------------------------ */

/* count floats on the context, uniform in [-0.5, 0.5), freed by bench_release. */
rmx_status bench_floats(bench *b, int64_t count, float **out);
/* The same, but zero. */
rmx_status bench_zeros(bench *b, int64_t count, float **out);
/* Fills count floats; equal seeds give equal values. */
rmx_status bench_fill(bench *b, float *at, int64_t count, uint32_t seed);
void bench_release(bench *b);
/* How many sets of this size, and the bytes that all of them share, exceed the last-level cache
 * twice; at least 1. */
int64_t bench_sets(const bench *b, double set_bytes, double shared_bytes);
/* Copies floats to the host: *out is the caller's to free. */
rmx_status bench_fetch(bench *b, const float *from, int64_t count, float **out);

/* ---- checks ------------------------------------------------------------------------------ */

/* Computes samples first .. first + samples - 1. */
typedef rmx_status bench_part(void *user, int64_t first, int64_t samples);
/* Runs all samples, then some of them alone: width floats of each at out + i * width have to be
 * the same bits. refresh (may be NULL) brings inputs that run changes back to their first state.
 * RMX_ERR_NUMERIC where they differ; what names it. */
rmx_status bench_check_alone(bench *b, const char *what, bench_part *run,
                             rmx_status (*refresh)(void *user), void *user, const float *out,
                             int64_t width, int64_t samples);

/* ---- time -------------------------------------------------------------------------------- */

/* turn is 0, 1, 2, ...: it picks the set of operands. */
typedef rmx_status bench_run(void *user, int64_t turn);
typedef struct bench_side {
    bench_run *run;
    void *user;
    bool spins; /* its threads keep a core busy for a while after a call, as OpenBLAS's do */
    /* 0, or: run only launches work, with as many sets of operands. On a GPU the calls of a
     * sample are then recorded once and replayed as one graph, as a training step is: what is
     * timed is the device, not how fast a host launches. */
    int64_t sets;
} bench_side;

#define BENCH_SIDES 3
/* Seconds a call of each side, the sides taking turns. */
rmx_status bench_measure(bench *b, const bench_side *side, int sides, bench_times *out);

/* Median and percentiles of samples, which it sorts. */
bench_times bench_times_of(double *seconds, int32_t runs);

/* Whether --only leaves this line; to be asked before anything is made for it. */
bool bench_wants(const bench *b, const char *op, const char *shape);

/* A record with the shares that follow from bytes, flop and the ceilings. */
bench_record bench_record_of(const bench *b, const char *op, const char *shape,
                             const bench_times *times, double bytes, double flop);
/* Keeps and prints it. */
rmx_status bench_add(bench *b, const bench_record *record);

/* ---- nouns ------------------------------------------------------------------------------- */

/* Noun x is measured by bench_x, in bench_x.c. */
#define BENCH_NOUNS(X)                                                              \
    X(product, "y = x W against the vendor's; a matrix a token with bias and GELU") \
    X(linear, "x W + b, dy W^T and dW += x^T dy of a layer, against the vendor's")  \
    X(norm, "LayerNorm and RMS norm of rows")                                       \
    X(softmax, "softmax and log-softmax of rows, softmax over tokens")              \
    X(mean, "means over tokens, of rows, of all values")                            \
    X(activation, "GELU, and an addition")                                          \
    X(dropout, "dropout, random numbers included")                                  \
    X(pooling, "mean over a sample's tokens, forward and backward")                 \
    X(token_mixer, "token mixing with residual and LayerNorm")                      \
    X(attention, "self-attention over the same tokens")                             \
    X(feed_forward, "feed-forward networks, one a token, over the batch")           \
    X(embedding, "lookups, their gradient, sparse updates")                         \
    X(loss, "cross-entropy with its gradient, and sigmoid")                         \
    X(optimizer, "a step of each optimizer")                                        \
    X(column_sum, "gradient of a bias")                                             \
    X(gradient_norm, "sum of squares of a gradient")                                \
    X(block, "a RankMixer block over the batch")                                    \
    X(step, "training steps and scoring of whole models")                           \
    X(memory, "peak memory of a training process against the plan")

#define BENCH_DECLARED(noun, title) rmx_status bench_##noun(bench *b);
BENCH_NOUNS(BENCH_DECLARED)
#undef BENCH_DECLARED

/* The process of its own that bench_memory starts for each line (--memory-of): it trains a model
 * and prints what memory that took. */
rmx_status bench_memory_child(bench *b, const char *config, int64_t batch);

#endif /* RMX_BENCH_H */
