/* SPDX-License-Identifier: MIT */
/* trainer_open.c: everything that has to be there before the first step. Checks come first: until
 * the config, the data and the memory are known to fit, nothing is written. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "train/schema_text.h"
#include "train/stop.h"
#include "train/trainer_internal.h"

static rmx_status open_context(trainer *t)
{
    char why[512] = "";
    const rmx_context_options options = {.device = (rmx_device)t->config->run.device,
                                         .threads = (int32_t)t->config->run.threads};
    const rmx_status status = rmx_context_create(&options, &t->ctx, why, sizeof why);
    if (status == RMX_OK) return status;
    return rmx_fail(t->error, status, "run.device = %s: %s",
                    t->config->run.device == RMX_DEVICE_CUDA ? "cuda" : "auto or cpu", why);
}

/* What can be known without writing: data, tokens, memory. */
static rmx_status check(trainer *t)
{
    rmx_model_memory memory;
    int32_t field;
    rmx_status status = rmx_data_files_find(t->config, &t->files, &t->schema, t->error);
    if (status == RMX_OK) status = rmx_setup_make(t->config, &t->schema, &t->setup, t->error);
    if (status != RMX_OK) return status;
    status = rmx_model_plan(t->ctx, &t->setup.model, &t->setup.training, &memory);
    if (status != RMX_OK)
        return rmx_fail(t->error, status, "%s: the model: %s", t->config->file,
                        rmx_last_error(t->ctx));
    const int32_t cut = rmx_setup_cut_fields(&t->setup, &field);
    if (cut && t->progress->level >= 0)
        rmx_progress_warn(t->progress,
                          "tokenizer = auto cuts %d of %d sparse fields in two, the first is "
                          "'%s'; tokenizer = groups keeps fields whole",
                          cut, t->schema.sparse_fields, t->schema.names[field]);
    return RMX_OK;
}

/* One run at a time in a folder. */
static rmx_status lock_folder(trainer *t)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/.lock", t->config->run.dir);
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (t->lock < 0) return rmx_fail(t->error, RMX_ERR_DATA, "%s: %s", path, strerror(errno));
    if (flock(t->lock, LOCK_EX | LOCK_NB) == 0) return RMX_OK;
    return rmx_fail(t->error, RMX_ERR_ARGUMENT,
                    "%s: another rmx-train works in this folder; wait for it or choose another "
                    "run.dir",
                    t->config->run.dir);
}

static rmx_status open_reader(const trainer *t, const char *path, bool shuffle, rmx_reader **out)
{
    const rmx_reader_options options = {.batch = t->config->train.batch,
                                        .shuffle = shuffle,
                                        .seed = (uint64_t)t->config->run.seed};
    if (!*path) return RMX_OK;
    rmx_status status = rmx_reader_open(path, &options, out, t->error);
    if (status == RMX_OK)
        status =
            rmx_schema_match(&t->schema, t->files.train, rmx_reader_schema(*out), path, t->error);
    return status;
}

static rmx_status open_data(trainer *t)
{
    rmx_status status = rmx_data_files_make(t->config, &t->files, t->progress, t->error);
    if (status != RMX_OK || rmx_stop_requested()) return status;
    status = open_reader(t, t->files.train, true, &t->train);
    if (status == RMX_OK) status = open_reader(t, t->files.valid, false, &t->valid);
    if (status == RMX_OK) status = open_reader(t, t->files.test, false, &t->test);
    if (status != RMX_OK) return status;
    t->epoch_batches = rmx_reader_batches(t->train);
    t->total_steps = t->config->train.steps ? t->config->train.steps
                                            : t->epoch_batches * t->config->train.epochs;
    t->schedule = (rmx_schedule){.kind = (rmx_schedule_kind)t->config->train.schedule,
                                 .warmup = t->config->train.warmup,
                                 .steps = t->total_steps};
    if (t->schedule.kind == RMX_SCHEDULE_COSINE && t->schedule.warmup >= t->total_steps)
        return rmx_fail(t->error, RMX_ERR_ARGUMENT,
                        "%s: train.warmup = %lld leaves no step of %lld for the cosine",
                        t->config->file, (long long)t->schedule.warmup, (long long)t->total_steps);
    t->state.best_auc = -1;
    t->state.train_fingerprint = rmx_reader_schema(t->train)->fingerprint;
    t->state.valid_fingerprint = t->valid ? rmx_reader_schema(t->valid)->fingerprint : 0;
    return RMX_OK;
}

static rmx_status open_model(trainer *t)
{
    const int32_t tasks = t->schema.tasks;
    rmx_status status = rmx_model_create(t->ctx, &t->setup.model, &t->setup.training, &t->model);
    if (status != RMX_OK)
        return rmx_fail(t->error, status, "%s: the model: %s", t->config->file,
                        rmx_last_error(t->ctx));
    t->logits = malloc((size_t)t->config->train.batch * (size_t)tasks * sizeof(float));
    t->begun.labels = malloc((size_t)t->config->train.batch * (size_t)tasks);
    t->of_task = calloc((size_t)tasks, sizeof *t->of_task);
    t->config_text = rmx_config_to_text(t->config);
    t->schema_text = rmx_schema_to_text(&t->schema);
    if (!t->logits || !t->begun.labels || !t->of_task || !t->config_text || !t->schema_text)
        return rmx_fail(t->error, RMX_ERR_MEMORY, "out of memory");
    status = rmx_recent_init(&t->recent, tasks, t->error);
    if (status == RMX_OK)
        status = rmx_model_tensors_make(t->ctx, t->model, true, &t->tensors, t->error);
    if (status == RMX_OK)
        status = rmx_model_tensors_add(&t->tensors, "recent:logits", RMX_RECENT_EXAMPLES, tasks,
                                       t->recent.logits, t->error);
    if (status == RMX_OK)
        status = rmx_model_tensors_add(&t->tensors, "recent:labels", RMX_RECENT_EXAMPLES, tasks,
                                       t->recent.labels, t->error);
    return status;
}

/* ---- resuming ----------------------------------------------------------------------------- */

/* Steps of a whole run by another config on the same data. */
static int64_t steps_of(const trainer *t, const rmx_config *config)
{
    return config->train.steps ? config->train.steps : t->epoch_batches * config->train.epochs;
}

static rmx_status check_same_run(trainer *t, const char *path, const rmx_checkpoint *found)
{
    char differences[800] = "";
    rmx_config *was = calloc(1, sizeof *was);
    rmx_error why;
    if (!was) return rmx_fail(t->error, RMX_ERR_MEMORY, "out of memory");
    rmx_status status =
        rmx_config_parse(path, found->config, strlen(found->config), NULL, 0, was, &why);
    if (status != RMX_OK)
        status =
            rmx_fail(t->error, RMX_ERR_DATA, "%s: its config cannot be read: %s", path, why.text);
    else if (rmx_config_differences(was, t->config, differences, sizeof differences))
        status = rmx_fail(t->error, RMX_ERR_ARGUMENT,
                          "%s: cannot go on from this checkpoint: %s; take these back, choose "
                          "another run.dir, or start anew with --resume never",
                          t->config->file, differences);
    else if (t->schedule.kind == RMX_SCHEDULE_COSINE && steps_of(t, was) != t->total_steps)
        status = rmx_fail(t->error, RMX_ERR_ARGUMENT,
                          "%s: cannot go on from this checkpoint: the cosine ends at step %lld, "
                          "was %lld (train.steps, train.epochs)",
                          t->config->file, (long long)t->total_steps, (long long)steps_of(t, was));
    else if (found->state.train_fingerprint != t->state.train_fingerprint ||
             found->state.valid_fingerprint != t->state.valid_fingerprint)
        status = rmx_fail(t->error, RMX_ERR_DATA,
                          "%s: cannot go on from this checkpoint: %s is another set than it was "
                          "trained with",
                          path,
                          found->state.train_fingerprint != t->state.train_fingerprint
                              ? t->files.train
                              : "the validation set");
    rmx_config_destroy(was);
    free(was);
    return status;
}

static rmx_status resume_from(trainer *t, const char *path)
{
    rmx_checkpoint found;
    rmx_status status = rmx_checkpoint_open(path, &found, t->error);
    if (status != RMX_OK) return status;
    status = check_same_run(t, path, &found);
    if (status == RMX_OK &&
        (found.state.step < 0 || found.state.epoch < 0 || found.state.batch < 0 ||
         found.state.batch >= t->epoch_batches || found.state.examples < 0))
        status = rmx_fail(t->error, RMX_ERR_DATA, "%s: its place in the data is impossible", path);
    if (status == RMX_OK)
        status = rmx_checkpoint_load(path, t->tensors.tensor, t->tensors.count, true, t->error);
    if (status == RMX_OK) status = rmx_model_tensors_store(t->ctx, &t->tensors, t->error);
    if (status == RMX_OK) {
        rmx_recent_loaded(&t->recent);
        t->state = found.state;
        snprintf(t->last_checkpoint, sizeof t->last_checkpoint, "%s", path);
        rmx_progress_say(t->progress, "resume  %s: step %lld of %lld", path,
                         (long long)t->state.step, (long long)t->total_steps);
    }
    rmx_checkpoint_free(&found);
    return status;
}

static void on_refused(void *user, const char *text)
{
    rmx_progress_warn(user, "%s; trying an older checkpoint", text);
}

/* Moves the folder of checkpoints and metrics.jsonl out of the way: NAME.1, NAME.2, ... */
static rmx_status put_aside(trainer *t)
{
    char lines[4300], aside[4300], other[4300];
    struct stat info;
    snprintf(lines, sizeof lines, "%s/metrics.jsonl", t->config->run.dir);
    if (stat(t->folder, &info) != 0 && stat(lines, &info) != 0) return RMX_OK;
    for (int n = 1; n < 100000; n++) {
        snprintf(aside, sizeof aside, "%s.%d", t->folder, n);
        snprintf(other, sizeof other, "%s/metrics.%d.jsonl", t->config->run.dir, n);
        if (stat(aside, &info) == 0 || stat(other, &info) == 0) continue;
        if (rename(t->folder, aside) != 0 && errno != ENOENT) break;
        if (rename(lines, other) != 0 && errno != ENOENT) break;
        rmx_progress_say(t->progress, "the older run is in %s", aside);
        return RMX_OK;
    }
    return rmx_fail(t->error, RMX_ERR_DATA, "%s: cannot be moved aside: %s", t->folder,
                    strerror(errno));
}

static rmx_status resume(trainer *t)
{
    char path[4300];
    rmx_status status = RMX_OK;
    const char *how = t->options->resume;
    snprintf(t->folder, sizeof t->folder, "%s/checkpoints", t->config->run.dir);
    if (!strcmp(how, "never")) {
        status = put_aside(t);
    } else if (strcmp(how, "auto")) {
        status = resume_from(t, how);
    } else {
        status =
            rmx_checkpoint_newest(t->folder, path, sizeof path, on_refused, t->progress, t->error);
        if (status == RMX_OK && path[0]) status = resume_from(t, path);
    }
    if (status == RMX_OK) status = rmx_make_folder(t->folder, t->error);
    if (status == RMX_OK) rmx_checkpoint_set_aside(t->folder, t->state.step);
    if (status == RMX_OK)
        status = rmx_reader_seek(t->train, (uint64_t)t->state.epoch, t->state.batch, t->error);
    return status;
}

/* The config as it was understood, beside what it made. */
static rmx_status keep_config(trainer *t)
{
    char path[4300], temporary[4400];
    snprintf(path, sizeof path, "%s/config.ini", t->config->run.dir);
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    FILE *out = fopen(temporary, "w");
    if (out) rmx_config_print(t->config, true, out);
    const bool failed = !out || ferror(out);
    if ((!out || fclose(out) == 0) && !failed && rename(temporary, path) == 0) return RMX_OK;
    const rmx_status status =
        rmx_fail(t->error, RMX_ERR_DATA, "%s: cannot write: %s", path, strerror(errno));
    unlink(temporary);
    return status;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void describe(trainer *t)
{
    rmx_progress_model(t->progress, t->ctx, t->model);
    rmx_progress_data(t->progress, "train", t->files.train, rmx_reader_schema(t->train));
    if (t->valid)
        rmx_progress_data(t->progress, "valid", t->files.valid, rmx_reader_schema(t->valid));
    if (t->test) rmx_progress_data(t->progress, "test", t->files.test, rmx_reader_schema(t->test));
}

rmx_status rmx_trainer_open(trainer *t)
{
    rmx_status status = open_context(t);
    if (status == RMX_OK) status = check(t);
    if (status != RMX_OK || t->options->check_only) return status;
    status = rmx_make_folder(t->config->run.dir, t->error);
    if (status == RMX_OK) status = lock_folder(t);
    if (status == RMX_OK) status = open_data(t);
    if (status != RMX_OK || rmx_stop_requested()) return status;
    status = open_model(t);
    if (status == RMX_OK) describe(t);
    if (status == RMX_OK) status = resume(t);
    if (status == RMX_OK) status = keep_config(t);
    if (status == RMX_OK)
        status = rmx_run_log_open(t->config->run.dir, t->state.step, t->state.evaluated_step,
                                  &t->log, t->error);
    t->first_example = t->state.examples;
    return status;
}

void rmx_trainer_close(trainer *t)
{
    rmx_run_log_close(&t->log);
    rmx_model_tensors_free(&t->tensors);
    rmx_recent_free(&t->recent);
    rmx_model_destroy(t->model);
    rmx_reader_close(t->train);
    rmx_reader_close(t->valid);
    rmx_reader_close(t->test);
    rmx_setup_free(&t->setup);
    rmx_schema_free(&t->schema);
    rmx_context_destroy(t->ctx);
    free(t->logits);
    free(t->begun.labels);
    free(t->of_task);
    free(t->config_text);
    free(t->schema_text);
    if (t->lock >= 0) close(t->lock);
}
