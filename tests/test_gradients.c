/* SPDX-License-Identifier: MIT */
/* test_gradients.c: the layers' gradients against differences (layer_check.h). */
#include <criterion/criterion.h>
#include <string.h>
#include <stdlib.h>

#include "layer_check.h"
#include "rankmixer/block.h"
#include "rankmixer/embedding.h"
#include "rankmixer/linear.h"
#include "rankmixer/loss.h"
#include "rankmixer/pooling.h"
#include "rankmixer/token_mixer.h"
#include "rankmixer/tokenizer.h"

#define MUST(call) operands_must(l->ctx, call)

enum { B = 3, T = 4, D = 8, H = 4, K = 12, BT = B * T, BTD = B * T * D };

/* ---- linear, pooling, dropout, loss -------------------------------------------------------- */

static const rmx_linear_desc linear_desc = {.rows = BT, .in_features = D, .out_features = K};

static void linear_forward(layer *l)
{
    MUST(rmx_linear_forward(l->ctx, &linear_desc, l->in[0], l->in[1], l->in[2], l->y));
}

static void linear_backward(layer *l)
{
    const size_t bytes = rmx_linear_backward_workspace(&linear_desc);
    MUST(rmx_linear_backward(l->ctx, &linear_desc, l->dy, l->in[0], l->in[1], l->d[0], l->d[1],
                             l->d[2], layer_slot(l, 0, bytes), bytes));
}

Test(gradients, linear)
{
    const layer l = {.name = "linear",
                     .forward = linear_forward,
                     .backward = linear_backward,
                     .outputs = BT * K,
                     .inputs = 3,
                     .input = {{"x", BTD}, {"w", D * K}, {"b", K}}};
    cr_expect(layer_check(&l));
}

static void pool_forward(layer *l) { MUST(rmx_pooling_forward(l->ctx, B, T, D, l->in[0], l->y)); }

static void pool_backward(layer *l)
{
    MUST(rmx_pooling_backward(l->ctx, B, T, D, l->dy, l->d[0]));
}

Test(gradients, pooling)
{
    const layer l = {.name = "mean over tokens",
                     .forward = pool_forward,
                     .backward = pool_backward,
                     .outputs = B * D,
                     .inputs = 1,
                     .input = {{"x", BTD}}};
    cr_expect(layer_check(&l));
}

/* The step's number, in the context's memory, in slot 7. */
static rmx_dropout_desc dropout_desc(layer *l, float p)
{
    const uint64_t step = 5;
    uint64_t *at = layer_slot(l, 7, sizeof step);
    MUST(rmx_upload(l->ctx, at, &step, sizeof step));
    MUST(rmx_sync(l->ctx));
    return (rmx_dropout_desc){.p = p, .seed = 11, .site = 3, .first = 64, .step = at};
}

static void dropout_forward(layer *l)
{
    const rmx_dropout_desc desc = dropout_desc(l, 0.4f);
    MUST(rmx_dropout_forward(l->ctx, &desc, BTD, l->in[0], l->y));
}

static void dropout_backward(layer *l)
{
    const rmx_dropout_desc desc = dropout_desc(l, 0.4f);
    MUST(rmx_dropout_backward(l->ctx, &desc, BTD, l->dy, l->d[0]));
}

Test(gradients, dropout)
{
    const layer l = {.name = "dropout",
                     .forward = dropout_forward,
                     .backward = dropout_backward,
                     .outputs = BTD,
                     .inputs = 1,
                     .input = {{"x", BTD}}};
    cr_expect(layer_check(&l));
}

enum { SAMPLES = 10, TASKS = 3 };

/* The loss is a double; dy scales it, and so does desc.scale its gradient. */
static void bce(layer *l, bool backward)
{
    static const float task_weight[TASKS] = {1.0f, 0.5f, 2.0f};
    uint8_t labels[SAMPLES * TASKS];
    float sample_weight[SAMPLES], dy;
    for (int i = 0; i < SAMPLES * TASKS; i++) labels[i] = (uint8_t)(i % 7 < 3);
    for (int i = 0; i < SAMPLES; i++) sample_weight[i] = 0.25f * (float)(i + 1);
    uint8_t *labels_at = layer_slot(l, 0, sizeof labels);
    float *tasks_at = layer_floats(l, 1, TASKS), *samples_at = layer_floats(l, 2, SAMPLES);
    double *loss_at = layer_slot(l, 3, sizeof(double)), loss = 0.0;
    MUST(rmx_upload(l->ctx, labels_at, labels, sizeof labels));
    MUST(rmx_upload(l->ctx, tasks_at, task_weight, sizeof task_weight));
    MUST(rmx_upload(l->ctx, samples_at, sample_weight, sizeof sample_weight));
    MUST(rmx_upload(l->ctx, loss_at, &loss, sizeof loss));
    MUST(rmx_sync(l->ctx));
    operands_get(&l->all, &dy, l->dy, sizeof dy);
    const float size = dy < 0.0f ? -dy : dy; /* desc.scale is not negative */
    const rmx_loss_desc desc = {.samples = SAMPLES, .tasks = TASKS, .scale = size};
    const size_t bytes = rmx_loss_workspace(&desc);
    MUST(rmx_loss_forward_backward(l->ctx, &desc, l->in[0], labels_at, tasks_at, samples_at,
                                   loss_at, backward ? l->d[0] : NULL, layer_slot(l, 4, bytes),
                                   bytes));
    operands_get(&l->all, &loss, loss_at, sizeof loss);
    const float y = (float)(dy < 0.0f ? -loss : loss);
    MUST(rmx_upload(l->ctx, l->y, &y, sizeof y));
    MUST(rmx_sync(l->ctx));
}

static void bce_forward(layer *l) { bce(l, false); }
static void bce_backward(layer *l) { bce(l, true); }

Test(gradients, loss)
{
    const layer l = {.name = "binary cross-entropy",
                     .forward = bce_forward,
                     .backward = bce_backward,
                     .outputs = 1,
                     .inputs = 1,
                     .input = {{"logits", SAMPLES * TASKS}}};
    cr_expect(layer_check(&l));
}

/* ---- tokenizer and embedding --------------------------------------------------------------- */

enum { SPARSE = 3, DENSE = 2, E = 4, VOCABULARY = 5, ROWS_TABLE = SPARSE * VOCABULARY };
enum { TOKENS = 3, WIDTH = 6 };

typedef struct tokenizer_case {
    rmx_tokenizer_desc desc;
    int32_t column[SPARSE + DENSE];
    uint32_t ids[B * SPARSE];
    rmx_tokenizer_inputs inputs;
    float *features;
} tokenizer_case;

static tokenizer_case make_tokenizer(layer *l)
{
    static const int32_t token_of_field[SPARSE + DENSE] = {0, 1, 1, 2, 0};
    static const int64_t offset[SPARSE] = {0, VOCABULARY, 2 * VOCABULARY};
    tokenizer_case c = {.desc = {.samples = B,
                                 .sparse_fields = SPARSE,
                                 .dense_fields = DENSE,
                                 .embedding_width = E,
                                 .tokens = TOKENS,
                                 .width = WIDTH}};
    MUST(rmx_tokenizer_layout(l->ctx, &c.desc, token_of_field, c.column, NULL));
    for (int i = 0; i < B * SPARSE; i++) c.ids[i] = (uint32_t)(i * i % VOCABULARY);
    int64_t *offset_at = layer_slot(l, 0, sizeof offset);
    int32_t *column_at = layer_slot(l, 1, sizeof c.column);
    uint32_t *ids_at = layer_slot(l, 2, sizeof c.ids);
    MUST(rmx_upload(l->ctx, offset_at, offset, sizeof offset));
    MUST(rmx_upload(l->ctx, column_at, c.column, sizeof c.column));
    MUST(rmx_upload(l->ctx, ids_at, c.ids, sizeof c.ids));
    MUST(rmx_sync(l->ctx));
    c.inputs = (rmx_tokenizer_inputs){l->in[0], offset_at, column_at, ids_at, l->in[1]};
    c.features = layer_floats(l, 3, B * TOKENS * c.desc.slice);
    return c;
}

static void tokenizer_forward(layer *l)
{
    const tokenizer_case c = make_tokenizer(l);
    MUST(rmx_tokenizer_forward(l->ctx, &c.desc, &c.inputs, l->in[2], l->in[3], c.features, l->y));
}

/* The table's gradient comes as rows; the dense fields' lies in dfeatures. */
static void scatter(layer *l, const tokenizer_case *c, const float *dfeatures, operands *more)
{
    const int32_t row_width = TOKENS * c->desc.slice;
    const rmx_embedding_desc desc = {.samples = B,
                                     .fields = SPARSE,
                                     .width = E,
                                     .table_rows = ROWS_TABLE,
                                     .out_width = row_width};
    uint32_t *rows = operands_bytes(more, B * SPARSE * sizeof *rows), touched[B * SPARSE], n;
    uint32_t *unique = operands_bytes(more, sizeof *unique);
    float *gradient = operands_new(more, B * SPARSE * E), host[B * SPARSE * E];
    float table[ROWS_TABLE * E] = {0.0f}, dense[B * DENSE];
    float *features = malloc((size_t)(B * row_width) * sizeof *features);
    const size_t bytes = rmx_embedding_backward_workspace(l->ctx, &desc);
    MUST(rmx_embedding_backward(l->ctx, &desc, dfeatures, c->inputs.row_offset, c->inputs.column,
                                c->inputs.ids, rows, gradient, unique, operands_bytes(more, bytes),
                                bytes));
    operands_get(more, &n, unique, sizeof n);
    operands_get(more, touched, rows, sizeof touched);
    operands_get(more, host, gradient, sizeof host);
    operands_get(more, features, dfeatures, (size_t)(B * row_width) * sizeof *features);
    for (uint32_t u = 0; u < n; u++)
        for (uint32_t e = 0; e < E; e++) table[touched[u] * E + e] = host[u * E + e];
    for (int b = 0; b < B; b++)
        for (int j = 0; j < DENSE; j++)
            dense[b * DENSE + j] = features[b * row_width + c->column[SPARSE + j]];
    free(features);
    MUST(rmx_upload(l->ctx, l->d[0], table, sizeof table));
    MUST(rmx_upload(l->ctx, l->d[1], dense, sizeof dense));
    MUST(rmx_sync(l->ctx));
}

static void tokenizer_backward(layer *l)
{
    const tokenizer_case c = make_tokenizer(l);
    operands more;
    operands_begin(&more, l->ctx);
    float *dfeatures = operands_new(&more, B * TOKENS * c.desc.slice);
    const size_t bytes = rmx_tokenizer_backward_workspace(&c.desc);
    MUST(rmx_tokenizer_backward(l->ctx, &c.desc, l->dy, c.features, l->in[2], dfeatures, l->d[2],
                                l->d[3], operands_bytes(&more, bytes), bytes));
    scatter(l, &c, dfeatures, &more);
    cr_expect(operands_free(&more));
}

Test(gradients, tokenizer_and_embedding)
{
    const int64_t slice = 2 * E; /* token 1 has two sparse fields */
    const layer l = {.name = "tokenizer",
                     .forward = tokenizer_forward,
                     .backward = tokenizer_backward,
                     .outputs = B * TOKENS * WIDTH,
                     .inputs = 4,
                     .input = {{"table", ROWS_TABLE * E},
                               {"dense", B * DENSE},
                               {"w", TOKENS * slice * WIDTH},
                               {"b", TOKENS * WIDTH}}};
    cr_expect(layer_check(&l));
}

/* ---- token mixer --------------------------------------------------------------------------- */

/* variant: heads; 3 is the general shuffle of 4 tokens. */
enum { MIX_D = 12, MIX = B * T * MIX_D };

static rmx_token_mixer_desc mixer_desc(const layer *l)
{
    return (rmx_token_mixer_desc){RMX_F32,        .samples = B,        .tokens = T,
                                  .width = MIX_D, .heads = l->variant, .eps = 1e-5f};
}

static void mix_forward(layer *l)
{
    const rmx_token_mixer_desc desc = mixer_desc(l);
    MUST(rmx_token_mix(l->ctx, &desc, l->in[0], l->y));
}

static void mix_backward(layer *l)
{
    const rmx_token_mixer_desc desc = mixer_desc(l);
    MUST(rmx_token_revert(l->ctx, &desc, l->dy, l->d[0]));
}

static void mixer_forward(layer *l)
{
    const rmx_token_mixer_desc desc = mixer_desc(l);
    MUST(rmx_token_mixer_forward(l->ctx, &desc, l->in[0], l->in[1], l->in[2], l->y,
                                 layer_floats(l, 0, BT), layer_floats(l, 1, BT)));
}

static void mixer_backward(layer *l)
{
    const rmx_token_mixer_desc desc = mixer_desc(l);
    const size_t bytes = rmx_token_mixer_backward_workspace(&desc);
    MUST(rmx_token_mixer_backward(l->ctx, &desc, l->dy, l->in[0], l->in[1], layer_floats(l, 0, BT),
                                  layer_floats(l, 1, BT), l->d[0], l->d[1], l->d[2],
                                  layer_slot(l, 2, bytes), bytes));
}

Test(gradients, token_mixer)
{
    for (int heads = 3; heads <= 4; heads++) {
        const layer mix = {.name = "mix and revert",
                           .forward = mix_forward,
                           .backward = mix_backward,
                           .outputs = MIX,
                           .inputs = 1,
                           .input = {{"x", MIX}},
                           .variant = heads};
        const layer mixer = {.name = "token mixer",
                             .forward = mixer_forward,
                             .backward = mixer_backward,
                             .outputs = MIX,
                             .inputs = 3,
                             .input = {{"x", MIX}, {"gamma", MIX_D}, {"beta", MIX_D}},
                             .variant = heads};
        cr_expect(layer_check(&mix));
        cr_expect(layer_check(&mixer));
    }
}

/* ---- feed-forward -------------------------------------------------------------------------- */

enum { FFN_TANH = 1, FFN_SHARED = 2, FFN_DROPOUT = 4 };

static rmx_feed_forward_desc ffn_desc(layer *l, int variant)
{
    return (rmx_feed_forward_desc){
        .samples = B,
        .tokens = T,
        .width = D,
        .hidden = K,
        .shared = variant & FFN_SHARED,
        .activation = variant & FFN_TANH ? RMX_ACTIVATION_GELU_TANH : RMX_ACTIVATION_GELU_ERF,
        .dropout = variant & FFN_DROPOUT ? dropout_desc(l, 0.3f) : (rmx_dropout_desc){.p = 0.0f}};
}

/* y = x + FFN(x): the residual is x, and dy reaches x beside the feed-forward's gradient. */
static void ffn_forward(layer *l)
{
    const rmx_feed_forward_desc desc = ffn_desc(l, l->variant);
    const rmx_feed_forward_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    MUST(rmx_feed_forward_forward(l->ctx, &desc, &weights, l->in[0], l->in[0],
                                  layer_floats(l, 0, BT * K), layer_floats(l, 1, BT * K), l->y));
}

static void ffn_backward(layer *l)
{
    const rmx_feed_forward_desc desc = ffn_desc(l, l->variant);
    const rmx_feed_forward_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    const rmx_feed_forward_gradients gradients = {l->d[1], l->d[2], l->d[3], l->d[4]};
    const size_t bytes = rmx_feed_forward_backward_workspace(&desc);
    MUST(rmx_feed_forward_backward(l->ctx, &desc, &weights, l->dy, l->in[0],
                                   layer_floats(l, 0, BT * K), layer_floats(l, 1, BT * K), l->dy,
                                   l->d[0], &gradients, layer_slot(l, 2, bytes), bytes));
}

Test(gradients, per_token_ffn)
{
    for (int variant = 0; variant < 8; variant++) {
        const int64_t sets = variant & FFN_SHARED ? 1 : T;
        const layer l = {.name = "feed-forward",
                         .forward = ffn_forward,
                         .backward = ffn_backward,
                         .outputs = BTD,
                         .inputs = 5,
                         .input = {{"x", BTD},
                                   {"w1", sets * D * K},
                                   {"b1", sets * K},
                                   {"w2", sets * K * D},
                                   {"b2", sets * D}},
                         .variant = variant};
        cr_expect(layer_check(&l), "variant %d", variant);
    }
}

/* ---- attention ----------------------------------------------------------------------------- */

static const rmx_attention_desc attention_desc = {
    .samples = B, .tokens = T, .width = D, .heads = 2};

static rmx_attention_saved attention_saved(layer *l)
{
    return (rmx_attention_saved){layer_floats(l, 0, 3 * BTD), layer_floats(l, 1, B * 2 * T * T),
                                 layer_floats(l, 2, BTD)};
}

static void attention_forward(layer *l)
{
    const rmx_attention_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    const rmx_attention_saved saved = attention_saved(l);
    MUST(rmx_attention_forward(l->ctx, &attention_desc, &weights, l->in[0], l->in[0], &saved,
                               l->y));
}

static void attention_backward(layer *l)
{
    const rmx_attention_weights weights = {l->in[1], l->in[2], l->in[3], l->in[4]};
    const rmx_attention_gradients gradients = {l->d[1], l->d[2], l->d[3], l->d[4]};
    const rmx_attention_saved saved = attention_saved(l);
    const size_t bytes = rmx_attention_backward_workspace(&attention_desc);
    MUST(rmx_attention_backward(l->ctx, &attention_desc, &weights, l->dy, l->in[0], &saved, l->dy,
                                l->d[0], &gradients, layer_slot(l, 3, bytes), bytes));
}

Test(gradients, attention)
{
    const layer l = {
        .name = "attention",
        .forward = attention_forward,
        .backward = attention_backward,
        .outputs = BTD,
        .inputs = 5,
        .input = {{"x", BTD}, {"wqkv", 3 * D * D}, {"bqkv", 3 * D}, {"wo", D * D}, {"bo", D}}};
    cr_expect(layer_check(&l));
}

/* ---- block: variant = mixer + 3 * norm ----------------------------------------------------- */

/* Inputs: x, then all parameters. The output projection's bias is one more than the check takes. */
static rmx_block_desc block_desc(layer *l)
{
    return (rmx_block_desc){.mixer = (rmx_mixer)(l->variant % 3),
                            .norm_place = (rmx_norm_place)(l->variant / 3),
                            .heads = H,
                            .eps = 1e-5f,
                            .ffn = ffn_desc(l, 0)};
}

enum { BLOCK_PARAMETERS = 12 };

/* Operands in the order of the block's parameters; extra stands in where there are no more. */
static int32_t block_pointers(layer *l, float *const *from, float *extra,
                              float *to[BLOCK_PARAMETERS])
{
    const rmx_block_desc desc = block_desc(l);
    rmx_block_parameter list[BLOCK_PARAMETERS];
    const int32_t count = rmx_block_parameters(&desc, list, BLOCK_PARAMETERS);
    for (int32_t i = 0, in = 1; i < count; i++)
        to[i] = strcmp(list[i].name, "attention.bo") == 0 ? extra : from[in++];
    return count;
}

static void block_forward(layer *l)
{
    float *weights[BLOCK_PARAMETERS], *bo = layer_floats(l, 6, D);
    MUST(rmx_zero(l->ctx, bo, D * sizeof(float)));
    block_pointers(l, l->in, bo, weights);
    const rmx_block_desc desc = block_desc(l);
    const size_t bytes = rmx_block_saved_bytes(&desc);
    MUST(rmx_block_forward(l->ctx, &desc, (const float *const *)weights, l->in[0], l->y,
                           layer_slot(l, 0, bytes), bytes));
}

static void block_backward(layer *l)
{
    float *weights[BLOCK_PARAMETERS], *gradients[BLOCK_PARAMETERS];
    block_pointers(l, l->in, l->slot[6], weights);
    block_pointers(l, l->d, layer_floats(l, 5, D), gradients);
    const rmx_block_desc desc = block_desc(l);
    const size_t saved = rmx_block_saved_bytes(&desc), ws = rmx_block_backward_workspace(&desc);
    MUST(rmx_block_backward(l->ctx, &desc, (const float *const *)weights, l->dy, l->in[0],
                            layer_slot(l, 0, saved), saved, l->d[0], gradients,
                            layer_slot(l, 1, ws), ws));
}

Test(gradients, block)
{
    for (int variant = 0; variant < 6; variant++) {
        const bool attention = variant % 3 == RMX_MIXER_ATTENTION;
        layer l = {.name = "block",
                   .forward = block_forward,
                   .backward = block_backward,
                   .outputs = BTD,
                   .inputs = 1,
                   .input = {{"x", BTD}},
                   .variant = variant,
                   .step = attention ? 0x1p-10 : 0.0};
        const rmx_block_desc desc = block_desc(&l);
        rmx_block_parameter list[BLOCK_PARAMETERS];
        const int32_t count = rmx_block_parameters(&desc, list, BLOCK_PARAMETERS);
        cr_assert_eq(count, attention ? 12 : variant == 5 ? 6 : 8);
        for (int32_t i = 0; i < count; i++) {
            if (strcmp(list[i].name, "attention.bo") == 0) continue;
            l.input[l.inputs].name = list[i].name;
            l.input[l.inputs++].count = list[i].count;
        }
        cr_expect(layer_check(&l), "mixer %d, norm %d", variant % 3, variant / 3);
    }
}
