/* SPDX-License-Identifier: MIT */
/* test_model.c: labels that are not there, unknown values, and each kind of block. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "rankmixer/loss.h"
#include "rankmixer/model.h"

enum { ROWS = 300, FIELDS = 3, WIDTH = 4, TASKS = 2 };

static const int64_t vocabulary[FIELDS] = {10, 20, 30};
static const bool unknown[FIELDS] = {true, false, true};

static rmx_model_config config_of(const bool *unknown_ids)
{
    return (rmx_model_config){.tokens = 4,
                              .width = 8,
                              .layers = 1,
                              .expansion = 2,
                              .embedding_width = WIDTH,
                              .sparse_fields = FIELDS,
                              .vocabulary = vocabulary,
                              .unknown = unknown_ids,
                              .tasks = TASKS,
                              .batch = ROWS,
                              .seed = 5};
}

static rmx_model *create(rmx_context *ctx, const bool *unknown_ids)
{
    const rmx_model_config config = config_of(unknown_ids);
    const rmx_model_training how = {.dense = rmx_optimizer_default(RMX_OPTIMIZER_SGD),
                                    .embedding = rmx_optimizer_default(RMX_OPTIMIZER_SGD)};
    rmx_model *model = NULL;
    cr_assert_eq(rmx_model_create(ctx, &config, &how, &model), RMX_OK, "%s", rmx_last_error(ctx));
    return model;
}

static rmx_context *cpu(void)
{
    const rmx_context_options options = {.device = RMX_DEVICE_CPU, .threads = 2};
    rmx_context *ctx = NULL;
    cr_assert_eq(rmx_context_create(&options, &ctx, NULL, 0), RMX_OK);
    return ctx;
}

Test(model, rows_of_unknown_values_start_at_zero)
{
    rmx_context *ctx = cpu();
    rmx_model *plain = create(ctx, NULL), *model = create(ctx, unknown);
    for (int32_t f = 0; f < FIELDS; f++) {
        rmx_parameter a, b;
        cr_assert_eq(rmx_model_parameter(plain, f, &a), RMX_OK);
        cr_assert_eq(rmx_model_parameter(model, f, &b), RMX_OK);
        for (int i = 0; i < WIDTH; i++) {
            cr_assert_neq(a.value[i], 0.0f);
            cr_assert_eq(b.value[i], unknown[f] ? 0.0f : a.value[i], "field %d", f);
        }
        cr_assert_eq(memcmp(a.value + WIDTH, b.value + WIDTH,
                            (size_t)(vocabulary[f] - 1) * WIDTH * sizeof(float)),
                     0);
    }
    rmx_model_destroy(plain);
    rmx_model_destroy(model);
    rmx_context_destroy(ctx);
}

/* Gradients of the head's weights [D, tasks] after one backward pass. */
static void head_gradient(rmx_context *ctx, const uint8_t *labels, int64_t rows, float *out,
                          double *loss)
{
    static uint32_t ids[ROWS * FIELDS];
    rmx_model *model = create(ctx, NULL);
    const rmx_batch batch = {.samples = rows, .sparse = ids, .labels = labels};
    rmx_step_result result;
    rmx_parameter p;
    for (uint32_t i = 0; i < ROWS * FIELDS; i++) ids[i] = i * 2654435761u % 10;
    cr_assert_eq(rmx_model_set_batch(model, &batch), RMX_OK, "%s", rmx_last_error(ctx));
    cr_assert_eq(rmx_model_backward(model, 1), RMX_OK, "%s", rmx_last_error(ctx));
    cr_assert_eq(rmx_model_read(model, &result), RMX_OK, "%s", rmx_last_error(ctx));
    *loss = result.loss;
    for (int32_t i = 0; i < rmx_model_parameter_count(model); i++) {
        cr_assert_eq(rmx_model_parameter(model, i, &p), RMX_OK);
        if (strcmp(p.name, "head.weight") == 0)
            memcpy(out, p.gradient, (size_t)p.count * sizeof *out);
    }
    rmx_model_destroy(model);
}

/* A task whose labels are all masked has no gradient and no loss; the other keeps its bits. */
Test(model, masked_labels_are_left_out)
{
    rmx_context *ctx = cpu();
    uint8_t labels[ROWS * TASKS], masked[ROWS * TASKS];
    float with[8 * TASKS] = {0}, without[8 * TASKS] = {0};
    double loss, less, none;
    for (int i = 0; i < ROWS * TASKS; i++) labels[i] = i % 5 == 0;
    memcpy(masked, labels, sizeof labels);
    for (int i = 1; i < ROWS * TASKS; i += TASKS) masked[i] = RMX_LABEL_MASKED;
    head_gradient(ctx, labels, ROWS, with, &loss);
    head_gradient(ctx, masked, ROWS, without, &less);
    cr_assert(less > 0 && less < loss);
    int of_task[TASKS] = {0, 0}, equal = 0;
    for (int i = 0; i < 8 * TASKS; i++) {
        of_task[i % TASKS] += without[i] != 0.0f;
        equal += with[i] == without[i];
    }
    /* whichever way the head's weights lie: half of them, those of task 1, are zero */
    cr_assert_eq(of_task[0] + of_task[1], 8, "%d and %d", of_task[0], of_task[1]);
    cr_assert_eq(equal, 8);
    memset(masked, RMX_LABEL_MASKED, sizeof masked);
    head_gradient(ctx, masked, ROWS, without, &none);
    cr_assert_eq(none, 0.0);
    for (int i = 0; i < 8 * TASKS; i++) cr_assert_eq(without[i], 0.0f);

    rmx_model *model = create(ctx, NULL);
    const uint32_t ids[FIELDS] = {0, 0, 0};
    const uint8_t wrong[TASKS] = {0, 254};
    const rmx_batch batch = {.samples = 1, .sparse = ids, .labels = wrong};
    cr_assert_eq(rmx_model_set_batch(model, &batch), RMX_ERR_DATA);
    cr_assert(strstr(rmx_last_error(ctx), "label 254"), "%s", rmx_last_error(ctx));
    rmx_model_destroy(model);
    rmx_context_destroy(ctx);
}

/* ---- each kind of block -------------------------------------------------------------------- */

enum { KINDS = 6, LAYERS = 3 };

static rmx_model *of_kind(rmx_context *ctx, int kind, bool train)
{
    rmx_model_config config = config_of(NULL);
    config.mixer = (rmx_mixer)(kind % 3);
    config.norm_place = (rmx_norm_place)(kind / 3);
    config.layers = LAYERS;
    const rmx_model_training how = {.dense = rmx_optimizer_default(RMX_OPTIMIZER_SGD),
                                    .embedding = rmx_optimizer_default(RMX_OPTIMIZER_SGD)};
    rmx_model *model = NULL;
    cr_assert_eq(rmx_model_create(ctx, &config, train ? &how : NULL, &model), RMX_OK, "%s",
                 rmx_last_error(ctx));
    return model;
}

static void score(rmx_context *ctx, rmx_model *model, float logits[ROWS * TASKS])
{
    static uint32_t ids[ROWS * FIELDS];
    for (uint32_t i = 0; i < ROWS * FIELDS; i++) ids[i] = i * 2654435761u % 10;
    const rmx_batch batch = {.samples = ROWS, .sparse = ids};
    cr_assert_eq(rmx_model_set_batch(model, &batch), RMX_OK, "%s", rmx_last_error(ctx));
    cr_assert_eq(rmx_model_forward(model), RMX_OK, "%s", rmx_last_error(ctx));
    cr_assert_eq(rmx_model_logits(model, logits), RMX_OK, "%s", rmx_last_error(ctx));
}

static float *value_of(rmx_model *model, const char *name, int32_t *index)
{
    rmx_parameter p;
    for (*index = 0; *index < rmx_model_parameter_count(model); ++*index) {
        cr_assert_eq(rmx_model_parameter(model, *index, &p), RMX_OK);
        if (strcmp(p.name, name) == 0) return p.value;
    }
    cr_assert(false, "no %s", name);
    return NULL;
}

/* A model that only scores uses memory again that a training model keeps. */
Test(model, scoring_memory_changes_no_bit)
{
    rmx_context *ctx = cpu();
    float kept[ROWS * TASKS], shared[ROWS * TASKS];
    for (int kind = 0; kind < KINDS; kind++) {
        rmx_model *train = of_kind(ctx, kind, true), *scores = of_kind(ctx, kind, false);
        score(ctx, train, kept);
        score(ctx, scores, shared);
        cr_expect_eq(memcmp(kept, shared, sizeof kept), 0, "kind %d", kind);
        cr_expect_lt(rmx_model_memory_of(scores).activation_bytes,
                     rmx_model_memory_of(train).activation_bytes);
        rmx_model_destroy(train);
        rmx_model_destroy(scores);
    }
    rmx_context_destroy(ctx);
}

/* Places in the table decide first values and checksums: a norm comes after its layer. */
Test(model, parameters_keep_their_places)
{
    rmx_context *ctx = cpu();
    static const char *const last[KINDS] = {"norm1.gamma", "attention.wqkv", "norm1.gamma",
                                            "norm1.gamma", "attention.wqkv", "ffn.w1"};
    static const int32_t of_block[KINDS] = {8, 12, 8, 8, 12, 6};
    for (int kind = 0; kind < KINDS; kind++) {
        rmx_model *model = of_kind(ctx, kind, false);
        const int32_t first = FIELDS + 2 + of_block[kind];
        char name[64];
        int32_t at, gamma, w1;
        snprintf(name, sizeof name, "block.1.%s", last[kind]);
        value_of(model, name, &at);
        value_of(model, "block.1.norm2.gamma", &gamma);
        value_of(model, "block.1.ffn.w1", &w1);
        cr_expect_eq(at, first, "kind %d: %d", kind, at);
        cr_expect_eq(gamma, w1 + 4, "kind %d", kind);
        cr_expect_eq(gamma, first + of_block[kind] - 2, "kind %d", kind);
        rmx_model_destroy(model);
    }
    rmx_context_destroy(ctx);
}

/* Finite weights, and the first tensor that is not: in a model whose blocks share memory too. */
Test(model, the_first_nonfinite_tensor_has_a_name)
{
    rmx_context *ctx = cpu();
    float logits[ROWS * TASKS];
    int32_t at;
    for (int kind = 0; kind < 2 * KINDS; kind++) {
        rmx_model *model = of_kind(ctx, kind % KINDS, kind >= KINDS);
        const char *where = "";
        score(ctx, model, logits);
        cr_expect_eq(rmx_model_find_nonfinite(model, 0, &where), RMX_OK);
        cr_expect_null(where);
        float *w = value_of(model, "block.1.ffn.w1", &at);
        for (int i = 0; i < 8 * 16; i++) w[i] = i % 2 ? 0x1p127f : -0x1p127f;
        cr_expect_eq(rmx_model_find_nonfinite(model, 0, &where), RMX_OK);
        cr_expect_str_eq(where, "block.1.ffn.hidden", "kind %d: %s", kind, where);
        w[0] = INFINITY;
        cr_expect_eq(rmx_model_find_nonfinite(model, 0, &where), RMX_OK);
        cr_expect_str_eq(where, "parameter block.1.ffn.w1");
        rmx_model_destroy(model);
    }
    rmx_context_destroy(ctx);
}
