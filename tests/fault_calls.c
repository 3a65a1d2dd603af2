/* SPDX-License-Identifier: MIT */
/* fault_calls.c: one call after the other fails; no program crashes, hangs or is silently wrong.
 *
 *   fault_calls [--long] [--seed N] [--job JOB]
 *   fault_calls --only JOB --class CLASS --at N --how ERRNO|short [--on x]    one run, shown
 *
 * For every job and every class of calls (preload_fail.h), call number 1, 2, ... up to the last one
 * fails, once or from there on; the short tier takes a few of them. A run that fails says why on
 * stderr and leaves older outputs as they were; one that ends well made the right bytes. A
 * training run that failed is given again, undisturbed, and has to end as if nothing had been. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulting.h"

static const char *const class_names[] = FAIL_CLASS_NAMES;

static int runs, refused, right, wrong;

/* One run; false where the calls did not reach number `at`: the end of the class. */
static bool play(const fault_job *j, const fault_plan *plan, bool show)
{
    static fault_end end;
    char folder[FAULT_TEXT];
    fault_text(folder, "%s", fault_path("work"));
    fault_job_begin(j, folder, true);
    fault_run(folder, j->words, plan, &end);
    if (show) printf("exit %d, signal %d: %s%s", end.code, end.signal, end.out, end.err);
    if (end.report.hits == 0 && end.code == 0) return false;
    const char *why = NULL;
    if (end.hung)
        why = "it hangs";
    else if (end.signal)
        why = "it crashes";
    else if (plan->class != FAIL_REMOVE && plan->class != FAIL_MEMORY && !plan->onwards &&
             fault_leftover(folder))
        why = fault_leftover(folder);
    else
        why = end.code == 0 ? fault_job_done(j, folder, &end) : fault_job_refused(j, folder, &end);
    runs++;
    if (end.code == 0)
        right++;
    else
        refused++;
    if (!why) return true;
    wrong++;
    printf("WRONG %s, %s call %llu (%s, from %s+0x%llx): %s; exit %d, signal %d: %.200s\n",
           j->name, class_names[plan->class], (unsigned long long)plan->at, end.report.call,
           end.report.file, (unsigned long long)end.report.place, why, end.code, end.signal,
           end.err);
    printf("    fault_calls --only '%s' --class %s --at %llu --how %d %s\n", j->name,
           class_names[plan->class], (unsigned long long)plan->at, plan->how,
           plan->onwards ? "--on x" : "");
    return true;
}

static int how_of(fail_class class, uint64_t turn)
{
    static const int reasons[FAIL_CLASSES][4] = {
        {EMFILE, EACCES, ENOSPC, EIO},    {EIO, FAIL_SHORT, EINTR, EIO},
        {ENOSPC, FAIL_SHORT, EINTR, EIO}, {EIO, ENOSPC, EIO, EDQUOT},
        {ENOSPC, EACCES, EXDEV, EIO},     {EACCES, EIO, EBUSY, EROFS},
        {EIO, ENOSPC, EIO, EDQUOT},       {EIO, ENOLCK, EACCES, EIO},
        {ENOMEM, ENOMEM, ENOMEM, ENOMEM}, {EAGAIN, ENOMEM, EMFILE, EAGAIN},
    };
    return reasons[class][turn % 4];
}

/* Every `stride`-th call of a class, from a random one on; then the last ones' end is seen. */
static void sweep(const fault_job *j, fail_class class, uint64_t few, uint64_t *chance)
{
    const uint64_t calls = j->end.report.calls[class];
    const uint64_t most = few ? few : j->costly && class == FAIL_MEMORY ? 400 : calls;
    const uint64_t stride = most == 0 || calls <= most ? 1 : calls / most;
    uint64_t turn = fault_random(chance);
    for (uint64_t at = 1 + fault_random(chance) % stride; wrong < 200; at += stride, turn++) {
        fault_plan plan = {.preload = true, .class = class, .at = at};
        plan.how = how_of(class, turn);
        plan.onwards = turn % 8 >= 5 && plan.how > 0 && plan.how != EINTR;
        if (!play(j, &plan, false) || (few && at + stride > calls)) break;
    }
}

static int play_one(int argc, char **argv, const char *name)
{
    const char *class = fault_option(argc, argv, "--class");
    const char *at = fault_option(argc, argv, "--at"), *how = fault_option(argc, argv, "--how");
    fault_plan plan = {.preload = true, .at = at ? strtoull(at, NULL, 10) : 0};
    plan.how = !how ? EIO : strcmp(how, "short") == 0 ? FAIL_SHORT : atoi(how);
    plan.onwards = fault_option(argc, argv, "--on") != NULL;
    setenv("RMX_KEEP", "1", 1);
    printf("in %s\n", fault_folder());
    for (int i = 0; class && i < FAIL_CLASSES; i++)
        if (strcmp(class, class_names[i]) == 0) plan.class = (fail_class)i;
    const fault_job *j = fault_job_called(name);
    if (j) play(j, &plan, true);
    return !j || wrong > 0;
}

int main(int argc, char **argv)
{
    const char *seed = fault_option(argc, argv, "--seed");
    const char *only = fault_option(argc, argv, "--only");
    const bool thorough = fault_option(argc, argv, "--long") != NULL;
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    const double began = fault_now();
    uint64_t chance = first;
    fault_jobs_prepare();
    if (only) return play_one(argc, argv, only);
    const char *job = fault_option(argc, argv, "--job");
    for (int i = 0; i < fault_jobs_count; i++)
        for (int c = 0; c < FAIL_CLASSES && (!job || strcmp(job, fault_jobs[i].name) == 0); c++)
            sweep(&fault_jobs[i], (fail_class)c,
                  thorough              ? 0
                  : fault_jobs[i].train ? 2
                                        : 4,
                  &chance);
    printf("failing calls: %d runs of %d jobs, %d refused, %d done all the same, %d wrong, seed "
           "%llu, %.0f s\n",
           runs, fault_jobs_count, refused, right, wrong, (unsigned long long)first,
           fault_now() - began);
    return wrong > 0;
}
