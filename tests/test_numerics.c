/* SPDX-License-Identifier: MIT */
/* test_numerics.c: numerics.h and philox.h give the bits they promise.
 * A sample of all floats is tried here; long_numerics.c tries every one. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>

#include "kernels/numerics.h"
#include "kernels/philox.h"
#include "numerics_reference.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* -- operations -- */

static float opaque(float x)
{
    volatile float v = x;
    return v;
}

/* The two that no macro can tell: whether the compiler fused what was written apart, and whether
 * the processor flushes subnormals. */
Test(numerics, flags_are_strict)
{
    const float a = opaque(1.0f + 0x1p-12f);
    const float apart = rmx_subf(rmx_mulf(a, a), opaque(1.0f + 0x1p-11f));
    const float fused = rmx_fmaf(a, a, -opaque(1.0f + 0x1p-11f));
    cr_assert_eq(apart, 0.0f, "a multiply and a subtract were fused: use -ffp-contract=off");
    cr_assert_eq(fused, 0x1p-24f, "a fused multiply-add rounded twice");
    cr_assert_eq(rmx_float_bits(rmx_mulf(opaque(0x1p-126f), opaque(0.5f))), 0x00400000u,
                 "a subnormal result was flushed");
    cr_assert_eq(rmx_mulf(opaque(0x1p-149f), opaque(0x1p+127f)), 0x1p-22f,
                 "a subnormal operand was flushed");
}

Test(numerics, operations_round_once)
{
    cr_assert_eq(rmx_addf(opaque(0x1p+24f), opaque(1.0f)), 0x1p+24f);
    cr_assert_eq(rmx_divf(opaque(1.0f), opaque(3.0f)), 0x1.555556p-2f);
    cr_assert_eq(rmx_sqrtf(opaque(2.0f)), 0x1.6a09e6p+0f);
    cr_assert(isnan(rmx_sqrtf(opaque(-1.0f))));
    cr_assert_eq(rmx_addd(rmx_muld(3.0, 5.0), -15.0), 0.0);
    cr_assert_eq(rmx_divd(1.0, 3.0), 0x1.5555555555555p-2);
    cr_assert_eq(rmx_sqrtd(2.0), 0x1.6a09e667f3bcdp+0);
    cr_assert_eq(rmx_fmad(1.0 + 0x1p-27, 1.0 + 0x1p-27, -(1.0 + 0x1p-26)), 0x1p-54);
    cr_assert_eq(rmx_float_bits(rmx_negf(0.0f)), 0x80000000u);
    cr_assert_eq(rmx_float_bits(rmx_absf(-0.0f)), 0u);
    cr_assert_eq(rmx_bits_float(rmx_float_bits(-1.5f)), -1.5f);
}

Test(numerics, limits_and_nan)
{
    const float nan = opaque(NAN);
    cr_assert_eq(rmx_maxf(2.0f, 1.0f), 2.0f);
    cr_assert_eq(rmx_maxf(nan, 1.0f), 1.0f, "the second argument wins against NaN");
    cr_assert(isnan(rmx_maxf(1.0f, nan)), "the second argument wins, a NaN too");
    cr_assert_eq(rmx_float_bits(rmx_maxf(opaque(0.0f), opaque(-0.0f))), 0x80000000u);
    cr_assert_eq(rmx_at_mostf(3.0f, 2.0f), 2.0f);
    cr_assert_eq(rmx_at_leastf(-INFINITY, -2.0f), -2.0f);
    cr_assert(isnan(rmx_at_mostf(nan, 2.0f)) && isnan(rmx_at_leastf(nan, 2.0f)));
}

/* -- order of a sum -- */

Test(numerics, halving_adds_the_upper_half_onto_the_lower)
{
    float s[RMX_PARTIAL_SUMS], expected[RMX_PARTIAL_SUMS];
    for (uint32_t i = 0; i < RMX_PARTIAL_SUMS; i++) {
        s[i] = rmx_uniformf(rmx_random_word(1, RMX_RANDOM_SYNTHETIC, 0, i)) - 0.5f;
        expected[i] = s[i];
    }
    for (int off = RMX_PARTIAL_SUMS / 2; off > 0; off /= 2) {
        for (int l = 0; l < off; l++) {
            expected[l] += expected[l + off];
        }
    }
    float ascending = 0.0f;
    for (int i = 0; i < RMX_PARTIAL_SUMS; i++) {
        ascending += s[i];
    }
    rmx_tree_sum(s);
    cr_assert_eq(rmx_float_bits(s[0]), rmx_float_bits(expected[0]));
    cr_assert_neq(rmx_float_bits(s[0]), rmx_float_bits(ascending), "these values tell no orders");
}

/* -- elementary functions -- */

/* All sampled inputs of one function: its worst error is in bounds and its bits are the recorded
 * ones, whatever compiler and flags built this. */
#define SAMPLE_TEST(name, bound, root_bound, sample, full)                                      \
    Test(numerics, sample_##name)                                                               \
    {                                                                                           \
        enum { BLOCK = 1024 };                                                                  \
        float x[BLOCK], y[BLOCK];                                                               \
        uint64_t sum = 0;                                                                       \
        for (uint64_t first = 0; first >> 32 == 0; first += BLOCK * NUMERICS_SAMPLE) {          \
            for (uint32_t i = 0; i < BLOCK; i++) {                                              \
                x[i] = rmx_bits_float((uint32_t)first + i * NUMERICS_SAMPLE);                   \
            }                                                                                   \
            for (int i = 0; i < BLOCK; i++) {                                                   \
                y[i] = rmx_##name(x[i]);                                                        \
            }                                                                                   \
            for (uint64_t i = 0; i < BLOCK && (first + i * NUMERICS_SAMPLE) >> 32 == 0; i++) {  \
                const int root =                                                                \
                    (root_bound) > 0 && x[i] > NUMERICS_ROOT_LOW && x[i] < NUMERICS_ROOT_HIGH;  \
                const double ref = isnan(x[i]) ? (double)NAN : ref_##name((double)x[i]);        \
                const double error = ref_error(y[i], ref, root);                                \
                cr_assert(error <= (root ? (root_bound) : (bound)), "%s(%a) is %a, %g ulp off", \
                          #name, (double)x[i], (double)y[i], error);                            \
                sum += NUMERICS_CHECKSUM_TERM(rmx_float_bits(x[i]), rmx_float_bits(y[i]));      \
            }                                                                                   \
        }                                                                                       \
        cr_assert_eq(sum, sample, "checksum 0x%016" PRIx64 ", not 0x%016" PRIx64, sum,          \
                     (uint64_t)(sample));                                                       \
    }
NUMERICS_LIST(SAMPLE_TEST)

static const float specials[] = {
    0.0f,           0x1p-149f,      0x1.fffffcp-127f,
    0x1p-126f,      0x1.fffffep-1f, 1.0f,
    0x1.5d58ap+6f,  0x1.62e42ep+6f, 0x1.62e430p+6f,
    0x1.9fe368p+6f, 0x1.9fe36ap+6f, 104.0f,
    0.55f,          0.92f,          11.0f,
    14.625f,        0x1p+22f,       0x1p+23f,
    0x1p+31f,       0x1p+32f,       0x1.fffffep+127f,
    INFINITY,
};

/* Both signs of each special value and its two neighbours, within the same bounds. */
#define SPECIAL_TEST(name, bound, root_bound, sample, full)                                      \
    for (size_t i = 0; i < 6 * COUNT(specials); i++) {                                           \
        const uint32_t u = rmx_float_bits(specials[i / 6]) + (uint32_t)(i % 3) - 1;              \
        const float x = rmx_bits_float(u ^ (i % 6 < 3 ? 0 : 0x80000000u));                       \
        const float y = rmx_##name(opaque(x));                                                   \
        const int root = (root_bound) > 0 && x > NUMERICS_ROOT_LOW && x < NUMERICS_ROOT_HIGH;    \
        const double error = ref_error(y, isnan(x) ? (double)NAN : ref_##name((double)x), root); \
        cr_assert(error <= (root ? (root_bound) : (bound)), "%s(%a) is %a, %g ulp off", #name,   \
                  (double)x, (double)y, error);                                                  \
    }
Test(numerics, special_values){NUMERICS_LIST(SPECIAL_TEST)}

/* Values that are exact or a limit: bits, not errors. */
Test(numerics, exact_values)
{
    const struct {
        float got, expected;
    } cases[] = {
        {rmx_expf(opaque(0.0f)), 1.0f},
        {rmx_expf(opaque(-INFINITY)), 0.0f},
        {rmx_expf(opaque(-104.0f)), 0.0f},
        {rmx_expf(opaque(-103.9f)), 0x1p-149f},
        {rmx_expf(opaque(0x1.62e42ep+6f)), 0x1.ffff08p+127f},
        {rmx_expf(opaque(0x1.62e430p+6f)), INFINITY},
        {rmx_logf(opaque(1.0f)), 0.0f},
        {rmx_logf(opaque(0.0f)), -INFINITY},
        {rmx_logf(opaque(-0.0f)), -INFINITY},
        {rmx_logf(opaque(INFINITY)), INFINITY},
        {rmx_log1pf(opaque(-0.0f)), -0.0f},
        {rmx_log1pf(opaque(0x1p-149f)), 0x1p-149f},
        {rmx_log1pf(opaque(-1.0f)), -INFINITY},
        {rmx_tanhf(opaque(-0.0f)), -0.0f},
        {rmx_tanhf(opaque(-INFINITY)), -1.0f},
        {rmx_erff(opaque(-0.0f)), -0.0f},
        {rmx_erff(opaque(INFINITY)), 1.0f},
        {rmx_sigmoidf(opaque(0.0f)), 0.5f},
        {rmx_sigmoidf(opaque(-INFINITY)), 0.0f},
        {rmx_sigmoidf(opaque(INFINITY)), 1.0f},
        {rmx_softplusf(opaque(-INFINITY)), 0.0f},
        {rmx_softplusf(opaque(INFINITY)), INFINITY},
        {rmx_gelu_erff(opaque(0.0f)), 0.0f},
        {rmx_gelu_erff(opaque(-0.0f)), -0.0f},
        {rmx_gelu_erff(opaque(-INFINITY)), -0.0f},
        {rmx_gelu_erff(opaque(INFINITY)), INFINITY},
        {rmx_gelu_erf_gradf(opaque(0.0f)), 0.5f},
        {rmx_gelu_erf_gradf(opaque(INFINITY)), 1.0f},
        {rmx_gelu_tanhf(opaque(0.0f)), 0.0f},
        {rmx_gelu_tanhf(opaque(-0.0f)), -0.0f},
        {rmx_gelu_tanhf(opaque(-INFINITY)), -0.0f},
        {rmx_gelu_tanh_gradf(opaque(-0.0f)), 0.5f},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(rmx_float_bits(cases[i].got), rmx_float_bits(cases[i].expected),
                     "case %zu: %a, not %a", i, (double)cases[i].got, (double)cases[i].expected);
    }
    cr_assert(isnan(rmx_logf(opaque(-1.0f))) && isnan(rmx_logf(opaque(-0x1p-149f))));
    cr_assert(isnan(rmx_log1pf(opaque(-1.0f - 0x1p-23f))) && isnan(rmx_log1pf(-INFINITY)));
}

#define NAN_TEST(name, ...)                                                                   \
    cr_assert(isnan(rmx_##name(rmx_bits_float(0x7fc00000u))), #name " of NaN");               \
    cr_assert(isnan(rmx_##name(rmx_bits_float(0xffffffffu))), #name " of a NaN of all ones"); \
    cr_assert(isnan(rmx_##name(rmx_bits_float(0x7f800001u))), #name " of a signalling NaN");
Test(numerics, nan_gives_nan){NUMERICS_LIST(NAN_TEST)}

/* -- random words -- */

/* Known answers that come with the Random123 library. */
Test(philox, known_answers)
{
    const uint32_t cases[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u},
        {0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du,
         0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu},
        {0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u,
         0x94fdccebu, 0x5001e420u, 0x24126ea1u},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t out[4];
        rmx_philox4x32(cases[i], cases[i] + 4, out);
        for (size_t w = 0; w < 4; w++) {
            cr_assert_eq(out[w], cases[i][6 + w], "case %zu word %zu: %08" PRIx32, i, w, out[w]);
        }
    }
}

/* Where each part of (seed, purpose, step, element) goes is part of the file format. */
Test(philox, word_is_at_the_documented_counter)
{
    const uint64_t seed = 0x0123456789abcdefu, step = 0x00fedcba98765432u;
    const uint32_t key[2] = {0x89abcdefu, 0x01234567u};
    for (uint64_t element = 0x4fffffff8u; element < 0x500000009u; element++) {
        const uint32_t ctr[4] = {(uint32_t)(element / 4), (uint32_t)(element / 4 >> 32),
                                 0x98765432u, 0x02fedcbau};
        uint32_t out[4], four[4];
        rmx_philox4x32(ctr, key, out);
        rmx_random_words4(seed, RMX_RANDOM_SHUFFLE, step, element / 4, four);
        cr_assert_eq(rmx_random_word(seed, RMX_RANDOM_SHUFFLE, step, element), out[element % 4]);
        cr_assert_eq(four[element % 4], out[element % 4]);
    }
    cr_assert_eq(RMX_RANDOM_INIT, 0);
    cr_assert_eq(RMX_RANDOM_DROPOUT, 1);
    cr_assert_eq(RMX_RANDOM_SHUFFLE, 2);
    cr_assert_eq(RMX_RANDOM_SYNTHETIC, 3);
}

Test(philox, uniform_is_exact_and_below_one)
{
    cr_assert_eq(rmx_uniformf(0), 0.0f);
    cr_assert_eq(rmx_uniformf(0xffu), 0.0f);
    cr_assert_eq(rmx_uniformf(0x100u), 0x1p-24f);
    cr_assert_eq(rmx_uniformf(0x80000000u), 0.5f);
    cr_assert_eq(rmx_uniformf(0xffffffffu), 1.0f - 0x1p-24f);
}
