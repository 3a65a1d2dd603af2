/* SPDX-License-Identifier: MIT */
/* schedule.c: see rankmixer/schedule.h. Every rounding is one of numerics.h's, so the libm has no
 * say in a learning rate. */
#include "rankmixer/schedule.h"

#include "kernels/numerics.h"

/* sin(x), |x| <= pi/4: Taylor to x^17; the first term left out is below 1e-19. */
static double small_sine(double x)
{
    static const double coefficient[] = {
        1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
        1.0 / 362880.0,          -1.0 / 5040.0,          1.0 / 120.0,        -1.0 / 6.0};
    const double square = rmx_muld(x, x);
    double sum = coefficient[0];
    for (int i = 1; i < 8; i++) sum = rmx_fmad(sum, square, coefficient[i]);
    return rmx_fmad(x, rmx_muld(sum, square), x);
}

/* (1 + cos(pi * t)) / 2 for t in [0, 1], as a squared sine of a small angle on either half:
 * exactly 1 at t = 0 and exactly 0 at t = 1. */
static double half_cosine(double t)
{
    const double half_pi = 0x1.921fb54442d18p+0;
    if (t <= 0.5) {
        const double s = small_sine(rmx_muld(half_pi, t));
        return rmx_fmad(-s, s, 1.0);
    }
    const double s = small_sine(rmx_muld(half_pi, rmx_addd(1.0, -t)));
    return rmx_muld(s, s);
}

float rmx_schedule_lr(const rmx_schedule *schedule, double lr, int64_t step)
{
    if (!schedule) return (float)lr;
    const int64_t warmup = schedule->warmup > 0 ? schedule->warmup : 0;
    if (step < 1) step = 1;
    if (schedule->kind != RMX_SCHEDULE_CONSTANT && step <= warmup)
        return (float)rmx_muld(lr, rmx_divd((double)step, (double)warmup));
    if (schedule->kind != RMX_SCHEDULE_COSINE || schedule->steps <= warmup) return (float)lr;
    const int64_t span = schedule->steps - warmup, done = step - warmup - 1;
    const double t = done >= span ? 1.0 : rmx_divd((double)done, (double)span);
    return (float)rmx_muld(lr, half_cosine(t));
}
