/* SPDX-License-Identifier: MIT */
/* test_model.c: what a model does with labels that are not there and with unknown values. */
#include <criterion/criterion.h>
#include <stdint.h>
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
