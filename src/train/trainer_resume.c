/* SPDX-License-Identifier: MIT */
/* trainer_resume.c: continues a run. It removes what killed runs left, then reads the newest sound
 * checkpoint, or moves an older run aside. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/whole_file.h"
#include "kernels/numerics.h"
#include "train/trainer_internal.h"

static bool of_run(const char *name)
{
    return !strcmp(name, "config.ini") || !strcmp(name, "metrics.jsonl") ||
           !strcmp(name, "curves.svg");
}

void rmx_trainer_remove_leftovers(const trainer *t)
{
    char data[4300];
    snprintf(data, sizeof data, "%s/data", t->config->run.dir);
    rmx_remove_leftovers_in(t->config->run.dir, of_run, true);
    rmx_remove_leftovers_in(data, rmx_data_files_made, true);
    rmx_checkpoint_remove_leftovers(t->folder, true);
}

/* ---- the newest checkpoint ----------------------------------------------------------------- */

static rmx_status check_same_run(trainer *t, const char *path, const rmx_checkpoint *found)
{
    char differences[800] = "";
    rmx_error why;
    if (found->numerics != RMX_NUMERICS_CONTRACT)
        return rmx_fail(t->error, RMX_ERR_DATA,
                        "%s: cannot go on from this checkpoint: it was trained under rules of "
                        "rounding number %lld, this version has number %d; use the version that "
                        "wrote it, or start anew with --resume never",
                        path, (long long)found->numerics, RMX_NUMERICS_CONTRACT);
    rmx_config *was = calloc(1, sizeof *was);
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
    else if (t->schedule.kind == RMX_SCHEDULE_COSINE &&
             rmx_trainer_steps(was, t->epoch_batches) != t->total_steps)
        status = rmx_fail(t->error, RMX_ERR_ARGUMENT,
                          "%s: cannot go on from this checkpoint: the cosine ends at step %lld, "
                          "was %lld (train.steps, train.epochs)",
                          t->config->file, (long long)t->total_steps,
                          (long long)rmx_trainer_steps(was, t->epoch_batches));
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
    if (status == RMX_OK)
        status = rmx_checkpoint_state_check(&found.state, path, rmx_reader_schema(t->train)->rows,
                                            t->config->train.batch, t->error);
    if (status == RMX_OK)
        status = rmx_checkpoint_load(path, t->tensors.tensor, t->tensors.count, true, t->error);
    if (status == RMX_OK) status = rmx_model_tensors_store(t->ctx, &t->tensors, t->error);
    if (status == RMX_OK) {
        rmx_latest_scores_loaded(&t->latest);
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

/* Renames the folder of checkpoints and metrics.jsonl to NAME.1, NAME.2, ... */
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
    return rmx_fail_system(t->error, errno, "%s: cannot be moved aside", t->folder);
}

rmx_status rmx_trainer_resume(trainer *t)
{
    char path[4300];
    rmx_status status = RMX_OK;
    const char *how = t->options->resume;
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
    if (status == RMX_OK) status = rmx_checkpoint_set_aside(t->folder, t->state.step, t->error);
    /* a run that was killed here has an older best.h5, or one file too many */
    if (status == RMX_OK)
        status = rmx_checkpoint_tidy(t->folder, &t->state, t->config->train.keep, t->error);
    if (status == RMX_OK)
        status = rmx_reader_seek(t->train, (uint64_t)t->state.epoch, t->state.batch, t->error);
    return status;
}
