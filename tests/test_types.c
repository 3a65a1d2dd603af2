/* SPDX-License-Identifier: MIT */
/* test_types.c: types of values: what is known of them, and who refuses which. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/context.h"
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

Test(types, an_unknown_type_of_a_desc_is_named)
{
    rmx_context *ctx = context();
    const rmx_dtype bad = (rmx_dtype)5;
    const rmx_norm_desc norm = {.dtype = bad, .rows = 2, .dim = 4, .eps = 1e-5f};
    const rmx_activation_desc activation = {RMX_ACTIVATION_GELU_ERF, bad, 4};
    const rmx_token_mixer_desc mixer = {
        .dtype = bad, .samples = 1, .tokens = 2, .width = 4, .heads = 2, .eps = 1e-5f};
    const rmx_dropout_desc dropout = {.dtype = bad};
    REFUSES(rmx_norm_forward(ctx, &norm, in, NULL, NULL, out, NULL, NULL), "desc.dtype = 5");
    REFUSES(rmx_activation_forward(ctx, &activation, in, out), "desc.dtype = 5");
    REFUSES(rmx_token_mix(ctx, &mixer, in, out), "desc.dtype = 5");
    REFUSES(rmx_dropout_forward(ctx, &dropout, 4, in, out), "desc.dtype = 5");
    rmx_context_destroy(ctx);
}
