/* SPDX-License-Identifier: MIT */
/* rmx-eval: the metrics of a checkpoint on a data set. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/evaluate.h"
#include "train/program.h"
#include "train/run_log.h"
#include "train/stop.h"

enum { KEY_DEVICE = 256 };

typedef struct arguments {
    const char *path[2]; /* checkpoint, data */
    int count;
    rmx_device device;
    int32_t threads, level;
} arguments;

static const struct argp_option options[] = {
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
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "CHECKPOINT DATA",
    "Evaluates a checkpoint on a data set; prints one JSON object."
    "\vExample:\n  rmx-eval runs/base/checkpoints/best.h5 data/valid.h5\n\n"
    "Exit codes: 0 ok, 1 error, 2 usage, 3 data, 4 device or memory, 143 stopped.",
    NULL,
    NULL,
    NULL};

static void print_task(const char *name, const rmx_metrics *m)
{
    fputs("{\"task\":", stdout);
    rmx_json_string(stdout, name);
    fprintf(stdout, ",\"examples\":%lld,\"positives\":%lld", (long long)m->examples,
            (long long)m->positives);
    rmx_json_number(stdout, "auc", m->auc);
    rmx_json_number(stdout, "logloss", m->logloss);
    rmx_json_number(stdout, "gauc", m->gauc);
    rmx_json_number(stdout, "mean_prediction", m->mean_prediction);
    rmx_json_number(stdout, "calibration", m->calibration);
    fputs("}", stdout);
}

static void on_rows(void *user, int64_t done, int64_t total)
{
    rmx_progress_live(user, "evaluating  %.0f %%", 100.0 * (double)done / (double)total);
}

static rmx_status evaluate(const arguments *a, bool *stopped, rmx_error *error)
{
    rmx_scorer scorer;
    rmx_reader *reader = NULL;
    rmx_metrics *of_task = NULL;
    rmx_progress progress;
    rmx_progress_init(&progress, a->level);
    rmx_status status = rmx_scorer_open(a->path[0], a->device, a->threads, &scorer, error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_say(&progress, "device  %s", rmx_context_describe(scorer.ctx));
    const rmx_reader_options options_of_reader = {.batch = scorer.config.train.batch};
    status = rmx_reader_open(a->path[1], &options_of_reader, &reader, error);
    if (status != RMX_OK) goto cleanup;
    const rmx_schema *schema = rmx_reader_schema(reader);
    status = rmx_schema_match(&scorer.schema, a->path[0], schema, a->path[1], error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_data(&progress, "data", a->path[1], schema);
    of_task = calloc((size_t)schema->tasks, sizeof *of_task);
    if (!of_task) status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    if (status == RMX_OK)
        status = rmx_evaluate(scorer.ctx, scorer.model, reader, on_rows, &progress, of_task,
                              stopped, error);
    rmx_progress_end(&progress);
    if (status != RMX_OK || *stopped) goto cleanup;
    const rmx_metrics mean = rmx_metrics_mean(of_task, schema->tasks);
    printf("{\"step\":%lld,\"examples\":%lld", (long long)scorer.checkpoint.state.step,
           (long long)mean.examples);
    rmx_json_number(stdout, "auc", mean.auc);
    rmx_json_number(stdout, "logloss", mean.logloss);
    rmx_json_number(stdout, "gauc", mean.gauc);
    rmx_json_number(stdout, "calibration", mean.calibration);
    rmx_json_number(stdout, "ceiling_auc", schema->ceiling_auc);
    fputs(",\"tasks\":[", stdout);
    for (int32_t t = 0; t < schema->tasks; t++) {
        if (t) fputc(',', stdout);
        print_task(schema->task_names[t], &of_task[t]);
    }
    puts("]}");
cleanup:
    free(of_task);
    rmx_reader_close(reader);
    rmx_scorer_close(&scorer);
    return status;
}

int main(int argc, char **argv)
{
    arguments a = {.count = 0};
    rmx_error error = {.text = ""};
    bool stopped = false;
    char version[64];
    snprintf(version, sizeof version, "rmx-eval %s", rmx_version());
    argp_program_version = version;
    argp_err_exit_status = RMX_EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    rmx_stop_install();
    const rmx_status status = evaluate(&a, &stopped, &error);
    const int code = rmx_program_exit("rmx-eval", status, &error);
    return code == RMX_EXIT_OK && stopped ? RMX_EXIT_STOPPED : code;
}
