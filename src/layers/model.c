/* model.c: the public face of rmx_model; see rankmixer/model.h. */
#include "rankmixer/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/check.h"
#include "layers/model_internal.h"
#include "layers/optimizer_internal.h"

/* ---- creation ------------------------------------------------------------------------------ */

static rmx_status resolve(rmx_context *ctx, const rmx_model_config *config,
                          const rmx_model_training *training, rmx_model **out)
{
    RMX_TRY(rmx_check_desc(ctx, "config", config));
    rmx_model *m = calloc(1, sizeof *m);
    *out = m;
    if (!m) return rmx_context_fail(ctx, RMX_ERR_MEMORY, "out of host memory");
    m->ctx = ctx;
    RMX_TRY(rmx_model_resolve(m, config, training));
    RMX_TRY(rmx_model_list_parameters(m, config->field_names));
    rmx_arena plan = {0};
    rmx_model_cut(m, &plan);
    return RMX_OK;
}

rmx_status rmx_model_plan(rmx_context *ctx, const rmx_model_config *config,
                          const rmx_model_training *training, rmx_model_memory *out)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_pointer(ctx, "out", out));
    rmx_model *m = NULL;
    const rmx_status status = resolve(ctx, config, training, &m);
    if (status == RMX_OK) *out = m->plan;
    rmx_model_destroy(m);
    return status;
}

static rmx_status create(rmx_context *ctx, const rmx_model_config *config,
                         const rmx_model_training *training, rmx_model **out)
{
    RMX_TRY(resolve(ctx, config, training, out));
    rmx_model *m = *out;
    RMX_TRY(rmx_alloc(ctx, (size_t)m->plan.total_bytes, &m->memory));
    rmx_arena arena = {.base = m->memory};
    rmx_model_cut(m, &arena);
    return rmx_model_initialise(m);
}

rmx_status rmx_model_create(rmx_context *ctx, const rmx_model_config *config,
                            const rmx_model_training *training, rmx_model **out)
{
    if (!ctx) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_pointer(ctx, "out", out));
    *out = NULL;
    rmx_model *m = NULL;
    const rmx_status status = create(ctx, config, training, &m);
    if (status == RMX_OK)
        *out = m;
    else
        rmx_model_destroy(m);
    return status;
}

void rmx_model_destroy(rmx_model *m)
{
    if (!m) return;
    rmx_free(m->ctx, m->memory);
    free(m->vocabulary);
    free(m->row_offset);
    free(m->column);
    free(m->task_weight);
    free(m->parameters);
    free(m->blocks);
    free(m);
}

/* ---- looking inside ------------------------------------------------------------------------ */

rmx_model_memory rmx_model_memory_of(const rmx_model *m) { return m->plan; }
int32_t rmx_model_parameter_count(const rmx_model *m) { return m->parameter_count; }

static void describe_states(const rmx_model *m, const model_parameter *p, rmx_parameter *out)
{
    const bool table = p->role == RMX_ROLE_EMBEDDING;
    const rmx_optimizer_config *o = table ? &m->how.embedding : &m->how.dense;
    const bool per_row = table && rmx_optimizer_s1_is_per_row(o);
    const int64_t width = m->config.embedding_width;
    static const char *const first[] = {[RMX_OPTIMIZER_SGD] = "momentum",
                                        [RMX_OPTIMIZER_RMSPROP] = "mean_square",
                                        [RMX_OPTIMIZER_ADAGRAD] = "sum",
                                        [RMX_OPTIMIZER_ROWWISE_ADAGRAD] = "row_sum",
                                        [RMX_OPTIMIZER_ADAMW] = "moment1"};
    for (int i = 0; i < RMX_PARAMETER_STATES; i++) {
        float *region = m->state[p->role][i];
        if (!region) continue;
        const bool rows = i == 0 && per_row;
        out->state[i] = region + (rows ? p->offset / width : p->offset);
        out->state_count[i] = rows ? p->count / width : p->count;
        out->state_name[i] = i == 0 ? first[o->kind] : "moment2";
    }
}

rmx_status rmx_model_parameter(const rmx_model *m, int32_t i, rmx_parameter *out)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_size(m->ctx, "i", i, 0, m->parameter_count - 1));
    RMX_TRY(rmx_check_pointer(m->ctx, "out", out));
    const model_parameter *p = &m->parameters[i];
    *out = (rmx_parameter){.name = p->name,
                           .role = p->role,
                           .dims = p->dims,
                           .count = p->count,
                           .value = m->value[p->role] + p->offset};
    memcpy(out->shape, p->shape, sizeof out->shape);
    if (m->gradient[p->role]) out->gradient = m->gradient[p->role] + p->offset;
    if (m->training) describe_states(m, p, out);
    return RMX_OK;
}

double rmx_model_forward_flop(const rmx_model *m)
{
    const rmx_model_config *c = &m->config;
    const double t = c->tokens, d = c->width, k = d * c->expansion;
    double block = 4.0 * t * d * k;
    if (c->mixer == RMX_MIXER_ATTENTION) block += 8.0 * t * d * d + 4.0 * t * t * d;
    return 2.0 * (double)m->features * d + c->layers * block + 2.0 * d * c->tasks;
}

/* ---- a batch ------------------------------------------------------------------------------- */

static rmx_status check_ids(rmx_model *m, const rmx_batch *b)
{
    const int32_t fields = m->config.sparse_fields;
    for (int64_t i = 0; i < b->samples; i++)
        for (int32_t f = 0; f < fields; f++)
            if (b->sparse[i * fields + f] >= m->vocabulary[f])
                return rmx_context_fail(m->ctx, RMX_ERR_DATA,
                                        "row %lld of the batch: id %u of sparse field %d (%s) is "
                                        "not below its vocabulary of %lld",
                                        (long long)i, b->sparse[i * fields + f], f,
                                        m->parameters[f].name, (long long)m->vocabulary[f]);
    return RMX_OK;
}

static rmx_status check_values(rmx_model *m, const rmx_batch *b)
{
    const int64_t fields = m->config.dense_fields, tasks = m->config.tasks;
    for (int64_t i = 0; i < b->samples * fields; i++)
        if (!isfinite(b->dense[i]))
            return rmx_context_fail(m->ctx, RMX_ERR_DATA,
                                    "row %lld of the batch: dense field %lld is not finite",
                                    (long long)(i / fields), (long long)(i % fields));
    for (int64_t i = 0; b->labels && i < b->samples * tasks; i++)
        if (b->labels[i] > 1)
            return rmx_context_fail(m->ctx, RMX_ERR_DATA,
                                    "row %lld of the batch: label %u of task %lld is not 0 or 1",
                                    (long long)(i / tasks), b->labels[i], (long long)(i % tasks));
    for (int64_t i = 0; b->weights && i < b->samples; i++)
        if (!(b->weights[i] >= 0.0f) || !isfinite(b->weights[i]))
            return rmx_context_fail(m->ctx, RMX_ERR_DATA,
                                    "row %lld of the batch: weight %g is not finite and >= 0",
                                    (long long)i, (double)b->weights[i]);
    return RMX_OK;
}

rmx_status rmx_model_load(rmx_model *m, const rmx_batch *b)
{
    if (!m) return RMX_ERR_ARGUMENT;
    const rmx_model_config *c = &m->config;
    RMX_TRY(rmx_check_pointer(m->ctx, "batch", b));
    RMX_TRY(rmx_check_size(m->ctx, "batch.samples", b->samples, 0, c->batch));
    RMX_TRY(rmx_check_array(m->ctx, "batch.sparse", b->sparse, b->samples * c->sparse_fields));
    RMX_TRY(rmx_check_array(m->ctx, "batch.dense", b->dense, b->samples * c->dense_fields));
    RMX_TRY(check_ids(m, b));
    RMX_TRY(check_values(m, b));

    const size_t n = (size_t)b->samples;
    m->samples = 0;
    m->has_labels = b->labels && m->training;
    m->has_weights = b->weights && m->training;
    RMX_TRY(rmx_upload(m->ctx, m->ids, b->sparse, n * (size_t)c->sparse_fields * sizeof *m->ids));
    RMX_TRY(rmx_upload(m->ctx, m->dense, b->dense, n * (size_t)c->dense_fields * sizeof *m->dense));
    if (m->has_labels) RMX_TRY(rmx_upload(m->ctx, m->labels, b->labels, n * (size_t)c->tasks));
    if (m->has_weights) RMX_TRY(rmx_upload(m->ctx, m->weights, b->weights, n * sizeof(float)));
    m->samples = b->samples;
    return RMX_OK;
}

rmx_status rmx_model_forward(rmx_model *m)
{
    if (!m) return RMX_ERR_ARGUMENT;
    const int64_t micro = m->config.micro_batch;
    for (int64_t i = 0; i < m->samples; i += micro)
        RMX_TRY(rmx_model_forward_pass(m, i, m->samples - i < micro ? m->samples - i : micro,
                                       false));
    return RMX_OK;
}

/* ---- a step -------------------------------------------------------------------------------- */

static rmx_status embedding_backward(rmx_model *m)
{
    if (m->config.sparse_fields == 0) return RMX_OK;
    const rmx_embedding_desc desc = rmx_model_embedding_desc(m, m->samples);
    return rmx_embedding_backward(m->ctx, &desc, m->dfeatures, m->dev_row_offset, m->dev_column,
                                  m->ids, m->touched, m->embedding_gradient, &m->control->unique,
                                  m->scratch, m->scratch_bytes);
}

static rmx_status sum_squares(rmx_model *m)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    for (int role = RMX_ROLE_WEIGHT; role <= RMX_ROLE_VECTOR; role++) {
        const rmx_sum_squares_args args = {.n = m->region_count[role],
                                           .g = m->gradient[role],
                                           .sum = &m->control->sum_squares,
                                           .ws = m->scratch};
        RMX_TRY(rmx_context_check(m->ctx, backend->ops->sum_squares(backend, &args)));
    }
    if (m->config.sparse_fields == 0) return RMX_OK;
    const int64_t width = m->config.embedding_width;
    const rmx_sum_squares_args args = {.n = m->samples * m->config.sparse_fields * width,
                                       .width = width,
                                       .g = m->embedding_gradient,
                                       .unique = &m->control->unique,
                                       .sum = &m->control->sum_squares,
                                       .ws = m->scratch};
    return rmx_context_check(m->ctx, backend->ops->sum_squares(backend, &args));
}

rmx_status rmx_model_run_backward(rmx_model *m)
{
    for (int role = RMX_ROLE_WEIGHT; role <= RMX_ROLE_VECTOR; role++)
        RMX_TRY(rmx_zero(m->ctx, m->gradient[role],
                         (size_t)m->region_count[role] * sizeof(float)));
    RMX_TRY(rmx_zero(m->ctx, &m->control->loss, 2 * sizeof(double)));
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

rmx_status rmx_model_backward(rmx_model *m, uint64_t step)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_model_check_step(m, step));
    RMX_TRY(rmx_upload(m->ctx, &m->control->step, &step, sizeof step));
    return rmx_model_run_backward(m);
}

static rmx_status upload_scalars(rmx_model *m, const rmx_step *step)
{
    rmx_optim_scalars scalars[RMX_ROLES];
    scalars[RMX_ROLE_EMBEDDING] =
        rmx_optimizer_scalars(&m->how.embedding, step->step, step->embedding_lr);
    scalars[RMX_ROLE_WEIGHT] = rmx_optimizer_scalars(&m->how.dense, step->step, step->lr);
    rmx_optimizer_config vectors = m->how.dense;
    vectors.weight_decay = 0.0f;
    scalars[RMX_ROLE_VECTOR] = rmx_optimizer_scalars(&vectors, step->step, step->lr);
    return rmx_upload(m->ctx, m->control->scalars, scalars, sizeof scalars);
}

static rmx_status apply(rmx_model *m)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    for (int role = 0; role < RMX_ROLES; role++) {
        const bool table = role == RMX_ROLE_EMBEDDING;
        if (m->region_count[role] == 0) continue;
        const rmx_optim_args args = {
            .kind = rmx_optimizer_kind(table ? m->how.embedding.kind : m->how.dense.kind),
            .rows = table ? m->samples * m->config.sparse_fields : m->region_count[role],
            .width = table ? m->config.embedding_width : 1,
            .w = m->value[role],
            .s1 = m->state[role][0],
            .s2 = m->state[role][1],
            .grad = table ? m->embedding_gradient : m->gradient[role],
            .row_index = table ? m->touched : NULL,
            .unique = table ? &m->control->unique : NULL,
            .scalars = &m->control->scalars[role],
            .grad_scale = &m->control->grad_scale};
        RMX_TRY(rmx_context_check(m->ctx, backend->ops->optim(backend, &args)));
    }
    return RMX_OK;
}

static rmx_status update(rmx_model *m)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    RMX_TRY(sum_squares(m));
    const rmx_clip_args clip = {.max_norm = m->how.clip,
                                .sum = &m->control->sum_squares,
                                .grad_norm = &m->control->grad_norm,
                                .grad_scale = &m->control->grad_scale};
    RMX_TRY(rmx_context_check(m->ctx, backend->ops->clip(backend, &clip)));
    return apply(m);
}

static rmx_status check_rates(rmx_model *m, const rmx_step *step)
{
    RMX_TRY(rmx_check_pointer(m->ctx, "step", step));
    RMX_TRY(rmx_model_check_step(m, step->step));
    RMX_TRY(rmx_check_finite(m->ctx, "step.lr", step->lr));
    return rmx_check_finite(m->ctx, "step.embedding_lr", step->embedding_lr);
}

rmx_status rmx_model_update(rmx_model *m, const rmx_step *step)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_rates(m, step));
    RMX_TRY(upload_scalars(m, step));
    RMX_TRY(rmx_zero(m->ctx, &m->control->sum_squares, sizeof m->control->sum_squares));
    return update(m);
}

rmx_status rmx_model_step(rmx_model *m, const rmx_step *step)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(check_rates(m, step));
    RMX_TRY(rmx_upload(m->ctx, &m->control->step, &step->step, sizeof step->step));
    RMX_TRY(upload_scalars(m, step));
    RMX_TRY(rmx_model_run_backward(m));
    return update(m);
}

rmx_status rmx_model_read(rmx_model *m, rmx_step_result *out)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_pointer(m->ctx, "out", out));
    model_control control;
    RMX_TRY(rmx_download(m->ctx, &control, m->control, sizeof control));
    *out = (rmx_step_result){.loss = m->samples ? control.loss / (double)m->samples : 0.0,
                             .grad_norm = control.grad_norm};
    out->finite = isfinite(out->loss) && !isnan(control.grad_scale);
    return RMX_OK;
}

rmx_status rmx_model_logits(rmx_model *m, float *host_logits)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_check_array(m->ctx, "host_logits", host_logits, m->samples));
    return rmx_download(m->ctx, host_logits, m->logits,
                        (size_t)(m->samples * m->config.tasks) * sizeof(float));
}
