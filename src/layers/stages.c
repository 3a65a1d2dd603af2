/* SPDX-License-Identifier: MIT */
/* stages.c: see stages.h. */
#include "layers/stages.h"

#include <stdio.h>

#include "layers/check.h"

/* ---- what stages say ----------------------------------------------------------------------- */

rmx_stage_parameter rmx_stage_weight(const rmx_stage_desc *desc, const char *name, int64_t groups,
                                     int64_t in, int64_t out)
{
    rmx_stage_parameter p = {
        .name = name, .role = RMX_ROLE_WEIGHT, .dtype = rmx_stage_dtype(desc)};
    if (groups > 0) p.shape[p.dims++] = groups;
    p.shape[p.dims++] = in;
    p.shape[p.dims++] = out;
    return p;
}

rmx_stage_parameter rmx_stage_vector(const char *name, int64_t groups, int64_t n, float initial)
{
    rmx_stage_parameter p = {.name = name, .role = RMX_ROLE_VECTOR, .initial = initial};
    if (groups > 0) p.shape[p.dims++] = groups;
    p.shape[p.dims++] = n;
    return p;
}

int32_t rmx_stage_parameters(const rmx_stage *s, const rmx_stage_desc *desc,
                             rmx_stage_parameter *out)
{
    return s->entry.kind->parameters ? s->entry.kind->parameters(desc, out) : 0;
}

/* Elements of value v, also of its gradient. */
static int64_t value_count(const rmx_stages *c, int32_t v, const rmx_stage_desc *desc)
{
    const rmx_stage_kind *kind = v < 2 ? NULL : c->stage[v - 2].entry.kind;
    return kind && kind->output ? kind->output(desc)
                                : rmx_stage_rows(desc) * desc->block.ffn.width;
}

static size_t bytes_of(rmx_dtype dtype, int64_t count)
{
    return rmx_size_mul(rmx_dtype_size(dtype), count);
}

static size_t value_bytes(const rmx_stages *c, int32_t v, const rmx_stage_desc *desc)
{
    return bytes_of(rmx_stage_dtype(desc), value_count(c, v, desc));
}

const char *rmx_stage_name(const rmx_stage *s, const char *part, char out[RMX_BLOCK_NAME])
{
    char block[24] = "";
    if (s->layer >= 0) snprintf(block, sizeof block, "block.%d.", s->layer);
    if (part)
        snprintf(out, RMX_BLOCK_NAME, "%s%s.%s", block, s->entry.name, part);
    else
        snprintf(out, RMX_BLOCK_NAME, "%s%s", block, s->entry.output);
    return out;
}

int32_t rmx_stages_written(const rmx_stages *c, int32_t i, const rmx_stage_desc *desc,
                           rmx_stage_written out[RMX_STAGE_SAVED + 1])
{
    rmx_stage *s = &c->stage[i];
    rmx_stage_value *y = &c->value[i + 2];
    rmx_stage_tensor saved[RMX_STAGE_SAVED];
    const int32_t n = s->entry.kind->saved ? s->entry.kind->saved(desc, saved) : 0;
    for (int32_t k = 0; k < n; k++)
        out[k] = (rmx_stage_written){saved[k].name, saved[k].dtype, saved[k].count, &s->saved[k],
                                     false};
    out[n] = (rmx_stage_written){NULL, rmx_stage_dtype(desc), value_count(c, i + 2, desc), &y->p,
                                 y->given};
    return n + 1;
}

/* ---- building ------------------------------------------------------------------------------ */

const rmx_stage *rmx_stages_listed(const rmx_stages *c, int32_t k)
{
    if (c->stage[k].entry.parameters_last) return &c->stage[k + 1];
    return &c->stage[k > 0 && c->stage[k - 1].entry.parameters_last ? k - 1 : k];
}

void rmx_stages_append(rmx_stages *c, const rmx_stage_desc *desc, const rmx_stage_entry *entries,
                       int32_t count, int32_t layer)
{
    const int32_t start = c->count;
    for (int32_t i = 0; i < count; i++) {
        rmx_stage *s = &c->stage[c->count];
        *s = (rmx_stage){.entry = entries[i], .layer = layer};
        if (s->entry.in > 0) s->entry.in += start;
        if (s->entry.residual > 0) s->entry.residual += start;
        c->value[s->entry.in].reader = c->value[s->entry.residual].reader = c->count++;
    }
    for (int32_t k = start; k < c->count; k++) {
        rmx_stage *s = &c->stage[rmx_stages_listed(c, k) - c->stage];
        rmx_stage_parameter unused[RMX_STAGE_PARAMETERS];
        s->parameter = c->parameters;
        c->parameters += rmx_stage_parameters(s, desc, unused);
    }
}

rmx_status rmx_stages_check(rmx_context *ctx, const rmx_stages *c, const rmx_stage_desc *desc)
{
    for (int32_t i = 0; i < c->count; i++)
        if (c->stage[i].entry.kind->check) RMX_TRY(c->stage[i].entry.kind->check(ctx, desc));
    for (int32_t i = 0; ctx && i < c->count; i++)
        RMX_TRY(rmx_check_kernels(ctx, rmx_stage_dtype(desc),
                                  c->stage[i].entry.kind->kernels | RMX_USES(add)));
    return RMX_OK;
}

/* ---- memory -------------------------------------------------------------------------------- */

/* The first buffer that is free. */
static int32_t take(rmx_stages *c, size_t bytes)
{
    int32_t b = 1;
    while (c->buffer[b].users > 0) b++;
    c->buffer[b].users = 1;
    if (bytes > c->buffer[b].bytes) c->buffer[b].bytes = bytes;
    return b;
}

static void release(rmx_stages *c, int32_t b) { c->buffer[b].users -= b > 0; }

static void forget_buffers(rmx_stages *c)
{
    for (int32_t i = 0; i < RMX_STAGES_VALUES(c->count); i++) {
        c->buffer[i] = (rmx_stage_buffer){0};
        c->value[i].buffer = 0;
    }
}

void rmx_stages_cut_buffers(rmx_stages *c, rmx_arena *arena)
{
    for (int32_t b = 1; b < RMX_STAGES_VALUES(c->count); b++)
        c->buffer[b].p = rmx_arena_take(arena, c->buffer[b].bytes);
}

static void plan_values(rmx_stages *c, const rmx_stage_desc *desc)
{
    forget_buffers(c);
    for (int32_t i = 0; i < c->count; i++) {
        const rmx_stage_entry *e = &c->stage[i].entry;
        rmx_stage_value *y = &c->value[i + 2];
        if (!y->given) y->buffer = take(c, value_bytes(c, i + 2, desc));
        if (c->value[e->in].reader == i) release(c, c->value[e->in].buffer);
        if (e->residual != e->in && c->value[e->residual].reader == i)
            release(c, c->value[e->residual].buffer);
    }
}

void rmx_stages_cut(rmx_stages *c, const rmx_stage_desc *desc, bool keep, rmx_arena *arena)
{
    if (!keep) {
        plan_values(c, desc);
        rmx_stages_cut_buffers(c, arena);
    }
    rmx_arena end = *arena;
    for (int32_t i = 0; i < c->count; i++) {
        rmx_stage_written written[RMX_STAGE_SAVED + 1];
        rmx_arena own = *arena; /* what a stage saves lies where the stage before it saved */
        rmx_arena *from = keep ? arena : &own;
        const int32_t n = rmx_stages_written(c, i, desc, written);
        for (int32_t k = 0; k < n - 1; k++)
            *written[k].at = rmx_arena_take(from, bytes_of(written[k].dtype, written[k].count));
        if (!written[n - 1].given)
            *written[n - 1].at =
                keep ? rmx_arena_take(arena, bytes_of(written[n - 1].dtype, written[n - 1].count))
                     : c->buffer[c->value[i + 2].buffer].p;
        if (from->used > end.used) end = *from;
    }
    *arena = end;
}

/* The gradient of a value is the sum over its readers, from the last to the first. Of a residual it
 * is dy itself, so the two share a buffer until more is added. */
static void plan_residual(rmx_stages *c, rmx_stage *s, const rmx_stage_desc *desc)
{
    const int32_t v = s->entry.residual;
    if (v == 0) return;
    if (c->value[v].buffer == 0) {
        c->value[v].buffer = s->dy;
        c->buffer[s->dy].users++;
        return;
    }
    s->sum_of = c->value[v].buffer;
    s->sum = c->buffer[s->sum_of].users == 1 ? s->sum_of : take(c, value_bytes(c, v, desc));
    if (s->sum != s->sum_of) release(c, s->sum_of);
    c->value[v].buffer = s->sum;
}

void rmx_stages_plan_gradients(rmx_stages *c, const rmx_stage_desc *desc, bool given)
{
    forget_buffers(c);
    if (given) {
        c->value[c->count + 1].buffer = take(c, 0);
        c->buffer[1].users = 2; /* never free, never alone: nothing is written there */
    }
    for (int32_t i = c->count - 1; i >= 0; i--) {
        rmx_stage *s = &c->stage[i];
        const int32_t in = s->entry.in;
        s->dy = c->value[i + 2].buffer;
        s->sum = s->sum_of = s->dx = s->dx_residual = 0;
        plan_residual(c, s, desc);
        if (in > 0) {
            const bool own = s->entry.kind->in_place && s->dy > 0 && c->buffer[s->dy].users == 1;
            s->dx_residual = c->value[in].buffer;
            s->dx = own ? s->dy : take(c, value_bytes(c, in, desc));
            c->value[in].buffer = s->dx;
            release(c, s->dx_residual);
        }
        if (s->dx != s->dy) release(c, s->dy);
    }
}

size_t rmx_stages_scratch(const rmx_stages *c, const rmx_stage_desc *desc)
{
    size_t most = 0;
    for (int32_t i = 0; i < c->count; i++) {
        const rmx_stage_kind *kind = c->stage[i].entry.kind;
        const size_t bytes = kind->scratch ? kind->scratch(desc) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* ---- passes -------------------------------------------------------------------------------- */

static rmx_stage_memory memory_of(const rmx_stages *c, int32_t i)
{
    const rmx_stage *s = &c->stage[i];
    return (rmx_stage_memory){.layer = s->layer > 0 ? s->layer : 0,
                              .x = c->value[s->entry.in].p,
                              .weight = c->weight + s->parameter,
                              .saved = s->saved,
                              .residual = c->value[s->entry.residual].p,
                              .y = c->value[i + 2].p};
}

rmx_status rmx_stages_forward(rmx_context *ctx, const rmx_stages *c, int32_t i,
                              const rmx_stage_desc *desc)
{
    const rmx_stage_memory m = memory_of(c, i);
    const rmx_stage_kind *kind = c->stage[i].entry.kind;
    return kind->forward ? kind->forward(ctx, desc, &m) : RMX_OK;
}

/* y = x + r, of the size of value v. */
static rmx_status add(rmx_context *ctx, const rmx_stages *c, int32_t v, const rmx_stage_desc *desc,
                      const void *x, const void *r, void *y)
{
    const rmx_add_args args = {
        .dtype = rmx_stage_dtype(desc), .n = value_count(c, v, desc), .x = x, .r = r, .y = y};
    return rmx_run_add(ctx, &args);
}

rmx_status rmx_stages_backward(rmx_context *ctx, const rmx_stages *c, const rmx_stage_desc *desc,
                               void *scratch, size_t scratch_bytes)
{
    for (int32_t i = c->count - 1; i >= 0; i--) {
        const rmx_stage *s = &c->stage[i];
        rmx_stage_memory m = memory_of(c, i);
        m.dy = c->buffer[s->dy].p;
        m.dx = c->buffer[s->dx].p;
        m.dx_residual = c->buffer[s->dx_residual].p;
        m.gradient = c->gradient + s->parameter;
        m.scratch = scratch;
        m.scratch_bytes = scratch_bytes;
        if (s->sum > 0)
            RMX_TRY(add(ctx, c, s->entry.residual, desc, c->buffer[s->sum_of].p, m.dy,
                        c->buffer[s->sum].p));
        RMX_TRY(s->entry.kind->backward(ctx, desc, &m));
        if (m.dx_residual && !s->entry.kind->adds)
            RMX_TRY(add(ctx, c, s->entry.in, desc, m.dx, m.dx_residual, m.dx));
    }
    return RMX_OK;
}
