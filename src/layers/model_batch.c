/* SPDX-License-Identifier: MIT */
/* model_batch.c: a batch comes in, and logits go out. */
#include <math.h>
#include <string.h>

#include "layers/check.h"
#include "layers/model_internal.h"

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
        if (b->labels[i] > 1 && b->labels[i] != RMX_LABEL_MASKED)
            return rmx_context_fail(m->ctx, RMX_ERR_DATA,
                                    "row %lld of the batch: label %u of task %lld is not 0, 1 or "
                                    "255 (masked)",
                                    (long long)(i / tasks), b->labels[i], (long long)(i % tasks));
    for (int64_t i = 0; b->weights && i < b->samples; i++)
        if (!(b->weights[i] >= 0.0f) || !isfinite(b->weights[i]))
            return rmx_context_fail(m->ctx, RMX_ERR_DATA,
                                    "row %lld of the batch: weight %g is not finite and >= 0",
                                    (long long)i, (double)b->weights[i]);
    return RMX_OK;
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes) memcpy(to, from, bytes);
}

rmx_status rmx_model_set_batch(rmx_model *m, const rmx_batch *b)
{
    if (!m) return RMX_ERR_ARGUMENT;
    const rmx_model_config *c = &m->config;
    RMX_TRY(rmx_check_pointer(m->ctx, "batch", b));
    RMX_TRY(rmx_check_size(m->ctx, "batch.samples", b->samples, 0, c->batch));
    RMX_TRY(rmx_check_array(m->ctx, "batch.sparse", b->sparse, b->samples * c->sparse_fields));
    RMX_TRY(rmx_check_array(m->ctx, "batch.dense", b->dense, b->samples * c->dense_fields));
    RMX_TRY(check_ids(m, b));
    RMX_TRY(check_values(m, b));

    /* The other slot: its last batch may still be in use on the device, so the host waits only
     * for its staging memory, and the input queue for the rest. */
    rmx_backend *backend = rmx_context_backend(m->ctx);
    const rmx_ops *ops = backend->ops;
    const int32_t slot = (int32_t)((m->load + 1) % MODEL_SLOTS);
    const model_input *to = &m->input[slot], *from = &m->staging[slot];
    RMX_TRY(rmx_context_check(m->ctx, ops->wait(backend, EVENT_FILLED + slot)));
    const size_t n = (size_t)b->samples;
    m->samples = 0;
    m->loaded = m->has_logits = false;
    m->slot = slot;
    m->load++;
    m->has_labels = b->labels && m->training;
    m->has_weights = b->weights && m->training;
    copy(from->ids, b->sparse, n * (size_t)c->sparse_fields * sizeof *from->ids);
    copy(from->dense, b->dense, n * (size_t)c->dense_fields * sizeof *from->dense);
    if (m->has_labels) copy(from->labels, b->labels, n * (size_t)c->tasks);
    if (m->has_weights) copy(from->weights, b->weights, n * sizeof *from->weights);
    RMX_TRY(
        rmx_context_check(m->ctx, ops->await(backend, RMX_QUEUE_INPUT, EVENT_CONSUMED + slot)));
    RMX_TRY(rmx_context_check(m->ctx, ops->send(backend, to->base, from->base, m->input_bytes)));
    RMX_TRY(rmx_context_check(m->ctx, ops->signal(backend, RMX_QUEUE_INPUT, EVENT_FILLED + slot)));
    m->samples = b->samples;
    m->loaded = true;
    return RMX_OK;
}

rmx_status rmx_model_check_loaded(rmx_model *m)
{
    if (m->loaded) return RMX_OK;
    return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT,
                            "no batch is loaded: call rmx_model_set_batch first");
}

rmx_status rmx_model_begin(rmx_model *m)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    return rmx_context_check(
        m->ctx, backend->ops->await(backend, RMX_QUEUE_COMPUTE, EVENT_FILLED + m->slot));
}

rmx_status rmx_model_end(rmx_model *m)
{
    rmx_backend *backend = rmx_context_backend(m->ctx);
    return rmx_context_check(
        m->ctx, backend->ops->signal(backend, RMX_QUEUE_COMPUTE, EVENT_CONSUMED + m->slot));
}

rmx_status rmx_model_forward(rmx_model *m)
{
    if (!m) return RMX_ERR_ARGUMENT;
    const int64_t micro = m->config.micro_batch;
    RMX_TRY(rmx_model_check_loaded(m));
    RMX_TRY(rmx_model_begin(m));
    for (int64_t i = 0; i < m->samples; i += micro)
        RMX_TRY(
            rmx_model_forward_pass(m, i, m->samples - i < micro ? m->samples - i : micro, false));
    m->has_logits = true;
    return rmx_model_end(m);
}

rmx_status rmx_model_logits(rmx_model *m, float *host_logits)
{
    if (!m) return RMX_ERR_ARGUMENT;
    RMX_TRY(rmx_model_check_loaded(m));
    if (!m->has_logits)
        return rmx_context_fail(m->ctx, RMX_ERR_ARGUMENT,
                                "the loaded batch has no logits yet: call rmx_model_forward, "
                                "rmx_model_backward or rmx_model_step first");
    RMX_TRY(rmx_check_array(m->ctx, "host_logits", host_logits, m->samples));
    return rmx_download(m->ctx, host_logits, m->logits,
                        (size_t)(m->samples * m->config.tasks) * sizeof(float));
}
