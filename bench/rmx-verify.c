/* SPDX-License-Identifier: MIT */
/* rmx-verify: shows on this machine that a row's result does not depend on the rows beside it. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/program.h"
#include "verify_model.h"
#include "verify_ops.h"

/* ---- options ----------------------------------------------------------------------------- */

enum { KEY_QUICK = 256, KEY_OPENBLAS, KEY_CUBLAS };

typedef struct arguments {
    bench_options options;
    const char *config;
} arguments;

static const struct argp_option options[] = {
    {"device", 'd', "auto|cpu|cuda", 0, "where it runs; auto: a GPU if one works", 0},
    {"threads", 't', "N", 0, "CPU threads; 0: one a core", 0},
    {"quick", KEY_QUICK, NULL, 0, "fewer and smaller batches", 0},
    {"config", 'c', "FILE", 0, "model to score with; default: rmx-train's defaults", 0},
    {"openblas", KEY_OPENBLAS, "PATH", 0, "library to put beside ours on the CPU", 0},
    {"cublas", KEY_CUBLAS, "PATH", 0, "library to put beside ours on a GPU", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    char *end = NULL;
    switch (key) {
    case 'd':
        if (!rmx_program_device(value, &a->options.device))
            argp_error(state, "--device=%s: auto, cpu or cuda", value);
        return 0;
    case 't': {
        const long n = strtol(value, &end, 10);
        if (end == value || *end || n < 0 || n > 1024)
            argp_error(state, "--threads=%s: a whole number from 0 to 1024", value);
        a->options.threads = (int32_t)n;
        return 0;
    }
    case 'c': a->config = value; return 0;
    case KEY_QUICK: a->options.quick = true; return 0;
    case KEY_OPENBLAS: a->options.openblas = value; return 0;
    case KEY_CUBLAS: a->options.cublas = value; return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': there are no arguments but options", value);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "",
    "Computes rows alone and in batches of many sizes, at random places among random rows, and "
    "compares the results bit by bit; then scores one request in 1,000 random batches. Beside "
    "ours stands the product of OpenBLAS or cuBLAS, where one is installed: its bits may depend "
    "on the batch."
    "\v"
    "Example:\n  rmx-verify --device=cpu --quick\n\n"
    "Exit codes: 0 every row of ours has one result, 1 it has not, or an error, 2 usage or "
    "config, 4 device or memory.",
    NULL,
    NULL,
    NULL};

/* ---- a row alone and among others -------------------------------------------------------- */

typedef struct rows_check {
    bench *b;
    const verify_op *op;
    verify_memory memory;
    float *pool, *x, *y;  /* VERIFY_ROWS rows to draw from; a batch and its results */
    float *alone, *among; /* on the host, one row of results */
    uint64_t state;
} rows_check;

static int64_t below(rows_check *c, int64_t limit)
{
    c->state = c->state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((c->state >> 33) % (uint64_t)limit);
}

/* Row r of the pool by itself, then at a random place among rows - 1 others. */
static rmx_status one_batch(rows_check *c, int64_t rows, bool theirs, bool *same)
{
    const verify_op *op = c->op;
    bench *b = c->b;
    const size_t in_bytes = sizeof(float) * (size_t)op->in;
    const size_t out_bytes = sizeof(float) * (size_t)op->out;
    const int64_t most = op->most, row = below(c, most), place = below(c, rows);
    const int64_t first = below(c, most - rows + 1);
    const rmx_ops *ops = b->backend->ops;
    BENCH_TRY(op->run(b, op, &c->memory, 1, c->pool + row * op->in, c->y, theirs));
    BENCH_TRY(rmx_download(b->ctx, c->alone, c->y, out_bytes));
    BENCH_TRY(ops->copy(b->backend, c->x, c->pool + first * op->in, in_bytes * (size_t)rows));
    BENCH_TRY(ops->copy(b->backend, c->x + place * op->in, c->pool + row * op->in, in_bytes));
    BENCH_TRY(op->run(b, op, &c->memory, rows, c->x, c->y, theirs));
    BENCH_TRY(rmx_download(b->ctx, c->among, c->y + place * op->out, out_bytes));
    *same = memcmp(c->alone, c->among, out_bytes) == 0;
    return RMX_OK;
}

/* Batch i: small ones of every kind first, then some large ones. */
static int64_t batch_size(rows_check *c, int i, int batches)
{
    static const int64_t large[] = {384, 512, 1000, 1024, 2048, 4095, 4096};
    const int larges = (int)(sizeof large / sizeof *large);
    const int64_t most = c->b->quick ? 300 : c->op->most;
    const int64_t size = i < batches - larges ? 1 + below(c, 300) : large[i - (batches - larges)];
    return size < most ? size : most;
}

static rmx_status allocate(rows_check *c)
{
    const verify_op *op = c->op;
    bench *b = c->b;
    c->memory.scratch_floats = op->scratch * op->most + 65536;
    BENCH_TRY(bench_floats(b, op->most * op->in, &c->pool));
    BENCH_TRY(bench_floats(b, op->most * op->in, &c->x));
    BENCH_TRY(bench_floats(b, op->most * op->out, &c->y));
    BENCH_TRY(bench_floats(b, VERIFY_WEIGHTS, &c->memory.w));
    BENCH_TRY(bench_floats(b, c->memory.scratch_floats, &c->memory.scratch));
    c->alone = malloc(sizeof(float) * (size_t)op->out);
    c->among = malloc(sizeof(float) * (size_t)op->out);
    return c->alone && c->among ? RMX_OK : rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
}

static rmx_status count_batches(rows_check *c, int batches, int differ[2])
{
    for (int i = 0; i < batches; i++) {
        bool same = true;
        const int64_t rows = batch_size(c, i, batches);
        BENCH_TRY(one_batch(c, rows, false, &same));
        differ[0] += !same;
        if (!c->op->product || !c->b->yardstick.open) continue;
        BENCH_TRY(one_batch(c, rows, true, &same));
        differ[1] += !same;
    }
    return RMX_OK;
}

static rmx_status check_op(bench *b, const verify_op *op, int64_t *bad)
{
    rows_check c = {.b = b, .op = op, .state = 99};
    const int batches = b->quick ? 12 : 48;
    int differ[2] = {0, 0};
    char shape[48], theirs[16] = "";
    rmx_status status = allocate(&c);
    if (status == RMX_OK) status = count_batches(&c, batches, differ);
    free(c.alone);
    free(c.among);
    bench_release(b);
    if (status != RMX_OK) return status;
    if (op->product)
        snprintf(shape, sizeof shape, op->count > 1 ? "K=%d N=%d, %d products" : "K=%d N=%d",
                 op->k, op->n, op->count);
    else if (op->count > 1)
        snprintf(shape, sizeof shape, "T=%d D=%d", op->count, op->k);
    else
        snprintf(shape, sizeof shape, "D=%d", op->k);
    if (op->product && b->yardstick.open) snprintf(theirs, sizeof theirs, "%d", differ[1]);
    printf("%-18s %-28s %8d %8d %9s   %s\n", op->name, shape, batches, differ[0], theirs,
           differ[0] ? "DIFFERS" : "ok");
    fflush(stdout);
    *bad += differ[0];
    return RMX_OK;
}

/* ---- all of it --------------------------------------------------------------------------- */

static rmx_status check_all(bench *b, const char *config, int64_t *bad)
{
    verify_scores scores;
    printf("device     %s\nyardstick  %s (%s)\n\nA row alone against the row in a batch of 1 to "
           "%d rows: batches in which its bits differ\n\n%-18s %-28s %8s %8s %9s\n",
           rmx_context_describe(b->ctx), b->yardstick.open ? b->yardstick.name : "none",
           b->yardstick.where, b->quick ? 300 : VERIFY_ROWS, "operation", "row", "batches", "ours",
           b->yardstick.open ? b->yardstick.name : "");
    for (int i = 0; i < verify_op_count; i++) BENCH_TRY(check_op(b, &verify_ops[i], bad));
    BENCH_TRY(verify_model(b, config, &scores));
    printf("\nOne request among others, scored %d times by a whole model (%s)\n\n"
           "distinct results: %d ours",
           scores.scorings, config ? config : "defaults", scores.distinct);
    if (b->yardstick.open)
        printf(", %d with the products of %s in the same places", scores.vendor_distinct,
               b->yardstick.name);
    puts("");
    *bad += scores.distinct - 1;
    return RMX_OK;
}

int main(int argc, char **argv)
{
    arguments a = {.config = NULL};
    bench b = {.quick = false};
    int64_t bad = 0;
    int code = rmx_program_begin("rmx-verify", &parser, argc, argv, &a);
    if (code != RMX_EXIT_OK) return code;
    rmx_status status = bench_open(&b, &a.options);
    if (status == RMX_OK) status = check_all(&b, a.config, &bad);
    if (status != RMX_OK && !b.error.text[0] && b.ctx)
        rmx_fail(&b.error, status, "%s", rmx_last_error(b.ctx));
    bench_close(&b);
    code = rmx_program_exit("rmx-verify", status, &b.error);
    if (code != RMX_EXIT_OK) return code;
    puts(bad ? "\nFAILED: results depend on the batch" : "\nok: no result depends on its batch");
    return bad ? RMX_EXIT_ERROR : RMX_EXIT_OK;
}
