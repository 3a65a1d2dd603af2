/* train.c: a model learns a rule from samples that it has never seen twice.
 *
 * The rule: a click where the ids of the two fields are both even or both odd. Neither field alone
 * says anything, so only their meeting in the token mixer helps. */
#include <stdio.h>

#include "rankmixer/model.h"

enum { BATCH = 256, FIELDS = 2, IDS = 10, STEPS = 200 };

static uint32_t next_id(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 16) % IDS;
}

static void next_batch(uint32_t *state, uint32_t *ids, uint8_t *labels)
{
    for (int i = 0; i < BATCH; i++) {
        for (int f = 0; f < FIELDS; f++) ids[i * FIELDS + f] = next_id(state);
        labels[i] = (ids[i * FIELDS] + ids[i * FIELDS + 1]) % 2 == 0;
    }
}

static rmx_status train(rmx_model *model, rmx_step_result *result)
{
    uint32_t state = 1, ids[BATCH * FIELDS];
    uint8_t labels[BATCH];
    const rmx_batch batch = {.samples = BATCH, .sparse = ids, .labels = labels};
    rmx_status status = RMX_OK;
    for (uint64_t step = 1; step <= STEPS && status == RMX_OK; step++) {
        next_batch(&state, ids, labels);
        status = rmx_model_set_batch(model, &batch);
        if (status != RMX_OK) break;
        status = rmx_model_step(model, &(rmx_step){step, .lr = 0.003f, .embedding_lr = 0.1f});
        if (status != RMX_OK) break;
        status = rmx_model_read(model, result);
        if (status == RMX_OK && (step == 1 || step % 50 == 0))
            printf("step %3d  loss %.4f\n", (int)step, result->loss);
    }
    return status;
}

int main(void)
{
    const int64_t vocabulary[FIELDS] = {IDS, IDS};
    const rmx_model_config config = {.tokens = 2,
                                     .width = 16,
                                     .layers = 1,
                                     .expansion = 4,
                                     .embedding_width = 8,
                                     .sparse_fields = FIELDS,
                                     .vocabulary = vocabulary,
                                     .tasks = 1,
                                     .batch = BATCH,
                                     .seed = 1};
    const rmx_model_training training = {.dense = rmx_optimizer_default(RMX_OPTIMIZER_ADAMW),
                                         .embedding =
                                             rmx_optimizer_default(RMX_OPTIMIZER_ADAGRAD)};

    char why[256];
    rmx_context *ctx = NULL;
    if (rmx_context_create(NULL, &ctx, why, sizeof why) != RMX_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    rmx_model *model = NULL;
    rmx_step_result result = {0};
    rmx_status status = rmx_model_create(ctx, &config, &training, &model);
    if (status == RMX_OK) status = train(model, &result);
    if (status != RMX_OK) fprintf(stderr, "%s\n", rmx_last_error(ctx));
    rmx_model_destroy(model);
    rmx_context_destroy(ctx);
    return status != RMX_OK || result.loss > 0.1; /* a guess has the loss log 2 = 0.69 */
}
