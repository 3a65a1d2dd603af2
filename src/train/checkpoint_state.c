/* SPDX-License-Identifier: MIT */
/* checkpoint_state.c: checks that a run can reach the state that a checkpoint holds. */
#include <math.h>

#include "train/checkpoint.h"

/* The largest train.steps of a config. */
#define STEPS_MAX INT64_C(9000000000000000)

static rmx_status wrong(const char *path, const char *what, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA, "%s: not a usable checkpoint: %s", path, what);
}

/* Whether epoch and batch give the same step and examples. */
static bool same_place(const rmx_checkpoint_state *s, int64_t rows, int64_t batch)
{
    const int64_t batches = rows / batch + (rows % batch != 0);
    int64_t steps, examples, rest;
    return s->batch < batches && !__builtin_mul_overflow(s->epoch, batches, &steps) &&
           !__builtin_add_overflow(steps, s->batch, &steps) && steps == s->step &&
           !__builtin_mul_overflow(s->epoch, rows, &examples) &&
           !__builtin_mul_overflow(s->batch, batch, &rest) &&
           !__builtin_add_overflow(examples, rest, &examples) && examples == s->examples;
}

rmx_status rmx_checkpoint_state_check(const rmx_checkpoint_state *s, const char *path,
                                      int64_t rows, int64_t batch, rmx_error *error)
{
    if (s->step < 0 || s->epoch < 0 || s->batch < 0 || s->examples < 0 || s->step > STEPS_MAX ||
        s->examples > INT64_MAX / 2)
        return wrong(path, "its step, epoch, batch or examples are out of range", error);
    if (!same_place(s, rows, batch))
        return wrong(path, "its step, epoch, batch and examples do not fit the training data",
                     error);
    if (s->evaluated_step < 0 || s->evaluated_step > s->step)
        return wrong(path, "its evaluated_step is not one of its steps", error);
    if (s->best_step < 0 || s->best_step > s->evaluated_step)
        return wrong(path, "its best_step was not evaluated", error);
    if (s->best_step > 0 && !isnan(s->best_auc) && !(s->best_auc >= 0 && s->best_auc <= 1))
        return wrong(path, "its best_auc is not within 0 .. 1", error);
    if (s->best_step > 0 && !isnan(s->best_logloss) &&
        !(s->best_logloss >= 0 && isfinite(s->best_logloss)))
        return wrong(path, "its best_logloss is not a loss", error);
    if (s->best_step > 0 && isnan(s->best_auc) && isnan(s->best_logloss))
        return wrong(path, "its best_step has no figure", error);
    if (!isfinite(s->seconds) || s->seconds < 0)
        return wrong(path, "its seconds are not a time", error);
    return RMX_OK;
}
