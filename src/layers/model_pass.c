/* SPDX-License-Identifier: MIT */
/* model_pass.c: one micro-batch forward and backward. Launches only: no allocation, no waiting,
 * no host value that changes from step to step, so that a device can record a whole step. */
#include "layers/check.h"
#include "layers/model_internal.h"

rmx_embedding_desc rmx_model_embedding_desc(const rmx_model *m, int64_t samples)
{
    return (rmx_embedding_desc){.samples = samples,
                                .fields = m->config.sparse_fields,
                                .width = m->config.embedding_width,
                                .table_rows = m->table_rows,
                                .out_width = m->features};
}

/* What the backward pass reads of the batch, and where it ends. */
static void add_training(const rmx_model *m, int64_t first, rmx_stage_desc *desc)
{
    const rmx_model_config *c = &m->config;
    const model_input *in = &m->input[m->slot];
    desc->block.ffn.dropout =
        (rmx_dropout_desc){.p = c->dropout,
                           .seed = c->seed,
                           .first = (uint64_t)(first * c->tokens * desc->block.ffn.hidden),
                           .step = &m->control->head.step};
    desc->dfeatures = m->dfeatures + first * m->features;
    desc->labels = in->labels + first * c->tasks;
    desc->task_weight = m->dev_task_weight;
    desc->sample_weight = m->has_weights ? in->weights + first : NULL;
    desc->loss_scale = rmx_divf(1.0f, (float)m->samples);
    desc->loss = &m->control->loss;
}

rmx_stage_desc rmx_model_begin_pass(rmx_model *m, int64_t first, int64_t samples, bool train)
{
    const rmx_model_config *c = &m->config;
    const model_input *in = &m->input[m->slot];
    rmx_stage_desc desc = rmx_model_stage_desc(m, samples, train);
    desc.inputs = (rmx_tokenizer_inputs){
        .table = m->value[RMX_ROLE_EMBEDDING],
        .row_offset = m->dev_row_offset,
        .column = m->dev_column,
        .ids = c->sparse_fields ? in->ids + first * c->sparse_fields : NULL,
        .dense = c->dense_fields ? in->dense + first * c->dense_fields : NULL};
    if (train) add_training(m, first, &desc);
    m->stages.value[m->logits_value].p = m->logits + first * c->tasks;
    return desc;
}

rmx_status rmx_model_forward_pass(rmx_model *m, int64_t first, int64_t samples, bool train)
{
    const rmx_stage_desc desc = rmx_model_begin_pass(m, first, samples, train);
    for (int32_t i = 0; i < m->stages.count; i++)
        RMX_TRY(rmx_stages_forward(m->ctx, &m->stages, i, &desc));
    return RMX_OK;
}

rmx_status rmx_model_backward_pass(rmx_model *m, int64_t first, int64_t samples)
{
    const rmx_stage_desc desc = rmx_model_begin_pass(m, first, samples, true);
    return rmx_stages_backward(m->ctx, &m->stages, &desc, m->scratch, m->scratch_bytes);
}
