/* SPDX-License-Identifier: MIT */
/* api_calls_blocks.c: random calls of token mixing, attention, feed-forward, block, tokenizer and
 * embedding. */
#include <float.h>
#include <string.h>

#include "api_calls.h"

static void operands_of(const api_sizes *s, float **p, int n)
{
    for (int i = 0; i < n; i++) p[i] = api_operand(s);
}

static bool is_none(rmx_dtype dtype) { return rmx_dtype_size(dtype) == 0; }

static size_t room(const void *ws, size_t bytes) { return ws ? bytes - api_random(2) : 0; }

static void call_token_mixer(void)
{
    rmx_context *ctx = api_context();
    const rmx_token_mixer_desc d = {.dtype = api_dtype(),
                                    .samples = api_count(0),
                                    .tokens = api_size(1),
                                    .width = api_size(1),
                                    .heads = api_chance(2) ? 1 : api_size(1),
                                    .eps = api_chance(9) ? api_number() : 1e-5f};
    api_sizes s = api_measure((int64_t[]){d.samples, d.tokens, d.width}, 3, 1);
    s.bad = s.bad || is_none(d.dtype) || d.heads < 1 || d.width % d.heads != 0;
    const bool bad = s.bad || !ctx, bad_eps = s.bad || !(d.eps > 0.0f && d.eps <= FLT_MAX);
    const size_t ws = api_bytes("token_mixer_ws", rmx_token_mixer_backward_workspace(&d), bad_eps);
    float *p[9];
    operands_of(&s, p, 9);
    api_typed("token_mix", rmx_token_mix(ctx, &d, p[0], p[1]), bad, d.dtype, RMX_USES(token_mix),
              d.samples);
    api_typed("token_revert", rmx_token_revert(ctx, &d, p[0], p[1]), bad, d.dtype,
              RMX_USES(token_mix), d.samples);
    api_typed("token_mixer_forward",
              rmx_token_mixer_forward(ctx, &d, p[0], p[1], p[2], p[3], p[4], p[5]),
              bad_eps || !ctx, d.dtype, RMX_USES(token_mixer), d.samples);
    api_typed("token_mixer_backward",
              rmx_token_mixer_backward(ctx, &d, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7],
                                       p[8], room(p[8], ws)),
              bad_eps || !ctx, d.dtype, RMX_USES(token_mixer_backward), d.samples);
}

static void call_attention(void)
{
    rmx_context *ctx = api_context();
    const rmx_attention_desc d = {api_dtype(), api_count(0), api_size(1), api_size(1),
                                  api_chance(2) ? 1 : api_size(1)};
    api_sizes s = api_measure((int64_t[]){d.samples, d.tokens, d.width}, 3, 1);
    s.bad = s.bad || is_none(d.dtype) || d.heads < 1 || d.width % d.heads != 0 ||
            api_measure((int64_t[]){d.samples, d.heads, d.tokens, d.tokens}, 4, 1).bad;
    s.elements *= (double)d.width * d.tokens; /* the others are no larger than this */
    const size_t ws = api_bytes("attention_ws", rmx_attention_backward_workspace(&d), s.bad);
    float *p[16];
    operands_of(&s, p, 16);
    const rmx_attention_weights w = {p[0], p[1], p[2], p[3]};
    const rmx_attention_gradients g = {p[4], p[5], p[6], p[7]};
    const rmx_attention_saved saved = {p[8], p[9], p[10]};
    api_typed(
        "attention_forward",
        rmx_attention_forward(ctx, &d, &w, p[11], p[12], api_chance(50) ? NULL : &saved, p[13]),
        s.bad || !ctx, d.dtype, RMX_USES(product) | RMX_USES(softmax), d.samples);
    api_typed("attention_backward",
              rmx_attention_backward(ctx, &d, api_chance(50) ? NULL : &w, p[11], p[12], &saved,
                                     p[13], p[14], &g, p[15], room(p[15], ws)),
              s.bad || !ctx, d.dtype,
              RMX_USES(product) | RMX_USES(column_sum) | RMX_USES(softmax_backward), d.samples);
}

static rmx_feed_forward_desc random_ffn(bool *bad)
{
    const rmx_feed_forward_desc d = {
        .dtype = api_dtype(),
        .samples = api_count(0),
        .tokens = api_size(1),
        .width = api_size(1),
        .hidden = api_size(1),
        .shared = api_chance(2),
        .activation = (rmx_activation)(api_chance(20) ? api_random(9) : 1 + api_random(2)),
        .dropout = {.p = api_chance(4) ? api_number() : 0.0f, .step = api_zeros()}};
    const int64_t x[] = {d.samples, d.tokens, d.width}, h[] = {d.samples, d.tokens, d.hidden};
    const int64_t w[] = {d.shared ? 1 : d.tokens, d.width, d.hidden};
    *bad = is_none(d.dtype) || api_measure(x, 3, 1).bad || api_measure(h, 3, 1).bad ||
           api_measure(w, 3, 0).bad || d.activation > RMX_ACTIVATION_GELU_TANH ||
           !(d.dropout.p >= 0.0f && d.dropout.p < 1.0f);
    return d;
}

static api_sizes ffn_sizes(const rmx_feed_forward_desc *d, bool bad)
{
    const int64_t sizes[] = {d->samples, d->tokens, d->width, d->hidden};
    api_sizes s = api_measure(sizes, 4, 1);
    s.bad = bad;
    return s;
}

static void call_ffn(void)
{
    rmx_context *ctx = api_context();
    bool bad;
    const rmx_feed_forward_desc d = random_ffn(&bad);
    const api_sizes s = ffn_sizes(&d, bad);
    const size_t ws = api_bytes("ffn_ws", rmx_feed_forward_backward_workspace(&d), bad);
    float *p[15];
    operands_of(&s, p, 15);
    const rmx_feed_forward_weights w = {p[0], p[1], p[2], p[3]};
    const rmx_feed_forward_gradients g = {p[4], p[5], p[6], p[7]};
    api_typed("ffn_forward",
              rmx_feed_forward_forward(ctx, &d, &w, p[8], p[9], p[10], p[11], p[12]), bad || !ctx,
              d.dtype, RMX_USES(product), d.samples);
    api_typed("ffn_backward",
              rmx_feed_forward_backward(ctx, &d, &w, p[8], p[9], p[10], p[11], p[12], p[13], &g,
                                        p[14], room(p[14], ws)),
              bad || !ctx, d.dtype, RMX_USES(product) | RMX_USES(column_sum), d.samples);
}

static void call_block(void)
{
    rmx_context *ctx = api_context();
    bool bad;
    const rmx_block_desc d = {.mixer = (rmx_mixer)(api_chance(30) ? api_random(9) : api_random(3)),
                              .norm_place =
                                  (rmx_norm_place)(api_chance(30) ? api_random(9) : api_random(2)),
                              .heads = api_chance(2) ? 1 : api_size(1),
                              .eps = api_chance(20) ? api_number() : 1e-5f,
                              .ffn = random_ffn(&bad),
                              .forward_only = api_chance(4)};
    const rmx_feed_forward_desc *f = &d.ffn;
    const bool heads = d.heads < 1 || f->width < 1 || f->width % d.heads != 0;
    bad = bad || d.mixer > RMX_MIXER_NONE || d.norm_place > RMX_NORM_PLACE_PRE ||
          !(d.eps > 0.0f && d.eps <= FLT_MAX) || (d.mixer != RMX_MIXER_NONE && heads) ||
          (d.mixer == RMX_MIXER_ATTENTION &&
           api_measure((int64_t[]){f->samples, d.heads, f->tokens, f->tokens}, 4, 1).bad);
    api_sizes s = ffn_sizes(f, bad);
    s.elements *= f->tokens * (double)f->width;
    const size_t saved = api_bytes("block_saved", rmx_block_saved_bytes(&d), bad);
    const size_t ws = api_bytes("block_ws", rmx_block_backward_workspace(&d), bad);
    rmx_block_part parts[16];
    const int32_t capacity = (int32_t)api_random(17);
    const int32_t n = rmx_block_parts(&d, api_chance(9) ? NULL : parts, capacity);
    api_calls++;
    api_wrong += n < 0 || n > 16 || (bad && n > 0);
    rmx_block_parameter list[16];
    const int32_t weights = rmx_block_parameters(&d, api_chance(9) ? NULL : list, capacity);
    api_calls++;
    api_wrong += weights < 0 || weights > 12 || (bad && weights > 0);
    float *p[32];
    operands_of(&s, p, 32);
    if (saved > API_FLOATS * sizeof(float) || ws > API_FLOATS * sizeof(float)) p[0] = p[1] = NULL;
    const void *const *w = api_chance(30) ? NULL : (const void *const *)(p + 2);
    float *const *g = api_chance(30) ? NULL : p + 14;
    api_typed("block_forward",
              rmx_block_forward(ctx, &d, w, p[26], p[27], p[0], room(p[0], saved)), bad || !ctx,
              f->dtype, RMX_USES(product), f->samples);
    api_typed("block_backward",
              rmx_block_backward(ctx, &d, w, p[26], p[27], p[0], room(p[0], saved), p[28], g, p[1],
                                 room(p[1], ws)),
              bad || !ctx, f->dtype, RMX_USES(product) | RMX_USES(column_sum), f->samples);
}

static void call_tokenizer(void)
{
    rmx_context *ctx = api_context();
    rmx_tokenizer_desc d = {.dtype = api_dtype(),
                            .samples = api_count(0),
                            .sparse_fields = api_size(0),
                            .dense_fields = api_size(0),
                            .embedding_width = api_size(1),
                            .tokens = api_size(1),
                            .width = api_size(1)};
    const int64_t fields = (int64_t)d.sparse_fields + d.dense_fields;
    int32_t column[16], token[16], cut;
    for (int i = 0; i < 16; i++) token[i] = api_chance(20) ? api_size(0) : i % 3;
    const bool few = fields <= 16 && d.sparse_fields >= 0 && d.dense_fields >= 0;
    const rmx_status status =
        rmx_tokenizer_layout(ctx, &d, few && api_chance(2) ? token : NULL, few ? column : NULL,
                             api_chance(2) ? NULL : &cut);
    api_status("tokenizer_layout", status, !ctx || fields < 1 || is_none(d.dtype));
    if (status != RMX_OK) {
        d.slice = api_size(1);
        memset(column, 0, sizeof column);
    }
    if (status != RMX_OK && d.slice >= 1 && d.slice < d.embedding_width) d.slice = 0;
    const int64_t sizes[] = {d.samples,
                             d.tokens,
                             d.slice,
                             d.width,
                             (int64_t)d.sparse_fields + 1,
                             (int64_t)d.dense_fields + 1};
    api_sizes s = api_measure(sizes, 6, 1);
    s.bad = is_none(d.dtype) || d.samples < 0 || d.tokens < 1 || d.slice < 1 || d.width < 1 ||
            fields < 1 || d.sparse_fields < 0 || d.dense_fields < 0;
    const size_t ws = api_bytes("tokenizer_ws", rmx_tokenizer_backward_workspace(&d), s.bad);
    float *p[8];
    operands_of(&s, p, 8);
    const rmx_tokenizer_inputs in = {.table = p[0],
                                     .row_offset = api_zeros(),
                                     .column = few ? column : NULL,
                                     .ids = api_zeros(),
                                     .dense = p[1]};
    api_typed("tokenizer_forward", rmx_tokenizer_forward(ctx, &d, &in, p[2], p[3], p[4], p[5]),
              s.bad || !ctx, d.dtype, RMX_USES(embedding_lookup) | RMX_USES(product), d.samples);
    api_typed(
        "tokenizer_backward",
        rmx_tokenizer_backward(ctx, &d, p[0], p[1], p[2], p[3], p[4], p[5], p[6], room(p[6], ws)),
        s.bad || !ctx, d.dtype, RMX_USES(product) | RMX_USES(column_sum), d.samples);
}

static void call_embedding(void)
{
    rmx_context *ctx = api_context();
    const rmx_embedding_desc d = {api_dtype(), api_count(0), api_size(1),
                                  api_size(1), api_count(1), api_count(6)};
    const int64_t sizes[] = {d.samples, d.fields, d.width, d.table_rows, d.out_width};
    api_sizes s = api_measure(sizes, 5, 1);
    s.bad = is_none(d.dtype) || d.samples < 0 || d.fields < 1 || d.width < 1 || d.table_rows < 1 ||
            d.table_rows > UINT32_MAX || d.out_width < d.width ||
            (d.samples > 0 && d.fields > UINT32_MAX / d.samples);
    const size_t ws =
        api_bytes("embedding_ws", rmx_embedding_backward_workspace(ctx, &d), s.bad || !ctx);
    float *p[8];
    operands_of(&s, p, 8);
    const void *ids = s.bad || p[0] ? api_zeros() : NULL, *zeros = api_zeros();
    api_typed("embedding_forward",
              rmx_embedding_forward(ctx, &d, p[0], zeros, ids ? zeros : NULL, ids, p[1]),
              s.bad || !ctx, d.dtype, RMX_USES(embedding_lookup), d.samples);
    api_typed("embedding_backward",
              rmx_embedding_backward(ctx, &d, p[0], zeros, ids ? zeros : NULL, ids,
                                     (uint32_t *)(void *)p[2], p[3], (uint32_t *)(void *)p[4],
                                     p[5], room(p[5], ws)),
              s.bad || !ctx, d.dtype, RMX_USES(embedding_gradient), d.samples);
}

void api_call_blocks(void)
{
    static void (*const all[])(void) = {call_token_mixer, call_attention, call_ffn,
                                        call_block,       call_tokenizer, call_embedding};
    all[api_random(6)]();
}
