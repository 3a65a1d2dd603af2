/* SPDX-License-Identifier: MIT */
/* tool.c: see tool.h. */
#include "data/tool.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "data/exit_code.h"

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

/* Looks at stderr once, after -q was read. */
rmx_progress *rmx_tool_terminal(void)
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
    rmx_progress_work(rmx_tool_terminal(), done, total, what);
    return !stop_asked;
}

void rmx_tool_progress_end(void) { rmx_progress_end(rmx_tool_terminal()); }

rmx_status rmx_tool_arguments(const struct argp *argp, int argc, char **argv, void *out,
                              rmx_error *error)
{
    if (argp_parse(argp, argc, argv, 0, NULL, out) == 0) return RMX_OK;
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the options");
}

int rmx_tool_exit(rmx_status status, const rmx_error *error)
{
    rmx_tool_progress_end();
    if (status != RMX_OK && stop_asked) {
        rmx_tool_say("rmx-data: stopped; nothing unfinished was left behind");
        return RMX_EXIT_STOPPED;
    }
    if (status != RMX_OK) fprintf(stderr, "rmx-data: %s\n", error->text);
    return rmx_exit_code(status);
}
