/* SPDX-License-Identifier: MIT */
/* model_diagnose.c: which tensor first held a NaN or an infinity. */
#include <stdio.h>

#include "layers/check.h"
#include "layers/model_internal.h"

/* True (and m->where names it) if the tensor holds a NaN or an infinity. */
static rmx_status look(rmx_model *m, const char *prefix, const char *name, const float *x,
                       int64_t count, bool *found)
{
    if (*found || !x || count == 0) return RMX_OK;
    rmx_backend *backend = rmx_context_backend(m->ctx);
    const rmx_nonfinite_args args = {.n = count, .x = x, .count = &m->control->nonfinite};
    RMX_TRY(rmx_context_check(m->ctx, backend->ops->nonfinite(backend, &args)));
    uint32_t bad = 0;
    RMX_TRY(rmx_download(m->ctx, &bad, &m->control->nonfinite, sizeof bad));
    if (bad == 0) return RMX_OK;
    *found = true;
    snprintf(m->where, sizeof m->where, "%s%s", prefix, name);
    return RMX_OK;
}

static rmx_status look_at_activations(rmx_model *m, int64_t first, int64_t samples, bool *found)
{
    const rmx_model_config *c = &m->config;
    const int64_t x = samples * c->tokens * c->width;
    RMX_TRY(look(m, "", "tokenizer.features", m->features_in, samples * m->features, found));
    RMX_TRY(look(m, "", "tokenizer", m->x0, x, found));
    for (int32_t i = 0; i < c->layers && !*found; i++) {
        const model_block *b = &m->blocks[i];
        const rmx_block_desc desc = rmx_model_block_desc(m, samples, i, first, true);
        char prefix[32];
        snprintf(prefix, sizeof prefix, "block.%d.", i);
        rmx_block_part parts[16];
        const int32_t count = rmx_block_parts(&desc, parts, 16);
        for (int32_t p = 0; p < count; p++)
            RMX_TRY(look(m, prefix, parts[p].name,
                         (const float *)((const char *)b->saved + parts[p].offset_bytes),
                         parts[p].count, found));
        RMX_TRY(look(m, prefix, "output", b->out, x, found));
    }
    RMX_TRY(look(m, "", "norm", m->last, c->norm == RMX_NORM_PRE ? x : 0, found));
    RMX_TRY(look(m, "", "pooled", m->pooled, samples * c->width, found));
    return look(m, "", "logits", m->logits + first * c->tasks, samples * c->tasks, found);
}

static rmx_status look_at_parameters(rmx_model *m, bool gradients, bool *found)
{
    for (int32_t n = 0; n < m->parameter_count && !*found; n++) {
        /* Gradients are computed from the last layer to the first. */
        const model_parameter *p = &m->parameters[gradients ? m->parameter_count - 1 - n : n];
        float *const *region = gradients ? m->gradient : m->value;
        if (!region[p->role]) continue;
        RMX_TRY(look(m, gradients ? "gradient of " : "parameter ", p->name,
                     region[p->role] + p->offset, p->count, found));
    }
    return RMX_OK;
}

static rmx_status find(rmx_model *m, uint64_t step, bool *found)
{
    RMX_TRY(rmx_upload(m->ctx, &m->control->head.step, &step, sizeof step));
    RMX_TRY(rmx_model_begin(m));
    RMX_TRY(look_at_parameters(m, false, found));
    const int64_t micro = m->config.micro_batch;
    for (int64_t i = 0; i < m->samples && !*found; i += micro) {
        const int64_t n = m->samples - i < micro ? m->samples - i : micro;
        RMX_TRY(rmx_model_forward_pass(m, i, n, true));
        RMX_TRY(look_at_activations(m, i, n, found));
    }
    if (*found) return RMX_OK;
    RMX_TRY(rmx_model_run_backward(m));
    RMX_TRY(look_at_parameters(m, true, found));
    return look(m, "", "gradient of the embeddings", m->dfeatures, m->samples * m->features,
                found);
}

rmx_status rmx_model_find_nonfinite(rmx_model *m, uint64_t step, const char **where)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_pointer(m->ctx, "where", where));
    *where = NULL;
    RMX_TRY(rmx_model_check_step(m, step));
    /* The step's own batch is still there if only one was loaded since. */
    const model_result *result = rmx_model_result(m, step);
    const int64_t samples = m->samples;
    const int32_t slot = m->slot;
    const bool has_weights = m->has_weights;
    if (result && m->load - result->load < MODEL_SLOTS) {
        m->slot = (int32_t)(result->load % MODEL_SLOTS);
        m->samples = result->samples;
        m->has_weights = result->has_weights;
    }
    bool found = false;
    const rmx_status status = find(m, step, &found);
    m->slot = slot;
    m->samples = samples;
    m->has_weights = has_weights;
    if (status == RMX_OK && found) *where = m->where;
    return status;
}
