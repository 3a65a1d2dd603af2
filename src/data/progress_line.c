/* SPDX-License-Identifier: MIT */
/* progress_line.c: see progress_line.h. */
#include "data/progress_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "data/utf8.h"

static const char clear_line[] = "\r\033[K";

double rmx_progress_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void rmx_progress_init(rmx_progress *progress, int32_t level)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    memset(progress, 0, sizeof *progress);
    progress->terminal = isatty(STDERR_FILENO) == 1 && term && strcmp(term, "dumb");
    progress->color = progress->terminal && !(no_color && *no_color);
    progress->level = level;
    if (!progress->terminal) progress->drawn = rmx_progress_clock();
}

static void clear_live(rmx_progress *progress)
{
    if (progress->live) fputs(clear_line, stderr);
    progress->live = false;
}

void rmx_progress_end(rmx_progress *progress)
{
    clear_live(progress);
    fflush(stderr);
    progress->began = 0;
}

static void print_line(rmx_progress *progress, const char *before, const char *format,
                       va_list args)
{
    clear_live(progress);
    fputs(before, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void rmx_progress_say(rmx_progress *progress, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (progress->level >= 0) print_line(progress, "", format, args);
    va_end(args);
}

void rmx_progress_warn(rmx_progress *progress, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(progress, progress->color ? "\033[33mwarning:\033[0m " : "warning: ", format, args);
    va_end(args);
}

bool rmx_progress_due(const rmx_progress *progress)
{
    const double wait = progress->terminal ? 0.1 : 5.0;
    return progress->level >= 0 && rmx_progress_clock() - progress->drawn >= wait;
}

void rmx_progress_cut(char *text, int32_t columns)
{
    int32_t used = 0;
    while (*text) {
        uint32_t character;
        size_t bytes = rmx_utf8_character(text, &character);
        if (bytes == 0 || rmx_utf8_control(character)) *text = '?', bytes = 1;
        used += bytes > 2 ? 2 : 1;
        if (used > columns) break;
        text += bytes;
    }
    *text = '\0';
}

/* A live line that wraps cannot be replaced. In the last column some terminals wrap. */
static int32_t columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 79;
    return size.ws_col - 1;
}

void rmx_progress_live(rmx_progress *progress, const char *format, ...)
{
    char line[1024];
    va_list args;
    if (!rmx_progress_due(progress)) return;
    progress->drawn = rmx_progress_clock();
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    rmx_progress_cut(line, progress->terminal ? columns() : (int32_t)sizeof line);
    if (progress->terminal)
        fprintf(stderr, "%s%s", clear_line, line);
    else
        fprintf(stderr, "%s\n", line);
    progress->live = progress->terminal;
    fflush(stderr);
}

void rmx_progress_work(rmx_progress *progress, int64_t done, int64_t total, const char *what)
{
    char bar[] = "[....................]  ", left[32];
    const int32_t marks = (int32_t)sizeof bar - 5;
    const double share = total > 0 ? (double)done / (double)total : 0, now = rmx_progress_clock();
    if (progress->began <= 0) progress->began = now;
    if (!rmx_progress_due(progress)) return;
    for (int32_t i = 0; i < marks && i < share * marks; i++) bar[1 + i] = '#';
    const double seconds = share > 0 ? (now - progress->began) * (1 - share) / share : 0;
    rmx_progress_live(progress, "%3.0f %%  ETA %s  %s%s", floor(100 * share),
                      rmx_progress_duration(seconds, left), progress->terminal ? bar : "", what);
}

const char *rmx_progress_duration(double seconds, char out[32])
{
    const double limit = 359999;
    const int s = (int)(seconds < 0 || isnan(seconds) ? 0 : seconds > limit ? limit : seconds);
    if (s >= 3600)
        snprintf(out, 32, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 32, "%d:%02d", s / 60, s % 60);
    return out;
}
