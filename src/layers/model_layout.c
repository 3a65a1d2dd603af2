/* SPDX-License-Identifier: MIT */
/* model_layout.c: the table of parameters and the plan of all memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/check.h"
#include "layers/model_internal.h"
#include "layers/optimizer_internal.h"

/* ---- parameters ---------------------------------------------------------------------------- */

static model_parameter *add(rmx_model *m, rmx_parameter_role role, const char *name, int32_t dims,
                            const int64_t *shape)
{
    if (m->parameter_count == m->parameter_capacity) {
        const int32_t capacity = m->parameter_capacity ? 2 * m->parameter_capacity : 64;
        model_parameter *grown = realloc(m->parameters, (size_t)capacity * sizeof *m->parameters);
        if (!grown) return NULL;
        m->parameters = grown;
        m->parameter_capacity = capacity;
    }
    model_parameter *p = &m->parameters[m->parameter_count++];
    *p = (model_parameter){.role = role, .dims = dims, .count = 1};
    snprintf(p->name, sizeof p->name, "%s", name);
    for (int32_t i = 0; i < dims; i++) {
        p->shape[i] = shape[i];
        p->count *= shape[i];
    }
    p->offset = m->region_count[role];
    /* Tables are one run of rows; the others begin at aligned places. */
    m->region_count[role] +=
        role == RMX_ROLE_EMBEDDING ? p->count : (int64_t)(rmx_align((size_t)p->count * 4) / 4);
    return p;
}

static bool list_tables(rmx_model *m, const char *const *names)
{
    for (int32_t f = 0; f < m->config.sparse_fields; f++) {
        char name[MODEL_NAME_BYTES];
        if (names)
            snprintf(name, sizeof name, "embedding.%s", names[f]);
        else
            snprintf(name, sizeof name, "embedding.%d", f);
        const int64_t shape[2] = {m->vocabulary[f], m->config.embedding_width};
        if (!add(m, RMX_ROLE_EMBEDDING, name, 2, shape)) return false;
    }
    return true;
}

static bool list_stage(rmx_model *m, const rmx_stage *s, const rmx_stage_desc *desc)
{
    rmx_stage_parameter list[RMX_STAGE_PARAMETERS];
    const int32_t count = rmx_stage_parameters(s, desc, list);
    for (int32_t i = 0; i < count; i++) {
        char name[RMX_BLOCK_NAME];
        model_parameter *p = add(m, list[i].role, rmx_stage_name(s, list[i].name, name),
                                 list[i].dims, list[i].shape);
        if (!p) return false;
        p->initial = list[i].initial;
    }
    return true;
}

rmx_status rmx_model_list_parameters(rmx_model *m, const char *const *field_names)
{
    const rmx_stage_desc desc = rmx_model_stage_desc(m, 0, false);
    bool listed = list_tables(m, field_names);
    for (int32_t k = 0; listed && k < m->stages.count; k++)
        listed = list_stage(m, rmx_stages_listed(&m->stages, k), &desc);
    const size_t count = (size_t)m->parameter_count;
    m->weight = calloc(count, sizeof *m->weight);
    m->weight_gradient = calloc(count, sizeof *m->weight_gradient);
    if (listed && m->weight && m->weight_gradient) return RMX_OK;
    return rmx_context_fail(m->ctx, RMX_ERR_MEMORY, "out of host memory");
}

/* ---- memory -------------------------------------------------------------------------------- */

static void cut_parameters(rmx_model *m, rmx_arena *arena)
{
    for (int role = 0; role < RMX_ROLES; role++)
        m->value[role] = rmx_arena_floats(arena, m->region_count[role]);
    m->plan.parameter_bytes = (int64_t)arena->used;
    if (!m->training) return;

    const size_t before = arena->used;
    const int64_t entries = m->config.batch * m->config.sparse_fields;
    for (int role = RMX_ROLE_WEIGHT; role <= RMX_ROLE_VECTOR; role++)
        m->gradient[role] = rmx_arena_floats(arena, m->region_count[role]);
    m->touched = rmx_arena_take(arena, (size_t)entries * sizeof *m->touched);
    m->embedding_gradient = rmx_arena_floats(arena, entries * m->config.embedding_width);
    m->dfeatures = rmx_arena_floats(arena, m->config.batch * m->features);
    m->plan.gradient_bytes = (int64_t)(arena->used - before);

    const size_t states = arena->used;
    for (int role = 0; role < RMX_ROLES; role++) {
        const bool table = role == RMX_ROLE_EMBEDDING;
        const rmx_optimizer_config *o = table ? &m->how.embedding : &m->how.dense;
        const int64_t n = m->region_count[role];
        const int64_t n1 = table && rmx_optimizer_s1_is_per_row(o) ? m->table_rows : n;
        if (rmx_optimizer_has_s1(o)) m->state[role][0] = rmx_arena_floats(arena, n1);
        if (rmx_optimizer_has_s2(o)) m->state[role][1] = rmx_arena_floats(arena, n);
    }
    m->plan.optimizer_bytes = (int64_t)(arena->used - states);
}

static void cut_activations(rmx_model *m, rmx_arena *arena)
{
    const rmx_stage_desc desc = rmx_model_stage_desc(m, m->config.micro_batch, m->training);
    const size_t before = arena->used;
    rmx_stages_cut(&m->stages, &desc, m->training, arena);
    m->plan.activation_bytes = (int64_t)(arena->used - before);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Of a training model: scoring needs none. */
static size_t scratch_needed(const rmx_model *m, const rmx_stage_desc *desc)
{
    const rmx_model_config *c = &m->config;
    size_t n = rmx_stages_scratch(&m->stages, desc);
    n = larger(n, rmx_gradient_norm_scratch(m->region_count[RMX_ROLE_WEIGHT]));
    n = larger(n, rmx_gradient_norm_scratch(m->region_count[RMX_ROLE_VECTOR]));
    if (c->sparse_fields > 0) {
        const int64_t entries = c->batch * c->sparse_fields;
        const rmx_embedding_desc embedding = rmx_model_embedding_desc(m, c->batch);
        n = larger(n, rmx_embedding_backward_workspace(m->ctx, &embedding));
        n = larger(n, rmx_gradient_norm_scratch(entries * c->embedding_width));
    }
    return n;
}

static void cut_input(rmx_model *m, rmx_arena *arena, model_input *input)
{
    const rmx_model_config *c = &m->config;
    const size_t batch = (size_t)c->batch, before = arena->used;
    input->base = arena->base ? arena->base + arena->used : NULL;
    input->ids = rmx_arena_take(arena, batch * (size_t)c->sparse_fields * sizeof *input->ids);
    input->dense = rmx_arena_take(arena, batch * (size_t)c->dense_fields * sizeof *input->dense);
    if (m->training) {
        input->labels = rmx_arena_take(arena, batch * (size_t)c->tasks);
        input->weights = rmx_arena_take(arena, batch * sizeof *input->weights);
    }
    m->input_bytes = arena->used - before;
}

/* Host memory that the device copies from and to. */
static void cut_host(rmx_model *m, rmx_arena *host)
{
    for (int slot = 0; slot < MODEL_SLOTS; slot++) cut_input(m, host, &m->staging[slot]);
    for (int i = 0; i < RMX_MODEL_RESULTS; i++) {
        m->results[i].control = rmx_arena_take(host, sizeof(model_control));
        m->results[i].logits = rmx_arena_floats(host, m->config.batch * m->config.tasks);
    }
    m->plan.host_bytes = (int64_t)host->used;
}

static void cut_workspace(rmx_model *m, rmx_arena *arena)
{
    const rmx_model_config *c = &m->config;
    const size_t before = arena->used;
    const size_t batch = (size_t)c->batch, sparse = (size_t)c->sparse_fields;
    const size_t dense = (size_t)c->dense_fields, tasks = (size_t)c->tasks;
    m->control = rmx_arena_take(arena, sizeof *m->control);
    m->dev_row_offset = rmx_arena_take(arena, sparse * sizeof *m->dev_row_offset);
    m->dev_column = rmx_arena_take(arena, (sparse + dense) * sizeof *m->dev_column);
    m->dev_task_weight = rmx_arena_take(arena, tasks * sizeof *m->dev_task_weight);
    for (int slot = 0; slot < MODEL_SLOTS; slot++) cut_input(m, arena, &m->input[slot]);
    m->logits = rmx_arena_take(arena, batch * tasks * sizeof *m->logits);
    if (m->training) {
        const rmx_stage_desc desc = rmx_model_stage_desc(m, c->micro_batch, true);
        rmx_stages_plan_gradients(&m->stages, &desc, false);
        rmx_stages_cut_buffers(&m->stages, arena);
        m->scratch_bytes = scratch_needed(m, &desc);
        m->scratch = rmx_arena_take(arena, m->scratch_bytes);
    }
    m->plan.workspace_bytes = (int64_t)(arena->used - before);
}

/* Where each parameter's value and gradient lie. */
static void point(rmx_model *m)
{
    for (int32_t i = 0; i < m->parameter_count; i++) {
        const model_parameter *p = &m->parameters[i];
        m->weight[i] = m->value[p->role] + p->offset;
        if (m->gradient[p->role]) m->weight_gradient[i] = m->gradient[p->role] + p->offset;
    }
    m->stages.weight = m->weight + m->config.sparse_fields;
    m->stages.gradient = m->weight_gradient + m->config.sparse_fields;
}

/* Bytes that a pass of micro_batch samples writes. */
static size_t pass_bytes(rmx_model *m)
{
    const rmx_stage_desc desc = rmx_model_stage_desc(m, m->config.micro_batch, m->training);
    rmx_arena arena = {0};
    rmx_stages_cut(&m->stages, &desc, true, &arena);
    return arena.used;
}

/* Each pass reads all weights, and going back reads and writes their gradients. Where they are
 * small against what a pass writes, many passes cost nothing, and a small one stays in cache. */
void rmx_model_choose_passes(rmx_model *m)
{
    enum { SAMPLES_A_THREAD = 64, ACTIVATIONS_A_WEIGHT = 4 };
    rmx_model_config *c = &m->config;
    const int64_t batch = c->batch, threads = rmx_context_threads(m->ctx);
    const size_t weights =
        (size_t)(m->region_count[RMX_ROLE_WEIGHT] + m->region_count[RMX_ROLE_VECTOR]) *
        sizeof(float);
    if (c->micro_batch > 0) return;
    c->micro_batch = batch;
    if (rmx_context_device(m->ctx) != RMX_DEVICE_CPU) return;
    for (int64_t some = RMX_ROW_BLOCK; 2 * some <= batch; some *= 2) {
        c->micro_batch = some;
        if (some >= threads * SAMPLES_A_THREAD && pass_bytes(m) >= ACTIVATIONS_A_WEIGHT * weights)
            return;
    }
    c->micro_batch = batch;
}

void rmx_model_cut(rmx_model *m, rmx_arena *arena, rmx_arena *host)
{
    cut_parameters(m, arena);
    cut_activations(m, arena);
    cut_workspace(m, arena);
    m->plan.total_bytes = (int64_t)arena->used;
    cut_host(m, host);
    if (arena->base) point(m);
}
