/* SPDX-License-Identifier: MIT */
/* trainer_report.c: saves, evaluates, and reports the metrics of a run. */
#include <math.h>
#include <string.h>

#include "train/metrics_text.h"
#include "train/trainer_internal.h"

rmx_status rmx_trainer_failed(trainer *t, rmx_status status)
{
    if (status == RMX_OK) return status;
    return rmx_fail(t->error, status, "step %lld: %s", (long long)t->state.step,
                    rmx_last_error(t->ctx));
}

rmx_status rmx_trainer_save(trainer *t)
{
    rmx_checkpoint checkpoint = {.state = t->state,
                                 .config = t->config_text,
                                 .schema = &t->schema,
                                 .tensor = t->tensors.tensor,
                                 .tensors = t->tensors.count};
    rmx_status status = rmx_model_tensors_fetch(t->ctx, &t->tensors, t->error);
    if (status != RMX_OK) return status;
    status = rmx_checkpoint_save(t->folder, &checkpoint, t->config->train.keep, t->last_checkpoint,
                                 sizeof t->last_checkpoint, t->error);
    if (status == RMX_OK && t->progress->level >= 1)
        rmx_progress_say(t->progress, "saved   %s", t->last_checkpoint);
    return status;
}

rmx_status rmx_trainer_measure(trainer *t, rmx_reader *reader, const char *role, int64_t step,
                               rmx_metrics_set *out, bool *stopped)
{
    const rmx_status status =
        rmx_evaluate(t->ctx, t->model, reader, t->progress, t->of_task, NULL, stopped, t->error);
    if (status == RMX_ERR_NUMERIC) {
        char note[4700] = "the parameters are those of the best checkpoint";
        if (step == t->state.step) rmx_trainer_checkpoint_note(t, step + 1, note, sizeof note);
        return rmx_fail(t->error, status, "step %lld: the evaluation of %.600s; %.300s",
                        (long long)step, t->error->text, note);
    }
    if (status != RMX_OK || *stopped) return status;
    *out = rmx_metrics_set_of(t->of_task, t->schema.task_names, t->schema.tasks);
    rmx_metrics_say(t->progress, role, step, out, rmx_reader_schema(reader)->ceiling_auc);
    return RMX_OK;
}

/* Warns once, as the labels do not change. */
static void warn_undefined(trainer *t, const rmx_metrics_set *set)
{
    if (t->undefined_told) return;
    t->undefined_told = true;
    rmx_metrics_warn_undefined(t->progress, t->files.valid, set);
    if (isnan(set->mean.auc))
        rmx_progress_warn(t->progress, "the best checkpoint is the one of the lowest logloss");
}

static void keep_best(trainer *t)
{
    const rmx_metrics *m = &t->valid_metrics;
    const rmx_metrics_best best = {t->state.best_step, t->state.best_auc, t->state.best_logloss};
    if (!rmx_metrics_better(m, &best)) return;
    t->state.best_step = t->state.step;
    t->state.best_auc = m->auc;
    t->state.best_logloss = m->logloss;
}

rmx_status rmx_trainer_evaluate(trainer *t, bool log)
{
    bool stopped;
    rmx_metrics_set set;
    const double start = rmx_progress_clock();
    rmx_status status = rmx_trainer_measure(t, t->valid, "valid", t->state.step, &set, &stopped);
    if (status != RMX_OK || stopped) return status;
    warn_undefined(t, &set);
    t->valid_metrics = set.mean;
    t->valid_step = t->state.step;
    if (!log) return RMX_OK;
    t->state.evaluated_step = t->state.step;
    keep_best(t);
    return rmx_run_log_valid(&t->log, t->state.step, t->state.examples, &set,
                             rmx_progress_clock() - start, t->error);
}

double rmx_trainer_speed(const trainer *t)
{
    const double done = (double)(t->state.examples - t->first_example);
    return t->step_seconds > 0 ? done / t->step_seconds : 0;
}

rmx_status rmx_trainer_log(trainer *t)
{
    rmx_log_step values = {.step = t->state.step,
                           .epoch = t->state.epoch,
                           .examples = t->state.examples,
                           .loss = t->last_loss,
                           .lr = (double)rmx_trainer_lr(t, t->config->train.lr, t->state.step),
                           .grad_norm = t->last_norm,
                           .examples_per_s = rmx_trainer_speed(t),
                           .seconds = t->state.seconds};
    const rmx_status status =
        rmx_latest_scores_metrics(&t->latest, t->state.examples, &values.latest.mean, t->error);
    values.latest.of_task = t->latest.of_task;
    values.latest.names = t->schema.task_names;
    values.latest.tasks = t->schema.tasks;
    return status == RMX_OK ? rmx_run_log_step(&t->log, &values, t->error) : status;
}

void rmx_trainer_live(trainer *t)
{
    char rate[16], flop[16], left[32], auc[32] = "-";
    rmx_metrics latest;
    if (!rmx_progress_due(t->progress)) return;
    const int64_t seen = t->begun.number ? t->begun.examples : t->state.examples;
    if (rmx_latest_scores_metrics(&t->latest, seen, &latest, NULL) != RMX_OK) return;
    if (!isnan(latest.auc)) snprintf(auc, sizeof auc, "%.4f", latest.auc);
    const double speed = rmx_trainer_speed(t);
    const double rest = (double)(t->total_steps - t->state.step) * (double)t->config->train.batch;
    rmx_progress_live(t->progress,
                      "%3.0f %%  ETA %s  step %lld/%lld  loss %.4f  auc %s  %s examples/s  "
                      "%sFLOP/s",
                      floor(100 * (double)t->state.step / (double)t->total_steps),
                      rmx_progress_duration(speed > 0 ? rest / speed : 0, left),
                      (long long)t->state.step, (long long)t->total_steps, latest.logloss, auc,
                      rmx_describe_count(speed, rate),
                      rmx_describe_count(3 * rmx_model_forward_flop(t->model) * speed, flop));
}
