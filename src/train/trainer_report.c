/* SPDX-License-Identifier: MIT */
/* trainer_report.c: checkpoints, evaluations and figures of a run. */
#include <math.h>
#include <string.h>

#include "train/plots.h"
#include "train/stop.h"
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
                                 .schema = t->schema_text,
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

static void on_rows(void *user, int64_t done, int64_t total)
{
    rmx_progress_live(user, "evaluating  %.0f %%", 100.0 * (double)done / (double)total);
}

static void say_metrics(trainer *t, const char *role, const rmx_metrics *m, double ceiling)
{
    char gauc[40] = "", best[48] = "";
    if (!isnan(m->gauc)) snprintf(gauc, sizeof gauc, "  gauc %.4f", m->gauc);
    if (!isnan(ceiling)) snprintf(best, sizeof best, "  (ceiling %.4f)", ceiling);
    rmx_progress_say(t->progress, "%-7s step %lld  logloss %.5f  auc %.4f%s%s  calibration %.3f",
                     role, (long long)t->state.step, m->logloss, m->auc, best, gauc,
                     m->calibration);
}

static rmx_status evaluate(trainer *t, rmx_reader *reader, const char *role, rmx_metrics *out,
                           bool *stopped)
{
    const rmx_status status = rmx_evaluate(t->ctx, t->model, reader, on_rows, t->progress,
                                           t->of_task, stopped, t->error);
    if (status == RMX_ERR_NUMERIC)
        return rmx_fail(t->error, status,
                        "step %lld: the evaluation of %s: %s; the last good "
                        "checkpoint is %s",
                        (long long)t->state.step, rmx_reader_path(reader), t->error->text,
                        t->last_checkpoint[0] ? t->last_checkpoint : "none");
    if (status != RMX_OK || *stopped) return status;
    *out = rmx_metrics_mean(t->of_task, t->schema.tasks);
    say_metrics(t, role, out, rmx_reader_schema(reader)->ceiling_auc);
    return RMX_OK;
}

rmx_status rmx_trainer_evaluate(trainer *t, bool log)
{
    bool stopped;
    const double start = rmx_progress_clock();
    rmx_status status = evaluate(t, t->valid, "valid", &t->valid_metrics, &stopped);
    if (status != RMX_OK || stopped) return status;
    t->valid_step = t->state.step;
    if (!log) return RMX_OK;
    t->state.evaluated_step = t->state.step;
    if (t->valid_metrics.auc > t->state.best_auc) {
        t->state.best_auc = t->valid_metrics.auc;
        t->state.best_step = t->state.step;
    }
    return rmx_run_log_valid(&t->log, t->state.step, t->state.examples, &t->valid_metrics,
                             rmx_progress_clock() - start, t->error);
}

static double examples_per_s(const trainer *t)
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
                           .examples_per_s = examples_per_s(t),
                           .seconds = t->state.seconds};
    const rmx_status status =
        rmx_recent_metrics(&t->recent, t->state.examples, &values.recent, t->error);
    return status == RMX_OK ? rmx_run_log_step(&t->log, &values, t->error) : status;
}

void rmx_trainer_live(trainer *t)
{
    char rate[16], flop[16], left[32];
    rmx_metrics recent;
    if (!rmx_progress_due(t->progress)) return;
    const int64_t seen = t->begun.number ? t->begun.examples : t->state.examples;
    if (rmx_recent_metrics(&t->recent, seen, &recent, NULL) != RMX_OK) return;
    const double speed = examples_per_s(t);
    const double rest = (double)(t->total_steps - t->state.step) * (double)t->config->train.batch;
    rmx_progress_live(t->progress,
                      "step %lld/%lld  loss %.4f  auc %.4f  %s examples/s  %sFLOP/s  ETA %s",
                      (long long)t->state.step, (long long)t->total_steps, recent.logloss,
                      recent.auc, rmx_progress_count(speed, rate),
                      rmx_progress_count(3 * rmx_model_forward_flop(t->model) * speed, flop),
                      rmx_progress_duration(speed > 0 ? rest / speed : 0, left));
}

static void print_results(const trainer *t, const rmx_metrics *recent, const rmx_metrics *test,
                          uint64_t checksum, FILE *out)
{
    const rmx_metrics *valid = &t->valid_metrics;
    fprintf(out, "{\"steps\":%lld,\"epochs\":%lld,\"examples\":%lld", (long long)t->state.step,
            (long long)t->state.epoch, (long long)t->state.examples);
    rmx_json_number(out, "train_logloss", recent->logloss);
    rmx_json_number(out, "train_auc", recent->auc);
    rmx_json_number(out, "valid_auc", t->valid ? valid->auc : NAN);
    rmx_json_number(out, "valid_logloss", t->valid ? valid->logloss : NAN);
    rmx_json_number(out, "valid_gauc", t->valid ? valid->gauc : NAN);
    rmx_json_number(out, "valid_calibration", t->valid ? valid->calibration : NAN);
    rmx_json_number(out, "best_auc", t->state.best_step ? t->state.best_auc : NAN);
    fprintf(out, ",\"best_step\":%lld", (long long)t->state.best_step);
    if (t->test) {
        rmx_json_number(out, "test_auc", test->auc);
        rmx_json_number(out, "test_logloss", test->logloss);
    }
    rmx_json_number(out, "ceiling_auc", t->valid ? rmx_reader_schema(t->valid)->ceiling_auc : NAN);
    rmx_json_number(out, "seconds", t->state.seconds);
    rmx_json_number(out, "examples_per_s", examples_per_s(t));
    fprintf(out, ",\"params_xxh3\":\"%016llx\",\"checkpoint\":", (unsigned long long)checksum);
    rmx_json_string(out, t->last_checkpoint);
    fputs("}\n", out);
    fflush(out);
}

rmx_status rmx_trainer_results(trainer *t, FILE *out)
{
    rmx_metrics test = {.auc = NAN}, recent;
    bool stopped = false;
    rmx_error why;
    rmx_status status = RMX_OK;
    if (t->valid && t->valid_step != t->state.step) status = rmx_trainer_evaluate(t, false);
    if (status == RMX_OK && t->test) status = evaluate(t, t->test, "test", &test, &stopped);
    if (status == RMX_OK)
        status = rmx_recent_metrics(&t->recent, t->state.examples, &recent, t->error);
    if (status == RMX_OK) status = rmx_model_tensors_fetch(t->ctx, &t->tensors, t->error);
    if (status != RMX_OK || rmx_stop_requested()) return status;
    const double ceiling = t->valid ? rmx_reader_schema(t->valid)->ceiling_auc : NAN;
    if (rmx_plots_curves(t->config->run.dir, ceiling, &why) != RMX_OK)
        rmx_progress_warn(t->progress, "%s", why.text);
    print_results(t, &recent, &test,
                  rmx_checkpoint_params_xxh3(t->tensors.tensor, t->tensors.count), out);
    return RMX_OK;
}
