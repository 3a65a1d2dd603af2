/* SPDX-License-Identifier: MIT */
/* trainer.c: the training loop. */
#include "train/trainer.h"

#include <string.h>

#include "train/stop_signal.h"
#include "train/trainer_internal.h"

/* Counts the time since start as time of training. */
static void count_seconds(trainer *t, double start)
{
    const double seconds = rmx_progress_clock() - start;
    t->step_seconds += seconds;
    t->state.seconds += seconds;
}

/* Reads the results of the step that was begun last. */
static rmx_status collect(trainer *t)
{
    begun_step *begun = &t->begun;
    rmx_step_result result;
    if (begun->number == 0) return RMX_OK;
    const int64_t number = begun->number;
    begun->number = 0;
    const rmx_status status = rmx_model_read_step(t->model, (uint64_t)number, &result, t->logits);
    if (status != RMX_OK) return rmx_trainer_failed(t, status);
    if (!result.finite) return rmx_trainer_not_finite(t, number);
    rmx_latest_scores_add(&t->latest, begun->examples, begun->samples, t->logits, begun->labels);
    t->last_loss = result.loss;
    t->last_norm = (double)result.grad_norm;
    return RMX_OK;
}

/* The same, and writes the line of metrics if one is due. Afterwards nothing waits for the
 * device. */
static rmx_status settle(trainer *t)
{
    const rmx_status status = collect(t);
    if (status != RMX_OK || !t->unlogged) return status;
    t->unlogged = false;
    return rmx_trainer_log(t);
}

/* Begins a step, then reads the results of the step before it, so that a GPU computes while the
 * host works. */
static rmx_status do_step(trainer *t, const rmx_reader_view *view)
{
    const int64_t number = t->state.step + 1;
    const double start = rmx_progress_clock();
    const rmx_batch batch = rmx_reader_batch(view);
    const rmx_step step = {.step = (uint64_t)number,
                           .lr = rmx_trainer_lr(t, t->config->train.lr, number),
                           .embedding_lr =
                               rmx_trainer_lr(t, t->config->train.embedding_lr, number)};
    rmx_status status = rmx_model_set_batch(t->model, &batch);
    if (status == RMX_OK) status = rmx_model_step(t->model, &step);
    if (status != RMX_OK) return rmx_trainer_failed(t, status);
    status = settle(t); /* the state is still the state of the step before */
    if (status != RMX_OK) return status;
    t->begun.number = number;
    t->begun.samples = view->samples;
    t->begun.examples = t->state.examples;
    memcpy(t->begun.labels, view->labels, (size_t)(view->samples * t->latest.tasks));
    t->state.step = number;
    t->state.examples += view->samples;
    t->state.batch++;
    count_seconds(t, start);
    return RMX_OK;
}

/* Reads the next batch. Reading counts as time of training. */
static rmx_status next_batch(trainer *t, rmx_reader_view *view)
{
    const double start = rmx_progress_clock();
    const rmx_status status = rmx_reader_next(t->train, view, t->error);
    count_seconds(t, start);
    if (status == RMX_OK && view->samples == 0)
        return rmx_fail(t->error, RMX_ERR_INTERNAL, "the reader ended an epoch too early");
    return status;
}

/* After the last batch of an epoch comes the first of the next epoch. */
static rmx_status turn_epoch(trainer *t)
{
    rmx_reader_view end;
    if (t->state.batch < t->epoch_batches) return RMX_OK;
    t->state.batch = 0;
    t->state.epoch++;
    return rmx_reader_next(t->train, &end, t->error); /* an empty view */
}

static bool evaluation_due(const trainer *t)
{
    return t->valid && t->state.step > 0 && t->state.evaluated_step < t->state.step &&
           (t->state.step == t->total_steps ||
            rmx_trainer_due(t->config->train.eval_every, t->state.step, t->state.batch));
}

static bool save_due(const trainer *t)
{
    return t->state.step == 1 || t->state.step == t->total_steps ||
           t->state.best_step == t->state.step ||
           rmx_trainer_due(t->config->train.save_every, t->state.step, t->state.batch);
}

static bool log_due(const trainer *t)
{
    return t->state.step % t->config->train.log_every == 0 || t->state.step == t->total_steps ||
           t->state.step == 1;
}

static rmx_status save(trainer *t)
{
    const rmx_status status = settle(t);
    if (status != RMX_OK) return status;
    t->saved_step = t->state.step;
    return rmx_trainer_save(t);
}

/* Evaluates and saves after a step. The line of metrics waits until the next step has begun, unless
 * an evaluation or a checkpoint has to follow it. */
static rmx_status after_step(trainer *t)
{
    rmx_status status = RMX_OK;
    if (log_due(t)) t->unlogged = true;
    if (evaluation_due(t) || save_due(t)) {
        const double start = rmx_progress_clock();
        status = settle(t);
        count_seconds(t, start);
    }
    if (status == RMX_OK) rmx_trainer_live(t);
    if (status == RMX_OK && evaluation_due(t)) status = rmx_trainer_evaluate(t, true);
    if (status == RMX_OK && save_due(t) && !rmx_stop_requested()) status = save(t);
    return status;
}

static rmx_status loop(trainer *t)
{
    rmx_reader_view view;
    rmx_status status = RMX_OK;
    t->saved_step = t->state.step;
    if (evaluation_due(t)) { /* the run was stopped during this evaluation */
        status = rmx_trainer_evaluate(t, true);
        if (status == RMX_OK && !rmx_stop_requested()) status = save(t);
    }
    while (status == RMX_OK && t->state.step < t->total_steps && !rmx_stop_requested()) {
        status = next_batch(t, &view);
        if (status == RMX_OK) status = do_step(t, &view);
        if (status == RMX_OK) status = turn_epoch(t);
        if (status == RMX_OK) status = after_step(t);
    }
    /* at whatever point the signal came */
    if (status == RMX_OK && rmx_stop_requested() && t->saved_step != t->state.step)
        status = save(t);
    rmx_progress_end(t->progress);
    return status;
}

rmx_status rmx_trainer_run(const rmx_config *config, const rmx_trainer_options *options,
                           rmx_progress *progress, FILE *results, bool *stopped, rmx_error *error)
{
    trainer t;
    memset(&t, 0, sizeof t);
    t.config = config;
    t.options = options;
    t.progress = progress;
    t.error = error;
    t.lock = -1;
    t.valid_step = -1;
    snprintf(t.folder, sizeof t.folder, "%s/checkpoints", config->run.dir);
    *stopped = false;
    rmx_status status = rmx_trainer_open(&t);
    if (status == RMX_OK && options->check_only) {
        rmx_progress_say(progress, "%s: fine", config->file);
        goto cleanup;
    }
    if (status == RMX_OK && !rmx_stop_requested()) status = loop(&t);
    if (status == RMX_OK && !rmx_stop_requested()) status = rmx_trainer_results(&t, results);
    if (status == RMX_OK && rmx_stop_requested()) {
        *stopped = true;
        rmx_progress_say(progress, "stopped at step %lld; the same command goes on from %s",
                         (long long)t.state.step,
                         t.last_checkpoint[0] ? t.last_checkpoint : "the start");
    }
cleanup:
    rmx_trainer_close(&t);
    return status;
}
