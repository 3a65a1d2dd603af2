/* SPDX-License-Identifier: MIT */
/* Learning rates against the formula in long double. */
#include <criterion/criterion.h>
#include <math.h>

#include "rankmixer/schedule.h"

Test(schedule, constant_and_warmup)
{
    const rmx_schedule constant = {.kind = RMX_SCHEDULE_CONSTANT, .warmup = 10, .steps = 20};
    const rmx_schedule warmup = {.kind = RMX_SCHEDULE_WARMUP, .warmup = 10, .steps = 20};
    for (int64_t step = -1; step < 30; step++) {
        cr_expect_eq(rmx_schedule_lr(&constant, 0.3, step), 0.3f);
        const int64_t s = step < 1 ? 1 : step;
        const float should = s <= 10 ? (float)(0.3 * ((double)s / 10.0)) : 0.3f;
        cr_expect_eq(rmx_schedule_lr(&warmup, 0.3, step), should);
    }
}

Test(schedule, cosine_follows_the_formula)
{
    const long double pi = 3.14159265358979323846264338327950288L;
    const int64_t spans[] = {1, 2, 3, 10, 1000, 123457};
    int64_t unequal = 0, values = 0;
    for (int i = 0; i < 6; i++) {
        const rmx_schedule s = {.kind = RMX_SCHEDULE_COSINE, .warmup = 7, .steps = 7 + spans[i]};
        float before = 1.0f;
        for (int64_t step = 8; step <= 7 + spans[i]; step++) {
            const long double t = (long double)(step - 8) / (long double)spans[i];
            const float should = (float)(0.01L * (1 + cosl(pi * t)) / 2);
            const float is = rmx_schedule_lr(&s, 0.01, step);
            cr_assert_float_eq(is, should, 1.2e-7 * should);
            cr_assert_leq(is, before);
            cr_assert_gt(is, 0);
            before = is;
            unequal += is != should;
            values++;
        }
        cr_expect_eq(rmx_schedule_lr(&s, 0.01, 8), 0.01f);
        cr_expect_eq(rmx_schedule_lr(&s, 0.01, 8 + spans[i]), 0.0f); /* past the end */
        cr_expect_eq(rmx_schedule_lr(&s, 0.01, 1000000), 0.0f);
    }
    cr_expect_leq(unequal, values / 10000, "%d of %d values differ", (int)unequal, (int)values);
}

/* A libm may change; these bits may not. */
Test(schedule, the_bits_are_fixed)
{
    const rmx_schedule s = {.kind = RMX_SCHEDULE_COSINE, .warmup = 3, .steps = 13};
    const float bits[] = {
        0x1.555556p-2f, 0x1.555556p-1f, 0x1p+0f,        0x1p+0f, 0x1.f3787p-1f,
        0x1.cf1bbcp-1f, 0x1.967918p-1f, 0x1.4f1bbcp-1f, 0x1p-1f, 0x1.61c886p-2f,
        0x1.a61bap-3f,  0x1.87221ap-4f, 0x1.90f1ecp-6f,
    };
    for (int64_t step = 1; step <= 13; step++)
        cr_expect_eq(rmx_schedule_lr(&s, 1.0, step), bits[step - 1], "step %d: %a", (int)step,
                     (double)rmx_schedule_lr(&s, 1.0, step));
}
