/* SPDX-License-Identifier: MIT */
/* group_rows.c: what is bound by memory, as a share of the machine's own copy: token mixing,
 * norms, softmax, means, GELU and the like, the loss, sums, embeddings, optimisers.
 *
 * Bytes are those that cannot be avoided: each input read once, each output written once. The
 * copy is measured in turns with every line, between buffers of the same size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "rankmixer/norm.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/token_mixer.h"
#include "rows.h"

#define SMALL 4096 /* values for gamma, beta and their gradients */
#define MIX "T=16 D="

static const row_case cases[] = {
    {"token mix alone", MIX "768", 768, TOKENS, 2, rows_token_mix, .out = IN_Y},
    {"token mix alone", MIX "16", 16, TOKENS, 2, rows_token_mix, .out = IN_Y},
    {"token mixer", MIX "768", 768, TOKENS, 2, rows_mixer, .out = IN_Y},
    {"token mixer", MIX "64", 64, TOKENS, 2, rows_mixer, .out = IN_Y},
    {"token mixer", MIX "16", 16, TOKENS, 2, rows_mixer, .out = IN_Y},
    {"token mixer fwd+bwd", MIX "768", 768, TOKENS, 5, rows_mixer_both, .out = IN_DX},
    {"token mixer fwd+bwd", MIX "64", 64, TOKENS, 5, rows_mixer_both, .out = IN_DX},
    {"token mixer fwd+bwd", MIX "16", 16, TOKENS, 5, rows_mixer_both, .out = IN_DX},
    {"layer_norm", "D=768", 768, 1, 2, rows_layer_norm, .out = IN_Y},
    {"layer_norm", "D=16", 16, 1, 2, rows_layer_norm, .out = IN_Y},
    {"layer_norm fwd+bwd", "D=768", 768, 1, 5, rows_layer_norm, .kind = 1, .out = IN_DX},
    {"layer_norm fwd+bwd", "D=16", 16, 1, 5, rows_layer_norm, .kind = 1, .out = IN_DX},
    {"rms_norm", "D=768", 768, 1, 2, rows_rms_norm, .out = IN_Y},
    {"rms_norm fwd+bwd", "D=768", 768, 1, 5, rows_rms_norm, .kind = 1, .out = IN_DX},
    {"softmax", "n=1024", 1024, 1, 2, rows_softmax, .kind = SOFTMAX},
    {"softmax", "n=16", 16, 1, 2, rows_softmax, .kind = SOFTMAX},
    {"softmax over tokens", MIX "64", 64, TOKENS, 2, rows_softmax_across, .out = IN_Y},
    {"softmax fwd+bwd", "n=1024", 1024, 1, 5, rows_softmax, .kind = SOFTMAX_BOTH, .out = IN_DX},
    {"log_softmax", "n=1024", 1024, 1, 2, rows_softmax, .kind = LOG_SOFTMAX},
    {"log_softmax fwd+bwd", "n=1024", 1024, 1, 5, rows_softmax, .kind = LOG_SOFTMAX_BOTH,
     .out = IN_DX},
    {"mean over tokens", MIX "768", 768, TOKENS, 1 + 1.0 / TOKENS, rows_mean_tokens,
     .out_width = 768},
    {"mean over tokens", MIX "16", 16, TOKENS, 1 + 1.0 / TOKENS, rows_mean_tokens,
     .out_width = 16},
    {"mean over tokens, bwd", MIX "768", 768, TOKENS, 1 + 1.0 / TOKENS, rows_mean_back,
     .out = IN_Y},
    {"mean of each row", "n=1024", 1024, 1, 1 + 1.0 / 1024, rows_mean_width, .out_width = 1},
    {"mean of all values", "", 1024, 1, 1, rows_mean_all, .check = rows_check_mean_all},
    {"gelu (erf)", "", 1024, 1, 2, rows_gelu, .kind = GELU_ERF},
    {"gelu (tanh)", "", 1024, 1, 2, rows_gelu, .kind = GELU_TANH},
    {"gelu (erf) fwd+bwd", "", 1024, 1, 5, rows_gelu, .kind = GELU_ERF_BOTH, .out = IN_DX},
    {"gelu (tanh) fwd+bwd", "", 1024, 1, 5, rows_gelu, .kind = GELU_TANH_BOTH, .out = IN_DX},
    {"sigmoid", "", 1024, 1, 2, rows_sigmoid, .out = IN_Y},
    {"add", "", 1024, 1, 3, rows_add, .out = IN_Y},
    {"dropout", "p=0.1", 1024, 1, 2, rows_dropout, .out = IN_Y},
    {"cross-entropy fwd+bwd", "one task", 1, 1, 2.25, rows_bce, .out = IN_Y},
    {"bias gradient", "N=768", 768, 1, 1, rows_col_sum, .check = rows_check_col_sum},
    {"bias gradient", "N=16", 16, 1, 1, rows_col_sum, .check = rows_check_col_sum},
    {"sum of squares", "", 1024, 1, 1, rows_sum_squares, .check = rows_check_sum_squares},
    {"sgd", "width 64", 64, 1, 3, rows_optimiser, .kind = RMX_OPTIMIZER_SGD, .out = STATE},
    {"rmsprop", "width 64", 64, 1, 5, rows_optimiser, .kind = RMX_OPTIMIZER_RMSPROP, .out = STATE},
    {"adagrad", "width 64", 64, 1, 5, rows_optimiser, .kind = RMX_OPTIMIZER_ADAGRAD, .out = STATE},
    {"rowwise_adagrad", "width 64", 64, 1, 3 + 2.0 / 64, rows_optimiser,
     .kind = RMX_OPTIMIZER_ROWWISE_ADAGRAD, .out = STATE},
    {"adamw", "width 64", 64, 1, 7, rows_optimiser, .kind = RMX_OPTIMIZER_ADAMW, .out = STATE},
};

/* ---- one line ---------------------------------------------------------------------------- */

static rmx_status refresh(void *user)
{
    const rows *r = user;
    const size_t bytes = sizeof(float) * (size_t)r->count;
    if (r->c->out != STATE) return RMX_OK;
    BENCH_TRY(bench_fill(r->b, r->y, r->count, 3));
    BENCH_TRY(rmx_zero(r->b->ctx, r->s1, bytes));
    return rmx_zero(r->b->ctx, r->s2, bytes);
}

static rmx_status run_all(void *user, int64_t turn)
{
    rows *r = user;
    (void)turn; /* one set is larger than the cache */
    return r->c->run(user, 0, rows_samples(r));
}

static rmx_status run_copy(void *user, int64_t turn)
{
    const rows *r = user;
    (void)turn;
    return machine_copy(r->b, r->y, r->x, r->count);
}

rmx_status rows_line(rows *r, const char *op, const char *shape, const bench_side *ours,
                     double bytes)
{
    bench *b = r->b;
    bench_times times[2];
    const bench_side side[] = {*ours, {.run = run_copy, .user = r, .sets = 1}};
    const double copied = 2.0 * sizeof(float) * (double)r->count;
    BENCH_TRY(bench_measure(b, side, 2, times));
    bench_record line = bench_record_of(b, "rows", &times[0], bytes, NAN);
    snprintf(line.op, sizeof line.op, "%s", op);
    snprintf(line.shape, sizeof line.shape, "%s", shape);
    snprintf(line.series, sizeof line.series, "%s%s%s", op, *shape ? " " : "", shape);
    snprintf(line.ceiling, sizeof line.ceiling, "copy");
    line.share = bytes / copied * times[1].median / times[0].median;
    return records_add(b->out, &line) ? RMX_OK : RMX_ERR_MEMORY;
}

static rmx_status line(rows *r)
{
    bench *b = r->b;
    const row_case *c = r->c;
    /* an optimiser's call uploads its rates, which cannot be recorded */
    const bench_side side = {.run = run_all, .user = r, .sets = c->out == STATE ? 0 : 1};
    const double values = (double)(rows_samples(r) * rows_unit(r)) * sizeof(float);
    if (!bench_wants(b, c->op, c->shape)) return RMX_OK;
    BENCH_TRY(bench_fill(b, r->small, SMALL, 9));
    BENCH_TRY(rmx_zero(b->ctx, r->stat, sizeof(uint64_t)));
    if (c->check)
        BENCH_TRY(c->check(r));
    else
        BENCH_TRY(bench_check_alone(b, c->op, c->run, refresh, r, c->out == IN_DX ? r->dx : r->y,
                                    c->out_width ? c->out_width : rows_unit(r), rows_samples(r)));
    return rows_line(r, c->op, c->shape, &side, values * c->moved);
}

/* ---- the group --------------------------------------------------------------------------- */

/* The largest of what backward passes, sums and the loss ask for. */
static size_t workspace(int64_t count)
{
    const int64_t widths[] = {16, 64, 768};
    size_t most = rmx_loss_scratch(count);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const int32_t d = (int32_t)widths[i];
        const rmx_norm_desc norm = {.rows = count / d, .dim = d, .eps = 1e-5f};
        const rmx_token_mixer_desc mixer = {RMX_F32, count / (d * TOKENS), TOKENS, d, TOKENS,
                                            1e-5f};
        const size_t bytes[] = {
            rmx_norm_backward_workspace(&norm), rmx_token_mixer_backward_workspace(&mixer),
            rmx_column_sum_scratch(1, count / d, d, 1), rmx_gradient_norm_scratch(count)};
        for (size_t j = 0; j < sizeof bytes / sizeof *bytes; j++)
            if (bytes[j] > most) most = bytes[j];
    }
    return most;
}

static rmx_status make_labels(rows *r)
{
    float *memory = NULL;
    uint8_t *host = malloc((size_t)r->count);
    if (!host) return rmx_fail(&r->b->error, RMX_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < r->count; i++) host[i] = i * 7919 % 5 < 2;
    rmx_status status = bench_zeros(r->b, r->count / 4 + 1, &memory);
    if (status == RMX_OK) status = rmx_upload(r->b->ctx, memory, host, (size_t)r->count);
    r->labels = (uint8_t *)memory;
    free(host);
    return status;
}

rmx_status bench_rows(bench *b)
{
    /* More than the cache; on a GPU the batch of 4096 samples that a large model trains with */
    const int64_t batch = b->cuda ? (int64_t)4096 * TOKENS * 768 : 0, cache = b->cache_bytes / 2;
    rows r = {.b = b, .count = b->quick ? (int64_t)1 << 18 : cache > batch ? cache : batch};
    r.ws_bytes = workspace(r.count);
    BENCH_TRY(bench_floats(b, r.count, &r.x));
    BENCH_TRY(bench_floats(b, r.count, &r.dy));
    BENCH_TRY(bench_floats(b, r.count, &r.y));
    BENCH_TRY(bench_floats(b, r.count, &r.dx));
    BENCH_TRY(bench_floats(b, r.count, &r.s1));
    BENCH_TRY(bench_floats(b, r.count, &r.s2));
    BENCH_TRY(bench_zeros(b, r.count / 8, &r.stat));
    BENCH_TRY(bench_floats(b, SMALL, &r.small));
    BENCH_TRY(bench_floats(b, (int64_t)(r.ws_bytes / sizeof(float)) + 1, &r.ws));
    BENCH_TRY(make_labels(&r));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r.c = &cases[i];
        BENCH_TRY(line(&r));
    }
    BENCH_TRY(rows_embedding(&r));
    bench_release(b);
    return RMX_OK;
}
