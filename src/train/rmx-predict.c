/* SPDX-License-Identifier: MIT */
/* rmx-predict: the probability of every row of a data set. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/metrics.h"
#include "train/predict_file.h"
#include "train/program.h"
#include "train/run_log.h"
#include "train/stop.h"

enum { KEY_DEVICE = 256 };

typedef struct arguments {
    const char *path[2], *output; /* checkpoint, data */
    int count;
    rmx_device device;
    int32_t threads, level;
} arguments;

static const struct argp_option options[] = {
    {"output", 'o', "OUT.h5|OUT.csv", 0, "where the predictions go; needed", 0},
    {"device", KEY_DEVICE, "auto|cpu|cuda", 0, "where it runs; auto: a GPU if one works", 0},
    {"threads", 't', "N", 0, "CPU threads; 0, the default: one a core", 0},
    {"quiet", 'q', NULL, 0, "results only", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    char *end;
    long number;
    switch (key) {
    case 'o': a->output = value; return 0;
    case KEY_DEVICE:
        if (!rmx_program_device(value, &a->device))
            argp_error(state, "--device is auto, cpu or cuda, not '%s'", value);
        return 0;
    case 't':
        number = strtol(value, &end, 10);
        if (end == value || *end || number < 0 || number > 1024)
            argp_error(state, "--threads is 0 .. 1024, not '%s'", value);
        a->threads = (int32_t)number;
        return 0;
    case 'q': a->level = -1; return 0;
    case ARGP_KEY_ARG:
        if (a->count == 2) argp_error(state, "too many arguments: '%s'", value);
        a->path[a->count++] = value;
        return 0;
    case ARGP_KEY_END:
        if (a->count < 2) argp_error(state, "needs a checkpoint and a data set");
        if (!a->output) argp_error(state, "needs -o OUT.h5 or -o OUT.csv");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "CHECKPOINT DATA -o OUT",
    "Scores every row of a data set: its row number, its group if it has one, and the "
    "probability of each task; in the order of the data."
    "\vExample:\n  rmx-predict runs/base/checkpoints/best.h5 data/valid.h5 -o scores.csv\n\n"
    "Exit codes: 0 ok, 1 error, 2 usage, 3 data, 4 device or memory, 143 stopped (nothing is "
    "written).",
    NULL,
    NULL,
    NULL};

/* Batch by batch; a signal ends it between two. */
static rmx_status score_rows(rmx_scorer *scorer, rmx_reader *reader, rmx_predict_file *out,
                             rmx_progress *progress, rmx_error *error)
{
    const rmx_schema *schema = rmx_reader_schema(reader);
    const int64_t values = scorer->config.train.batch * schema->tasks;
    float *score = malloc((size_t)values * sizeof *score);
    rmx_reader_view view;
    int64_t done = 0;
    rmx_status status = score ? RMX_OK : rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    while (status == RMX_OK && !rmx_stop_requested()) {
        status = rmx_reader_next(reader, &view, error);
        if (status != RMX_OK || view.samples == 0) break;
        rmx_batch batch = rmx_reader_batch(&view);
        batch.labels = NULL;
        status = rmx_model_load(scorer->model, &batch);
        if (status == RMX_OK) status = rmx_model_forward(scorer->model);
        if (status == RMX_OK) status = rmx_model_logits(scorer->model, score);
        if (status != RMX_OK) {
            status = rmx_fail(error, status, "%s", rmx_last_error(scorer->ctx));
            break;
        }
        for (int64_t i = 0; i < view.samples * schema->tasks; i++)
            score[i] = (float)rmx_metrics_probability((double)score[i]);
        status = rmx_predict_file_write(out, &view, score, error);
        done += view.samples;
        rmx_progress_live(progress, "scoring  %.0f %%",
                          100.0 * (double)done / (double)schema->rows);
    }
    rmx_progress_end(progress);
    free(score);
    return status;
}

static rmx_status predict(const arguments *a, rmx_error *error)
{
    rmx_scorer scorer;
    rmx_reader *reader = NULL;
    rmx_predict_file *out = NULL;
    rmx_progress progress;
    rmx_progress_init(&progress, a->level);
    rmx_status status = rmx_scorer_open(a->path[0], a->device, a->threads, &scorer, error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_say(&progress, "device  %s", rmx_context_describe(scorer.ctx));
    const rmx_reader_options how = {.batch = scorer.config.train.batch};
    status = rmx_reader_open(a->path[1], &how, &reader, error);
    if (status != RMX_OK) goto cleanup;
    const rmx_schema *schema = rmx_reader_schema(reader);
    status = rmx_schema_match(&scorer.schema, a->path[0], schema, a->path[1], error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_data(&progress, "data", a->path[1], schema);
    status = rmx_predict_file_open(a->output, schema, schema->rows, &out, error);
    if (status == RMX_OK) status = score_rows(&scorer, reader, out, &progress, error);
    if (status != RMX_OK || rmx_stop_requested()) goto cleanup;
    status = rmx_predict_file_finish(out, error);
    out = NULL;
    if (status != RMX_OK) goto cleanup;
    printf("{\"rows\":%lld,\"output\":", (long long)schema->rows);
    rmx_json_string(stdout, a->output);
    puts("}");
cleanup:
    rmx_predict_file_discard(out);
    rmx_reader_close(reader);
    rmx_scorer_close(&scorer);
    return status;
}

int main(int argc, char **argv)
{
    arguments a = {.count = 0};
    rmx_error error = {.text = ""};
    char version[64];
    snprintf(version, sizeof version, "rmx-predict %s", rmx_version());
    argp_program_version = version;
    argp_err_exit_status = RMX_EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    rmx_stop_install();
    const rmx_status status = predict(&a, &error);
    const int code = rmx_program_exit("rmx-predict", status, &error);
    return code == RMX_EXIT_OK && rmx_stop_requested() ? RMX_EXIT_STOPPED : code;
}
