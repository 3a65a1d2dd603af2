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

/* A step that runs, or ran, and whose figures have not been looked at. */
typedef struct begun_step {
    int64_t number; /* 0: none */
    int64_t samples;
    int64_t examples; /* before it */
    uint8_t *labels;  /* [batch, tasks]; the reader's own are gone by then */
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
    bool undefined_told;         /* that the validation set has no AUC, and why */
    double last_loss, last_norm; /* of the last step */
    bool unlogged;               /* a line of metrics of it is due */
    int64_t saved_step;          /* the last one that this session saved or began at */

    /* of this session */
    int64_t first_example;
    double step_seconds;
} trainer;

/* trainer_open.c: opens everything, then takes up the run where it stands. */
rmx_status rmx_trainer_open(trainer *t);
void rmx_trainer_close(trainer *t);

/* trainer_plan.c: data, steps, parameters and memory, for --check-config. */
void rmx_trainer_say_plan(const trainer *t, const rmx_model_memory *memory);

/* trainer_resume.c */
/* With the lock held: whatever a killed run left under a temporary name of ours. */
void rmx_trainer_remove_leftovers(const trainer *t);
/* The newest sound checkpoint, another one or none, as the options say, becomes the state. */
rmx_status rmx_trainer_resume(trainer *t);

/* trainer_failure.c: a step was not finite: RMX_ERR_NUMERIC, with the tensor where it began, the
 * checkpoint to go on from and what to change. */
rmx_status rmx_trainer_not_finite(trainer *t, int64_t step);
/* Which checkpoint is good, where the forward pass of step `failed` was not finite. One is called
 * good only if a forward pass with its parameters was finite. */
void rmx_trainer_checkpoint_note(const trainer *t, int64_t failed, char *out, size_t bytes);

/* trainer_report.c */
rmx_status rmx_trainer_save(trainer *t);
/* Metrics on the validation set into state and the log, unless a signal came. */
rmx_status rmx_trainer_evaluate(trainer *t, bool log);
/* Metrics of the model as it is on any set, said as those of `step`, unless a signal came. */
rmx_status rmx_trainer_measure(trainer *t, rmx_reader *reader, const char *role, int64_t step,
                               rmx_metrics_set *out, bool *stopped);
rmx_status rmx_trainer_log(trainer *t);
void rmx_trainer_live(trainer *t);
double rmx_trainer_speed(const trainer *t); /* examples a second, of this session */
/* The context's last error becomes the run's. */
rmx_status rmx_trainer_failed(trainer *t, rmx_status status);

/* trainer_results.c: the test, the results, and a few lines for people. */
rmx_status rmx_trainer_results(trainer *t, FILE *out);

static inline float rmx_trainer_lr(const trainer *t, double peak, int64_t step)
{
    return rmx_schedule_lr(&t->schedule, peak, step);
}

/* Steps of a whole run by a config, on data of so many batches an epoch. */
static inline int64_t rmx_trainer_steps(const rmx_config *config, int64_t epoch_batches)
{
    return config->train.steps ? config->train.steps : epoch_batches * config->train.epochs;
}

/* Whether a step that ended at this place in the data is one to evaluate or to save at. */
static inline bool rmx_trainer_due(int64_t every, int64_t step, int64_t next_batch)
{
    return every > 0 ? step % every == 0 : next_batch == 0;
}

#endif /* RMX_TRAIN_TRAINER_INTERNAL_H */
