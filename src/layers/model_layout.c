/* SPDX-License-Identifier: MIT */
/* model_layout.c: the table of parameters and the plan of all memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/check.h"
#include "layers/model_internal.h"
#include "layers/optimizer_internal.h"
#include "rankmixer/loss.h"

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

/* Collects failures, so that the list below reads as a list. */
typedef struct list {
    rmx_model *model;
    const char *prefix; /* "block.0." */
    bool failed;
} list;

static void weight(list *l, const char *name, int64_t groups, int64_t in, int64_t out)
{
    char full[MODEL_NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    const int64_t shape[3] = {groups, in, out};
    const int32_t skip = groups == 0; /* 0: a plain matrix */
    model_parameter *p = add(l->model, RMX_ROLE_WEIGHT, full, 3 - skip, shape + skip);
    if (p)
        p->fan_in = in;
    else
        l->failed = true;
}

static void vector(list *l, const char *name, int64_t groups, int64_t n, float initial)
{
    char full[MODEL_NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    const int64_t shape[2] = {groups, n};
    const int32_t skip = groups == 0;
    model_parameter *p = add(l->model, RMX_ROLE_VECTOR, full, 2 - skip, shape + skip);
    if (p)
        p->initial = initial;
    else
        l->failed = true;
}

static bool has_norm1(const rmx_model_config *c)
{
    return c->norm_place == RMX_NORM_PLACE_POST || c->mixer != RMX_MIXER_NONE;
}

static void list_block(list *l, const rmx_model_config *c)
{
    const int64_t t = c->ffn == RMX_FEED_FORWARD_SHARED ? 1 : c->tokens;
    const int64_t d = c->width, k = d * c->expansion;
    if (c->mixer == RMX_MIXER_ATTENTION) {
        weight(l, "attention.wqkv", 3, d, d);
        vector(l, "attention.bqkv", 3, d, 0.0f);
        weight(l, "attention.wo", 0, d, d);
        vector(l, "attention.bo", 0, d, 0.0f);
    }
    if (has_norm1(c)) {
        vector(l, "norm1.gamma", 0, d, 1.0f);
        vector(l, "norm1.beta", 0, d, 0.0f);
    }
    weight(l, "ffn.w1", t, d, k);
    vector(l, "ffn.b1", t, k, 0.0f);
    weight(l, "ffn.w2", t, k, d);
    vector(l, "ffn.b2", t, d, 0.0f);
    vector(l, "norm2.gamma", 0, d, 1.0f);
    vector(l, "norm2.beta", 0, d, 0.0f);
}

static void list_tables(list *l, const char *const *names)
{
    const rmx_model_config *c = &l->model->config;
    for (int32_t f = 0; f < c->sparse_fields; f++) {
        char name[MODEL_NAME_BYTES];
        if (names)
            snprintf(name, sizeof name, "embedding.%s", names[f]);
        else
            snprintf(name, sizeof name, "embedding.%d", f);
        const int64_t shape[2] = {l->model->vocabulary[f], c->embedding_width};
        if (!add(l->model, RMX_ROLE_EMBEDDING, name, 2, shape)) l->failed = true;
    }
}

rmx_status rmx_model_list_parameters(rmx_model *m, const char *const *field_names)
{
    const rmx_model_config *c = &m->config;
    list l = {.model = m, .prefix = ""};
    list_tables(&l, field_names);
    weight(&l, "tokenizer.weight", c->tokens, m->tokenizer.slice, c->width);
    vector(&l, "tokenizer.bias", c->tokens, c->width, 0.0f);
    for (int32_t i = 0; i < c->layers; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "block.%d.", i);
        l.prefix = prefix;
        list_block(&l, c);
    }
    l.prefix = "";
    if (c->norm_place == RMX_NORM_PLACE_PRE) {
        vector(&l, "norm.gamma", 0, c->width, 1.0f);
        vector(&l, "norm.beta", 0, c->width, 0.0f);
    }
    weight(&l, "head.weight", 0, c->width, c->tasks);
    vector(&l, "head.bias", 0, c->tasks, 0.0f);
    if (l.failed) return rmx_context_fail(m->ctx, RMX_ERR_MEMORY, "out of host memory");
    return RMX_OK;
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

/* A model that only scores runs its blocks through the same memory, to and fro. */
static void cut_activations(rmx_model *m, rmx_arena *arena)
{
    const rmx_model_config *c = &m->config;
    const int64_t rows = c->micro_batch * c->tokens, x = rows * c->width;
    const size_t before = arena->used;
    m->features_in = rmx_arena_floats(arena, c->micro_batch * m->features);
    m->x0 = rmx_arena_floats(arena, x);
    const rmx_block_desc desc = rmx_model_block_desc(m, c->micro_batch, 0, 0, m->training);
    for (int32_t i = 0; i < c->layers; i++) {
        model_block *b = &m->blocks[i];
        if (m->training || i == 0) {
            b->saved = rmx_arena_take(arena, rmx_block_saved_bytes(&desc));
            b->out = rmx_arena_floats(arena, x);
        } else {
            b->saved = m->blocks[0].saved;
            b->out = i % 2 ? m->x0 : m->blocks[0].out;
        }
    }
    if (c->norm_place == RMX_NORM_PLACE_PRE) {
        m->last = rmx_arena_floats(arena, x);
        m->last_mean = rmx_arena_floats(arena, rows);
        m->last_rstd = rmx_arena_floats(arena, rows);
    }
    m->pooled = rmx_arena_floats(arena, c->micro_batch * c->width);
    m->plan.activation_bytes = (int64_t)(arena->used - before);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t scratch_needed(const rmx_model *m)
{
    const rmx_model_config *c = &m->config;
    const int64_t rows = c->micro_batch * c->tokens;
    const rmx_loss_desc bce = {.samples = c->micro_batch, .tasks = c->tasks};
    size_t n = rmx_loss_workspace(&bce);
    if (!m->training) return n;
    const rmx_block_desc block = rmx_model_block_desc(m, c->micro_batch, 0, 0, m->training);
    rmx_tokenizer_desc tokenizer = m->tokenizer;
    tokenizer.samples = c->micro_batch;
    if (c->layers > 0) n = larger(n, rmx_block_backward_workspace(&block));
    n = larger(n, rmx_tokenizer_backward_workspace(&tokenizer));
    n = larger(n, rmx_column_sum_scratch(1, rows, c->width, 2));
    n = larger(n, rmx_column_sum_scratch(1, c->micro_batch, c->tasks, 1));
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
        const int64_t x = c->micro_batch * c->tokens * c->width;
        m->dlogits = rmx_arena_floats(arena, c->micro_batch * c->tasks);
        m->dpooled = rmx_arena_floats(arena, c->micro_batch * c->width);
        m->dx[0] = rmx_arena_floats(arena, x);
        m->dx[1] = rmx_arena_floats(arena, x);
    }
    m->scratch_bytes = scratch_needed(m);
    m->scratch = rmx_arena_take(arena, m->scratch_bytes);
    m->plan.workspace_bytes = (int64_t)(arena->used - before);
}

/* Where a parameter's value and gradient go. */
typedef struct place {
    const char *name;
    const float **value;
    float **gradient;
} place;

static void point(rmx_model *m, const char *prefix, const place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[MODEL_NAME_BYTES];
        snprintf(name, sizeof name, "%s%s", prefix, places[i].name);
        *places[i].value = rmx_model_value(m, name);
        *places[i].gradient = rmx_model_gradient(m, name);
    }
}

static void point_block(rmx_model *m, int32_t layer)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "block.%d.", layer);
    rmx_block_weights *w = &m->blocks[layer].weights;
    rmx_block_gradients *g = &m->blocks[layer].gradients;
    const place places[] = {{"attention.wqkv", &w->attention.wqkv, &g->attention.wqkv},
                            {"attention.bqkv", &w->attention.bqkv, &g->attention.bqkv},
                            {"attention.wo", &w->attention.wo, &g->attention.wo},
                            {"attention.bo", &w->attention.bo, &g->attention.bo},
                            {"norm1.gamma", &w->gamma1, &g->gamma1},
                            {"norm1.beta", &w->beta1, &g->beta1},
                            {"ffn.w1", &w->ffn.w1, &g->ffn.w1},
                            {"ffn.b1", &w->ffn.b1, &g->ffn.b1},
                            {"ffn.w2", &w->ffn.w2, &g->ffn.w2},
                            {"ffn.b2", &w->ffn.b2, &g->ffn.b2},
                            {"norm2.gamma", &w->gamma2, &g->gamma2},
                            {"norm2.beta", &w->beta2, &g->beta2}};
    point(m, prefix, places, sizeof places / sizeof *places);
}

static void point_ends(rmx_model *m)
{
    const place places[] = {{"tokenizer.weight", &m->tokenizer_weight, &m->d_tokenizer_weight},
                            {"tokenizer.bias", &m->tokenizer_bias, &m->d_tokenizer_bias},
                            {"norm.gamma", &m->last_gamma, &m->d_last_gamma},
                            {"norm.beta", &m->last_beta, &m->d_last_beta},
                            {"head.weight", &m->head_weight, &m->d_head_weight},
                            {"head.bias", &m->head_bias, &m->d_head_bias}};
    point(m, "", places, sizeof places / sizeof *places);
}

/* Bytes that a pass of micro_batch samples keeps. */
static int64_t pass_bytes(rmx_model *m)
{
    rmx_arena arena = {0};
    cut_activations(m, &arena);
    return m->plan.activation_bytes;
}

/* Each pass reads all weights, and going back reads and writes their gradients. Where they are
 * small against what a pass keeps, many passes cost nothing, and a small one stays in cache. */
void rmx_model_choose_passes(rmx_model *m)
{
    enum { SAMPLES_A_THREAD = 64, ACTIVATIONS_A_WEIGHT = 4 };
    rmx_model_config *c = &m->config;
    const int64_t batch = c->batch, threads = rmx_context_threads(m->ctx);
    const int64_t weights = (m->region_count[RMX_ROLE_WEIGHT] + m->region_count[RMX_ROLE_VECTOR]) *
                            (int64_t)sizeof(float);
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
    if (!arena->base) return;
    for (int32_t i = 0; i < m->config.layers; i++) point_block(m, i);
    point_ends(m);
}

static const model_parameter *find(const rmx_model *m, const char *name)
{
    for (int32_t i = 0; i < m->parameter_count; i++)
        if (strcmp(m->parameters[i].name, name) == 0) return &m->parameters[i];
    return NULL;
}

float *rmx_model_value(const rmx_model *m, const char *name)
{
    const model_parameter *p = find(m, name);
    return p ? m->value[p->role] + p->offset : NULL;
}

float *rmx_model_gradient(const rmx_model *m, const char *name)
{
    const model_parameter *p = find(m, name);
    return p && m->gradient[p->role] ? m->gradient[p->role] + p->offset : NULL;
}
