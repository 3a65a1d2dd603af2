/* SPDX-License-Identifier: MIT */
/* gradcheck.c: see gradcheck.h. */
#include "gradcheck.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTIONS 3
#define MARGIN 4.0
#define SHARP 0.02

static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void *allocate(int64_t count, size_t size)
{
    void *memory = malloc(count ? (size_t)count * size : 1);
    if (!memory) abort();
    return memory;
}

/* The entry of a direction: +-1, random; in the first one with the sign of the gradient. */
static double direction(const gradcheck_input *input, int which, int64_t i)
{
    if (which == 0) return input->gradient[i] < 0.0f ? -1.0 : 1.0;
    return mix((uint64_t)i * 16 + (uint64_t)which) & 1 ? 1.0 : -1.0;
}

/* sum(y * dy) at x + step * v, and v as fp32 arithmetic really took it: moved - x. */
static double value_at(const gradcheck *check, const gradcheck_input *input, const float *x,
                       int which, double step, float *y, double *max_y)
{
    for (int64_t i = 0; i < input->count; i++)
        input->value[i] = (float)((double)x[i] + step * direction(input, which, i));
    check->forward(check->user, y);
    double sum = 0.0;
    for (int64_t i = 0; i < check->outputs; i++) {
        sum += (double)y[i] * (double)check->dy[i];
        *max_y = fmax(*max_y, fabs((double)y[i]));
    }
    return sum;
}

/* dot(gradient, displacement) / 2h, with the displacement that rounding x + h v left. */
static double analytic(const gradcheck_input *input, const float *x, int which, double step)
{
    double sum = 0.0;
    for (int64_t i = 0; i < input->count; i++) {
        const double move = step * direction(input, which, i);
        const double up = (double)(float)((double)x[i] + move);
        const double down = (double)(float)((double)x[i] - move);
        sum += (double)input->gradient[i] * (up - down);
    }
    return sum / (2.0 * step);
}

static bool check_direction(const gradcheck *check, const gradcheck_input *input, const float *x,
                            int which, float *y)
{
    double max_y = 0.0, norm = 0.0;
    double d[2];
    for (int i = 0; i < 2; i++) {
        const double h = check->step * (i + 1);
        const double up = value_at(check, input, x, which, h, y, &max_y);
        d[i] = (up - value_at(check, input, x, which, -h, y, &max_y)) / (2.0 * h);
    }
    memcpy(input->value, x, (size_t)input->count * sizeof *x);
    for (int64_t i = 0; i < check->outputs; i++)
        norm += (double)check->dy[i] * (double)check->dy[i];
    const double noise = check->units * 0x1p-24 * max_y;
    const double bound =
        fabs(d[0] - d[1]) + MARGIN * noise * sqrt(2.0 * norm) / (2.0 * check->step);
    const double want = analytic(input, x, which, check->step), error = fabs(d[0] - want);
    const bool right = error <= bound;
    const bool sharp = which != 0 || bound <= SHARP * fabs(d[0]);
    if (!right || !sharp || getenv("GRADCHECK_VERBOSE"))
        fprintf(stderr,
                "%s, %s, direction %d: %.9g by difference, %.9g by gradient: "
                "off by %.3g, allowed %.3g%s\n",
                check->name, input->name, which, d[0], want, error, bound,
                sharp ? "" : ": too blunt");
    return right && sharp;
}

static bool check_input(const gradcheck *check, const gradcheck_input *input)
{
    float *x = allocate(input->count, sizeof *x), *y = allocate(check->outputs, sizeof *y);
    memcpy(x, input->value, (size_t)input->count * sizeof *x);
    bool good = true;
    for (int which = 0; which < DIRECTIONS; which++)
        good = check_direction(check, input, x, which, y) && good;
    free(x);
    free(y);
    return good;
}

bool gradcheck_run(const gradcheck *check)
{
    bool good = true;
    for (int i = 0; i < check->inputs; i++) good = check_input(check, &check->input[i]) && good;
    return good;
}

/* True if the check refuses a gradient that is 5 % too large. */
static bool refuses_spoilt(const gradcheck *check, int which)
{
    gradcheck spoilt = *check;
    gradcheck_input *input = &spoilt.input[which];
    float *gradient = allocate(input->count, sizeof *gradient);
    for (int64_t i = 0; i < input->count; i++) gradient[i] = 1.05f * input->gradient[i];
    input->gradient = gradient;
    const bool refused = !check_input(&spoilt, input);
    if (!refused)
        fprintf(stderr, "%s: a spoilt gradient of %s was accepted\n", check->name, input->name);
    free(gradient);
    return refused;
}

bool gradcheck_run_and_spoil(const gradcheck *check)
{
    bool good = gradcheck_run(check);
    for (int i = 0; i < check->inputs; i++) good = refuses_spoilt(check, i) && good;
    return good;
}
