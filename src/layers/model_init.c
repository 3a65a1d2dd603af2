/* SPDX-License-Identifier: MIT */
/* model_init.c: the first values of parameters and optimiser states.
 *
 * Weights are uniform in +-sqrt(3 / fan_in) (variance 1 / fan_in), tables in +-0.05; element e of
 * parameter i takes word e of Philox under (seed, init, i): no order, thread or device matters. The
 * row of unknown values starts at zero: where none occurs in training, it says nothing. */
#include <stdlib.h>

#include "kernels/philox.h"
#include "layers/check.h"
#include "layers/model_internal.h"

#define CHUNK ((int64_t)1 << 18) /* floats staged on the host at a time; a multiple of 4 */
#define TABLE_BOUND 0.05f

static float bound_of(const model_parameter *p)
{
    if (p->role == RMX_ROLE_EMBEDDING) return TABLE_BOUND;
    const int64_t fan_in = p->shape[p->dims - 2];
    return rmx_sqrtf(rmx_divf(3.0f, (float)fan_in));
}

static rmx_status fill(rmx_model *m, float *dst, int64_t count, float value, float *stage)
{
    const int64_t n = count < CHUNK ? count : CHUNK;
    for (int64_t i = 0; i < n; i++) stage[i] = value;
    for (int64_t done = 0; done < count; done += n) {
        const int64_t left = count - done < n ? count - done : n;
        RMX_TRY(rmx_upload(m->ctx, dst + done, stage, (size_t)left * sizeof *stage));
    }
    return RMX_OK;
}

static rmx_status uniform(rmx_model *m, int32_t index, float *stage)
{
    const model_parameter *p = &m->parameters[index];
    const float bound = bound_of(p);
    const bool unknown =
        p->role == RMX_ROLE_EMBEDDING && m->unknown[index]; /* tables come first */
    const int64_t zeros = unknown ? m->config.embedding_width : 0;
    for (int64_t done = 0; done < p->count; done += CHUNK) {
        const int64_t left = p->count - done < CHUNK ? p->count - done : CHUNK;
        for (int64_t i = 0; i < left; i++) {
            const uint32_t word = rmx_random_word(m->config.seed, RMX_RANDOM_INIT, (uint64_t)index,
                                                  (uint64_t)(done + i));
            stage[i] = rmx_mulf(rmx_fmaf(2.0f, rmx_uniformf(word), -1.0f), bound);
            if (done + i < zeros) stage[i] = 0.0f;
        }
        RMX_TRY(rmx_upload(m->ctx, m->value[p->role] + p->offset + done, stage,
                           (size_t)left * sizeof *stage));
    }
    return RMX_OK;
}

static rmx_status first_states(rmx_model *m, float *stage)
{
    for (int role = 0; role < RMX_ROLES; role++) {
        const rmx_optimizer_config *o =
            role == RMX_ROLE_EMBEDDING ? &m->how.embedding : &m->how.dense;
        if (!m->state[role][0] || o->initial_sum == 0.0f) continue;
        const bool rows = role == RMX_ROLE_EMBEDDING && o->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD;
        RMX_TRY(fill(m, m->state[role][0], rows ? m->table_rows : m->region_count[role],
                     o->initial_sum, stage));
    }
    return RMX_OK;
}

static rmx_status initialise(rmx_model *m, float *stage)
{
    /* Padding between parameters, gradients and states start as zeros. */
    const int64_t zeros =
        m->plan.parameter_bytes + m->plan.gradient_bytes + m->plan.optimizer_bytes;
    RMX_TRY(rmx_zero(m->ctx, m->memory, (size_t)zeros));
    for (int32_t i = 0; i < m->parameter_count; i++) {
        const model_parameter *p = &m->parameters[i];
        if (p->role == RMX_ROLE_VECTOR)
            RMX_TRY(fill(m, m->value[p->role] + p->offset, p->count, p->initial, stage));
        else
            RMX_TRY(uniform(m, i, stage));
    }
    if (m->training) RMX_TRY(first_states(m, stage));
    if (m->config.sparse_fields > 0)
        RMX_TRY(rmx_upload(m->ctx, m->dev_row_offset, m->row_offset,
                           (size_t)m->config.sparse_fields * sizeof *m->row_offset));
    const int32_t fields = m->config.sparse_fields + m->config.dense_fields;
    RMX_TRY(rmx_upload(m->ctx, m->dev_column, m->column, (size_t)fields * sizeof *m->column));
    RMX_TRY(rmx_upload(m->ctx, m->dev_task_weight, m->task_weight,
                       (size_t)m->config.tasks * sizeof *m->task_weight));
    RMX_TRY(rmx_zero(m->ctx, m->control, sizeof *m->control));
    return rmx_sync(m->ctx);
}

rmx_status rmx_model_initialise(rmx_model *m)
{
    float *stage = malloc((size_t)CHUNK * sizeof *stage);
    if (!stage) return rmx_context_fail(m->ctx, RMX_ERR_MEMORY, "out of host memory");
    const rmx_status status = initialise(m, stage);
    free(stage);
    return status;
}
