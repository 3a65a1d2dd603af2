/* SPDX-License-Identifier: MIT */
/* plots.c: see plots.h. The points are part of the script and the picture comes back through a
 * descriptor, so gnuplot opens no file. The axes are chosen here, because gnuplot's own repeat
 * labels and let an AUC exceed 1. */
#include "train/plots.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/whole_file.h"

#define MOST_POINTS 2000 /* of a curve; a picture has fewer columns */

typedef enum column { STEP, LOGLOSS, AUC, COLUMNS } column;

static const char *const key_of[COLUMNS] = {"step", "logloss", "auc"};

typedef struct curve {
    double (*row)[COLUMNS];
    int64_t rows, room;
} curve;

typedef struct axis {
    double low, high, step;
} axis;

/* ---- points ------------------------------------------------------------------------------- */

/* The number after "key": in a line of metrics.jsonl; NaN for null or none. */
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

static bool add_point(curve *c, const char *line)
{
    if (c->rows == c->room) {
        const int64_t room = c->room ? 2 * c->room : 256;
        void *more = realloc(c->row, (size_t)room * sizeof *c->row);
        if (!more) return false;
        c->row = more;
        c->room = room;
    }
    for (int i = 0; i < COLUMNS; i++) c->row[c->rows][i] = value_of(line, key_of[i]);
    c->rows++;
    return true;
}

static bool read_curves(FILE *lines, curve *train, curve *valid)
{
    char *line = NULL;
    size_t room = 0;
    bool fine = true;
    while (fine && getline(&line, &room, lines) > 0) {
        if (!strncmp(line, "{\"type\":\"train\"", 15)) fine = add_point(train, line);
        if (!strncmp(line, "{\"type\":\"valid\"", 15)) fine = add_point(valid, line);
    }
    free(line);
    return fine;
}

/* Writes step and value of every defined point as a data block. Of many points it writes every n-th
 * and the last. Returns how many. */
static int64_t put_points(FILE *script, const char *name, const curve *c, column of)
{
    const int64_t every = (c->rows + MOST_POINTS - 1) / MOST_POINTS;
    int64_t points = 0;
    fprintf(script, "$%s_%s << EOD\n", name, key_of[of]);
    for (int64_t i = 0; i < c->rows; i++) {
        if (!isfinite(c->row[i][of]) || (i % every != 0 && i != c->rows - 1)) continue;
        fprintf(script, "%.17g %.9g\n", c->row[i][STEP], c->row[i][of]);
        points++;
    }
    fputs("EOD\n", script);
    return points;
}

/* ---- axes --------------------------------------------------------------------------------- */

static void widen(axis *a, const curve *c, column of)
{
    for (int64_t i = 0; i < c->rows; i++) {
        const double value = c->row[i][of];
        if (!isfinite(value)) continue;
        a->low = fmin(a->low, value);
        a->high = fmax(a->high, value);
    }
}

/* The smallest of 1, 2 and 5 times a power of ten that is not below least. */
static double round_step(double least)
{
    const double power = pow(10, floor(log10(least)));
    const double of_power = least / power;
    return power * (of_power <= 1.000001 ? 1 : of_power <= 2 ? 2 : of_power <= 5 ? 5 : 10);
}

/* Rounds the axis to whole steps, with some space around the values, at least least_width wide and
 * within the bounds. */
static void round_axis(axis *a, double least_width, double lowest, double highest)
{
    const double width = fmax(1.1 * (a->high - a->low), least_width);
    const double middle = 0.5 * (a->high + a->low);
    a->step = round_step(width / 6);
    a->low = fmax(a->step * floor((middle - width / 2) / a->step + 1e-9), lowest);
    a->high = fmin(a->step * ceil((middle + width / 2) / a->step - 1e-9), highest);
    if (a->high - a->low >= least_width) return;
    if (a->high >= highest) a->low = a->high - least_width;
    if (a->low <= lowest) a->high = a->low + least_width;
}

/* Labels have as many digits as one step needs. */
static void put_y_axis(FILE *script, const axis *a)
{
    const int digits = (int)fmax(0, -floor(log10(a->step) + 1e-9));
    fprintf(script, "set yrange [%.12g:%.12g]\nset ytics %.12g\n", a->low, a->high, a->step);
    if (digits > 9 || a->high >= 1e5)
        fputs("set format y '%g'\n", script);
    else
        fprintf(script, "set format y '%%.%df'\n", digits);
}

/* Labels are whole numbers, thousands or millions, by the largest of them. */
static void put_x_axis(FILE *script, double last)
{
    const double step = fmax(round_step(last / 6), 1);
    const double unit = last < 10000 ? 1 : last < 1e6 ? 1e3 : 1e6;
    const char *name = last < 10000 ? "" : last < 1e6 ? "k" : "M";
    fprintf(script, "set xrange [0:%.12g]\nset xtics (", last);
    for (int i = 0; i * step <= last; i++)
        fprintf(script, "%s'%.12g%s' %.12g", i ? ", " : "", i * step / unit, i ? name : "",
                i * step);
    fputs(")\n", script);
}

/* ---- the picture -------------------------------------------------------------------------- */

static void put_style(FILE *script)
{
    fputs("set terminal svg size 760,640 font 'Helvetica,13' background '#ffffff'\n"
          "set style line 1 lc rgb '#8da9c4' lw 1.6 pt 7 ps 0.4\n"
          "set style line 2 lc rgb '#134074' lw 2.4 pt 7 ps 0.5\n"
          "set style line 3 lc rgb '#c0392b' lw 1.4 dt (8,6)\n"
          "set border 3 lc rgb '#555555'\nset tics nomirror out scale 0.5 tc rgb '#333333'\n"
          "set grid ytics lc rgb '#e6e6e6' lt 1 lw 0.7\n"
          "set key at screen 0.97,0.985 right top horizontal maxrows 1 samplen 2.2 tc rgb "
          "'#333333'\n"
          "set multiplot layout 2,1 margins 0.11,0.97,0.09,0.93 spacing 0,0.07\n",
          script);
}

typedef struct picture {
    FILE *script;
    const curve *train, *valid;
    double ceiling;
} picture;

/* Draws one panel. The key is in the first panel and serves both. A curve of one point is drawn as
 * a point. */
static void put_panel(const picture *p, column of, const axis *a, bool key)
{
    FILE *script = p->script;
    const int64_t train = put_points(script, "train", p->train, of);
    const int64_t valid = put_points(script, "valid", p->valid, of);
    const char *name = key_of[of], *separator = "plot ";
    fprintf(script, "set ylabel '%s'\n", of == AUC ? "AUC" : name);
    put_y_axis(script, a);
    if (train + valid == 0)
        fprintf(script, "set label 1 'not defined' at graph 0.5, 0.5 center tc rgb '#555555'\n");
    if (train > 0) {
        fprintf(script, "%s$train_%s using 1:2 with %s ls 1 %s", separator, name,
                train == 1 ? "points" : "lines", key ? "title 'training'" : "notitle");
        separator = ", ";
    }
    if (valid > 0) {
        fprintf(script, "%s$valid_%s using 1:2 with linespoints ls 2 %s", separator, name,
                key ? "title 'validation'" : "notitle");
        separator = ", ";
    }
    if (isfinite(p->ceiling)) {
        fprintf(script, "%s%.17g with lines ls 3 ", separator, of == AUC ? p->ceiling : -1);
        if (key)
            fprintf(script, "title 'AUC ceiling %.4f'", p->ceiling);
        else
            fputs("notitle", script);
        separator = ", ";
    }
    if (*separator == 'p') fputs("plot -1 notitle", script);
    fputs("\nunset label 1\n", script);
}

static void put_picture(const picture *p)
{
    axis x = {0, 1, 1}, loss = {INFINITY, -INFINITY, 1}, auc = {INFINITY, -INFINITY, 1};
    widen(&x, p->train, STEP);
    widen(&x, p->valid, STEP);
    widen(&loss, p->train, LOGLOSS);
    widen(&loss, p->valid, LOGLOSS);
    widen(&auc, p->train, AUC);
    widen(&auc, p->valid, AUC);
    if (auc.low > auc.high) auc = (axis){0, 1, 1};
    if (loss.low > loss.high) loss = (axis){0, 1, 1};
    if (isfinite(p->ceiling)) {
        auc.low = fmin(auc.low, p->ceiling);
        auc.high = fmax(auc.high, p->ceiling);
    }
    round_axis(&loss, 0.01 * fmax(fabs(loss.high), 0.01), 0, INFINITY);
    round_axis(&auc, 0.02, 0, 1);
    put_style(p->script);
    put_x_axis(p->script, x.high);
    put_panel(p, LOGLOSS, &loss, true);
    fputs("set xlabel 'step' offset 0,0.3\n", p->script);
    put_panel(p, AUC, &auc, false);
    fputs("unset multiplot\n", p->script);
}

/* ---- gnuplot ------------------------------------------------------------------------------ */

/* Starts gnuplot, which writes its picture to fd. *script is its input. Returns an errno. */
static int start(int fd, pid_t *child, FILE **script)
{
    static char program[] = "gnuplot";
    static char *const arguments[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    int result = posix_spawn_file_actions_init(&actions);
    if (result == 0) {
        result = posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
        if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
        if (result == 0)
            result = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                                      O_WRONLY, 0);
        if (result == 0) result = posix_spawnp(child, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[0]);
    *script = result == 0 ? fdopen(ends[1], "w") : NULL;
    if (!*script) close(ends[1]); /* gnuplot ends when its input ends */
    return result == 0 && !*script ? ENOMEM : result;
}

static rmx_status draw(const curve *train, const curve *valid, double ceiling, int fd,
                       rmx_error *error)
{
    pid_t child = 0;
    FILE *script = NULL;
    int status = 1;
    const int refused = start(fd, &child, &script);
    if (refused == ENOENT)
        return rmx_fail(error, RMX_ERR_DATA,
                        "no curves.svg: gnuplot is missing; apt-get install gnuplot-nox");
    if (script) {
        void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* gnuplot may end early */
        const picture p = {script, train, valid, ceiling};
        put_picture(&p);
        fclose(script); /* the exit code shows what gnuplot did not read */
        signal(SIGPIPE, before);
    }
    if (child > 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (refused != 0)
        return rmx_fail(error, RMX_ERR_DATA, "no curves.svg: gnuplot: %s", strerror(refused));
    if (status == 0) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "no curves.svg: gnuplot failed; the figures are in metrics.jsonl");
}

static rmx_status draw_into(const char *path, const curve *train, const curve *valid,
                            double ceiling, rmx_error *error)
{
    rmx_status status = RMX_OK;
    char *temporary = rmx_temporary_name(path);
    if (!temporary) return rmx_fail(error, RMX_ERR_MEMORY, "no curves.svg: out of memory");
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0) status = draw(train, valid, ceiling, fd, error);
    if (fd < 0 || (close(fd) != 0 && status == RMX_OK) ||
        (status == RMX_OK && rename(temporary, path) != 0))
        status = rmx_fail(error, RMX_ERR_DATA, "no curves.svg: %s: %s", path, strerror(errno));
    if (status != RMX_OK) unlink(temporary);
    free(temporary);
    return status;
}

rmx_status rmx_plots_curves(const char *folder, double ceiling_auc, rmx_error *error)
{
    char path[4200];
    curve train = {NULL, 0, 0}, valid = {NULL, 0, 0};
    rmx_status status = RMX_OK;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    FILE *lines = fopen(path, "r");
    if (!lines)
        return rmx_fail(error, RMX_ERR_DATA, "no curves.svg: %s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/curves.svg", folder);
    if (!read_curves(lines, &train, &valid))
        status = rmx_fail(error, RMX_ERR_MEMORY, "no curves.svg: out of memory");
    else if (train.rows + valid.rows == 0)
        status = rmx_fail(error, RMX_ERR_DATA, "no curves.svg: metrics.jsonl has no lines yet");
    else
        status = draw_into(path, &train, &valid, ceiling_auc, error);
    fclose(lines);
    free(train.row);
    free(valid.row);
    return status;
}
