/* SPDX-License-Identifier: MIT */
/* model_config.c: every check of a model's configuration, and its host-side copy. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/check_layers.h"
#include "layers/model_internal.h"
#include "layers/optimizer_internal.h"

#define LAYERS_MAX 255 /* dropout numbers its sites 0 .. 255 */

static rmx_status check_sizes(rmx_context *ctx, const rmx_model_config *c)
{
    RMX_TRY(rmx_check_size(ctx, "tokens", c->tokens, 1, 1 << 16));
    RMX_TRY(rmx_check_size(ctx, "width", c->width, 1, 1 << 20));
    RMX_TRY(rmx_check_size(ctx, "heads", c->heads, 0, c->width));
    RMX_TRY(rmx_check_size(ctx, "layers", c->layers, 0, LAYERS_MAX));
    RMX_TRY(rmx_check_size(ctx, "expansion", c->expansion, 1, 1 << 10));
    RMX_TRY(rmx_check_size(ctx, "mixer", c->mixer, 0, RMX_MIXER_NONE));
    RMX_TRY(rmx_check_size(ctx, "ffn", c->ffn, 0, RMX_FEED_FORWARD_SHARED));
    RMX_TRY(rmx_check_size(ctx, "norm", c->norm_place, 0, RMX_NORM_PLACE_PRE));
    RMX_TRY(
        rmx_check_size(ctx, "activation", (int64_t)c->activation, 0, RMX_ACTIVATION_GELU_TANH));
    RMX_TRY(rmx_check_range(ctx, "dropout", c->dropout, 0.0f, 1.0f));
    if (c->norm_eps != 0.0f) RMX_TRY(rmx_check_positive(ctx, "norm_eps", c->norm_eps));
    RMX_TRY(rmx_check_size(ctx, "tasks", c->tasks, 1, 1 << 10));
    RMX_TRY(rmx_check_size(ctx, "batch", c->batch, 1, (int64_t)1 << 31));
    RMX_TRY(rmx_check_size(ctx, "micro_batch", c->micro_batch, 0, (int64_t)1 << 31));
    if (c->micro_batch > 0 && c->micro_batch < c->batch && c->micro_batch % RMX_ROW_BLOCK != 0)
        return rmx_context_fail(
            ctx, RMX_ERR_ARGUMENT,
            "micro_batch = %lld: must be a multiple of %d, or at least batch = "
            "%lld, so that sums over samples keep their order",
            (long long)c->micro_batch, RMX_ROW_BLOCK, (long long)c->batch);
    return RMX_OK;
}

static rmx_status check_heads_fit(rmx_context *ctx, const rmx_model_config *c)
{
    if (c->mixer == RMX_MIXER_NONE) return RMX_OK;
    const int32_t heads = c->heads ? c->heads : c->tokens;
    if (c->width % heads == 0) return RMX_OK;
    return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                            "heads = %d%s does not divide width = %d: choose a width that is a "
                            "multiple of heads, or set heads",
                            heads, c->heads ? "" : " (tokens, by default)", c->width);
}

static rmx_status check_features(rmx_context *ctx, const rmx_model_config *c)
{
    RMX_TRY(rmx_check_size(ctx, "sparse_fields", c->sparse_fields, 0, 1 << 16));
    RMX_TRY(rmx_check_size(ctx, "dense_fields", c->dense_fields, 0, 1 << 16));
    RMX_TRY(rmx_check_size(ctx, "sparse_fields + dense_fields", c->sparse_fields + c->dense_fields,
                           1, 1 << 17));
    if (c->sparse_fields == 0) return RMX_OK;
    RMX_TRY(rmx_check_size(ctx, "embedding_width", c->embedding_width, 1, 1 << 16));
    RMX_TRY(rmx_check_pointer(ctx, "vocabulary", c->vocabulary));
    int64_t rows = 0;
    for (int32_t f = 0; f < c->sparse_fields; f++) {
        if (c->vocabulary[f] < 1 || c->vocabulary[f] > UINT32_MAX)
            return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                    "vocabulary[%d] = %lld: must be 1 to 4294967295", f,
                                    (long long)c->vocabulary[f]);
        rows += c->vocabulary[f];
    }
    RMX_TRY(rmx_check_size(ctx, "rows of all embedding tables", rows, 1, UINT32_MAX));
    return rmx_check_size(ctx, "batch * sparse_fields", c->batch * c->sparse_fields, 1,
                          UINT32_MAX);
}

static rmx_status check_training(rmx_context *ctx, const rmx_model_training *t)
{
    if (!t) return RMX_OK;
    RMX_TRY(rmx_check_optimizer(ctx, "training.dense", &t->dense));
    RMX_TRY(rmx_check_optimizer(ctx, "training.embedding", &t->embedding));
    if (t->dense.kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "training.dense: rowwise_adagrad is for embedding tables; use "
                                "adagrad");
    RMX_TRY(rmx_check_finite(ctx, "training.clip", t->clip));
    return rmx_check_range(ctx, "training.clip", t->clip, 0.0f, INFINITY);
}

static void *copy_of(const void *source, size_t bytes)
{
    void *copy = malloc(bytes ? bytes : 1);
    if (copy && source && bytes) memcpy(copy, source, bytes);
    return copy;
}

/* Copies the arrays, so that nothing of the caller's is kept. */
static rmx_status copy_arrays(rmx_model *m, const rmx_model_config *c)
{
    const size_t sparse = (size_t)c->sparse_fields, fields = sparse + (size_t)c->dense_fields;
    m->vocabulary = copy_of(c->vocabulary, sparse * sizeof *m->vocabulary);
    m->unknown = calloc(sparse + 1, sizeof *m->unknown);
    m->row_offset = copy_of(NULL, sparse * sizeof *m->row_offset);
    m->column = copy_of(NULL, fields * sizeof *m->column);
    m->task_weight = copy_of(NULL, (size_t)c->tasks * sizeof *m->task_weight);
    if (!m->vocabulary || !m->unknown || !m->row_offset || !m->column || !m->task_weight)
        return rmx_context_fail(m->ctx, RMX_ERR_MEMORY, "out of host memory");
    for (int32_t f = 0; f < c->sparse_fields; f++) {
        m->unknown[f] = c->unknown && c->unknown[f];
        m->row_offset[f] = m->table_rows;
        m->table_rows += c->vocabulary[f];
    }
    for (int32_t t = 0; t < c->tasks; t++) {
        m->task_weight[t] = c->task_weight ? c->task_weight[t] : 1.0f;
        RMX_TRY(rmx_check_finite(m->ctx, "task_weight", m->task_weight[t]));
        RMX_TRY(rmx_check_range(m->ctx, "task_weight", m->task_weight[t], 0.0f, INFINITY));
    }
    return RMX_OK;
}

/* Of each operand of a whole batch; a pass's are looked at by its stages, the sum of all in
 * model.c. */
static rmx_status check_counts(rmx_context *ctx, const rmx_model_config *c, int32_t slice)
{
    RMX_TRY(rmx_check_count(ctx, "batch * columns of all tokens",
                            (int64_t[]){c->batch, c->tokens, slice}, 3, NULL));
    return rmx_check_count(ctx, "batch * sparse_fields * embedding_width",
                           (int64_t[]){c->batch, c->sparse_fields, c->embedding_width}, 3, NULL);
}

rmx_status rmx_model_resolve(rmx_model *m, const rmx_model_config *config,
                             const rmx_model_training *training)
{
    rmx_context *ctx = m->ctx;
    RMX_TRY(check_sizes(ctx, config));
    RMX_TRY(check_heads_fit(ctx, config));
    RMX_TRY(check_features(ctx, config));
    RMX_TRY(check_training(ctx, training));
    RMX_TRY(copy_arrays(m, config));

    m->config = *config;
    rmx_model_config *c = &m->config;
    if (c->heads == 0) c->heads = c->mixer == RMX_MIXER_NONE ? 1 : c->tokens;
    if (c->norm_eps == 0.0f) c->norm_eps = 1e-5f;
    if (c->micro_batch > c->batch) c->micro_batch = c->batch;
    c->vocabulary = m->vocabulary;
    c->unknown = m->unknown;
    c->task_weight = m->task_weight;
    c->field_names = NULL;
    c->token_of_field = NULL;
    m->training = training != NULL;
    if (training) m->how = *training;

    m->tokenizer = (rmx_tokenizer_desc){.sparse_fields = c->sparse_fields,
                                        .dense_fields = c->dense_fields,
                                        .embedding_width = c->embedding_width,
                                        .tokens = c->tokens,
                                        .width = c->width};
    RMX_TRY(rmx_tokenizer_layout(ctx, &m->tokenizer, config->token_of_field, m->column, NULL));
    m->features = (int64_t)m->tokenizer.tokens * m->tokenizer.slice;
    RMX_TRY(check_counts(ctx, c, m->tokenizer.slice));
    RMX_TRY(rmx_model_list_stages(m));
    const int64_t pass = c->micro_batch > 0 ? c->micro_batch : c->batch;
    const rmx_stage_desc desc = rmx_model_stage_desc(m, pass, m->training);
    return rmx_stages_check(ctx, &m->stages, &desc);
}
