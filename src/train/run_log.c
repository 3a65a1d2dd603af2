/* SPDX-License-Identifier: MIT */
/* run_log.c: see run_log.h. A line of metrics.jsonl begins with its type and step. They show which
 * lines are later than the resumed step. */
#include "train/run_log.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "train/event_file.h"
#include "train/json.h"
#include "train/metrics_json.h"

static bool keep_line(const char *line, int64_t step, int64_t evaluated_step)
{
    long long of;
    if (!strchr(line, '\n')) return false; /* cut off by a crash */
    if (sscanf(line, "{\"type\":\"train\",\"step\":%lld,", &of) == 1) return of <= step;
    if (sscanf(line, "{\"type\":\"valid\",\"step\":%lld,", &of) == 1) return of <= evaluated_step;
    return true;
}

static rmx_status file_failed(const char *path, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA, "%s: cannot write: %s", path, strerror(errno));
}

static rmx_status truncate_lines(const char *path, int64_t step, int64_t evaluated_step,
                                 rmx_error *error)
{
    char *line = NULL;
    size_t room = 0;
    rmx_status status = RMX_OK;
    FILE *in = fopen(path, "r");
    if (!in) return errno == ENOENT ? RMX_OK : file_failed(path, error);
    char *temporary = rmx_temporary_name(path);
    FILE *out = temporary ? fopen(temporary, "w") : NULL;
    int reason = out ? 0 : errno;
    errno = 0;
    while (out && getline(&line, &room, in) > 0)
        if (keep_line(line, step, evaluated_step)) fputs(line, out);
    if (out && !feof(in)) reason = errno ? errno : EIO; /* getline failed */
    if (out && (fflush(out) != 0 || ferror(out)) && reason == 0) reason = errno ? errno : EIO;
    if (out && fclose(out) != 0 && reason == 0) reason = errno;
    if (reason == 0 && rename(temporary, path) != 0) reason = errno;
    if (reason != 0) {
        errno = reason;
        status = file_failed(path, error);
        if (temporary) unlink(temporary);
    }
    fclose(in);
    free(temporary);
    free(line);
    return status;
}

rmx_status rmx_run_log_open(const char *folder, int64_t step, int64_t evaluated_step,
                            rmx_run_log *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    snprintf(out->lines_path, sizeof out->lines_path, "%s/metrics.jsonl", folder);
    const rmx_status status = truncate_lines(out->lines_path, step, evaluated_step, error);
    if (status != RMX_OK) return status;
    out->lines = fopen(out->lines_path, "a");
    if (!out->lines) return file_failed(out->lines_path, error);
    out->events = rmx_event_file_open(folder, step); /* may be NULL: a run works without it */
    return RMX_OK;
}

static rmx_status end_line(rmx_run_log *log, rmx_error *error)
{
    fputs("}\n", log->lines);
    if (fflush(log->lines) == 0 && !ferror(log->lines)) return RMX_OK;
    return file_failed(log->lines_path, error);
}

/* The tag of a task's scalar contains the name of the task. */
static void put_scalar(const rmx_run_log *log, int64_t step, const char *role, const char *task,
                       const char *name, double value)
{
    char tag[RMX_EVENT_TAG_BYTES];
    snprintf(tag, sizeof tag, "%s/%s%s%s", role, task ? task : "", task ? "/" : "", name);
    rmx_event_scalar(log->events, step, tag, value);
}

static void put_scalars(const rmx_run_log *log, int64_t step, const char *role, const char *task,
                        const rmx_metrics *m)
{
    for (int f = 0; f < RMX_METRICS_FIGURES; f++) {
        const rmx_metrics_figure *figure = &rmx_metrics_figures[f];
        if (figure->averaged && figure->reported)
            put_scalar(log, step, role, task, figure->name, rmx_metrics_value(m, figure));
    }
}

/* With several tasks, writes the figures of each. They follow the means, because a reader that
 * searches for a name takes the first. */
static void put_tasks(rmx_run_log *log, int64_t step, const char *role, const rmx_metrics_set *set)
{
    FILE *out = log->lines;
    if (set->tasks == 1) return;
    fputs(",\"tasks\":{", out);
    for (int32_t t = 0; t < set->tasks; t++) {
        if (t) fputc(',', out);
        rmx_json_string(out, set->names[t]);
        fputs(":{", out);
        rmx_json_counts(out, &set->of_task[t]);
        rmx_json_metrics(out, &set->of_task[t], set->names[t]);
        fputc('}', out);
        put_scalars(log, step, role, set->names[t], &set->of_task[t]);
    }
    fputc('}', out);
}

rmx_status rmx_run_log_step(rmx_run_log *log, const rmx_log_step *v, rmx_error *error)
{
    FILE *out = log->lines;
    const rmx_metrics *m = &v->latest.mean;
    fputs("{\"type\":\"train\"", out);
    rmx_json_integer(out, "step", v->step);
    rmx_json_integer(out, "epoch", v->epoch);
    rmx_json_integer(out, "examples", v->examples);
    rmx_json_number(out, "loss", v->loss);
    rmx_json_number(out, "logloss", m->logloss);
    rmx_json_number(out, "auc", m->auc);
    rmx_json_number(out, "normalized_entropy", m->normalized_entropy);
    rmx_json_number(out, "lr", v->lr);
    rmx_json_number(out, "grad_norm", v->grad_norm);
    rmx_json_number(out, "examples_per_s", v->examples_per_s);
    rmx_json_number(out, "seconds", v->seconds);
    put_tasks(log, v->step, "train", &v->latest);
    put_scalar(log, v->step, "train", NULL, "loss", v->loss);
    put_scalars(log, v->step, "train", NULL, m);
    put_scalar(log, v->step, "train", NULL, "lr", v->lr);
    put_scalar(log, v->step, "train", NULL, "grad_norm", v->grad_norm);
    return end_line(log, error);
}

rmx_status rmx_run_log_valid(rmx_run_log *log, int64_t step, int64_t examples,
                             const rmx_metrics_set *set, double seconds, rmx_error *error)
{
    FILE *out = log->lines;
    fputs("{\"type\":\"valid\"", out);
    rmx_json_integer(out, "step", step);
    rmx_json_integer(out, "examples", examples);
    rmx_json_metrics(out, &set->mean, rmx_metrics_only(set));
    rmx_json_number(out, "seconds", seconds);
    put_tasks(log, step, "valid", set);
    put_scalars(log, step, "valid", NULL, &set->mean);
    return end_line(log, error);
}

void rmx_run_log_close(rmx_run_log *log)
{
    if (log->lines) fclose(log->lines);
    if (log->events) fclose(log->events);
    memset(log, 0, sizeof *log);
}
