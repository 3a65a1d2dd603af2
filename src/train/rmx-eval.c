/* SPDX-License-Identifier: MIT */
/* rmx-eval: computes the metrics of a checkpoint on a data set. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include "train/evaluate.h"
#include "train/json.h"
#include "train/metrics_json.h"
#include "train/metrics_text.h"
#include "train/program.h"
#include "train/score_program.h"

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

static void print_json(const rmx_scorer *s, const rmx_metrics_set *set,
                       rmx_metrics_bin (*bins)[RMX_METRICS_BINS])
{
    printf("{\"step\":%lld", (long long)s->checkpoint.state.step);
    rmx_json_integer(stdout, "examples", s->data->rows);
    rmx_json_metrics(stdout, &set->mean, rmx_metrics_only(set));
    rmx_json_number(stdout, "ceiling_auc", s->data->ceiling_auc);
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

static rmx_status evaluate(rmx_scorer *s, bool *stopped, rmx_error *error)
{
    const int32_t tasks = s->data->tasks;
    rmx_metrics *of_task = calloc((size_t)tasks, sizeof *of_task);
    rmx_metrics_bin(*bins)[RMX_METRICS_BINS] = calloc((size_t)tasks, sizeof *bins);
    rmx_status status = of_task && bins ? rmx_evaluate(s->ctx, s->model, s->reader, &s->progress,
                                                       of_task, bins, stopped, error)
                                        : rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    rmx_progress_end(&s->progress);
    if (status == RMX_OK && !*stopped) {
        const rmx_metrics_set set = rmx_metrics_set_of(of_task, s->data->task_names, tasks);
        rmx_metrics_warn_undefined(&s->progress, s->data_path, &set);
        rmx_metrics_say_table(&s->progress, &set, bins);
        print_json(s, &set, bins);
    }
    free(of_task);
    free(bins);
    return status;
}

static rmx_status run(void *arguments, bool *stopped, rmx_error *error)
{
    rmx_scorer scorer;
    rmx_status status = rmx_scorer_open(arguments, true, &scorer, error);
    if (status == RMX_OK) status = evaluate(&scorer, stopped, error);
    rmx_scorer_close(&scorer);
    return status;
}

int main(int argc, char **argv)
{
    static const rmx_program program = {"rmx-eval", &parser, run};
    rmx_score_arguments arguments = {.count = 0};
    return rmx_program_main(&program, argc, argv, &arguments);
}
