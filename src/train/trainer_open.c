/* SPDX-License-Identifier: MIT */
/* trainer_open.c: opens everything that a run needs before its first step. Nothing is written until
 * config, data and memory are known to fit. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "train/stop_signal.h"
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

/* Checks data, tokens and memory without writing. */
static rmx_status check(trainer *t)
{
    rmx_model_memory memory;
    int32_t field;
    rmx_status status = rmx_data_files_find(t->config, &t->files, &t->schema, t->error);
    if (status == RMX_OK)
        status = rmx_model_setup_make(t->config, &t->schema, &t->setup, t->error);
    if (status != RMX_OK) return status;
    status = rmx_model_plan(t->ctx, &t->setup.model, &t->setup.training, &memory);
    if (status != RMX_OK)
        return rmx_fail(t->error, status, "%s: the model: %s", t->config->file,
                        rmx_last_error(t->ctx));
    const int32_t cut = rmx_model_setup_cut_fields(&t->setup, &field);
    if (cut && t->progress->level >= 0)
        rmx_progress_warn(t->progress,
                          "tokenizer = auto cuts %d of %d sparse fields in two, the first is "
                          "'%s'; tokenizer = groups keeps fields whole",
                          cut, t->schema.sparse_fields, t->schema.names[field]);
    if (t->options->check_only) rmx_trainer_say_plan(t, &memory);
    return RMX_OK;
}

/* Only one run may work in a folder. */
static rmx_status lock_folder(trainer *t)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/.lock", t->config->run.dir);
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (t->lock < 0) return rmx_fail_system(t->error, errno, "%s: cannot open", path);
    if (flock(t->lock, LOCK_EX | LOCK_NB) == 0) return RMX_OK;
    if (errno != EWOULDBLOCK) return rmx_fail_system(t->error, errno, "%s: cannot lock", path);
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
    if (status == RMX_OK) status = rmx_schema_need_labels(rmx_reader_schema(*out), path, t->error);
    if (status == RMX_OK) status = rmx_dataset_match(&t->schema, t->files.train, path, t->error);
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
    t->total_steps = rmx_trainer_steps(t->config, t->epoch_batches);
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
    t->config_text = rmx_config_to_text(t->config, false);
    if (!t->logits || !t->begun.labels || !t->of_task || !t->config_text)
        return rmx_fail(t->error, RMX_ERR_MEMORY, "out of memory");
    status = rmx_latest_scores_init(&t->latest, tasks, t->error);
    if (status == RMX_OK)
        status = rmx_model_tensors_make(t->ctx, t->model, true, &t->tensors, t->error);
    if (status == RMX_OK)
        status = rmx_model_tensors_add(&t->tensors, "recent:logits", RMX_LATEST_EXAMPLES, tasks,
                                       t->latest.logits, t->error);
    if (status == RMX_OK)
        status = rmx_model_tensors_add(&t->tensors, "recent:labels", RMX_LATEST_EXAMPLES, tasks,
                                       t->latest.labels, t->error);
    return status;
}

/* Writes the config as it was understood into the run folder. */
static rmx_status keep_config(trainer *t)
{
    char path[4300], *text = rmx_config_to_text(t->config, true);
    snprintf(path, sizeof path, "%s/config.ini", t->config->run.dir);
    const rmx_status status = text ? rmx_write_whole(path, text, t->error)
                                   : rmx_fail(t->error, RMX_ERR_MEMORY, "%s: out of memory", path);
    free(text);
    return status;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void describe(trainer *t)
{
    rmx_describe_model(t->progress, t->ctx, t->model);
    rmx_describe_data(t->progress, "train", t->files.train, rmx_reader_schema(t->train));
    if (t->valid)
        rmx_describe_data(t->progress, "valid", t->files.valid, rmx_reader_schema(t->valid));
    if (t->test) rmx_describe_data(t->progress, "test", t->files.test, rmx_reader_schema(t->test));
}

rmx_status rmx_trainer_open(trainer *t)
{
    rmx_status status = open_context(t);
    if (status == RMX_OK) status = check(t);
    if (status != RMX_OK || t->options->check_only) return status;
    status = rmx_make_folder(t->config->run.dir, t->error);
    if (status == RMX_OK) status = lock_folder(t);
    if (status == RMX_OK) rmx_trainer_remove_leftovers(t);
    if (status == RMX_OK) status = open_data(t);
    if (status != RMX_OK || rmx_stop_requested()) return status;
    status = open_model(t);
    if (status == RMX_OK) describe(t);
    if (status == RMX_OK) status = rmx_trainer_resume(t);
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
    rmx_latest_scores_free(&t->latest);
    rmx_model_destroy(t->model);
    rmx_reader_close(t->train);
    rmx_reader_close(t->valid);
    rmx_reader_close(t->test);
    rmx_model_setup_free(&t->setup);
    rmx_schema_free(&t->schema);
    rmx_context_destroy(t->ctx);
    free(t->logits);
    free(t->begun.labels);
    free(t->of_task);
    free(t->config_text);
    if (t->lock >= 0) close(t->lock);
}
