/* SPDX-License-Identifier: MIT */
/* model_stages.c: the stages of a model: tokenizer, blocks, last norm, pooling, head, loss. */
#include <stdlib.h>

#include "layers/check.h"
#include "layers/model_internal.h"

enum { X = 1 }; /* the output of the stage before */

static const rmx_stage_entry first = {&rmx_stage_tokenizer, "tokenizer", "tokenizer", .in = 0};
static const rmx_stage_entry last_norm = {&rmx_stage_norm, "norm", "norm", .in = X};
static const rmx_stage_entry pooling = {&rmx_stage_pooling, "pooling", "pooled", .in = X};
static const rmx_stage_entry head = {&rmx_stage_head, "head", "logits", .in = X};
static const rmx_stage_entry loss = {&rmx_stage_loss, "loss", "loss", .in = X};

rmx_stage_desc rmx_model_stage_desc(const rmx_model *m, int64_t samples, bool train)
{
    const rmx_model_config *c = &m->config;
    return (rmx_stage_desc){.block = {.mixer = c->mixer,
                                      .norm_place = c->norm_place,
                                      .heads = c->heads,
                                      .eps = c->norm_eps,
                                      .forward_only = !train,
                                      .ffn = {.samples = samples,
                                              .tokens = c->tokens,
                                              .width = c->width,
                                              .hidden = c->width * c->expansion,
                                              .shared = c->ffn == RMX_FEED_FORWARD_SHARED,
                                              .activation = c->activation}},
                            .tokenizer = m->tokenizer,
                            .tasks = c->tasks};
}

rmx_status rmx_model_list_stages(rmx_model *m)
{
    const rmx_model_config *c = &m->config;
    const rmx_stage_desc desc = rmx_model_stage_desc(m, 0, m->training);
    rmx_stages *s = &m->stages;
    const size_t most = (size_t)c->layers * RMX_BLOCK_STAGES + 5;
    s->stage = calloc(most, sizeof *s->stage);
    s->value = calloc(RMX_STAGES_VALUES(most), sizeof *s->value);
    s->buffer = calloc(RMX_STAGES_VALUES(most), sizeof *s->buffer);
    if (!s->stage || !s->value || !s->buffer)
        return rmx_context_fail(m->ctx, RMX_ERR_MEMORY, "out of host memory");

    int32_t count = 0;
    const rmx_stage_entry *block = rmx_block_entries(c->mixer, c->norm_place, &count);
    rmx_stages_append(s, &desc, &first, 1, -1);
    for (int32_t layer = 0; layer < c->layers; layer++)
        rmx_stages_append(s, &desc, block, count, layer);
    if (c->norm_place == RMX_NORM_PLACE_PRE) rmx_stages_append(s, &desc, &last_norm, 1, -1);
    rmx_stages_append(s, &desc, &pooling, 1, -1);
    rmx_stages_append(s, &desc, &head, 1, -1);
    m->logits_value = s->count + 1;
    s->value[m->logits_value].given = true;
    rmx_stages_append(s, &desc, &loss, 1, -1);
    return RMX_OK;
}
