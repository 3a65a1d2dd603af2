/* SPDX-License-Identifier: MIT */
/* gradcheck.h: gradients against differences of the function itself.
 *
 * For f(inputs) = sum(y * dy) and a direction v, the analytic derivative dot(gradient, v) is
 * compared with the central difference D(h) = (f(x + h v) - f(x - h v)) / 2h, summed in double.
 * v has +1 or -1 in every element: once with the signs of the gradient, so that nothing cancels,
 * and otherwise random. What may differ:
 *   - truncation: D(h) - D(2h) is three times that of D(h); taken once in full, it is a bound as
 *     long as h is small enough for the third derivative to rule;
 *   - rounding: each y is off by up to `units` * 2^-24 * max|y|, independently: times the norm
 *     of dy and sqrt(2), divided by 2h, and 4 for the largest of many.
 * The bound does not use the gradient, so a wrong one cannot widen it; it must also be below a
 * fiftieth of the first direction's derivative, or the check is said to have failed as blunt. */
#ifndef RMX_GRADCHECK_H
#define RMX_GRADCHECK_H

#include <stdbool.h>
#include <stdint.h>

#define GRADCHECK_INPUTS 20

typedef struct gradcheck_input {
    const char *name;
    float *value;          /* host; changed during the check and put back */
    const float *gradient; /* host */
    int64_t count;
} gradcheck_input;

typedef struct gradcheck {
    const char *name;
    int inputs;
    gradcheck_input input[GRADCHECK_INPUTS];
    int64_t outputs;
    const float *dy; /* [outputs] */
    double units;    /* rounding of an output, in 2^-24 max|y| */
    double step;     /* h: rounding falls with it, truncation grows with its square */
    void (*forward)(void *user, float *y); /* reads input[].value, writes y on the host */
    void *user;
} gradcheck;

/* Checks each input by itself in three directions. Says on stderr what is wrong. */
bool gradcheck_run(const gradcheck *check);
/* Checks, then makes each gradient 5 % too large and sees that refused. */
bool gradcheck_run_and_spoil(const gradcheck *check);

#endif /* RMX_GRADCHECK_H */
