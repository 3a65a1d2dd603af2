/* SPDX-License-Identifier: MIT */
/* trainer_results.c: the end of a run: the test of the best checkpoint, the JSON line of results,
 * and a few lines for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/json.h"
#include "train/metrics_json.h"
#include "train/metrics_text.h"
#include "train/plots.h"
#include "train/stop_signal.h"
#include "train/trainer_internal.h"

typedef struct ending {
    rmx_metrics latest, test;
    int64_t test_step;
    char test_checkpoint[4300];
    uint64_t checksum; /* of the last step's parameters */
} ending;

/* ---- the test set ------------------------------------------------------------------------- */

/* Tests the best checkpoint by validation, or the last step where there is none. */
static rmx_status test(trainer *t, ending *end, bool *stopped)
{
    rmx_metrics_set set;
    end->test_step = t->state.step;
    snprintf(end->test_checkpoint, sizeof end->test_checkpoint, "%s", t->last_checkpoint);
    if (t->state.best_step > 0 && t->state.best_step != t->state.step) {
        char path[4300];
        rmx_checkpoint_path(t->folder, t->state.best_step, path, sizeof path);
        const rmx_status status = rmx_model_tensors_read(t->ctx, t->model, path, t->error);
        if (status != RMX_OK && status != RMX_ERR_DATA) return status;
        if (status == RMX_OK) {
            end->test_step = t->state.best_step;
            snprintf(end->test_checkpoint, sizeof end->test_checkpoint, "%s", path);
        } else {
            rmx_progress_warn(t->progress,
                              "the best checkpoint cannot be read, so the last step is tested: %s",
                              t->error->text);
        }
    }
    const rmx_status status =
        rmx_trainer_measure(t, t->test, "test", end->test_step, &set, stopped);
    if (status != RMX_OK || *stopped) return status;
    rmx_metrics_warn_undefined(t->progress, t->files.test, &set);
    end->test = set.mean;
    return RMX_OK;
}

/* ---- the line of results ------------------------------------------------------------------ */

static void print_results(const trainer *t, const ending *end, FILE *out)
{
    const char *name = t->schema.tasks == 1 ? t->schema.task_names[0] : NULL;
    const bool best = t->state.best_step > 0;
    fprintf(out, "{\"steps\":%lld", (long long)t->state.step);
    rmx_json_integer(out, "epochs", t->state.epoch);
    rmx_json_integer(out, "examples", t->state.examples);
    rmx_json_number(out, "train_logloss", end->latest.logloss);
    rmx_json_number(out, "train_auc", end->latest.auc);
    rmx_json_result(out, "valid", t->valid ? &t->valid_metrics : &rmx_metrics_none, name);
    rmx_json_number(out, "best_auc", best ? t->state.best_auc : NAN);
    rmx_json_number(out, "best_logloss", best ? t->state.best_logloss : NAN);
    rmx_json_integer(out, "best_step", t->state.best_step);
    if (t->test) {
        rmx_json_result(out, "test", &end->test, name);
        rmx_json_integer(out, "test_step", end->test_step);
        rmx_json_text(out, "test_checkpoint", end->test_checkpoint);
    }
    rmx_json_number(out, "ceiling_auc", t->valid ? rmx_reader_schema(t->valid)->ceiling_auc : NAN);
    rmx_json_number(out, "seconds", t->state.seconds);
    rmx_json_number(out, "examples_per_s", rmx_trainer_speed(t));
    rmx_json_hash(out, "params_xxh3", end->checksum);
    rmx_json_text(out, "checkpoint", t->last_checkpoint);
    fputs("}\n", out);
    fflush(out);
}

/* ---- for people --------------------------------------------------------------------------- */

/* Quotes a path for a shell. */
static const char *quoted(const char *path, char *out, size_t bytes)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+=@%,:";
    size_t used = 0;
    if (path[strspn(path, plain)] == '\0') {
        snprintf(out, bytes, "%s", path);
        return out;
    }
    out[used++] = '\'';
    for (; *path && used + 6 < bytes; path++) {
        const char *as = *path == '\'' ? "'\\''" : (const char[]){*path, '\0'};
        used += (size_t)snprintf(out + used, bytes - used, "%s", as);
    }
    out[used++] = '\'';
    out[used] = '\0';
    return out;
}

static void say_best(trainer *t, char *path, size_t bytes)
{
    char step[4300];
    const rmx_checkpoint_state *s = &t->state;
    snprintf(path, bytes, "%s", t->last_checkpoint);
    if (s->best_step == 0) return;
    rmx_checkpoint_path(t->folder, s->best_step, step, sizeof step);
    snprintf(path, bytes, "%s/best.h5", t->folder);
    if (access(path, R_OK) != 0)
        snprintf(path, bytes, "%s", step); /* this file system has no links */
    if (isnan(s->best_auc))
        rmx_progress_say(t->progress, "best    step %lld, logloss %.5f: %s",
                         (long long)s->best_step, s->best_logloss, path);
    else
        rmx_progress_say(t->progress, "best    step %lld, auc %.4f: %s", (long long)s->best_step,
                         s->best_auc, path);
}

/* drawn: curves.svg was drawn. */
static void say_end(trainer *t, bool drawn)
{
    char path[4300], model[9000], data[9000], duration[32];
    const char *folder = t->config->run.dir;
    const char *set = *t->files.test    ? t->files.test
                      : *t->files.valid ? t->files.valid
                                        : t->files.train;
    rmx_progress_say(t->progress, "done    %lld steps in %s of training: %s",
                     (long long)t->state.step, rmx_progress_duration(t->state.seconds, duration),
                     t->last_checkpoint);
    say_best(t, path, sizeof path);
    rmx_progress_say(t->progress, "figures %s/metrics.jsonl%s%s%s", folder, drawn ? ", " : "",
                     drawn ? folder : "", drawn ? "/curves.svg" : "");
    (void)quoted(path, model, sizeof model);
    (void)quoted(set, data, sizeof data);
    rmx_progress_say(t->progress, "next    rmx-eval %s %s", model, data);
    rmx_progress_say(t->progress, "        rmx-predict %s %s -o scores.csv", model, data);
    (void)quoted(folder, model, sizeof model);
    rmx_progress_say(t->progress, "        tensorboard --logdir %s", model);
}

static bool trained_nothing(const trainer *t)
{
    return t->state.examples == t->first_example && t->state.step >= t->total_steps;
}

rmx_status rmx_trainer_results(trainer *t, FILE *out)
{
    ending end = {.test_step = 0};
    bool stopped = false;
    rmx_error why;
    rmx_status status = RMX_OK;
    if (trained_nothing(t))
        rmx_progress_say(t->progress,
                         "already finished: step %lld of %lld; more train.epochs or train.steps "
                         "train on, --resume never starts anew",
                         (long long)t->state.step, (long long)t->total_steps);
    if (t->valid && t->valid_step != t->state.step) status = rmx_trainer_evaluate(t, false);
    if (status == RMX_OK)
        status = rmx_latest_scores_metrics(&t->latest, t->state.examples, &end.latest, t->error);
    if (status == RMX_OK) status = rmx_model_tensors_fetch(t->ctx, &t->tensors, t->error);
    if (status != RMX_OK || rmx_stop_requested()) return status;
    end.checksum = rmx_checkpoint_params_xxh3(t->tensors.tensor, t->tensors.count);
    if (t->test)
        status = test(t, &end, &stopped); /* this may load the parameters of the best checkpoint */
    if (status != RMX_OK || rmx_stop_requested()) return status;
    const double ceiling = t->valid ? rmx_reader_schema(t->valid)->ceiling_auc : NAN;
    const bool drawn = rmx_plots_curves(t->config->run.dir, ceiling, &why) == RMX_OK;
    if (!drawn) rmx_progress_warn(t->progress, "%s", why.text);
    if (!t->log.events || ferror(t->log.events))
        rmx_progress_warn(t->progress, "%s/tensorboard could not be written to",
                          t->config->run.dir);
    say_end(t, drawn);
    print_results(t, &end, out);
    return RMX_OK;
}
