/* SPDX-License-Identifier: MIT */
/* tool.c: see tool.h. */
#include "data/tool.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/progress_line.h"

static volatile sig_atomic_t stop_asked;
static bool be_quiet, looked;
static rmx_progress shown;

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

/* Looks at stderr once, after -q was read. */
static rmx_progress *progress(void)
{
    if (!looked) rmx_progress_init(&shown, be_quiet ? -1 : 0);
    looked = true;
    return &shown;
}

bool rmx_tool_progress(void *user, int64_t done, int64_t total)
{
    char what[64];
    snprintf(what, sizeof what, "of %lld %s", (long long)total,
             user ? (const char *)user : "steps");
    rmx_progress_work(progress(), done, total, what);
    return !stop_asked;
}

void rmx_tool_progress_end(void) { rmx_progress_end(progress()); }

int rmx_tool_exit(rmx_status status, const rmx_error *error)
{
    rmx_tool_progress_end();
    if (status == RMX_OK) return 0;
    if (stop_asked) {
        rmx_tool_say("rmx-data: stopped; nothing unfinished was left behind");
        return 143;
    }
    fprintf(stderr, "rmx-data: %s\n", error->text);
    switch (status) {
    case RMX_ERR_ARGUMENT: return 2;
    case RMX_ERR_DATA: return 3;
    case RMX_ERR_MEMORY: return 4;
    default: return 1;
    }
}
