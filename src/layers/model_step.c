/* SPDX-License-Identifier: MIT */
/* model_step.c: gradients, the update, and what came of them.
 *
 * A step is launches only (model_pass.c), so a device that can record does so once for each shape
 * of batch and replays it; what changes from step to step is in model_control. */
#include <math.h>
#include <string.h>

#include "layers/check.h"
#include "layers/model_internal.h"
#include "layers/optimizer_internal.h"

static rmx_status embedding_backward(rmx_model *m)
{
    if (m->config.sparse_fields == 0) return RMX_OK;
    const rmx_embedding_desc desc = rmx_model_embedding_desc(m, m->samples);
    return rmx_embedding_backward(m->ctx, &desc, m->dfeatures, m->dev_row_offset, m->dev_column,
                                  m->input[m->slot].ids, m->touched, m->embedding_gradient,
                                  &m->control->unique, m->scratch, m->scratch_bytes);
}

static rmx_status sum_squares(rmx_model *m)
{
    for (int role = RMX_ROLE_WEIGHT; role <= RMX_ROLE_VECTOR; role++) {
        const rmx_gradient_norm_sum_squares_args args = {.n = m->region_count[role],
                                                         .g = m->gradient[role],
                                                         .sum = &m->control->sum_squares,
                                                         .ws = m->scratch};
        RMX_TRY(rmx_run_gradient_norm_sum_squares(m->ctx, &args));
    }
    if (m->config.sparse_fields == 0) return RMX_OK;
    const int64_t width = m->config.embedding_width;
    const rmx_gradient_norm_sum_squares_args args = {.n = m->samples * m->config.sparse_fields *
                                                          width,
                                                     .width = width,
                                                     .g = m->embedding_gradient,
                                                     .unique = &m->control->unique,
                                                     .sum = &m->control->sum_squares,
                                                     .ws = m->scratch};
    return rmx_run_gradient_norm_sum_squares(m->ctx, &args);
}

rmx_status rmx_model_run_backward(rmx_model *m)
{
    for (int role = RMX_ROLE_WEIGHT; role <= RMX_ROLE_VECTOR; role++)
        RMX_TRY(
            rmx_zero(m->ctx, m->gradient[role], (size_t)m->region_count[role] * sizeof(float)));
    RMX_TRY(rmx_zero(m->ctx, &m->control->loss, sizeof m->control->loss));
    const int64_t micro = m->config.micro_batch;
    for (int64_t i = 0; i < m->samples; i += micro) {
        const int64_t n = m->samples - i < micro ? m->samples - i : micro;
        RMX_TRY(rmx_model_forward_pass(m, i, n, true));
        RMX_TRY(rmx_model_backward_pass(m, i, n));
    }
    return embedding_backward(m);
}

rmx_status rmx_model_check_step(rmx_model *m, uint64_t step)
{
    if (!m->training)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT,
                                "this model only scores: create it with a training config");
    RMX_TRY(rmx_model_check_loaded(m));
    if (m->samples > 0 && !m->has_labels)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT,
                                "the loaded batch has no labels: training needs them");
    if (m->samples == 0)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT, "no samples are loaded");
    if (step == 0 || step >> 48)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT, "step = %llu: must be 1 to 2^48",
                                (unsigned long long)step);
    return RMX_OK;
}

static rmx_status apply(rmx_model *m)
{
    for (int role = 0; role < RMX_ROLES; role++) {
        const bool table = role == RMX_ROLE_EMBEDDING;
        if (m->region_count[role] == 0) continue;
        const rmx_optimizer_args args = {.kind = table ? m->how.embedding.kind : m->how.dense.kind,
                                         .rows = table ? m->samples * m->config.sparse_fields
                                                       : m->region_count[role],
                                         .width = table ? m->config.embedding_width : 1,
                                         .w = m->value[role],
                                         .s1 = m->state[role][0],
                                         .s2 = m->state[role][1],
                                         .grad = table ? m->embedding_gradient : m->gradient[role],
                                         .row_index = table ? m->touched : NULL,
                                         .unique = table ? &m->control->unique : NULL,
                                         .scalars = &m->control->head.scalars[role],
                                         .grad_scale = &m->control->grad_scale};
        RMX_TRY(rmx_run_optimizer(m->ctx, &args));
    }
    return RMX_OK;
}

static rmx_status update(rmx_model *m)
{
    RMX_TRY(rmx_zero(m->ctx, &m->control->sum_squares, sizeof m->control->sum_squares));
    RMX_TRY(sum_squares(m));
    const rmx_gradient_norm_clip_args clip = {.max_norm = m->how.clip,
                                              .sum = &m->control->sum_squares,
                                              .grad_norm = &m->control->grad_norm,
                                              .grad_scale = &m->control->grad_scale};
    RMX_TRY(rmx_run_gradient_norm_clip(m->ctx, &clip));
    return apply(m);
}

static rmx_status check_rates(rmx_model *m, const rmx_step *step)
{
    RMX_TRY(rmx_check_pointer(m->ctx, "step", step));
    RMX_TRY(rmx_model_check_step(m, step->step));
    RMX_TRY(rmx_check_finite(m->ctx, "step.lr", step->lr));
    return rmx_check_finite(m->ctx, "step.embedding_lr", step->embedding_lr);
}

/* The step's number and the optimisers' scalars: the head of model_control. */
static rmx_status upload_head(rmx_model *m, const rmx_step *step)
{
    model_head head = {.step = step->step};
    rmx_optimizer_config vectors = m->how.dense;
    vectors.weight_decay = 0.0f;
    head.scalars[RMX_ROLE_EMBEDDING] =
        rmx_optimizer_scalars_of(&m->how.embedding, step->step, step->embedding_lr);
    head.scalars[RMX_ROLE_WEIGHT] = rmx_optimizer_scalars_of(&m->how.dense, step->step, step->lr);
    head.scalars[RMX_ROLE_VECTOR] = rmx_optimizer_scalars_of(&vectors, step->step, step->lr);
    return rmx_upload(m->ctx, &m->control->head, &head, sizeof head);
}

/* Loss, norm and logits on their way to the host, for rmx_model_read_step. */
static rmx_status fetch_result(rmx_model *m, uint64_t step)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    const rmx_ops *ops = backend->ops;
    const int32_t r = (int32_t)(m->results_begun++ % RMX_MODEL_RESULTS);
    model_result *result = &m->results[r];
    result->step = step;
    result->samples = m->samples;
    result->has_weights = m->has_weights;
    result->load = m->load;
    RMX_TRY(rmx_context_check(
        m->ctx, ops->fetch(backend, result->control, m->control, sizeof *m->control)));
    RMX_TRY(rmx_context_check(m->ctx,
                              ops->fetch(backend, result->logits, m->logits,
                                         (size_t)(m->samples * m->config.tasks) * sizeof(float))));
    return rmx_context_check(m->ctx, ops->signal(backend, RMX_QUEUE_COMPUTE, EVENT_DONE + r));
}

rmx_status rmx_model_backward(rmx_model *m, uint64_t step)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_model_check_step(m, step));
    RMX_TRY(rmx_upload(m->ctx, &m->control->head.step, &step, sizeof step));
    RMX_TRY(rmx_model_begin(m));
    RMX_TRY(rmx_model_run_backward(m));
    m->has_logits = true;
    RMX_TRY(rmx_model_end(m));
    return fetch_result(m, step);
}

rmx_status rmx_model_update(rmx_model *m, const rmx_step *step)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_rates(m, step));
    RMX_TRY(upload_head(m, step));
    RMX_TRY(update(m));
    return fetch_result(m, step->step);
}

static rmx_status backward_and_update(rmx_model *m)
{
    RMX_TRY(rmx_model_run_backward(m));
    return update(m);
}

/* The recording of a step on the loaded batch, made if there is none; the oldest gives way. */
static rmx_status recorded_step(rmx_model *m, void **out)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    for (int i = 0; i < MODEL_RECORDINGS; i++) {
        const model_recording *r = &m->recordings[i];
        if (r->recording && r->slot == m->slot && r->samples == m->samples &&
            r->has_weights == m->has_weights) {
            *out = r->recording;
            return RMX_OK;
        }
    }
    model_recording *r = &m->recordings[m->next_recording++ % MODEL_RECORDINGS];
    if (r->recording) backend->ops->record_free(backend, r->recording);
    memset(r, 0, sizeof *r);
    RMX_TRY(rmx_context_check(m->ctx, backend->ops->record_begin(backend)));
    const rmx_status run = backward_and_update(m);
    void *recording = NULL; /* the recording is ended whatever came of it */
    const rmx_status end = backend->ops->record_end(backend, &recording);
    if (run == RMX_OK) RMX_TRY(rmx_context_check(m->ctx, end));
    if (run != RMX_OK) {
        backend->ops->record_free(backend, recording);
        return run;
    }
    *r = (model_recording){recording, m->slot, m->samples, m->has_weights};
    *out = recording;
    return RMX_OK;
}

rmx_status rmx_model_step(rmx_model *m, const rmx_step *step)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_rates(m, step));
    rmx_backend *backend = rmx_context_backend(m->ctx);
    RMX_TRY(upload_head(m, step));
    RMX_TRY(rmx_model_begin(m));
    if (backend->ops->record_begin) {
        void *recording = NULL;
        RMX_TRY(recorded_step(m, &recording));
        RMX_TRY(rmx_context_check(m->ctx, backend->ops->replay(backend, recording)));
    } else {
        RMX_TRY(backward_and_update(m));
    }
    m->has_logits = true;
    RMX_TRY(rmx_model_end(m));
    return fetch_result(m, step->step);
}

const model_result *rmx_model_result(const rmx_model *m, uint64_t step)
{
    for (uint64_t age = 1; age <= RMX_MODEL_RESULTS && age <= m->results_begun; age++) {
        const model_result *r = &m->results[(m->results_begun - age) % RMX_MODEL_RESULTS];
        if (r->step == step) return r;
    }
    return NULL;
}

rmx_status rmx_model_read_step(rmx_model *m, uint64_t step, rmx_step_result *out, float *logits)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_pointer(m->ctx, "out", out));
    const model_result *result = rmx_model_result(m, step);
    if (!result)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT, "step = %llu: is not one of the last %d",
                                (unsigned long long)step, RMX_MODEL_RESULTS);
    rmx_backend *backend = rmx_context_backend(m->ctx);
    const int32_t event = EVENT_DONE + (int32_t)(result - m->results);
    RMX_TRY(rmx_context_check(m->ctx, backend->ops->wait(backend, event)));
    const model_control *control = result->control;
    *out = (rmx_step_result){.loss = control->loss / (double)result->samples,
                             .grad_norm = control->grad_norm};
    out->finite = isfinite(out->loss) && !isnan(control->grad_scale);
    if (logits)
        memcpy(logits, result->logits,
               (size_t)(result->samples * m->config.tasks) * sizeof *logits);
    if (out->finite) return RMX_OK;
    const float looked = 1.0f; /* it is reported now: updates may go on */
    return rmx_upload(m->ctx, &m->control->grad_scale, &looked, sizeof looked);
}

rmx_status rmx_model_read(rmx_model *m, rmx_step_result *out)
{
    if (!m) return RMX_ERR_ARGUMENT;
    if (m->results_begun == 0)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT, "no step was made yet");
    const uint64_t last = (m->results_begun - 1) % RMX_MODEL_RESULTS;
    return rmx_model_read_step(m, m->results[last].step, out, NULL);
}
