/* SPDX-License-Identifier: MIT */
/* fault_kills.c: programs are killed at any moment, and what they leave is old, whole or absent.
 *
 *   fault_kills [--long] [--seed N] [--kills N]
 *
 * A kill comes after a random time, or before a random call of a kind (open, write, sync, rename,
 * ...), which hits the moments that matter. The same training command is given again until it
 * ends: then the run has to be the one that was never disturbed, bit for bit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulting.h"

static const char *const played[] = {"synthetic", "train",    "import",       "resume",
                                     "predict",   "generate", "predict-to-h5"};
enum { PLAYED = sizeof played / sizeof *played };

static uint64_t chance;
static int kills, rounds, wrong, leftovers;

static void complain(const fault_job *j, const char *folder, const fault_plan *plan,
                     const char *what)
{
    wrong++;
    printf("WRONG %s: %s\n", j->name, what);
    fault_print_command(folder, j->words, plan);
}

/* A moment of an undisturbed run, by time or by the number of a call. */
static fault_plan draw(const fault_job *j)
{
    static const fail_class kinds[] = {FAIL_OPEN,   FAIL_READ,   FAIL_WRITE, FAIL_SYNC,  FAIL_SYNC,
                                       FAIL_RENAME, FAIL_RENAME, FAIL_CLOSE, FAIL_MEMORY};
    fault_plan plan = {.preload = true, .how = FAIL_KILL};
    const uint64_t kind = fault_random(&chance) % 16;
    const uint64_t calls =
        kind < sizeof kinds / sizeof *kinds ? j->end.report.calls[kinds[kind]] : 0;
    if (calls > 0) {
        plan.class = kinds[kind];
        plan.at = 1 + fault_random(&chance) % calls;
    } else {
        plan.kill_after = 0.0001 + j->end.seconds * (double)(fault_random(&chance) % 1000) / 1000;
    }
    return plan;
}

/* The same command until it ends by itself. */
static void play_round(const fault_job *j, int most)
{
    static fault_end end;
    char folder[FAULT_TEXT], name[512];
    fault_plan plan;
    fault_text(folder, "%s", fault_path("work"));
    fault_job_begin(j, folder, rounds++ % 2);
    for (int i = 0;; i++) {
        const fault_plan undisturbed = {.preload = true};
        plan = i < most ? draw(j) : undisturbed;
        fault_run(folder, j->words, &plan, &end);
        if (end.signal != SIGKILL || end.hung) break;
        kills++;
        const char *why = fault_job_whole(j, folder, true);
        if (why) complain(j, folder, &plan, why);
    }
    const char *why = NULL;
    if (end.hung)
        why = "it hangs";
    else if (end.code != 0)
        why = end.err[0] ? end.err : "it fails and says nothing";
    else
        why = fault_job_done(j, folder, &end);
    if (!why && j->train) why = fault_leftover(folder);
    if (why) complain(j, folder, &plan, why);
    leftovers += fault_count_names(folder, ".tmp.", name);
}

int main(int argc, char **argv)
{
    const char *seed = fault_option(argc, argv, "--seed");
    const char *wanted = fault_option(argc, argv, "--kills");
    const bool thorough = fault_option(argc, argv, "--long") != NULL;
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    const int least = wanted ? atoi(wanted) : thorough ? 500 : 40;
    const double began = fault_now();
    chance = first;
    fault_jobs_prepare();
    for (int i = 0; kills < least && wrong < 10; i++) {
        const fault_job *j = fault_job_called(played[i % PLAYED]);
        play_round(j, j->train ? 12 : 3);
    }
    printf("kills: %d, in %d rounds of %d jobs, %d wrong, %d temporary names of killed programs "
           "left, seed %llu, %.0f s\n",
           kills, rounds, PLAYED, wrong, leftovers, (unsigned long long)first,
           fault_now() - began);
    return wrong > 0;
}
