/* SPDX-License-Identifier: MIT */
/* model_diagnose.c: which tensor first held a NaN or an infinity. */
#include <stdio.h>

#include "layers/check.h"
#include "layers/model_internal.h"

/* True (and m->where names it) if the tensor holds a NaN or an infinity. */
static rmx_status look(rmx_model *m, const char *prefix, const char *name, rmx_dtype dtype,
                       const void *x, int64_t count, bool *found)
{
    if (*found || !x || count == 0) return RMX_OK;
    const rmx_nonfinite_args args = {
        .dtype = dtype, .n = count, .x = x, .count = &m->control->nonfinite};
    RMX_TRY(rmx_run_nonfinite(m->ctx, &args));
    uint32_t bad = 0;
    RMX_TRY(rmx_download(m->ctx, &bad, &m->control->nonfinite, sizeof bad));
    if (bad == 0) return RMX_OK;
    *found = true;
    snprintf(m->where, sizeof m->where, "%s%s", prefix, name);
    return RMX_OK;
}

/* A pass, and a look at what each stage wrote before a later one writes there. */
static rmx_status pass_and_look(rmx_model *m, int64_t first, int64_t samples, bool train,
                                bool *found)
{
    const rmx_stage_desc desc = rmx_model_begin_pass(m, first, samples, train);
    for (int32_t i = 0; i < m->stages.count && !*found; i++) {
        rmx_stage_written written[RMX_STAGE_SAVED + 1];
        char name[RMX_BLOCK_NAME];
        RMX_TRY(rmx_stages_forward(m->ctx, &m->stages, i, &desc));
        const int32_t count = rmx_stages_written(&m->stages, i, &desc, written);
        for (int32_t k = 0; k < count; k++)
            RMX_TRY(look(m, "", rmx_stage_name(&m->stages.stage[i], written[k].part, name),
                         written[k].dtype, *written[k].at, written[k].count, found));
    }
    return RMX_OK;
}

static rmx_status look_at_parameters(rmx_model *m, bool gradients, bool *found)
{
    for (int32_t n = 0; n < m->parameter_count && !*found; n++) {
        /* Gradients are computed from the last layer to the first. */
        const model_parameter *p = &m->parameters[gradients ? m->parameter_count - 1 - n : n];
        float *const *region = gradients ? m->gradient : m->value;
        if (!region[p->role]) continue;
        RMX_TRY(look(m, gradients ? "gradient of " : "parameter ", p->name, RMX_F32,
                     region[p->role] + p->offset, p->count, found));
    }
    return RMX_OK;
}

/* Parameters, then what a forward pass computes. */
static rmx_status find_forward(rmx_model *m, bool train, bool *found)
{
    RMX_TRY(rmx_model_begin(m));
    RMX_TRY(look_at_parameters(m, false, found));
    const int64_t micro = m->config.micro_batch;
    for (int64_t i = 0; i < m->samples && !*found; i += micro) {
        const int64_t n = m->samples - i < micro ? m->samples - i : micro;
        RMX_TRY(pass_and_look(m, i, n, train, found));
    }
    return RMX_OK;
}

static rmx_status find_in_step(rmx_model *m, uint64_t step, bool *found)
{
    RMX_TRY(rmx_upload(m->ctx, &m->control->head.step, &step, sizeof step));
    RMX_TRY(find_forward(m, true, found));
    if (*found) return RMX_OK;
    RMX_TRY(rmx_model_run_backward(m));
    RMX_TRY(look_at_parameters(m, true, found));
    return look(m, "", "gradient of the embeddings", RMX_F32, m->dfeatures,
                m->samples * m->features, found);
}

rmx_status rmx_model_find_nonfinite(rmx_model *m, uint64_t step, const char **where)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_pointer(m->ctx, "where", where));
    *where = NULL;
    bool found = false;
    if (step == 0) {
        RMX_TRY(find_forward(m, false, &found));
        RMX_TRY(rmx_model_end(m));
        if (found) *where = m->where;
        return RMX_OK;
    }
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
    const rmx_status status = find_in_step(m, step, &found);
    m->slot = slot;
    m->samples = samples;
    m->has_weights = has_weights;
    if (status == RMX_OK && found) *where = m->where;
    return status;
}
