/* SPDX-License-Identifier: MIT */
/* progress.c: see progress.h. */
#include "train/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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

void rmx_progress_end(rmx_progress *progress)
{
    if (progress->live) fputc('\n', stderr);
    progress->live = false;
}

void rmx_progress_say(rmx_progress *progress, const char *format, ...)
{
    va_list args;
    if (progress->level < 0) return;
    rmx_progress_end(progress);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void rmx_progress_warn(rmx_progress *progress, const char *format, ...)
{
    va_list args;
    rmx_progress_end(progress);
    fputs(progress->color ? "\033[33mwarning:\033[0m " : "warning: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

bool rmx_progress_due(const rmx_progress *progress)
{
    const double wait = progress->terminal ? 0.1 : 5.0;
    return progress->level >= 0 && rmx_progress_clock() - progress->drawn >= wait;
}

/* A live line that wraps could not be replaced. */
static int columns(const rmx_progress *progress)
{
    struct winsize size;
    if (!progress->terminal || ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return 255;
    return size.ws_col > 1 && size.ws_col < 256 ? size.ws_col - 1 : 255;
}

void rmx_progress_live(rmx_progress *progress, const char *format, ...)
{
    char line[256];
    va_list args;
    if (!rmx_progress_due(progress)) return;
    progress->drawn = rmx_progress_clock();
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (progress->terminal) fputs("\r\033[K", stderr);
    fprintf(stderr, "%.*s", columns(progress), line);
    if (!progress->terminal) fputc('\n', stderr);
    progress->live = progress->terminal;
    fflush(stderr);
}

const char *rmx_progress_count(double value, char out[16])
{
    static const char unit[] = {' ', 'k', 'M', 'G', 'T', 'P', 'E'};
    size_t u = 0;
    while (value >= 999.5 && u + 1 < sizeof unit) {
        value /= 1000;
        u++;
    }
    if (u == 0)
        snprintf(out, 16, "%.0f", value);
    else
        snprintf(out, 16,
                 value < 9.995   ? "%.2f%c"
                 : value < 99.95 ? "%.1f%c"
                                 : "%.0f%c",
                 value, unit[u]);
    return out;
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

/* ---- tables ------------------------------------------------------------------------------- */

/* Names of one layer share all but their last part; all embedding tables are one layer. */
static size_t layer_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!strncmp(name, "embedding.", 10)) return strlen("embedding");
    return dot ? (size_t)(dot - name) : strlen(name);
}

static void shape_text(const rmx_parameter *p, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (int32_t d = 0; d < p->dims && used < bytes; d++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%lld", d ? ", " : "",
                                 (long long)p->shape[d]);
    if (used < bytes) snprintf(out + used, bytes - used, "]");
}

static void print_layer(const rmx_parameter *first, const rmx_parameter *big, int32_t tensors,
                        int64_t count)
{
    const bool tables = first->role == RMX_ROLE_EMBEDDING;
    char shape[96], middle[160], number[16];
    shape_text(big, shape, sizeof shape);
    if (tensors == 1)
        snprintf(middle, sizeof middle, "%s", shape);
    else
        snprintf(middle, sizeof middle, "%s and %d more%s", shape, tensors - 1,
                 tables ? " tables" : "");
    fprintf(stderr, "  %-22.*s %-32s %10s\n", (int)layer_length(first->name), first->name, middle,
            rmx_progress_count((double)count, number));
}

static void print_layers(const rmx_progress *progress, const rmx_model *model)
{
    const int32_t count = rmx_model_parameter_count(model);
    rmx_parameter first, big, p;
    int32_t tensors = 0;
    int64_t values = 0, total = 0;
    for (int32_t i = 0; i < count; i++) {
        if (rmx_model_parameter(model, i, &p) != RMX_OK) return;
        const bool joins = tensors && progress->level < 1 &&
                           layer_length(p.name) == layer_length(first.name) &&
                           !strncmp(p.name, first.name, layer_length(p.name));
        if (tensors && !joins) print_layer(&first, &big, tensors, values);
        if (!joins) {
            first = big = p;
            tensors = 0;
            values = 0;
        }
        if (p.count > big.count) big = p;
        tensors++;
        values += p.count;
        total += p.count;
    }
    char number[16];
    if (tensors) print_layer(&first, &big, tensors, values);
    fprintf(stderr, "  %-22s %-32s %10s\n", "all parameters", "",
            rmx_progress_count((double)total, number));
}

void rmx_progress_model(rmx_progress *progress, const rmx_context *ctx, const rmx_model *model)
{
    const rmx_model_memory m = rmx_model_memory_of(model);
    char number[16];
    if (progress->level < 0) return;
    rmx_progress_say(progress, "device  %s", rmx_context_describe(ctx));
    rmx_progress_say(progress, "model   %s FLOP an example, forward",
                     rmx_progress_count(rmx_model_forward_flop(model), number));
    print_layers(progress, model);
    rmx_progress_say(progress,
                     "memory  %.1f MB: parameters %.1f, gradients %.1f, optimiser %.1f, "
                     "activations %.1f, workspace %.1f",
                     (double)m.total_bytes / 1e6, (double)m.parameter_bytes / 1e6,
                     (double)m.gradient_bytes / 1e6, (double)m.optimizer_bytes / 1e6,
                     (double)m.activation_bytes / 1e6, (double)m.workspace_bytes / 1e6);
}

void rmx_progress_data(rmx_progress *progress, const char *role, const char *path,
                       const rmx_schema *schema)
{
    char rows[16];
    rmx_progress_say(progress, "%-7s %s: %s rows, %d sparse and %d dense fields, %d task%s%s",
                     role, path, rmx_progress_count((double)schema->rows, rows),
                     schema->sparse_fields, schema->dense_fields, schema->tasks,
                     schema->tasks == 1 ? "" : "s", schema->has_group ? ", groups" : "");
}
