/* SPDX-License-Identifier: MIT */
/* plots.c: see plots.h. The points travel within the script, so gnuplot opens no file of ours. */
#include "train/plots.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number after "key": in a line of our own writing; NaN for null or none. */
static double value_of(const char *line, const char *key)
{
    char pattern[40], *end;
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(line, pattern);
    if (!at) return NAN;
    at += strlen(pattern);
    const double value = strtod(at, &end);
    return end == at ? NAN : value;
}

/* "$name << EOD": step, logloss, auc of one type of line. Returns how many. */
static int write_points(FILE *lines, FILE *script, const char *type)
{
    char *line = NULL, head[32];
    size_t room = 0;
    int points = 0;
    snprintf(head, sizeof head, "{\"type\":\"%s\"", type);
    fprintf(script, "$%s << EOD\n", type);
    rewind(lines);
    while (getline(&line, &room, lines) > 0) {
        if (strncmp(line, head, strlen(head))) continue;
        fprintf(script, "%.17g %.9g %.9g\n", value_of(line, "step"), value_of(line, "logloss"),
                value_of(line, "auc"));
        points++;
    }
    fputs("EOD\n", script);
    free(line);
    return points;
}

static void write_panel(FILE *script, const char *label, int column, bool train, bool valid,
                        double ceiling)
{
    const char *separator = "";
    fprintf(script, "set ylabel '%s'\nplot ", label);
    if (train) {
        fprintf(script, "$train using 1:%d with lines ls 1 title 'training'", column);
        separator = ", ";
    }
    if (valid) {
        fprintf(script, "%s$valid using 1:%d with linespoints ls 2 title 'validation'", separator,
                column);
        separator = ", ";
    }
    if (isfinite(ceiling))
        fprintf(script, "%s%.17g with lines ls 3 title sprintf('ceiling %%.4f', %.17g)", separator,
                ceiling, ceiling);
    fputc('\n', script);
}

static void write_style(FILE *script)
{
    fputs("set terminal svg size 760,640 font 'Helvetica,13' background '#ffffff'\n"
          "set datafile missing 'nan'\n"
          "set style line 1 lc rgb '#8da9c4' lw 1.6\n"
          "set style line 2 lc rgb '#134074' lw 2.4 pt 7 ps 0.5\n"
          "set style line 3 lc rgb '#c0392b' lw 1.4 dt (8,6)\n"
          "set border 3 lc rgb '#555555'\nset tics nomirror out scale 0.5 tc rgb '#333333'\n"
          "set grid ytics lc rgb '#e6e6e6' lt 1 lw 0.7\n"
          "set format x '%.0s%c'\nset xrange [0:*]\nset autoscale xfixmax\n"
          "set offsets 0, 0, graph 0.06, graph 0.04\n",
          script);
}

static rmx_status draw(FILE *lines, const char *path, double ceiling, rmx_error *error)
{
    FILE *script = popen("gnuplot >/dev/null 2>&1", "w");
    if (!script) return rmx_fail(error, RMX_ERR_DATA, "gnuplot: %s", strerror(errno));
    const bool train = write_points(lines, script, "train") > 0;
    const bool valid = write_points(lines, script, "valid") > 0;
    write_style(script);
    fputs("set output '", script);
    for (const char *c = path; *c; c++) fprintf(script, *c == '\'' ? "''" : "%c", *c);
    fputs("'\nset multiplot layout 2,1 margins 0.11,0.97,0.09,0.97 spacing 0,0.08\n"
          "set key top right samplen 2.2 tc rgb '#333333'\n",
          script);
    write_panel(script, "logloss", 2, train, valid, NAN);
    fputs("set key bottom right\nset xlabel 'step' offset 0,0.3\n", script);
    write_panel(script, "AUC", 3, train, valid, ceiling);
    fputs("unset multiplot\nunset output\n", script);
    const bool failed = ferror(script) != 0;
    if (pclose(script) != 0 || failed)
        return rmx_fail(error, RMX_ERR_DATA,
                        "no curves.svg: gnuplot is missing or failed; apt-get install "
                        "gnuplot-nox");
    if (!train && !valid)
        return rmx_fail(error, RMX_ERR_DATA, "no curves.svg: metrics.jsonl has no lines yet");
    return RMX_OK;
}

rmx_status rmx_plots_curves(const char *folder, double ceiling_auc, rmx_error *error)
{
    char path[4200], temporary[4300];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    FILE *lines = fopen(path, "r");
    if (!lines) return rmx_fail(error, RMX_ERR_DATA, "%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/curves.svg", folder);
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    rmx_status status = draw(lines, temporary, ceiling_auc, error);
    if (status == RMX_OK && rename(temporary, path) != 0)
        status = rmx_fail(error, RMX_ERR_DATA, "%s: %s", path, strerror(errno));
    if (status != RMX_OK) unlink(temporary);
    fclose(lines);
    return status;
}
