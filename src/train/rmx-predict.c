/* SPDX-License-Identifier: MIT */
/* rmx-predict: the probability of every row of a data set. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/same_file.h"
#include "train/json.h"
#include "train/predict_file.h"
#include "train/program.h"
#include "train/scoring.h"
#include "train/stop.h"

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

/* Batch by batch; a signal ends it between two. */
static rmx_status score_rows(rmx_scorer *scorer, rmx_reader *reader, rmx_predict_file *out,
                             rmx_progress *progress, rmx_error *error)
{
    const int64_t values = scorer->config.train.batch * scorer->schema.tasks;
    const int64_t rows = rmx_reader_schema(reader)->rows;
    float *logits = malloc((size_t)values * sizeof *logits);
    rmx_reader_view view;
    int64_t done = 0;
    rmx_status status = logits ? RMX_OK : rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    while (status == RMX_OK && !rmx_stop_requested()) {
        status = rmx_reader_next(reader, &view, error);
        if (status != RMX_OK || view.samples == 0) break;
        status =
            rmx_score(scorer->ctx, scorer->model, &scorer->schema, reader, &view, logits, error);
        if (status == RMX_OK) status = rmx_predict_file_write(out, &view, logits, error);
        done += view.samples;
        rmx_progress_work(progress, done, rows, "scoring");
    }
    rmx_progress_end(progress);
    free(logits);
    return status;
}

/* What can be told before anything is read. */
static rmx_status check_output(const arguments *a, rmx_error *error)
{
    const rmx_status status = rmx_predict_file_check(a->output, error);
    return status == RMX_OK ? rmx_outputs_check(&a->output, 1, a->score.path, 2, error) : status;
}

static rmx_status predict(const arguments *a, rmx_error *error)
{
    rmx_scorer scorer;
    rmx_reader *reader = NULL;
    rmx_predict_file *out = NULL;
    rmx_progress progress;
    rmx_progress_init(&progress, a->score.level);
    rmx_status status = check_output(a, error);
    if (status != RMX_OK) return status;
    status = rmx_scorer_open(a->score.path[0], a->score.device, a->score.threads, &scorer, error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_say(&progress, "device  %s", rmx_context_describe(scorer.ctx));
    const rmx_reader_options how = {.batch = scorer.config.train.batch, .keys = true};
    status = rmx_reader_open(a->score.path[1], &how, &reader, error);
    if (status != RMX_OK) goto cleanup;
    const rmx_schema *schema = rmx_reader_schema(reader);
    status = rmx_dataset_match(&scorer.schema, a->score.path[0], a->score.path[1], error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_data(&progress, "data", a->score.path[1], schema);
    status = rmx_predict_file_open(a->output, schema, &scorer.schema, &out, error);
    if (status == RMX_OK) status = score_rows(&scorer, reader, out, &progress, error);
    if (status != RMX_OK || rmx_stop_requested()) goto cleanup;
    status = rmx_predict_file_finish(out, error);
    out = NULL;
    if (status != RMX_OK) goto cleanup;
    printf("{\"rows\":%lld,\"step\":%lld", (long long)schema->rows,
           (long long)scorer.checkpoint.state.step);
    rmx_json_text(stdout, "output", a->output);
    puts("}");
cleanup:
    rmx_predict_file_discard(out);
    rmx_reader_close(reader);
    rmx_scorer_close(&scorer);
    return status;
}

int main(int argc, char **argv)
{
    arguments a = {.output = NULL};
    rmx_error error = {.text = ""};
    int code = rmx_program_begin("rmx-predict", &parser, argc, argv, &a);
    if (code != RMX_EXIT_OK) return code;
    rmx_stop_install();
    const rmx_status status = predict(&a, &error);
    code = rmx_program_exit("rmx-predict", status, &error);
    return code == RMX_EXIT_OK && rmx_stop_requested() ? RMX_EXIT_STOPPED : code;
}
