/* SPDX-License-Identifier: MIT */
/* run_log.c: see run_log.h. A line of metrics.jsonl begins with its type and step: what was cut
 * off by a crash, or lies beyond a resumed step, is told by these. */
#include "train/run_log.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/event_file.h"

void rmx_json_number(FILE *out, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.12g", value);
    if (strtod(text, NULL) != value) snprintf(text, sizeof text, "%.17g", value);
    fprintf(out, ",\"%s\":%s", key, isfinite(value) ? text : "null");
}

void rmx_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < ' ')
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    fputc('"', out);
}

static bool keep_line(const char *line, int64_t step, int64_t evaluated_step)
{
    long long of;
    if (!strchr(line, '\n')) return false; /* cut off */
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
    char temporary[4200], *line = NULL;
    size_t room = 0;
    rmx_status status = RMX_OK;
    FILE *in = fopen(path, "r");
    if (!in) return errno == ENOENT ? RMX_OK : file_failed(path, error);
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    FILE *out = fopen(temporary, "w");
    while (out && getline(&line, &room, in) > 0)
        if (keep_line(line, step, evaluated_step)) fputs(line, out);
    const bool failed = !out || ferror(in) || ferror(out);
    if ((out && fclose(out) != 0) || failed || rename(temporary, path) != 0) {
        status = file_failed(path, error);
        unlink(temporary);
    }
    fclose(in);
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
    out->events = rmx_event_file_open(folder, step); /* a run goes on without it */
    return RMX_OK;
}

static rmx_status end_line(rmx_run_log *log, rmx_error *error)
{
    fputs("}\n", log->lines);
    if (fflush(log->lines) == 0 && !ferror(log->lines)) return RMX_OK;
    return file_failed(log->lines_path, error);
}

rmx_status rmx_run_log_step(rmx_run_log *log, const rmx_log_step *v, rmx_error *error)
{
    FILE *out = log->lines;
    fprintf(out, "{\"type\":\"train\",\"step\":%lld,\"epoch\":%lld,\"examples\":%lld",
            (long long)v->step, (long long)v->epoch, (long long)v->examples);
    rmx_json_number(out, "loss", v->loss);
    rmx_json_number(out, "logloss", v->recent.logloss);
    rmx_json_number(out, "auc", v->recent.auc);
    rmx_json_number(out, "lr", v->lr);
    rmx_json_number(out, "grad_norm", v->grad_norm);
    rmx_json_number(out, "examples_per_s", v->examples_per_s);
    rmx_json_number(out, "seconds", v->seconds);
    rmx_event_scalar(log->events, v->step, "train/loss", v->loss);
    rmx_event_scalar(log->events, v->step, "train/logloss", v->recent.logloss);
    rmx_event_scalar(log->events, v->step, "train/auc", v->recent.auc);
    rmx_event_scalar(log->events, v->step, "train/lr", v->lr);
    rmx_event_scalar(log->events, v->step, "train/grad_norm", v->grad_norm);
    return end_line(log, error);
}

rmx_status rmx_run_log_valid(rmx_run_log *log, int64_t step, int64_t examples,
                             const rmx_metrics *m, double seconds, rmx_error *error)
{
    FILE *out = log->lines;
    fprintf(out, "{\"type\":\"valid\",\"step\":%lld,\"examples\":%lld", (long long)step,
            (long long)examples);
    rmx_json_number(out, "auc", m->auc);
    rmx_json_number(out, "logloss", m->logloss);
    rmx_json_number(out, "gauc", m->gauc);
    rmx_json_number(out, "calibration", m->calibration);
    rmx_json_number(out, "seconds", seconds);
    rmx_event_scalar(log->events, step, "valid/auc", m->auc);
    rmx_event_scalar(log->events, step, "valid/logloss", m->logloss);
    rmx_event_scalar(log->events, step, "valid/calibration", m->calibration);
    return end_line(log, error);
}

void rmx_run_log_close(rmx_run_log *log)
{
    if (log->lines) fclose(log->lines);
    if (log->events) fclose(log->events);
    memset(log, 0, sizeof *log);
}
