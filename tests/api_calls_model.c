/* SPDX-License-Identifier: MIT */
/* api_calls_model.c: random models and random calls of them, in any order. */
#include <string.h>

#include "api_calls.h"

enum { FIELDS = 6, VOCABULARY = 5, ROWS = 6, TASKS = 6, MEMORY = 1 << 20 };

static const int64_t vocabulary[FIELDS] = {VOCABULARY, VOCABULARY, VOCABULARY, 9, 9, 9};

/* No number of fields is between FIELDS and what must be refused. */
static int32_t fields(void)
{
    static const int32_t bad[] = {-1, INT32_MIN, INT32_MAX, (1 << 16) + 1};
    return api_chance(30) ? bad[api_random(4)] : (int32_t)api_random(4);
}

static rmx_model_config random_config(void)
{
    static const char *const names[2 * FIELDS] = {"a", "b", "c", "d", "e", "f",
                                                  "g", "h", "i", "j", "k", "l"};
    rmx_model_config c = {
        .tokens = api_size(1),
        .width = api_chance(3) ? api_size(1) : 12,
        .heads = api_chance(2) ? 0 : api_size(1),
        .layers = api_chance(20) ? api_size(0) : (int32_t)api_random(3),
        .expansion = api_size(1),
        .mixer = (rmx_mixer)(api_chance(30) ? api_random(9) : api_random(3)),
        .ffn = (rmx_feed_forward_kind)(api_chance(30) ? api_random(9) : api_random(2)),
        .norm_place = (rmx_norm_place)(api_chance(30) ? api_random(9) : api_random(2)),
        .activation = (rmx_activation)(api_chance(30) ? api_random(9) : 1 + api_random(2)),
        .dropout = api_chance(9) ? api_number() : 0.0f,
        .norm_eps = api_chance(9) ? api_number() : 0.0f,
        .embedding_width = api_size(1),
        .sparse_fields = fields(),
        .vocabulary = api_chance(40) ? NULL : vocabulary,
        .dense_fields = fields(),
        .tasks = api_chance(20) ? api_size(1) : 1 + (int32_t)api_random(3),
        .batch = api_count(1),
        .micro_batch = api_chance(9) ? api_count(0) : 0,
        .seed = api_random(9)};
    if (c.sparse_fields <= FIELDS && c.dense_fields <= FIELDS && api_chance(2))
        c.field_names = names;
    return c;
}

static rmx_optimizer_config random_optimizer(bool dense)
{
    rmx_optimizer_config c = rmx_optimizer_default((rmx_optimizer)api_random(5));
    if (dense && c.kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD && !api_chance(9))
        c.kind = RMX_OPTIMIZER_ADAGRAD;
    if (api_chance(20)) c.beta1 = api_number();
    return c;
}

static void load(rmx_model *m)
{
    uint32_t ids[ROWS * FIELDS];
    float dense[ROWS * FIELDS], weights[ROWS];
    uint8_t labels[ROWS * TASKS];
    for (int i = 0; i < ROWS * FIELDS; i++) {
        ids[i] = (uint32_t)api_random(api_chance(200) ? UINT32_MAX : VOCABULARY);
        dense[i] = api_chance(100) ? api_number() : (float)i;
    }
    for (int i = 0; i < ROWS; i++) weights[i] = api_chance(100) ? api_number() : 1.0f;
    for (int i = 0; i < ROWS * TASKS; i++) labels[i] = (uint8_t)api_random(2);
    if (api_chance(9)) labels[0] = (uint8_t)api_random(256);
    const rmx_batch b = {.samples = api_chance(9) ? api_count(0) : (int64_t)api_random(3),
                         .sparse = api_chance(20) ? NULL : ids,
                         .dense = api_chance(20) ? NULL : dense,
                         .labels = api_chance(9) ? NULL : labels,
                         .weights = api_chance(2) ? NULL : weights};
    api_status("model_load", rmx_model_set_batch(m, api_chance(50) ? NULL : &b), false);
}

static void look(rmx_model *m)
{
    const rmx_model *one = api_chance(9) ? NULL : m;
    rmx_parameter p;
    const char *where;
    const int32_t count = rmx_model_parameter_count(one);
    api_wrong += one ? count < 1 : count != 0;
    api_wrong += rmx_model_memory_of(one).total_bytes < 0 || rmx_model_forward_flop(one) < 0;
    api_status("model_parameter",
               rmx_model_parameter(m, api_chance(4) ? api_size(0) : (int32_t)api_random(20),
                                   api_chance(20) ? NULL : &p),
               false);
    api_status("model_find_nonfinite",
               rmx_model_find_nonfinite(m, api_random(4), api_chance(20) ? NULL : &where), false);
    api_calls += 3;
}

static void use(rmx_model *m)
{
    float logits[ROWS * TASKS];
    rmx_step_result result;
    const rmx_step step = {.step = api_chance(20) ? api_random(UINT64_MAX) : api_random(5),
                           .lr = api_chance(9) ? api_number() : 0.1f,
                           .embedding_lr = api_chance(9) ? api_number() : 0.1f};
    const rmx_step *s = api_chance(40) ? NULL : &step;
    switch (api_random(9)) {
    case 0: load(m); break;
    case 1: api_status("model_forward", rmx_model_forward(m), false); break;
    case 2: api_status("model_backward", rmx_model_backward(m, step.step), false); break;
    case 3: api_status("model_update", rmx_model_update(m, s), false); break;
    case 4: api_status("model_step", rmx_model_step(m, s), false); break;
    case 5: api_status("model_read", rmx_model_read(m, &result), false); break;
    case 6:
        api_status("model_read_step",
                   rmx_model_read_step(m, step.step, api_chance(20) ? NULL : &result,
                                       api_chance(2) ? NULL : logits),
                   false);
        break;
    case 7: look(m); break;
    default:
        api_status("model_logits", rmx_model_logits(m, api_chance(20) ? NULL : logits), false);
    }
}

/* Nothing is loaded yet, or there is no model at all. */
static void use_nothing(rmx_model *m)
{
    const rmx_step step = {.step = 1};
    float logit;
    api_status("forward of nothing", rmx_model_forward(m), true);
    api_status("backward of nothing", rmx_model_backward(m, 1), true);
    api_status("update of nothing", rmx_model_update(m, &step), true);
    api_status("step of nothing", rmx_model_step(m, &step), true);
    api_status("logits of nothing", rmx_model_logits(m, &logit), true);
}

void api_call_model(void)
{
    rmx_context *ctx = api_context();
    const rmx_model_config c = random_config();
    const rmx_model_training how = {.dense = random_optimizer(true),
                                    .embedding = random_optimizer(false),
                                    .clip = api_chance(9) ? api_number() : 0.0f};
    const rmx_model_training *training = api_chance(3) ? NULL : &how;
    rmx_model_memory memory = {0};
    rmx_model *m = NULL;
    const rmx_status plan = rmx_model_plan(ctx, &c, training, &memory);
    api_status("model_plan", plan, !ctx);
    if (plan == RMX_OK && (memory.total_bytes > MEMORY || c.tasks > TASKS || c.batch > ROWS))
        return;
    const rmx_status status = rmx_model_create(ctx, &c, training, &m);
    api_status("model_create", status, plan == RMX_ERR_ARGUMENT);
    if (status == RMX_OK) api_wrong += plan != RMX_OK;
    use_nothing(m);
    for (int i = 0; m && i < 40; i++) use(m);
    if (m) api_status("model_parameter", rmx_model_parameter(m, -1, NULL), true);
    rmx_model_destroy(m);
}
