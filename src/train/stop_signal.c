/* SPDX-License-Identifier: MIT */
/* stop_signal.c: see stop_signal.h. */
#include "train/stop_signal.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t requested;

static void on_signal(int number)
{
    requested = 1;
    signal(number == SIGTERM ? SIGINT : SIGTERM,
           SIG_DFL); /* the kernel resets the handler of this one */
}

void rmx_stop_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

bool rmx_stop_requested(void) { return requested != 0; }
