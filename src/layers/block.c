/* SPDX-License-Identifier: MIT */
/* block.c: the stages of each kind of block, and a block alone; see rankmixer/block.h. */
#include "rankmixer/block.h"

#include <stdio.h>

#include "layers/check_layers.h"
#include "layers/stages.h"

/* ---- the kinds of block: value X is the block's input, A the first stage's output, ... ------- */

enum { X = 1, A, B, C };

static const rmx_stage_entry post_token[] = {
    {&rmx_stage_token_mixer, "norm1", "mixed", .in = X},
    {&rmx_stage_feed_forward, "ffn", "sum2", .in = A, .residual = A},
    {&rmx_stage_norm, "norm2", "output", .in = B},
};
static const rmx_stage_entry post_attention[] = {
    {&rmx_stage_attention, "attention", "sum1", .in = X, .residual = X},
    {&rmx_stage_norm, "norm1", "mixed", .in = A},
    {&rmx_stage_feed_forward, "ffn", "sum2", .in = B, .residual = B},
    {&rmx_stage_norm, "norm2", "output", .in = C},
};
static const rmx_stage_entry post_none[] = {
    {&rmx_stage_norm, "norm1", "mixed", .in = X},
    {&rmx_stage_feed_forward, "ffn", "sum2", .in = A, .residual = A},
    {&rmx_stage_norm, "norm2", "output", .in = B},
};
static const rmx_stage_entry pre_token[] = {
    {&rmx_stage_norm, "norm1", "norm1", .in = X},
    {&rmx_stage_token_mix, "token_mix", "mixed", .in = A, .residual = X},
    {&rmx_stage_norm, "norm2", "norm2", .in = B, .parameters_last = true},
    {&rmx_stage_feed_forward, "ffn", "output", .in = C, .residual = B},
};
static const rmx_stage_entry pre_attention[] = {
    {&rmx_stage_norm, "norm1", "norm1", .in = X, .parameters_last = true},
    {&rmx_stage_attention, "attention", "mixed", .in = A, .residual = X},
    {&rmx_stage_norm, "norm2", "norm2", .in = B, .parameters_last = true},
    {&rmx_stage_feed_forward, "ffn", "output", .in = C, .residual = B},
};
static const rmx_stage_entry pre_none[] = {
    {&rmx_stage_norm, "norm2", "norm2", .in = X, .parameters_last = true},
    {&rmx_stage_feed_forward, "ffn", "output", .in = A, .residual = X},
};

const rmx_stage_entry *rmx_block_entries(rmx_mixer mixer, rmx_norm_place place, int32_t *count)
{
#define ENTRIES(table)                         \
    {                                          \
        table, sizeof(table) / sizeof *(table) \
    }
    static const struct {
        const rmx_stage_entry *entries;
        int32_t count;
    } kinds[][2] = {
        [RMX_MIXER_TOKEN] = {ENTRIES(post_token), ENTRIES(pre_token)},
        [RMX_MIXER_ATTENTION] = {ENTRIES(post_attention), ENTRIES(pre_attention)},
        [RMX_MIXER_NONE] = {ENTRIES(post_none), ENTRIES(pre_none)},
    };
#undef ENTRIES
    *count = kinds[mixer][place].count;
    return kinds[mixer][place].entries;
}

/* ---- a block alone ------------------------------------------------------------------------- */

typedef struct block {
    rmx_stages stages;
    rmx_stage_desc desc;
    rmx_stage stage[RMX_BLOCK_STAGES];
    rmx_stage_value value[RMX_STAGES_VALUES(RMX_BLOCK_STAGES)];
    rmx_stage_buffer buffer[RMX_STAGES_VALUES(RMX_BLOCK_STAGES)];
} block;

/* Checks the desc; ctx NULL: without a text. */
static rmx_status build(rmx_context *ctx, block *b, const rmx_block_desc *desc)
{
    RMX_TRY(rmx_check_size(ctx, "desc.mixer", desc->mixer, 0, RMX_MIXER_NONE));
    RMX_TRY(rmx_check_size(ctx, "desc.norm_place", desc->norm_place, 0, RMX_NORM_PLACE_PRE));
    int32_t count = 0;
    const rmx_stage_entry *entries = rmx_block_entries(desc->mixer, desc->norm_place, &count);
    *b = (block){.desc.block = *desc};
    b->stages = (rmx_stages){.stage = b->stage, .value = b->value, .buffer = b->buffer};
    rmx_stages_append(&b->stages, &b->desc, entries, count, -1);
    b->value[1].given = b->value[count + 1].given = true;
    return rmx_stages_check(ctx, &b->stages, &b->desc);
}

static bool is_good(block *b, const rmx_block_desc *desc)
{
    return desc && build(NULL, b, desc) == RMX_OK;
}

size_t rmx_block_saved_bytes(const rmx_block_desc *desc)
{
    block b;
    rmx_arena arena = {0};
    if (!is_good(&b, desc)) return 0;
    rmx_stages_cut(&b.stages, &b.desc, true, &arena);
    return arena.used;
}

int32_t rmx_block_parts(const rmx_block_desc *desc, rmx_block_part *parts, int32_t capacity)
{
    block b;
    rmx_arena arena = {0};
    int32_t n = 0;
    if (!is_good(&b, desc) || (capacity > 0 && !parts)) return 0;
    for (int32_t i = 0; i < b.stages.count; i++) {
        rmx_stage_written written[RMX_STAGE_SAVED + 1];
        const int32_t writes = rmx_stages_written(&b.stages, i, &b.desc, written);
        for (int32_t k = 0; k < writes; k++) {
            if (written[k].given || written[k].count == 0) continue;
            if (n < capacity) {
                parts[n] = (rmx_block_part){.offset_bytes = arena.used,
                                            .dtype = written[k].dtype,
                                            .count = written[k].count};
                rmx_stage_name(&b.stage[i], written[k].part, parts[n].name);
            }
            rmx_arena_take(&arena,
                           rmx_size_mul(rmx_dtype_size(written[k].dtype), written[k].count));
            n++;
        }
    }
    return n;
}

int32_t rmx_block_parameters(const rmx_block_desc *desc, rmx_block_parameter *parameters,
                             int32_t capacity)
{
    block b;
    int32_t n = 0;
    if (!is_good(&b, desc) || (capacity > 0 && !parameters)) return 0;
    for (int32_t k = 0; k < b.stages.count; k++) {
        const rmx_stage *s = rmx_stages_listed(&b.stages, k);
        rmx_stage_parameter own[RMX_STAGE_PARAMETERS];
        const int32_t count = rmx_stage_parameters(s, &b.desc, own);
        for (int32_t i = 0; i < count; i++, n++) {
            if (n >= capacity) continue;
            rmx_block_parameter *p = &parameters[n];
            *p = (rmx_block_parameter){.dtype = own[i].dtype, .dims = own[i].dims, .count = 1};
            rmx_stage_name(s, own[i].name, p->name);
            for (int32_t d = 0; d < p->dims; d++) {
                p->shape[d] = own[i].shape[d];
                p->count *= p->shape[d];
            }
        }
    }
    return n;
}

/* The array and each pointer in it: nothing may be written before they are known. */
static rmx_status check_pointers(rmx_context *ctx, const block *b, const char *what,
                                 const void *const *pointers)
{
    RMX_TRY(rmx_check_pointer(ctx, what, pointers));
    for (int32_t i = 0; i < b->stages.parameters; i++) {
        if (rmx_check_pointer(NULL, what, pointers[i]) == RMX_OK) continue;
        rmx_block_parameter list[RMX_BLOCK_STAGES * RMX_STAGE_PARAMETERS];
        char name[RMX_BLOCK_NAME + 32];
        rmx_block_parameters(&b->desc.block, list, b->stages.parameters);
        snprintf(name, sizeof name, "%s[%d] (%s)", what, i, list[i].name);
        return rmx_check_pointer(ctx, name, pointers[i]);
    }
    return RMX_OK;
}

/* What both passes check; the stages' memory is cut. */
static rmx_status begin(rmx_context *ctx, block *b, const rmx_block_desc *desc,
                        const void *const *weights, const void *x, const void *saved,
                        size_t saved_bytes)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(build(ctx, b, desc));
    RMX_TRY(rmx_check_dropout(ctx, &desc->ffn.dropout));
    RMX_TRY(check_pointers(ctx, b, "weights", weights));
    rmx_arena plan = {0}, arena = {.base = (char *)(uintptr_t)saved};
    rmx_stages_cut(&b->stages, &b->desc, true, &plan);
    RMX_TRY(rmx_check_workspace(ctx, "rmx_block_saved_bytes", saved, saved_bytes, plan.used));
    rmx_stages_cut(&b->stages, &b->desc, true, &arena);
    b->stages.weight = weights;
    b->value[1].p = (void *)(uintptr_t)x;
    return rmx_check_array(ctx, "x", x, desc->ffn.samples);
}

static int64_t bytes_of(const rmx_block_desc *desc)
{
    return desc->ffn.samples * desc->ffn.tokens * desc->ffn.width *
           (int64_t)rmx_dtype_size(desc->ffn.dtype);
}

rmx_status rmx_block_forward(rmx_context *ctx, const rmx_block_desc *desc,
                             const void *const *weights, const void *x, void *y, void *saved,
                             size_t saved_bytes)
{
    block b;
    RMX_TRY(begin(ctx, &b, desc, weights, x, saved, saved_bytes));
    RMX_TRY(rmx_check_array(ctx, "y", y, desc->ffn.samples));
    const int64_t bytes = bytes_of(desc);
    const rmx_range outs[] = {{"y", y, bytes}, {"saved", saved, (int64_t)saved_bytes}};
    const rmx_range ins[] = {{"x", x, bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 2, ins, 1));

    b.value[b.stages.count + 1].p = y;
    for (int32_t i = 0; i < b.stages.count; i++)
        RMX_TRY(rmx_stages_forward(ctx, &b.stages, i, &b.desc));
    return RMX_OK;
}

/* The gradients besides dy (buffer 1) and dx, then scratch. Returns where the scratch begins. */
static size_t cut_workspace(block *b, const void *dy, void *dx, void *ws)
{
    rmx_arena arena = {.base = ws};
    rmx_stages_plan_gradients(&b->stages, &b->desc, true);
    rmx_stage_buffer *last = &b->buffer[b->value[1].buffer];
    last->bytes = 0;
    rmx_stages_cut_buffers(&b->stages, &arena);
    b->buffer[1].p = (void *)(uintptr_t)dy;
    last->p = dx;
    return arena.used;
}

size_t rmx_block_backward_workspace(const rmx_block_desc *desc)
{
    block b;
    if (!is_good(&b, desc)) return 0;
    const size_t gradients = cut_workspace(&b, NULL, NULL, NULL);
    return rmx_size_add(gradients, rmx_stages_scratch(&b.stages, &b.desc));
}

rmx_status rmx_block_backward(rmx_context *ctx, const rmx_block_desc *desc,
                              const void *const *weights, const void *dy, const void *x,
                              const void *saved, size_t saved_bytes, void *dx,
                              float *const *gradients, void *ws, size_t ws_bytes)
{
    block b;
    RMX_TRY(begin(ctx, &b, desc, weights, x, saved, saved_bytes));
    if (desc->forward_only)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "desc.forward_only: such a pass kept nothing to go back by");
    RMX_TRY(check_pointers(ctx, &b, "gradients", (const void *const *)gradients));
    RMX_TRY(rmx_check_array(ctx, "dy", dy, desc->ffn.samples));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, desc->ffn.samples));
    RMX_TRY(rmx_check_workspace(ctx, "rmx_block_backward_workspace", ws, ws_bytes,
                                rmx_block_backward_workspace(desc)));
    const int64_t bytes = bytes_of(desc);
    const rmx_range outs[] = {{"dx", dx, bytes}, {"ws", ws, (int64_t)ws_bytes}};
    const rmx_range ins[] = {
        {"dy", dy, bytes}, {"x", x, bytes}, {"saved", saved, (int64_t)saved_bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 2, ins, 3));

    const size_t scratch = cut_workspace(&b, dy, dx, ws);
    b.stages.gradient = gradients;
    return rmx_stages_backward(ctx, &b.stages, &b.desc, (char *)ws + scratch, ws_bytes - scratch);
}
