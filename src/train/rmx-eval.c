/* SPDX-License-Identifier: MIT */
/* rmx-eval: the metrics of a checkpoint on a data set. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/evaluate.h"
#include "train/json.h"
#include "train/metrics_json.h"
#include "train/metrics_text.h"
#include "train/program.h"
#include "train/stop.h"

static const struct argp_option options[] = {
    RMX_SCORE_OPTIONS,
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    return rmx_score_option(key, value, state, state->input);
}

static const struct argp parser = {
    options,
    parse_option,
    "CHECKPOINT DATA",
    "Evaluates a checkpoint on a data set: AUC with its 95 % interval, logloss, normalised "
    "entropy, GAUC, calibration by decile, of every task. A JSON object goes to stdout, a table "
    "to stderr."
    "\vExample:\n  rmx-eval runs/base/checkpoints/best.h5 data/valid.h5\n\n"
    "Exit codes: 0 ok, 1 error or a score that is not finite, 2 usage, 3 data, 4 device or "
    "memory, 143 stopped.",
    NULL,
    NULL,
    NULL};

static void print_json(const rmx_scorer *scorer, const rmx_schema *schema,
                       const rmx_metrics_set *set, rmx_metrics_bin (*bins)[RMX_METRICS_BINS])
{
    printf("{\"step\":%lld,\"examples\":%lld", (long long)scorer->checkpoint.state.step,
           (long long)schema->rows);
    rmx_json_metrics(stdout, &set->mean, rmx_metrics_only(set));
    rmx_json_number(stdout, "ceiling_auc", schema->ceiling_auc);
    fputs(",\"tasks\":[", stdout);
    for (int32_t t = 0; t < set->tasks; t++) {
        fputs(t ? ",{\"task\":" : "{\"task\":", stdout);
        rmx_json_string(stdout, set->names[t]);
        fputc(',', stdout);
        rmx_json_counts(stdout, &set->of_task[t]);
        rmx_json_metrics(stdout, &set->of_task[t], set->names[t]);
        rmx_json_bins(stdout, bins[t]);
        fputc('}', stdout);
    }
    puts("]}");
}

static void on_rows(void *user, int64_t done, int64_t total)
{
    rmx_progress_work(user, done, total, "evaluating");
}

/* The set, and that its numbers mean what the model takes them for. */
static rmx_status open_data(const rmx_score_arguments *a, const rmx_scorer *scorer,
                            rmx_reader **out, rmx_error *error)
{
    const rmx_reader_options how = {.batch = scorer->config.train.batch, .keys = true};
    rmx_status status = rmx_reader_open(a->path[1], &how, out, error);
    if (status != RMX_OK) return status;
    status = rmx_schema_need_labels(rmx_reader_schema(*out), a->path[1], error);
    if (status != RMX_OK) return status;
    return rmx_dataset_match(&scorer->schema, a->path[0], a->path[1], error);
}

static rmx_status evaluate(const rmx_score_arguments *a, bool *stopped, rmx_error *error)
{
    rmx_scorer scorer;
    rmx_reader *reader = NULL;
    rmx_metrics *of_task = NULL;
    rmx_metrics_bin(*bins)[RMX_METRICS_BINS] = NULL;
    rmx_progress progress;
    rmx_progress_init(&progress, a->level);
    rmx_status status = rmx_scorer_open(a->path[0], a->device, a->threads, &scorer, error);
    if (status != RMX_OK) goto cleanup;
    rmx_progress_say(&progress, "device  %s", rmx_context_describe(scorer.ctx));
    status = open_data(a, &scorer, &reader, error);
    if (status != RMX_OK) goto cleanup;
    const rmx_schema *schema = rmx_reader_schema(reader);
    rmx_progress_data(&progress, "data", a->path[1], schema);
    of_task = calloc((size_t)schema->tasks, sizeof *of_task);
    bins = calloc((size_t)schema->tasks, sizeof *bins);
    if (!of_task || !bins) status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    if (status == RMX_OK)
        status = rmx_evaluate(scorer.ctx, scorer.model, reader, on_rows, &progress, of_task, bins,
                              stopped, error);
    rmx_progress_end(&progress);
    if (status != RMX_OK || *stopped) goto cleanup;
    const rmx_metrics_set set = rmx_metrics_set_of(of_task, schema->task_names, schema->tasks);
    rmx_metrics_warn_undefined(&progress, a->path[1], &set);
    rmx_metrics_say_table(&progress, &set, bins);
    print_json(&scorer, schema, &set, bins);
cleanup:
    free(of_task);
    free(bins);
    rmx_reader_close(reader);
    rmx_scorer_close(&scorer);
    return status;
}

int main(int argc, char **argv)
{
    rmx_score_arguments a = {.count = 0};
    rmx_error error = {.text = ""};
    bool stopped = false;
    int code = rmx_program_begin("rmx-eval", &parser, argc, argv, &a);
    if (code != RMX_EXIT_OK) return code;
    rmx_stop_install();
    const rmx_status status = evaluate(&a, &stopped, &error);
    code = rmx_program_exit("rmx-eval", status, &error);
    return code == RMX_EXIT_OK && stopped ? RMX_EXIT_STOPPED : code;
}
