/* SPDX-License-Identifier: MIT */
/* model.c: the public face of rmx_model; see rankmixer/model.h. */
#include "rankmixer/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/check.h"
#include "layers/model_internal.h"
#include "layers/optimizer_internal.h"

#define PLAN_MAX ((size_t)1 << 60) /* bytes, beyond any memory */

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
    rmx_model_choose_passes(m);
    rmx_arena plan = {0}, host = {0};
    rmx_model_cut(m, &plan, &host);
    if (plan.used > PLAN_MAX || host.used > PLAN_MAX)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "the model and its batch need more than 2^60 bytes: the sizes are "
                                "too large");
    for (int32_t i = 0; i < m->parameter_count; i++) m->plan.parameters += m->parameters[i].count;
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

/* Where it does not fit, the text says what there is to gain and how. */
static rmx_status allocate(rmx_model *m)
{
    const rmx_status status = rmx_alloc(m->ctx, (size_t)m->plan.total_bytes, &m->memory);
    if (status != RMX_ERR_MEMORY) return status;
    char why[256];
    const int64_t mib = 1 << 20, passing = m->plan.activation_bytes + m->plan.workspace_bytes;
    snprintf(why, sizeof why, "%s", rmx_last_error(m->ctx));
    return rmx_context_fail(m->ctx, status,
                            "%s; %lld MiB of them are for the batch: a smaller micro_batch or "
                            "batch needs less",
                            why, (long long)(passing / mib));
}

static rmx_status create(rmx_context *ctx, const rmx_model_config *config,
                         const rmx_model_training *training, rmx_model **out)
{
    RMX_TRY(resolve(ctx, config, training, out));
    rmx_model *m = *out;
    rmx_backend *backend = rmx_context_backend(ctx);
    RMX_TRY(allocate(m));
    RMX_TRY(rmx_context_check(
        ctx, backend->ops->host_alloc(backend, (size_t)m->plan.host_bytes, &m->host_memory)));
    memset(m->host_memory, 0, (size_t)m->plan.host_bytes);
    rmx_arena arena = {.base = m->memory}, host = {.base = m->host_memory};
    rmx_model_cut(m, &arena, &host);
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

/* Nothing may be on its way to or from memory that goes. */
static void release(rmx_model *m)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    if (m->memory) (void)backend->ops->sync(backend);
    for (int i = 0; i < MODEL_RECORDINGS; i++)
        if (m->recordings[i].recording)
            backend->ops->record_free(backend, m->recordings[i].recording);
    if (m->host_memory) backend->ops->host_free(backend, m->host_memory);
    rmx_free(m->ctx, m->memory);
}

void rmx_model_destroy(rmx_model *m)
{
    if (!m) return;
    release(m);
    free(m->vocabulary);
    free(m->unknown);
    free(m->row_offset);
    free(m->column);
    free(m->task_weight);
    free(m->parameters);
    free(m->weight);
    free(m->weight_gradient);
    free(m->stages.stage);
    free(m->stages.value);
    free(m->stages.buffer);
    free(m);
}

/* ---- looking inside ------------------------------------------------------------------------ */

rmx_model_memory rmx_model_memory_of(const rmx_model *m)
{
    return m ? m->plan : (rmx_model_memory){0};
}

int32_t rmx_model_parameter_count(const rmx_model *m) { return m ? m->parameter_count : 0; }

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
                           .dtype = RMX_F32,
                           .value = m->value[p->role] + p->offset};
    memcpy(out->shape, p->shape, sizeof out->shape);
    if (m->gradient[p->role]) out->gradient = m->gradient[p->role] + p->offset;
    if (m->training) describe_states(m, p, out);
    return RMX_OK;
}

double rmx_model_forward_flop(const rmx_model *m)
{
    if (!m) return 0.0;
    const rmx_stage_desc desc = rmx_model_stage_desc(m, 1, false);
    double sum = 0.0;
    for (int32_t i = 0; i < m->stages.count; i++) {
        const rmx_stage_kind *kind = m->stages.stage[i].entry.kind;
        if (kind->flop) sum += kind->flop(&desc);
    }
    return sum;
}
