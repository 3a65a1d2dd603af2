/* SPDX-License-Identifier: MIT */
/* tool.c: see tool.h. */
#include "data/tool.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;
static bool be_quiet, bar_drawn;
static double bar_last;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
}

void rmx_tool_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = ask_to_stop;
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND; /* the second one takes its default way */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

bool rmx_tool_stopped(void) { return stop_asked != 0; }

void rmx_tool_quiet(bool quiet) { be_quiet = quiet; }

void rmx_tool_say(const char *format, ...)
{
    if (be_quiet) return;
    rmx_tool_progress_end();
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

bool rmx_tool_progress(void *user, int64_t done, int64_t total)
{
    if (!be_quiet && isatty(STDERR_FILENO)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
        if (seconds - bar_last > 0.1 || done == total) {
            char bar[31] = "..............................";
            const double share = total > 0 ? (double)done / (double)total : 0.0;
            for (int i = 0; i < 30 && (double)i < share * 30.0; i++) bar[i] = '#';
            const bool plain = getenv("NO_COLOR") && getenv("NO_COLOR")[0];
            fprintf(stderr, "\r%s[%s]%s %3d%% of %lld %s", plain ? "" : "\033[36m", bar,
                    plain ? "" : "\033[0m", (int)(share * 100.0), (long long)total,
                    user ? (const char *)user : "");
            fflush(stderr);
            bar_last = seconds;
            bar_drawn = true;
        }
    }
    return !stop_asked;
}

void rmx_tool_progress_end(void)
{
    if (bar_drawn) fputc('\n', stderr);
    bar_drawn = false;
}

int rmx_tool_exit(rmx_status status, const rmx_error *error)
{
    rmx_tool_progress_end();
    if (status == RMX_OK) {
        if (fflush(stdout) == 0) return 0;
        fprintf(stderr, "rmx-data: cannot write to the standard output\n");
        return 1;
    }
    if (stop_asked) {
        rmx_tool_say("rmx-data: stopped; nothing unfinished was left behind");
        return 143;
    }
    fprintf(stderr, "rmx-data: %s\n", error->text);
    return status == RMX_ERR_ARGUMENT ? 2 : status == RMX_ERR_DATA ? 3 : 1;
}
