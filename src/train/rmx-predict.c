/* SPDX-License-Identifier: MIT */
/* rmx-predict: writes the predictions for every row of a data set. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/same_file.h"
#include "train/json.h"
#include "train/predict_file.h"
#include "train/program.h"
#include "train/score_batch.h"
#include "train/score_program.h"
#include "train/stop_signal.h"

typedef struct arguments {
    rmx_score_arguments score;
    const char *output;
} arguments;

static const struct argp_option options[] = {
    {"output", 'o', "OUT.h5|OUT.csv", 0,
     "where the predictions go; needed, and none of the inputs", 0},
    RMX_SCORE_OPTIONS,
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    if (key == 'o') {
        a->output = value;
        return 0;
    }
    const error_t result = rmx_score_option(key, value, state, &a->score);
    if (key == ARGP_KEY_END && !a->output) argp_error(state, "needs -o OUT.h5 or -o OUT.csv");
    return result;
}

static const struct argp parser = {
    options,
    parse_option,
    "CHECKPOINT DATA -o OUT",
    "Scores every row of a data set, in its order: the row's number in the source, its keys and "
    "group as written, and of each task probability, logit and, where the set has labels, label. "
    "The set needs no labels."
    "\vExample:\n  rmx-predict runs/base/checkpoints/best.h5 data/valid.h5 -o scores.csv\n\n"
    "Exit codes: 0 ok, 1 error or a score that is not finite, 2 usage, 3 data, 4 device or "
    "memory, 143 stopped. Nothing is written under the output's name unless all went well.",
    NULL,
    NULL,
    NULL};

/* Scores batch by batch. A stop signal ends the loop between two batches. */
static rmx_status score_rows(rmx_scorer *s, rmx_predict_file *out, rmx_error *error)
{
    const int64_t values = s->config.train.batch * s->trained.tasks;
    float *logits = malloc((size_t)values * sizeof *logits);
    rmx_reader_view view;
    int64_t done = 0;
    rmx_status status = logits ? RMX_OK : rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    while (status == RMX_OK && !rmx_stop_requested()) {
        status = rmx_reader_next(s->reader, &view, error);
        if (status != RMX_OK || view.samples == 0) break;
        status = rmx_score(s->ctx, s->model, &s->trained, s->reader, &view, logits, error);
        if (status == RMX_OK) status = rmx_predict_file_write(out, &view, logits, error);
        done += view.samples;
        rmx_progress_work(&s->progress, done, s->data->rows, "scoring");
    }
    rmx_progress_end(&s->progress);
    free(logits);
    return status;
}

static rmx_status predict(rmx_scorer *s, const char *output, rmx_error *error)
{
    rmx_predict_file *out = NULL;
    rmx_status status = rmx_predict_file_open(output, s->data, &s->trained, &out, error);
    if (status == RMX_OK) status = score_rows(s, out, error);
    if (status != RMX_OK || rmx_stop_requested()) {
        rmx_predict_file_discard(out);
        return status;
    }
    status = rmx_predict_file_finish(out, error);
    if (status != RMX_OK) return status;
    printf("{\"rows\":%lld", (long long)s->data->rows);
    rmx_json_integer(stdout, "step", s->checkpoint.state.step);
    rmx_json_text(stdout, "output", output);
    puts("}");
    return RMX_OK;
}

/* Checks what is known before anything is read. */
static rmx_status check_output(const arguments *a, rmx_error *error)
{
    const rmx_status status = rmx_predict_file_check(a->output, error);
    return status == RMX_OK ? rmx_outputs_check(&a->output, 1, a->score.path, 2, error) : status;
}

static rmx_status run(void *input, bool *stopped, rmx_error *error)
{
    const arguments *a = input;
    rmx_scorer scorer;
    rmx_status status = check_output(a, error);
    if (status != RMX_OK) return status;
    status = rmx_scorer_open(&a->score, false, &scorer, error);
    if (status == RMX_OK) status = predict(&scorer, a->output, error);
    rmx_scorer_close(&scorer);
    *stopped = rmx_stop_requested();
    return status;
}

int main(int argc, char **argv)
{
    static const rmx_program program = {"rmx-predict", &parser, run};
    arguments a = {.output = NULL};
    return rmx_program_main(&program, argc, argv, &a);
}
