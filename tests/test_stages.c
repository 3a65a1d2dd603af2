/* SPDX-License-Identifier: MIT */
/* test_stages.c: stages in an arrangement that no block has: values that several stages read, as
 * input and as residual, near and far. Gradients against differences (layer_testing.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "layer_testing.h"
#include "layers/stages.h"

#define MUST(call) operands_must(l->ctx, call)

enum { B = 3, T = 4, D = 8, K = 6, BTD = B * T * D, STAGES = 6, X = 1, V0, V1, V2, V3, V4 };

static const rmx_stage_entry entries[STAGES] = {
    {&rmx_stage_norm, "norm", "v0", .in = X, .parameters_last = true},
    {&rmx_stage_feed_forward, "ffn", "v1", .in = V0, .residual = X},
    {&rmx_stage_token_mixer, "mixer", "v2", .in = V1},
    {&rmx_stage_token_mix, "near", "v3", .in = V2, .residual = V1},
    {&rmx_stage_norm, "last", "v4", .in = V3},
    {&rmx_stage_token_mix, "far", "y", .in = V4, .residual = X},
};

typedef struct fixture {
    rmx_stages stages;
    rmx_stage_desc desc;
    rmx_stage stage[STAGES];
    rmx_stage_value value[RMX_STAGES_VALUES(STAGES)];
    rmx_stage_buffer buffer[RMX_STAGES_VALUES(STAGES)];
} fixture;

static void build(fixture *f)
{
    *f = (fixture){.desc.block = {.heads = T,
                                  .eps = 1e-5f,
                                  .ffn = {.samples = B, .tokens = T, .width = D, .hidden = K}}};
    f->stages = (rmx_stages){.stage = f->stage, .value = f->value, .buffer = f->buffer};
    rmx_stages_append(&f->stages, &f->desc, entries, STAGES, -1);
    f->value[X].given = f->value[STAGES + 1].given = true;
}

static void forward(layer *l, fixture *f, bool keep, int slot, float *y)
{
    rmx_arena plan = {0};
    build(f);
    rmx_stages_cut(&f->stages, &f->desc, keep, &plan);
    rmx_arena arena = {.base = layer_slot(l, slot, plan.used)};
    rmx_stages_cut(&f->stages, &f->desc, keep, &arena);
    cr_assert_eq(arena.used, plan.used);
    f->stages.weight = (const void *const *)(l->in + 1);
    f->value[X].p = l->in[0];
    f->value[STAGES + 1].p = y;
    for (int32_t i = 0; i < STAGES; i++) MUST(rmx_stages_forward(l->ctx, &f->stages, i, &f->desc));
}

/* Memory that is shared when nothing is kept changes no bit. */
static void stages_forward(layer *l)
{
    fixture f;
    float kept[BTD], shared[BTD], *y = layer_floats(l, 1, BTD);
    forward(l, &f, true, 0, l->y);
    forward(l, &f, false, 2, y);
    operands_get(&l->all, kept, l->y, sizeof kept);
    operands_get(&l->all, shared, y, sizeof shared);
    cr_assert_eq(memcmp(kept, shared, sizeof kept), 0);
}

static void stages_backward(layer *l)
{
    fixture f;
    rmx_arena plan = {0};
    forward(l, &f, true, 0, l->y);
    rmx_stages_plan_gradients(&f.stages, &f.desc, true);
    rmx_stages_cut_buffers(&f.stages, &plan);
    rmx_arena arena = {.base = layer_slot(l, 3, plan.used)};
    rmx_stages_cut_buffers(&f.stages, &arena);
    f.buffer[1].p = l->dy;
    f.buffer[f.value[X].buffer].p = l->d[0];
    f.stages.gradient = l->d + 1;
    const size_t scratch = rmx_stages_scratch(&f.stages, &f.desc);
    MUST(rmx_stages_backward(l->ctx, &f.stages, &f.desc, layer_slot(l, 4, scratch), scratch));
}

static void make(int i, layer *l)
{
    fixture f;
    (void)i;
    build(&f);
    l->name = "stages";
    l->forward = stages_forward;
    l->backward = stages_backward;
    l->outputs = BTD;
    l->gradients = true;
    layer_input(l, "x", BTD);
    for (int32_t k = 0; k < STAGES; k++) {
        rmx_stage_parameter list[RMX_STAGE_PARAMETERS];
        const rmx_stage *s = rmx_stages_listed(&f.stages, k);
        const int32_t count = rmx_stage_parameters(s, &f.desc, list);
        cr_assert(count == 0 || s->parameter == l->inputs - 1);
        for (int32_t p = 0; p < count; p++) {
            int64_t values = 1;
            for (int32_t d = 0; d < list[p].dims; d++) values *= list[p].shape[d];
            layer_input(l, list[p].name, values);
        }
    }
    cr_assert_eq(l->inputs, 11);
}

LAYER_TESTS(stages, make, 1)

/* A gradient that several stages add to needs few buffers, and what is given is only read. */
Test(stages, buffers)
{
    fixture f;
    build(&f);
    rmx_stages_plan_gradients(&f.stages, &f.desc, true);
    cr_expect_eq(f.buffer[1].bytes, 0);
    int32_t buffers = 0;
    for (int32_t b = 1; b < RMX_STAGES_VALUES(STAGES); b++) buffers += f.buffer[b].bytes > 0;
    cr_expect_eq(buffers, 3, "%d", buffers);
    for (int32_t i = 0; i < STAGES; i++) {
        cr_expect_neq(f.stage[i].dx, 1);
        cr_expect_neq(f.stage[i].sum, 1);
    }
    char name[RMX_BLOCK_NAME];
    cr_expect_str_eq(rmx_stage_name(&f.stage[1], "w1", name), "ffn.w1");
    f.stage[1].layer = 12;
    cr_expect_str_eq(rmx_stage_name(&f.stage[1], NULL, name), "block.12.v1");
}
