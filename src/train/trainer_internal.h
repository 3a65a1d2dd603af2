/* SPDX-License-Identifier: MIT */
/* trainer_internal.h: the state of a run, and which file does which part of it. */
#ifndef RMX_TRAIN_TRAINER_INTERNAL_H
#define RMX_TRAIN_TRAINER_INTERNAL_H

#include "rankmixer/schedule.h"
#include "train/data_files.h"
#include "train/evaluate.h"
#include "train/latest_scores.h"
#include "train/run_log.h"
#include "train/model_setup.h"
#include "train/model_tensors.h"
#include "train/trainer.h"

/* A step that was begun and whose results have not been read. */
typedef struct begun_step {
    int64_t number; /* 0: none */
    int64_t samples;
    int64_t examples; /* before this step */
    uint8_t *labels;  /* [batch, tasks]: a copy, as the reader reuses its own */
} begun_step;

typedef struct trainer {
    const rmx_config *config;
    const rmx_trainer_options *options;
    rmx_progress *progress;
    rmx_error *error;

    rmx_context *ctx;
    rmx_schema schema;
    rmx_model_setup setup;
    rmx_data_files files;
    rmx_reader *train, *valid, *test;
    rmx_model *model;
    rmx_model_tensors tensors;
    rmx_latest_scores latest;
    rmx_run_log log;
    begun_step begun;
    float *logits;        /* [batch, tasks] */
    rmx_metrics *of_task; /* [tasks] */
    char *config_text;
    char folder[4200];          /* of the checkpoints */
    char last_checkpoint[4300]; /* "" before the first */
    int lock;                   /* file descriptor, -1: none */

    rmx_schedule schedule;
    int64_t epoch_batches, total_steps;
    rmx_checkpoint_state state;
    rmx_metrics valid_metrics; /* of step valid_step */
    int64_t valid_step;
    bool undefined_told;         /* the warning about an undefined AUC was printed */
    double last_loss, last_norm; /* of the last step */
    bool unlogged;               /* its line of metrics is due */
    int64_t saved_step;          /* the step that this session saved last or began at */

    /* of this session only */
    int64_t first_example;
    double step_seconds;
} trainer;

/* trainer_open.c: opens everything, then resumes. */
rmx_status rmx_trainer_open(trainer *t);
void rmx_trainer_close(trainer *t);

/* trainer_plan.c: prints data, steps, parameters and memory, for --check-config. */
void rmx_trainer_say_plan(const trainer *t, const rmx_model_memory *memory);

/* trainer_resume.c */
/* Removes the temporary files of killed runs. The lock has to be held. */
void rmx_trainer_remove_leftovers(const trainer *t);
/* Reads the state from the newest sound checkpoint, another one or none, as the options say. */
rmx_status rmx_trainer_resume(trainer *t);

/* trainer_failure.c: explains a step that was not finite. Returns RMX_ERR_NUMERIC, with the tensor,
 * the checkpoint to continue from and what to change. */
rmx_status rmx_trainer_not_finite(trainer *t, int64_t step);
/* Says which checkpoint is good after the forward pass of step `failed` was not finite. A
 * checkpoint is called good only if a forward pass with its parameters was finite. */
void rmx_trainer_checkpoint_note(const trainer *t, int64_t failed, char *out, size_t bytes);

/* trainer_report.c */
rmx_status rmx_trainer_save(trainer *t);
/* Evaluates on the validation set, unless a signal comes; log: into state and log. */
rmx_status rmx_trainer_evaluate(trainer *t, bool log);
/* Evaluates the model as it is on any set and prints the metrics as those of `step`, unless a
 * signal comes. */
rmx_status rmx_trainer_measure(trainer *t, rmx_reader *reader, const char *role, int64_t step,
                               rmx_metrics_set *out, bool *stopped);
rmx_status rmx_trainer_log(trainer *t);
void rmx_trainer_live(trainer *t);
double rmx_trainer_speed(const trainer *t); /* examples per second of this session */
/* Turns the last error of the context into the error of the run. */
rmx_status rmx_trainer_failed(trainer *t, rmx_status status);

/* trainer_results.c: tests, prints the results and a few lines for people. */
rmx_status rmx_trainer_results(trainer *t, FILE *out);

static inline float rmx_trainer_lr(const trainer *t, double peak, int64_t step)
{
    return rmx_schedule_lr(&t->schedule, peak, step);
}

/* The number of steps of a whole run with so many batches an epoch. */
static inline int64_t rmx_trainer_steps(const rmx_config *config, int64_t epoch_batches)
{
    return config->train.steps ? config->train.steps : epoch_batches * config->train.epochs;
}

/* Whether evaluation or saving is due after a step, by the next batch of the epoch. */
static inline bool rmx_trainer_due(int64_t every, int64_t step, int64_t next_batch)
{
    return every > 0 ? step % every == 0 : next_batch == 0;
}

#endif /* RMX_TRAIN_TRAINER_INTERNAL_H */
