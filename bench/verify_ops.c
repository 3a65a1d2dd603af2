/* SPDX-License-Identifier: MIT */
/* verify_ops.c: see verify_ops.h. Weights all come out of one array of random values. */
#include "verify_ops.h"

#include "rankmixer/attention.h"
#include "rankmixer/block.h"
#include "rankmixer/activation.h"
#include "rankmixer/norm.h"
#include "rankmixer/mean.h"
#include "rankmixer/feed_forward.h"
#include "rankmixer/product.h"
#include "rankmixer/softmax.h"
#include "rankmixer/token_mixer.h"

#define UNUSED __attribute__((unused)) /* by some operations */
#define PARAMETERS                                                                   \
    bench *b, const verify_op *op, UNUSED const verify_memory *memory, int64_t rows, \
        const float *x, float *y, UNUSED bool theirs

/* Inputs are only read, though a view has no const. */
static float *in(const float *p) { return (float *)(uintptr_t)p; }

/* ---- products ---------------------------------------------------------------------------- */

/* count products of [rows, k] by [k, n]; a row of x holds its part of all of them. */
static rmx_status vendor_product_of(const bench *b, const verify_op *op,
                                    const verify_memory *memory, int64_t rows, const float *x,
                                    float *y)
{
    const vendor_product p = {.m = rows,
                              .n = op->n,
                              .k = op->k,
                              .count = op->count,
                              .a = x,
                              .b = memory->w,
                              .c = y,
                              .lda = op->in,
                              .ldb = op->n,
                              .ldc = op->out,
                              .step_a = op->k,
                              .step_b = (int64_t)op->k * op->n,
                              .step_c = op->n};
    return vendor_run(&b->yardstick, &p);
}

static rmx_status mm(PARAMETERS)
{
    const int64_t xs[] = {rows, op->k}, ws[] = {op->k, op->n}, ys[] = {rows, op->n};
    const rmx_tensor a = rmx_tensor_of(RMX_F32, in(x), 2, xs),
                     w = rmx_tensor_of(RMX_F32, memory->w, 2, ws);
    const rmx_tensor out = rmx_tensor_of(RMX_F32, y, 2, ys);
    if (theirs) return vendor_product_of(b, op, memory, rows, x, y);
    return rmx_mm(b->ctx, &a, &w, &out);
}

static rmx_status addmm(PARAMETERS)
{
    const int64_t xs[] = {rows, op->k}, ws[] = {op->k, op->n}, ys[] = {rows, op->n};
    const int64_t vector[] = {op->n};
    const rmx_tensor a = rmx_tensor_of(RMX_F32, in(x), 2, xs),
                     w = rmx_tensor_of(RMX_F32, memory->w, 2, ws);
    const rmx_tensor out = rmx_tensor_of(RMX_F32, y, 2, ys);
    const rmx_tensor bias = rmx_tensor_of(RMX_F32, memory->w + (int64_t)op->k * op->n, 1, vector);
    if (theirs) return vendor_product_of(b, op, memory, rows, x, y);
    return rmx_addmm(b->ctx, 0.5f, 2.0f, &bias, &a, &w, &out);
}

/* A row of x is row i of every one of count matrices. */
static rmx_status bmm(PARAMETERS)
{
    const int64_t ws[] = {op->count, op->k, op->n};
    const rmx_tensor w = rmx_tensor_of(RMX_F32, memory->w, 3, ws);
    const rmx_tensor a = {
        .data = in(x), .dims = 3, .shape = {op->count, rows, op->k}, .stride = {op->k, op->in, 1}};
    const rmx_tensor out = {
        .data = y, .dims = 3, .shape = {op->count, rows, op->n}, .stride = {op->n, op->out, 1}};
    if (theirs) return vendor_product_of(b, op, memory, rows, x, y);
    return rmx_bmm(b->ctx, &a, &w, &out);
}

static rmx_status grouped(PARAMETERS)
{
    const int64_t xs[] = {rows, op->count, op->k}, ws[] = {op->count, op->k, op->n};
    const int64_t ys[] = {rows, op->count, op->n};
    const rmx_tensor a = rmx_tensor_of(RMX_F32, in(x), 3, xs),
                     w = rmx_tensor_of(RMX_F32, memory->w, 3, ws);
    const rmx_tensor out = rmx_tensor_of(RMX_F32, y, 3, ys);
    if (theirs) return vendor_product_of(b, op, memory, rows, x, y);
    return rmx_grouped_mm(b->ctx, &a, &w, &out);
}

/* ---- rows -------------------------------------------------------------------------------- */

static rmx_status softmax(PARAMETERS)
{
    const int64_t shape[] = {rows, op->in};
    const rmx_tensor a = rmx_tensor_of(RMX_F32, in(x), 2, shape),
                     out = rmx_tensor_of(RMX_F32, y, 2, shape);
    return rmx_softmax_forward(b->ctx, 1, &a, &out);
}

static rmx_status log_softmax(PARAMETERS)
{
    const int64_t shape[] = {rows, op->in};
    const rmx_tensor a = rmx_tensor_of(RMX_F32, in(x), 2, shape),
                     out = rmx_tensor_of(RMX_F32, y, 2, shape);
    return rmx_log_softmax_forward(b->ctx, 1, &a, &out);
}

static rmx_status mean(PARAMETERS)
{
    const int64_t shape[] = {rows, op->count, op->k}, kept[] = {rows, op->k};
    const rmx_tensor a = rmx_tensor_of(RMX_F32, in(x), 3, shape),
                     out = rmx_tensor_of(RMX_F32, y, 2, kept);
    const rmx_mean_desc desc = {.axes = 1, .axis = {1}};
    return rmx_mean_forward(b->ctx, &desc, &a, &out);
}

static rmx_status gelu(PARAMETERS)
{
    return rmx_activation_forward(
        b->ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, RMX_F32, rows * op->in}, x, y);
}

static rmx_status layer_norm(PARAMETERS)
{
    const rmx_norm_desc desc = {.rows = rows, .dim = op->k, .eps = 1e-5f};
    return rmx_norm_forward(b->ctx, &desc, x, memory->w, memory->w + op->k, y, NULL, NULL);
}

static rmx_status rms_norm(PARAMETERS)
{
    const rmx_norm_desc desc = {.kind = RMX_NORM_RMS, .rows = rows, .dim = op->k, .eps = 1e-5f};
    return rmx_norm_forward(b->ctx, &desc, x, memory->w, NULL, y, NULL, NULL);
}

/* ---- layers ------------------------------------------------------------------------------ */

static rmx_status token_mixer(PARAMETERS)
{
    const rmx_token_mixer_desc desc = {RMX_F32, rows, op->count, op->k, op->count, 1e-5f};
    return rmx_token_mixer_forward(b->ctx, &desc, x, memory->w, memory->w + op->k, y,
                                   memory->scratch, memory->scratch + rows * op->count);
}

static rmx_feed_forward_weights ffn_weights(const verify_op *op, const float *w)
{
    const int64_t t = op->count, d = op->k, h = op->n;
    return (rmx_feed_forward_weights){
        .w1 = w, .w2 = w + t * d * h, .b1 = w + 2 * t * d * h, .b2 = w + 2 * t * d * h + t * h};
}

static rmx_status per_token_ffn(PARAMETERS)
{
    const rmx_feed_forward_desc desc = {
        .samples = rows, .tokens = op->count, .width = op->k, .hidden = op->n};
    const rmx_feed_forward_weights w = ffn_weights(op, memory->w);
    return rmx_feed_forward_forward(b->ctx, &desc, &w, x, x, NULL, memory->scratch, y);
}

static rmx_status attention(PARAMETERS)
{
    const int64_t square = (int64_t)op->k * op->k, tokens = rows * op->in;
    const rmx_attention_desc desc = {RMX_F32, rows, op->count, op->k, op->n};
    const float *w = memory->w;
    float *scratch = memory->scratch;
    const rmx_attention_weights weights = {w, w + 4 * square, w + 3 * square,
                                           w + 4 * square + 3 * (int64_t)op->k};
    const rmx_attention_saved saved = {scratch, scratch + 4 * tokens, scratch + 3 * tokens};
    return rmx_attention_forward(b->ctx, &desc, &weights, x, x, &saved, y);
}

static rmx_status block(PARAMETERS)
{
    const float *w = memory->w;
    const rmx_block_desc desc = {
        .heads = op->count,
        .eps = 1e-5f,
        .ffn = {.samples = rows, .tokens = op->count, .width = op->k, .hidden = op->n}};
    const void *weights[8];
    rmx_block_parameter list[8];
    const int32_t count = rmx_block_parameters(&desc, list, 8);
    for (int32_t i = 0; i < count; w += list[i++].count) weights[i] = w;
    return rmx_block_forward(b->ctx, &desc, weights, x, y, memory->scratch,
                             rmx_block_saved_bytes(&desc));
}

/* ---- the table --------------------------------------------------------------------------- */

#define T 16
#define PRODUCT(name, k, n, count, run)                                                  \
    {                                                                                    \
        name, k, n, count, (int64_t)(k) * (count), (int64_t)(n) * (count), true, run, 0, \
            VERIFY_ROWS                                                                  \
    }
#define ROW(name, width, count, out, run)                                                  \
    {                                                                                      \
        name, width, 0, count, (int64_t)(width) * (count), out, false, run, 0, VERIFY_ROWS \
    }

const verify_op verify_ops[] = {
    PRODUCT("mm", 768, 3072, 1, mm),
    PRODUCT("mm", 3072, 128, 1, mm),
    PRODUCT("mm", 1024, 1024, 1, mm),
    PRODUCT("mm", 64, 256, 1, mm),
    PRODUCT("addmm", 3072, 768, 1, addmm),
    PRODUCT("bmm", 256, 64, 8, bmm),
    PRODUCT("grouped_mm", 128, 512, T, grouped),
    ROW("softmax", 1024, 1, 1024, softmax),
    ROW("log_softmax", 1024, 1, 1024, log_softmax),
    ROW("mean over tokens", 64, T, 64, mean),
    ROW("gelu", 1024, 1, 1024, gelu),
    ROW("layer_norm", 768, 1, 768, layer_norm),
    ROW("rms_norm", 768, 1, 768, rms_norm),
    {"token_mixer", 64, 0, T, 64 * T, 64 * T, false, token_mixer, 2 * T, VERIFY_ROWS},
    {"per_token_ffn", 64, 256, T, 64 * T, 64 * T, false, per_token_ffn, 256 * T, VERIFY_ROWS},
    {"attention", 64, 4, T, 64 * T, 64 * T, false, attention, 4 * 64 * T + 4 * T *T, VERIFY_ROWS},
    {"block", 64, 256, T, 64 * T, 64 * T, false, block, 64 * T * 16, VERIFY_ROWS},
};
const int verify_op_count = (int)(sizeof verify_ops / sizeof *verify_ops);
