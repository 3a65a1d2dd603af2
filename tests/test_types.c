/* SPDX-License-Identifier: MIT */
/* test_types.c: types of values: what is known of them, and who refuses which. */
#include <criterion/criterion.h>
#include <string.h>

#include "layers/check.h"
#include "rankmixer/rankmixer.h"
#include "testing.h"

static rmx_context *context(void)
{
    rmx_context *ctx = NULL;
    const rmx_context_options options = {.device = RMX_DEVICE_CPU};
    cr_assert_eq(rmx_context_create(&options, &ctx, NULL, 0), RMX_OK);
    return ctx;
}

Test(types, sizes_and_names)
{
    cr_expect_eq(rmx_dtype_size(RMX_F32), 4);
    cr_expect_eq(rmx_dtype_size(RMX_BF16), 2);
    cr_expect_eq(rmx_dtype_size((rmx_dtype)7), 0);
    cr_expect_str_eq(rmx_dtype_name(RMX_F32), "f32");
    cr_expect_str_eq(rmx_dtype_name(RMX_BF16), "bf16");
    cr_expect_str_eq(rmx_dtype_name((rmx_dtype)-1), "?");
}

static _Alignas(64) float in[64], out[64];

/* The call returns RMX_ERR_ARGUMENT, says `text`, and writes nothing. */
#define REFUSES(call, text)                                                                     \
    do {                                                                                        \
        memset(out, 0x5a, sizeof out);                                                          \
        cr_expect_eq((call), RMX_ERR_ARGUMENT, "%s", #call);                                    \
        cr_expect(strstr(rmx_last_error(ctx), text), "%s: \"%s\"", #call, rmx_last_error(ctx)); \
        for (size_t i = 0; i < sizeof out; i++)                                                 \
            cr_assert_eq(((unsigned char *)out)[i], 0x5a, "%s wrote byte %zu", #call, i);       \
    } while (0)

static rmx_tensor matrix(rmx_dtype dtype, float *data)
{
    return rmx_tensor_of(dtype, data, 2, (int64_t[]){4, 4});
}

Test(types, a_kernel_that_lacks_a_type_says_so)
{
    rmx_context *ctx = context();
#define REFUSES_KERNEL(kernel)                                                             \
    do {                                                                                   \
        const rmx_##kernel##_args args = {.dtype = RMX_BF16};                              \
        const bool lacks =                                                                 \
            !(rmx_context_backend(ctx)->ops->takes[RMX_KERNEL_##kernel] & RMX_TAKES_BF16); \
        if (lacks) REFUSES(rmx_run_##kernel(ctx, &args), #kernel ": the ");                \
        if (lacks) cr_expect(strstr(rmx_last_error(ctx), "has no kernel for bf16"));       \
    } while (0);
    RMX_TYPED_KERNELS(REFUSES_KERNEL)
    REFUSES_KERNEL(product)
    const rmx_product_args tensor = {.math = RMX_MATH_TENSOR};
    if (!(rmx_context_backend(ctx)->ops->takes[RMX_KERNEL_product] & RMX_TAKES_TENSOR))
        REFUSES(rmx_run_product(ctx, &tensor), "no kernel for tensor-core products");
    rmx_context_destroy(ctx);
}

Test(types, views_of_a_call_have_one_type)
{
    rmx_context *ctx = context();
    const rmx_tensor f = matrix(RMX_F32, in), b = matrix(RMX_BF16, in), y = matrix(RMX_F32, out);
    const rmx_tensor bad = matrix((rmx_dtype)9, in);
    const rmx_mean_desc rows = {.axes = 1, .axis = {0}};
    const rmx_tensor sums = rmx_tensor_of(RMX_F32, out, 1, (int64_t[]){4});
    REFUSES(rmx_mm(ctx, &f, &bad, &y), "b: type 9");
    REFUSES(rmx_mm(ctx, &f, &b, &y), "type bf16: must be f32");
    REFUSES(rmx_softmax_forward(ctx, 0, &b, &y), "y: type f32: must be bf16, the type of x");
    REFUSES(rmx_softmax_backward(ctx, 0, &b, &f, &y), "dy: type bf16: must be f32");
    REFUSES(rmx_mean_forward(ctx, &rows, &b, &sums), "y: type f32: must be bf16");
    rmx_context_destroy(ctx);
}

/* ---- every call with a type, on kernels that only note what they are given ------------------- */

static uint32_t ran; /* RMX_USES bits of kernels that have types */
static int writes, wrong;
static rmx_ops noting;

#define NOTE(kernel, is_wrong)                                                             \
    static rmx_status note_##kernel(rmx_backend *backend, const rmx_##kernel##_args *args) \
    {                                                                                      \
        (void)backend, (void)args;                                                         \
        writes++;                                                                          \
        wrong += is_wrong;                                                                 \
        return RMX_OK;                                                                     \
    }
#define NOTE_FLOAT(kernel) NOTE(kernel, 0)
#define NOTE_TYPED(kernel) NOTE(kernel, (ran |= RMX_USES(kernel), args->dtype != RMX_BF16))
RMX_FLOAT_KERNELS(NOTE_FLOAT)
RMX_TYPED_KERNELS(NOTE_TYPED)
/* The gradient of a weight is an fp32 sum that goes on. */
NOTE(product,
     (ran |= RMX_USES(product), args->dtype != RMX_BF16 || args->math != RMX_MATH_TENSOR ||
                                    (args->out_dtype != RMX_BF16 && !args->accumulate)))

static rmx_status note_zero(rmx_backend *backend, void *dst, size_t bytes)
{
    (void)backend, (void)dst, (void)bytes;
    writes++;
    return RMX_OK;
}

enum { B = 2, T = 2, D = 4, K = 3, H = 2, OPERANDS = 24, OPERAND_BYTES = 1024 };
static _Alignas(256) char memory[OPERANDS][OPERAND_BYTES], ws[1 << 14], kept[1 << 14];

static void *at(int i) { return memory[i]; }
#define F(i) ((float *)at(i))

#define CALL(name) static rmx_status name(rmx_context *ctx, rmx_dtype dtype)
#define ROWS_DESC                                                         \
    {                                                                     \
        .dtype = dtype, .rows = B, .dim = D, .eps = 1e-5f, .x_stride = 8, \
    }
CALL(norm_forward)
{
    const rmx_norm_desc d = ROWS_DESC;
    return rmx_norm_forward(ctx, &d, at(0), F(1), F(2), at(3), F(4), F(5));
}
CALL(norm_backward) /* its strides differ: a copy comes first */
{
    const rmx_norm_desc d = ROWS_DESC;
    return rmx_norm_backward(ctx, &d, at(0), at(1), F(2), F(3), F(4), at(5), F(6), F(7), ws,
                             sizeof ws);
}
CALL(activation_forward)
{
    return rmx_activation_forward(ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, dtype, 4},
                                  at(0), at(1));
}
CALL(activation_backward)
{
    return rmx_activation_backward(ctx, &(rmx_activation_desc){RMX_ACTIVATION_GELU_ERF, dtype, 4},
                                   at(0), at(1), at(2));
}
CALL(dropout)
{
    const rmx_dropout_desc d = {.dtype = dtype, .p = 0.5f, .step = at(0)};
    return rmx_dropout_forward(ctx, &d, 4, at(1), at(2));
}
#define MIXER_DESC            \
    (&(rmx_token_mixer_desc){ \
        .dtype = dtype, .samples = B, .tokens = T, .width = D, .heads = H, .eps = 1e-5f})
CALL(token_mix) { return rmx_token_mix(ctx, MIXER_DESC, at(0), at(1)); }
CALL(token_revert) { return rmx_token_revert(ctx, MIXER_DESC, at(0), at(1)); }
CALL(token_mixer_forward)
{
    return rmx_token_mixer_forward(ctx, MIXER_DESC, at(0), F(1), F(2), at(3), F(4), F(5));
}
CALL(token_mixer_backward)
{
    return rmx_token_mixer_backward(ctx, MIXER_DESC, at(0), at(1), F(2), F(3), F(4), at(5), F(6),
                                    F(7), ws, sizeof ws);
}
#define POOLING_DESC (&(rmx_pooling_desc){dtype, B, T, D})
CALL(pooling_forward) { return rmx_pooling_forward(ctx, POOLING_DESC, at(0), at(1)); }
CALL(pooling_backward) { return rmx_pooling_backward(ctx, POOLING_DESC, at(0), at(1)); }
CALL(loss)
{
    const rmx_loss_desc d = {.dtype = dtype, .samples = B, .tasks = 1, .scale = 1.0f};
    return rmx_loss_forward_backward(ctx, &d, F(0), at(1), NULL, NULL, at(2), at(3), ws,
                                     sizeof ws);
}
CALL(linear_forward)
{
    return rmx_linear_forward(ctx, &(rmx_linear_desc){dtype, B, D, K}, at(0), at(1), F(2), at(3));
}
CALL(linear_backward)
{
    return rmx_linear_backward(ctx, &(rmx_linear_desc){dtype, B, D, K}, at(0), at(1), at(2), at(3),
                               F(4), F(5), ws, sizeof ws);
}
static rmx_feed_forward_desc ffn_desc(rmx_dtype dtype)
{
    return (rmx_feed_forward_desc){.dtype = dtype,
                                   .samples = B,
                                   .tokens = T,
                                   .width = D,
                                   .hidden = K,
                                   .dropout = {.p = 0.5f, .step = at(23)}};
}
CALL(feed_forward_forward)
{
    const rmx_feed_forward_desc d = ffn_desc(dtype);
    const rmx_feed_forward_weights w = {at(0), F(1), at(2), F(3)};
    return rmx_feed_forward_forward(ctx, &d, &w, at(4), at(4), at(5), at(6), at(7));
}
CALL(feed_forward_backward)
{
    const rmx_feed_forward_desc d = ffn_desc(dtype);
    const rmx_feed_forward_weights w = {at(0), F(1), at(2), F(3)};
    const rmx_feed_forward_gradients g = {F(8), F(9), F(10), F(11)};
    return rmx_feed_forward_backward(ctx, &d, &w, at(4), at(5), at(6), at(7), NULL, at(12), &g, ws,
                                     sizeof ws);
}
#define ATTENTION                                               \
    const rmx_attention_desc d = {dtype, B, T, D, H};           \
    const rmx_attention_weights w = {at(0), F(1), at(2), F(3)}; \
    const rmx_attention_saved saved = {at(4), at(5), at(6)}
CALL(attention_forward)
{
    ATTENTION;
    return rmx_attention_forward(ctx, &d, &w, at(7), at(7), &saved, at(8));
}
CALL(attention_backward)
{
    ATTENTION;
    const rmx_attention_gradients g = {F(9), F(10), F(11), F(12)};
    return rmx_attention_backward(ctx, &d, &w, at(7), at(8), &saved, NULL, at(13), &g, ws,
                                  sizeof ws);
}
#define EMBEDDING_DESC (&(rmx_embedding_desc){dtype, B, T, D, 9, T * D})
CALL(embedding_forward)
{
    return rmx_embedding_forward(ctx, EMBEDDING_DESC, F(0), at(1), at(2), at(3), at(4));
}
CALL(embedding_backward)
{
    return rmx_embedding_backward(ctx, EMBEDDING_DESC, at(0), at(1), at(2), at(3), at(4), F(5),
                                  at(6), ws, sizeof ws);
}
#define TOKENIZER_DESC (&(rmx_tokenizer_desc){dtype, B, T, 0, D, T, D, D})
CALL(tokenizer_forward)
{
    const rmx_tokenizer_inputs inputs = {F(0), at(1), at(2), at(3), NULL};
    return rmx_tokenizer_forward(ctx, TOKENIZER_DESC, &inputs, at(4), F(5), at(6), at(7));
}
CALL(tokenizer_backward)
{
    return rmx_tokenizer_backward(ctx, TOKENIZER_DESC, at(0), at(1), at(2), at(3), F(4), F(5), ws,
                                  sizeof ws);
}
static rmx_status block(rmx_context *ctx, rmx_dtype dtype, rmx_mixer mixer, rmx_norm_place place,
                        bool backward)
{
    const rmx_block_desc d = {
        .mixer = mixer, .norm_place = place, .heads = H, .eps = 1e-5f, .ffn = ffn_desc(dtype)};
    const void *w[12];
    float *g[12];
    for (int i = 0; i < 12; i++) w[i] = at(0), g[i] = at(1 + i);
    return backward ? rmx_block_backward(ctx, &d, w, at(13), at(14), kept, sizeof kept, at(15), g,
                                         ws, sizeof ws)
                    : rmx_block_forward(ctx, &d, w, at(13), at(14), kept, sizeof kept);
}
#define BLOCK(name, mixer, place)                                           \
    CALL(name##_forward) { return block(ctx, dtype, mixer, place, false); } \
    CALL(name##_backward) { return block(ctx, dtype, mixer, place, true); }
BLOCK(post_token, RMX_MIXER_TOKEN, RMX_NORM_PLACE_POST)
BLOCK(post_attention, RMX_MIXER_ATTENTION, RMX_NORM_PLACE_POST)
BLOCK(post_none, RMX_MIXER_NONE, RMX_NORM_PLACE_POST)
BLOCK(pre_token, RMX_MIXER_TOKEN, RMX_NORM_PLACE_PRE)
BLOCK(pre_attention, RMX_MIXER_ATTENTION, RMX_NORM_PLACE_PRE)
BLOCK(pre_none, RMX_MIXER_NONE, RMX_NORM_PLACE_PRE)

static const struct {
    const char *name;
    rmx_status (*run)(rmx_context *ctx, rmx_dtype dtype);
} calls[] = {
#define BOTH(name) \
    {#name "_forward", name##_forward}, { #name "_backward", name##_backward }
    BOTH(norm),
    BOTH(activation),
    {"dropout", dropout},
    {"token_mix", token_mix},
    {"token_revert", token_revert},
    BOTH(token_mixer),
    BOTH(pooling),
    {"loss", loss},
    BOTH(linear),
    BOTH(feed_forward),
    BOTH(attention),
    BOTH(embedding),
    BOTH(tokenizer),
    BOTH(post_token),
    BOTH(post_attention),
    BOTH(post_none),
    BOTH(pre_token),
    BOTH(pre_attention),
    BOTH(pre_none),
};
enum { CALLS = sizeof calls / sizeof *calls };

/* A context whose kernels do nothing, and take all. */
static rmx_context *noting_context(const rmx_ops **real)
{
    rmx_context *ctx = context();
    rmx_backend *backend = rmx_context_backend(ctx);
    *real = backend->ops;
    noting = **real;
    noting.zero = note_zero;
#define TAKE(kernel)               \
    noting.kernel = note_##kernel; \
    noting.takes[RMX_KERNEL_##kernel] = RMX_TAKES_F32 | RMX_TAKES_BF16 | RMX_TAKES_TENSOR;
    RMX_KERNELS(TAKE)
    backend->ops = &noting;
    return ctx;
}

static void end(rmx_context *ctx, const rmx_ops *real)
{
    rmx_context_backend(ctx)->ops = real;
    rmx_context_destroy(ctx);
}

/* The call is refused with these words before anything is written. */
static void refused(rmx_context *ctx, int i, rmx_dtype dtype, const char *first,
                    const char *second)
{
    writes = 0;
    cr_expect_eq(calls[i].run(ctx, dtype), RMX_ERR_ARGUMENT, "%s without %s", calls[i].name,
                 first);
    const char *error = rmx_last_error(ctx);
    cr_expect(strstr(error, first) && strstr(error, second), "%s: \"%s\"", calls[i].name, error);
    cr_expect_eq(writes, 0, "%s without %s wrote", calls[i].name, first);
}

Test(types, layers_pass_the_type_to_every_kernel)
{
    const rmx_ops *real;
    rmx_context *ctx = noting_context(&real);
    for (int i = 0; i < CALLS; i++) {
        ran = 0;
        wrong = 0;
        cr_expect_eq(calls[i].run(ctx, RMX_BF16), RMX_OK, "%s: %s", calls[i].name,
                     rmx_last_error(ctx));
        cr_expect_neq(ran, 0, "%s", calls[i].name);
        cr_expect_eq(wrong, 0, "%s: %d kernels with another type", calls[i].name, wrong);
    }
    end(ctx, real);
}

Test(types, a_layer_that_lacks_one_kernel_writes_nothing)
{
    static const char *const names[] = {
#define NAME(kernel) #kernel,
        RMX_KERNELS(NAME)};
    const rmx_ops *real;
    rmx_context *ctx = noting_context(&real);
    for (int i = 0; i < CALLS; i++) {
        ran = 0;
        cr_assert_eq(calls[i].run(ctx, RMX_BF16), RMX_OK);
        const uint32_t uses = ran;
        for (int k = 0; k < RMX_KERNEL_COUNT; k++) {
            if (!(uses >> k & 1)) continue;
            const uint8_t all = noting.takes[k];
            noting.takes[k] = all & (uint8_t)~RMX_TAKES_BF16;
            refused(ctx, i, RMX_BF16, names[k], "has no kernel for bf16");
            noting.takes[k] = all & (uint8_t)~RMX_TAKES_TENSOR;
            if (k == RMX_KERNEL_product) refused(ctx, i, RMX_BF16, names[k], "tensor-core");
            noting.takes[k] = all;
        }
    }
    end(ctx, real);
}

Test(types, an_unknown_type_of_a_desc_is_named)
{
    const rmx_ops *real;
    rmx_context *ctx = noting_context(&real);
    for (int i = 0; i < CALLS; i++) refused(ctx, i, (rmx_dtype)5, "desc.dtype = 5", "RMX_BF16");
    end(ctx, real);
}

/* Half the bytes for activations; statistics and sums stay fp32. */
Test(types, memory_follows_the_type)
{
    rmx_block_desc d = {
        .heads = 16, .eps = 1e-5f, .ffn = {.samples = 64, .tokens = 16, .width = 64}};
    d.ffn.hidden = 128;
    rmx_block_part parts[16];
    rmx_block_parameter list[12];
    const size_t f32 = rmx_block_saved_bytes(&d);
    d.ffn.dtype = RMX_BF16;
    const int64_t rows = d.ffn.samples * d.ffn.tokens;
    const size_t statistics = 4 * (size_t)rows * sizeof(float);
    cr_expect_eq(rmx_block_saved_bytes(&d) - statistics, (f32 - statistics) / 2);
    const int32_t n = rmx_block_parts(&d, parts, 16);
    cr_assert(n > 0 && n <= 16);
    for (int32_t i = 0; i < n; i++)
        cr_expect_eq(parts[i].dtype, parts[i].count == rows ? RMX_F32 : RMX_BF16, "%s",
                     parts[i].name);
    const int32_t parameters = rmx_block_parameters(&d, list, 12);
    for (int32_t i = 0; i < parameters; i++)
        cr_expect_eq(list[i].dtype, strstr(list[i].name, ".w") ? RMX_BF16 : RMX_F32, "%s",
                     list[i].name);
}
