/* SPDX-License-Identifier: MIT */
/* schedule.h: the learning rate of a step. */
#ifndef RANKMIXER_SCHEDULE_H
#define RANKMIXER_SCHEDULE_H

#include <stdint.h>

#include "rankmixer/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rmx_schedule_kind {
    RMX_SCHEDULE_CONSTANT = 0, /* lr */
    RMX_SCHEDULE_WARMUP = 1,   /* lr * step / warmup until step = warmup, then lr */
    RMX_SCHEDULE_COSINE = 2    /* the same rise, then lr * (1 + cos(pi * t)) / 2 */
} rmx_schedule_kind;

/* Plain data. */
typedef struct rmx_schedule {
    rmx_schedule_kind kind;
    int64_t warmup; /* steps of the rise; <= 0: none */
    int64_t steps;  /* cosine: all steps of the run, the rise included */
} rmx_schedule;

/* The rate of step 1, 2, ... for a peak rate lr. With w = max(warmup, 0):
 *
 *   step <= w:  lr * step / w                                   (warmup, cosine)
 *   cosine:     lr * (1 + cos(pi * t)) / 2,  t = (step - w - 1) / (steps - w), within [0, 1]:
 *               step w + 1 has the full rate and the last step's is above 0
 *
 * Result:  computed in double and rounded once to float, with a polynomial of its own for the
 *          cosine: the same bits on every machine, with any libm. A step below 1 counts as 1.
 * Source:  Loshchilov, Hutter 2017, arXiv:1608.03983 (cosine); Goyal et al. 2017,
 *          arXiv:1706.02677 (linear warm-up). */
RMX_API float rmx_schedule_lr(const rmx_schedule *schedule, double lr, int64_t step);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_SCHEDULE_H */
