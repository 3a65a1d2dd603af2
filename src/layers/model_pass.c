/* SPDX-License-Identifier: MIT */
/* model_pass.c: one micro-batch forward and backward. Launches only: no allocation, no waiting,
 * no host value that changes from step to step, so that a device can record a whole step. */
#include "layers/check.h"
#include "layers/model_internal.h"
#include "rankmixer/linear.h"
#include "rankmixer/loss.h"
#include "rankmixer/pooling.h"

rmx_block_desc rmx_model_block_desc(const rmx_model *m, int64_t samples, int32_t layer,
                                    int64_t first, bool train)
{
    const rmx_model_config *c = &m->config;
    const int64_t hidden = (int64_t)c->width * c->expansion;
    return (rmx_block_desc){
        .mixer = c->mixer,
        .norm_place = c->norm_place,
        .heads = c->heads,
        .eps = c->norm_eps,
        .forward_only = !train,
        .ffn = {.samples = samples,
                .tokens = c->tokens,
                .width = c->width,
                .hidden = (int32_t)hidden,
                .shared = c->ffn == RMX_FEED_FORWARD_SHARED,
                .activation = c->activation,
                .dropout = {.p = train ? c->dropout : 0.0f,
                            .seed = c->seed,
                            .site = (uint32_t)layer,
                            .first = (uint64_t)(first * c->tokens * hidden),
                            .step = m->control ? &m->control->head.step : NULL}}};
}

rmx_embedding_desc rmx_model_embedding_desc(const rmx_model *m, int64_t samples)
{
    return (rmx_embedding_desc){.samples = samples,
                                .fields = m->config.sparse_fields,
                                .width = m->config.embedding_width,
                                .table_rows = m->table_rows,
                                .out_width = m->features};
}

static rmx_linear_desc head_desc(const rmx_model *m, int64_t samples)
{
    return (rmx_linear_desc){
        .rows = samples, .in_features = m->config.width, .out_features = m->config.tasks};
}

static rmx_status tokenize(rmx_model *m, int64_t first, int64_t samples)
{
    const rmx_model_config *c = &m->config;
    const model_input *in = &m->input[m->slot];
    rmx_tokenizer_desc desc = m->tokenizer;
    desc.samples = samples;
    const rmx_tokenizer_inputs inputs = {
        .table = m->value[RMX_ROLE_EMBEDDING],
        .row_offset = m->dev_row_offset,
        .column = m->dev_column,
        .ids = c->sparse_fields ? in->ids + first * c->sparse_fields : NULL,
        .dense = c->dense_fields ? in->dense + first * c->dense_fields : NULL};
    return rmx_tokenizer_forward(m->ctx, &desc, &inputs, m->tokenizer_weight, m->tokenizer_bias,
                                 m->features_in, m->x0);
}

/* What the pooling reads: the last block's output, normalised once more in a pre-norm model. */
static const float *last_tokens(const rmx_model *m)
{
    return m->config.layers > 0 ? m->blocks[m->config.layers - 1].out : m->x0;
}

static rmx_status last_norm(rmx_model *m, int64_t samples)
{
    const rmx_norm_args args = {.kind = RMX_NORM_LAYER,
                                .rows = samples * m->config.tokens,
                                .dim = m->config.width,
                                .ld_x = m->config.width,
                                .ld_y = m->config.width,
                                .eps = m->config.norm_eps,
                                .x = last_tokens(m),
                                .gamma = m->last_gamma,
                                .beta = m->last_beta,
                                .y = m->last,
                                .mean = m->last_mean,
                                .rstd = m->last_rstd};
    return rmx_run_norm(m->ctx, &args);
}

static rmx_status last_norm_backward(rmx_model *m, int64_t samples, const float *dy, float *dx)
{
    const rmx_norm_backward_args args = {.kind = RMX_NORM_LAYER,
                                         .rows = samples * m->config.tokens,
                                         .dim = m->config.width,
                                         .ld = m->config.width,
                                         .dy = dy,
                                         .x = last_tokens(m),
                                         .gamma = m->last_gamma,
                                         .mean = m->last_mean,
                                         .rstd = m->last_rstd,
                                         .dx = dx,
                                         .dgamma = m->d_last_gamma,
                                         .dbeta = m->d_last_beta,
                                         .ws = m->scratch};
    return rmx_run_norm_backward(m->ctx, &args);
}

rmx_status rmx_model_forward_pass(rmx_model *m, int64_t first, int64_t samples, bool train)
{
    const rmx_model_config *c = &m->config;
    RMX_TRY(tokenize(m, first, samples));
    const float *x = m->x0;
    for (int32_t i = 0; i < c->layers; i++) {
        const model_block *b = &m->blocks[i];
        const rmx_block_desc desc = rmx_model_block_desc(m, samples, i, first, train);
        RMX_TRY(rmx_block_forward(m->ctx, &desc, &b->weights, x, b->out, b->saved,
                                  rmx_block_saved_bytes(&desc)));
        x = b->out;
    }
    if (c->norm_place == RMX_NORM_PLACE_PRE) {
        RMX_TRY(last_norm(m, samples));
        x = m->last;
    }
    RMX_TRY(rmx_pooling_forward(m->ctx, samples, c->tokens, c->width, x, m->pooled));
    const rmx_linear_desc head = head_desc(m, samples);
    return rmx_linear_forward(m->ctx, &head, m->pooled, m->head_weight, m->head_bias,
                              m->logits + first * c->tasks);
}

static rmx_status loss(rmx_model *m, int64_t first, int64_t samples)
{
    const rmx_model_config *c = &m->config;
    const model_input *in = &m->input[m->slot];
    const rmx_loss_desc desc = {
        .samples = samples, .tasks = c->tasks, .scale = rmx_divf(1.0f, (float)m->samples)};
    return rmx_loss_forward_backward(m->ctx, &desc, m->logits + first * c->tasks,
                                     in->labels + first * c->tasks, m->dev_task_weight,
                                     m->has_weights ? in->weights + first : NULL,
                                     &m->control->loss, m->dlogits, m->scratch, m->scratch_bytes);
}

rmx_status rmx_model_backward_pass(rmx_model *m, int64_t first, int64_t samples)
{
    const rmx_model_config *c = &m->config;
    RMX_TRY(loss(m, first, samples));
    const rmx_linear_desc head = head_desc(m, samples);
    RMX_TRY(rmx_linear_backward(m->ctx, &head, m->dlogits, m->pooled, m->head_weight, m->dpooled,
                                m->d_head_weight, m->d_head_bias, m->scratch, m->scratch_bytes));
    float *dy = m->dx[0], *dx = m->dx[1];
    RMX_TRY(rmx_pooling_backward(m->ctx, samples, c->tokens, c->width, m->dpooled, dy));
    if (c->norm_place == RMX_NORM_PLACE_PRE) RMX_TRY(last_norm_backward(m, samples, dy, dy));
    for (int32_t i = c->layers - 1; i >= 0; i--) {
        const model_block *b = &m->blocks[i];
        const rmx_block_desc desc = rmx_model_block_desc(m, samples, i, first, true);
        RMX_TRY(rmx_block_backward(
            m->ctx, &desc, &b->weights, dy, i > 0 ? m->blocks[i - 1].out : m->x0, b->saved,
            rmx_block_saved_bytes(&desc), dx, &b->gradients, m->scratch, m->scratch_bytes));
        float *swap = dy;
        dy = dx;
        dx = swap;
    }
    rmx_tokenizer_desc tokenizer = m->tokenizer;
    tokenizer.samples = samples;
    return rmx_tokenizer_backward(m->ctx, &tokenizer, dy, m->features_in, m->tokenizer_weight,
                                  m->dfeatures + first * m->features, m->d_tokenizer_weight,
                                  m->d_tokenizer_bias, m->scratch, m->scratch_bytes);
}
