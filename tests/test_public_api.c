/* SPDX-License-Identifier: MIT */
/* test_public_api.c: what the public headers promise of every call: sizes of bad descriptors,
 * models with nothing loaded, getters of NULL, versions. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rankmixer/rankmixer.h"

#define BIG INT32_MAX
#define ENORMOUS INT64_MAX

static rmx_context *cpu(void)
{
    const rmx_context_options options = {.device = RMX_DEVICE_CPU, .threads = 1};
    rmx_context *ctx = NULL;
    cr_assert_eq(rmx_context_create(&options, &ctx, NULL, 0), RMX_OK);
    return ctx;
}

/* Each bad[] has a size of 0 and is refused, with memory that would do for a small one. */
#define ALL_BAD(bad, query, forward, backward)                                      \
    do {                                                                            \
        for (size_t i = 0; i < sizeof(bad) / sizeof *(bad); i++) {                  \
            cr_expect_eq(query, 0, "%s of bad[%zu]", #query, i);                    \
            cr_expect_eq(forward, RMX_ERR_ARGUMENT, "forward of bad[%zu]", i);      \
            cr_expect_neq(*rmx_last_error(ctx), '\0');                              \
            cr_expect_eq(backward, RMX_ERR_ARGUMENT, "backward of bad[%zu]: %s", i, \
                         rmx_last_error(ctx));                                      \
        }                                                                           \
    } while (0)

static float m[16][64]; /* memory of a call's operands */
static _Alignas(256) char ws[4096];

Test(public_api, sizes_of_rows)
{
    rmx_context *ctx = cpu();
    const rmx_linear_desc linear[] = {{RMX_F32, -1, 2, 2},    {RMX_F32, 4, 0, 2},
                                      {RMX_F32, 4, 2, 0},     {RMX_F32, ENORMOUS, 2, 2},
                                      {RMX_F32, 4, BIG, BIG}, {RMX_F32, ENORMOUS - 100, 1, 1}};
    ALL_BAD(
        linear, rmx_linear_backward_workspace(&linear[i]),
        rmx_linear_forward(ctx, &linear[i], m[0], m[1], m[2], m[3]),
        rmx_linear_backward(ctx, &linear[i], m[0], m[1], m[2], m[3], m[4], m[5], ws, sizeof ws));
    const rmx_norm_desc layer[] = {{RMX_NORM_LAYER, RMX_F32, -1, 2, 1e-5f, 0, 0},
                                   {RMX_NORM_LAYER, RMX_F32, 4, 0, 1e-5f, 0, 0},
                                   {RMX_NORM_LAYER, RMX_F32, 4, 2, 0.0f, 0, 0},
                                   {RMX_NORM_LAYER, RMX_F32, 4, 2, 1e-5f, 1, 0},
                                   {RMX_NORM_LAYER, RMX_F32, 4, 2, 1e-5f, 0, -1},
                                   {RMX_NORM_LAYER, RMX_F32, ENORMOUS, BIG, 1e-5f, 0, 0},
                                   {RMX_NORM_LAYER, RMX_F32, 4, 2, 1e-5f, ENORMOUS, 0}};
    ALL_BAD(layer, rmx_norm_backward_workspace(&layer[i]),
            rmx_norm_forward(ctx, &layer[i], m[0], m[1], m[2], m[3], m[4], m[5]),
            rmx_norm_backward(ctx, &layer[i], m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], ws,
                              sizeof ws));
    const rmx_norm_desc rms[] = {{RMX_NORM_RMS, RMX_F32, -1, 2, 1e-5f, 0, 0},
                                 {RMX_NORM_RMS, RMX_F32, 4, 2, -1.0f, 0, 0},
                                 {RMX_NORM_RMS, RMX_F32, ENORMOUS - 1, 2, 1e-5f, 0, 0}};
    ALL_BAD(rms, rmx_norm_backward_workspace(&rms[i]),
            rmx_norm_forward(ctx, &rms[i], m[0], m[1], NULL, m[2], NULL, m[3]),
            rmx_norm_backward(ctx, &rms[i], m[0], m[1], m[2], NULL, m[3], m[4], m[5], NULL, ws,
                              sizeof ws));
    const rmx_loss_desc bce[] = {{RMX_F32, -1, 1, 1.0f},
                                 {RMX_F32, 4, 0, 1.0f},
                                 {RMX_F32, ENORMOUS, 1, 1.0f},
                                 {RMX_F32, ENORMOUS / 2, BIG, 1.0f}};
    ALL_BAD(bce, rmx_loss_workspace(&bce[i]),
            rmx_loss_forward_backward(ctx, &bce[i], m[0], (uint8_t *)m[1], NULL, NULL, NULL, m[2],
                                      ws, sizeof ws),
            RMX_ERR_ARGUMENT);
    rmx_context_destroy(ctx);
}

Test(public_api, sizes_of_tokens)
{
    rmx_context *ctx = cpu();
    const rmx_token_mixer_desc mixer[] = {{RMX_F32, -1, 2, 4, 2, 1e-5f},
                                          {RMX_F32, 2, 0, 4, 2, 1e-5f},
                                          {RMX_F32, 2, 2, 4, 3, 1e-5f},
                                          {RMX_F32, 2, 2, 4, 0, 1e-5f},
                                          {RMX_F32, 2, 2, 4, 2, 0.0f},
                                          {RMX_F32, 2, BIG, BIG, 1, 1e-5f},
                                          {RMX_F32, ENORMOUS, BIG, BIG, 1, 1e-5f}};
    ALL_BAD(mixer, rmx_token_mixer_backward_workspace(&mixer[i]),
            rmx_token_mixer_forward(ctx, &mixer[i], m[0], m[1], m[2], m[3], m[4], m[5]),
            rmx_token_mixer_backward(ctx, &mixer[i], m[0], m[1], m[2], m[3], m[4], m[5], m[6],
                                     m[7], ws, sizeof ws));
    const rmx_attention_desc attention[] = {
        {RMX_F32, -1, 2, 4, 2},    {RMX_F32, 2, 2, 4, 3},       {RMX_F32, ENORMOUS, 2, 4, 2},
        {RMX_F32, 1, BIG, BIG, 1}, {RMX_F32, 4, 1 << 30, 1, 1}, {RMX_F32, 1, 1, BIG, 1}};
    const rmx_attention_weights w = {m[0], m[1], m[2], m[3]};
    const rmx_attention_gradients g = {m[4], m[5], m[6], m[7]};
    const rmx_attention_saved saved = {m[8], m[9], m[10]};
    ALL_BAD(attention, rmx_attention_backward_workspace(&attention[i]),
            rmx_attention_forward(ctx, &attention[i], &w, m[11], NULL, &saved, m[12]),
            rmx_attention_backward(ctx, &attention[i], &w, m[11], m[12], &saved, NULL, m[13], &g,
                                   ws, sizeof ws));
    const rmx_feed_forward_desc ffn[] = {
        {.samples = -1, .tokens = 2, .width = 4, .hidden = 4},
        {.samples = 2, .tokens = 2, .width = 4, .hidden = 0},
        {.samples = 2, .tokens = 2, .width = 4, .hidden = 4, .activation = (rmx_activation)7},
        {.samples = 2, .tokens = 2, .width = 4, .hidden = 4, .dropout.p = 1.0f},
        {.samples = ENORMOUS, .tokens = BIG, .width = BIG, .hidden = BIG},
        {.samples = 1, .tokens = 1, .width = BIG, .hidden = BIG}};
    const rmx_feed_forward_weights fw = {m[0], m[1], m[2], m[3]};
    const rmx_feed_forward_gradients fg = {m[4], m[5], m[6], m[7]};
    ALL_BAD(ffn, rmx_feed_forward_backward_workspace(&ffn[i]),
            rmx_feed_forward_forward(ctx, &ffn[i], &fw, m[8], NULL, m[9], m[10], m[11]),
            rmx_feed_forward_backward(ctx, &ffn[i], &fw, m[8], m[9], m[10], m[11], NULL, m[12],
                                      &fg, ws, sizeof ws));
    for (size_t i = 0; i < sizeof ffn / sizeof *ffn; i++) {
        const rmx_block_desc block = {.heads = 1, .eps = 1e-5f, .ffn = ffn[i]};
        cr_expect_eq(rmx_block_saved_bytes(&block), 0);
        cr_expect_eq(rmx_block_backward_workspace(&block), 0);
    }
    const rmx_block_desc probabilities = {
        .mixer = RMX_MIXER_ATTENTION,
        .heads = 1,
        .eps = 1e-5f,
        .ffn = {.samples = 4, .tokens = 1 << 30, .width = 1, .hidden = 1}};
    cr_expect_eq(rmx_block_saved_bytes(&probabilities), 0);
    rmx_context_destroy(ctx);
}

Test(public_api, sizes_of_features_and_views)
{
    rmx_context *ctx = cpu();
    const int64_t offset[4] = {0};
    const int32_t column[4] = {0};
    uint32_t ids[4] = {0}, rows[4], unique;
    const rmx_embedding_desc embedding[] = {{RMX_F32, -1, 1, 1, 1, 1},
                                            {RMX_F32, 1, 0, 1, 1, 1},
                                            {RMX_F32, 1, 1, 2, 1, 1},
                                            {RMX_F32, ENORMOUS, BIG, 1, 1, 1},
                                            {RMX_F32, 1, 1, BIG, UINT32_MAX, BIG}};
    ALL_BAD(embedding, rmx_embedding_backward_workspace(ctx, &embedding[i]),
            rmx_embedding_forward(ctx, &embedding[i], m[0], offset, column, ids, m[1]),
            rmx_embedding_backward(ctx, &embedding[i], m[0], offset, column, ids, rows, m[1],
                                   &unique, ws, sizeof ws));
    const rmx_tokenizer_desc tokenizer[] = {
        {RMX_F32, -1, 1, 1, 1, 1, 1, 1},    {RMX_F32, 1, 1, 1, 1, 0, 1, 1},
        {RMX_F32, 1, 1, 1, 1, 1, 1, 0},     {RMX_F32, ENORMOUS, 1, 1, 1, 1, BIG, 1},
        {RMX_F32, 1, BIG, BIG, 1, 1, 1, 1}, {RMX_F32, 1, 1, 1, 1, 1, BIG, BIG}};
    const rmx_tokenizer_inputs in = {m[0], offset, column, ids, m[1]};
    ALL_BAD(tokenizer, rmx_tokenizer_backward_workspace(&tokenizer[i]),
            rmx_tokenizer_forward(ctx, &tokenizer[i], &in, m[2], m[3], m[4], m[5]),
            rmx_tokenizer_backward(ctx, &tokenizer[i], m[0], m[1], m[2], m[3], m[4], m[5], ws,
                                   sizeof ws));
    const rmx_mean_desc mean = {.axes = 1};
    const rmx_tensor dx = {m[0], RMX_F32, 2, {2, 2}, {ENORMOUS, ENORMOUS}},
                     dy = {m[1], RMX_F32, 1, {2}, {ENORMOUS}};
    const rmx_tensor many = {m[0], RMX_F32, 2, {ENORMOUS, 2}, {2, 1}},
                     other = {m[1], RMX_F32, 1, {3}, {1}};
    cr_expect_eq(rmx_mean_backward_workspace(&mean, &dy, &dx), 0);
    cr_expect_eq(rmx_mean_backward_workspace(&mean, &dy, &many), 0);
    cr_expect_eq(rmx_mean_backward_workspace(&mean, &other, &dx), 0);
    cr_expect_eq(rmx_addmm_backward_workspace(&dx, &dy), 0);
    cr_expect_eq(rmx_addmm_backward_workspace(&many, &dy), 0);
    /* A mean over nothing does not step by strides that nothing could have. */
    const rmx_tensor none = {NULL, RMX_F32, 2, {2, 0}, {ENORMOUS, ENORMOUS}},
                     two = {m[2], RMX_F32, 1, {2}, {1}};
    const rmx_mean_desc last = {.axes = 1, .axis = {1}};
    cr_expect_eq(rmx_mean_forward(ctx, &last, &none, &two), RMX_OK, "%s", rmx_last_error(ctx));
    cr_expect_neq(m[2][1], m[2][1], "no NaN");
    const rmx_tensor deep = {m[0], RMX_F32, 100, {0}, {0}};
    cr_expect_eq(rmx_tensor_transpose(deep, 50, 60).dims, -1);
    rmx_context_destroy(ctx);
}

Test(public_api, nothing_is_loaded)
{
    rmx_context *ctx = cpu();
    const int64_t vocabulary[1] = {5};
    const rmx_model_config config = {.tokens = 1,
                                     .width = 4,
                                     .layers = 1,
                                     .expansion = 1,
                                     .embedding_width = 4,
                                     .sparse_fields = 1,
                                     .vocabulary = vocabulary,
                                     .tasks = 1,
                                     .batch = 2};
    const rmx_model_training how = {.dense = rmx_optimizer_default(RMX_OPTIMIZER_SGD),
                                    .embedding = rmx_optimizer_default(RMX_OPTIMIZER_SGD)};
    rmx_model *model = NULL;
    cr_assert_eq(rmx_model_create(ctx, &config, &how, &model), RMX_OK, "%s", rmx_last_error(ctx));
    const rmx_step step = {.step = 1};
    float logit;
#define NOTHING(call)                                                                 \
    cr_expect_eq(call, RMX_ERR_ARGUMENT, "%s", #call);                                \
    cr_expect(strstr(rmx_last_error(ctx), "no batch is loaded"), "%s: \"%s\"", #call, \
              rmx_last_error(ctx))
    NOTHING(rmx_model_forward(model));
    NOTHING(rmx_model_logits(model, &logit));
    NOTHING(rmx_model_backward(model, 1));
    NOTHING(rmx_model_update(model, &step));
    NOTHING(rmx_model_step(model, &step));
    const uint32_t id = 1;
    const rmx_batch batch = {.samples = 1, .sparse = &id};
    cr_expect_eq(rmx_model_set_batch(model, &batch), RMX_OK);
    cr_expect_eq(rmx_model_logits(model, &logit), RMX_ERR_ARGUMENT);
    cr_expect(strstr(rmx_last_error(ctx), "has no logits yet"), "%s", rmx_last_error(ctx));
    cr_expect_eq(rmx_model_forward(model), RMX_OK);
    cr_expect_eq(rmx_model_logits(model, &logit), RMX_OK);
    rmx_model_config wide = config;
    wide.tokens = 1 << 16;
    wide.width = wide.embedding_width = 1 << 16;
    wide.expansion = 1 << 10;
    rmx_model_memory memory;
    cr_expect_eq(rmx_model_plan(ctx, &wide, &how, &memory), RMX_ERR_ARGUMENT);
    rmx_model_destroy(model);
    rmx_context_destroy(ctx);
}

Test(public_api, getters_take_null)
{
    rmx_parameter parameter;
    cr_expect_eq(rmx_context_device(NULL), RMX_DEVICE_AUTO);
    cr_expect_str_eq(rmx_context_describe(NULL), "");
    cr_expect_str_eq(rmx_context_code(NULL), "");
    cr_expect_str_eq(rmx_last_error(NULL), "");
    cr_expect_eq(rmx_context_threads(NULL), 0);
    cr_expect_eq(rmx_model_memory_of(NULL).total_bytes, 0);
    cr_expect_eq(rmx_model_parameter_count(NULL), 0);
    cr_expect_eq(rmx_model_forward_flop(NULL), 0.0);
    cr_expect_eq(rmx_model_parameter(NULL, 0, &parameter), RMX_ERR_ARGUMENT);
    cr_expect_eq(rmx_schedule_lr(NULL, 0.5, 7), 0.5f);
    const rmx_schedule ends_before = {RMX_SCHEDULE_COSINE, 3, INT64_MIN};
    cr_expect_eq(rmx_schedule_lr(&ends_before, 0.5, 7), 0.5f);
    const rmx_block_desc block = {.mixer = RMX_MIXER_NONE,
                                  .eps = 1e-5f,
                                  .ffn = {.samples = 1, .tokens = 1, .width = 1, .hidden = 1}};
    cr_expect_eq(rmx_block_parts(&block, NULL, 5), 0);
    cr_expect_gt(rmx_block_parts(&block, NULL, 0), 0);
    cr_expect_eq(rmx_block_parameters(&block, NULL, 5), 0);
    cr_expect_eq(rmx_block_parameters(&block, NULL, 0), 8);
}

Test(public_api, versions_agree)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", RMX_VERSION_MAJOR, RMX_VERSION_MINOR,
             RMX_VERSION_PATCH);
    cr_expect_str_eq(RMX_VERSION_STRING, text);
    cr_expect_str_eq(rmx_version(), text);
}
