/* SPDX-License-Identifier: MIT */
/* fault_disk.c: the disk is full, or files may not grow, at many sizes.
 *
 *   fault_disk [--long] [--seed N]
 *
 * Four ways, as each reaches other calls: a limit of file sizes (RLIMIT_FSIZE); write number n and
 * all later ones fail with ENOSPC; a small tmpfs in a mount namespace of its own, where the system
 * allows that; stdout is /dev/full. Every program refuses with a text that names the reason, older
 * outputs stay, no temporary file does, and a training command that is given again with room ends
 * as if nothing had been. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faulting.h"

static int runs, refused, wrong, steps;
static uint64_t chance;
static char work[FAULT_TEXT];

static void complain(const fault_job *j, const fault_plan *plan, const char *way, const char *what,
                     const fault_end *end)
{
    wrong++;
    printf("WRONG %s, %s: %s; exit %d, signal %d: %.300s\n", j->name, way, what, end->code,
           end->signal, end->err);
    fault_print_command(work, j->words, plan);
}

static bool names_reason(const char *text)
{
    static const char *const words[] = {"No space left", "too large", "full", "free", "room"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i])) return true;
    return false;
}

/* After a run in `work`. */
static void judge(const fault_job *j, const fault_plan *plan, const char *way, fault_end *end)
{
    const char *why;
    runs++;
    refused += end->code != 0;
    if (end->hung)
        why = "it hangs";
    else if (end->signal)
        why = "it crashes";
    else if ((why = fault_leftover(work)))
        ;
    else if (end->code == 0)
        why = fault_job_done(j, work, end);
    else if (!names_reason(end->err))
        why = "the text does not name the reason";
    else if (end->code != 3 && end->code != 1)
        why = "the exit code is not that of a file that cannot be written";
    else
        why = fault_job_refused(j, work, end);
    if (why) complain(j, plan, way, why, end);
}

/* ---- the ways ----------------------------------------------------------------------------- */

static void limited_files(const fault_job *j)
{
    static fault_end end;
    for (int i = 0; i < steps; i++) {
        const int64_t most = 16384 * (1 + (int64_t)(fault_random(&chance) % 16));
        const fault_plan plan = {.preload = true, .file_bytes = i % 2 ? most : most / 16};
        fault_job_begin(j, work, true);
        fault_run(work, j->words, &plan, &end);
        judge(j, &plan, "files limited", &end);
    }
}

static void writes_fail(const fault_job *j)
{
    static fault_end end;
    const uint64_t calls = j->end.report.calls[FAIL_WRITE];
    for (int i = 0; calls > 0 && i < steps; i++) {
        fault_plan plan = {.preload = true, .class = FAIL_WRITE, .how = ENOSPC, .onwards = true};
        plan.at = 1 + fault_random(&chance) % calls;
        fault_job_begin(j, work, true);
        fault_run(work, j->words, &plan, &end);
        judge(j, &plan, "writes fail", &end);
    }
}

static void full_stdout(const fault_job *j)
{
    static fault_end end;
    const fault_plan plan = {.full_stdout = true};
    if (j->end.out[0] == 0) return;
    fault_job_begin(j, work, true);
    fault_run(work, j->words, &plan, &end);
    runs++;
    refused += end.code != 0;
    if (end.code != 1 || !strstr(end.err, "standard output"))
        complain(j, &plan, "stdout is full", "not exit 1 with a text about it", &end);
}

static bool write_line(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY);
    const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return written;
}

/* A mount namespace for this process and its children; needs no privilege where users may have
 * namespaces. */
static bool enter_namespace(void)
{
    char map[64];
    const unsigned user = (unsigned)geteuid(), group = (unsigned)getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    snprintf(map, sizeof map, "0 %u 1", user);
    if (!write_line("/proc/self/setgroups", "deny") || !write_line("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof map, "0 %u 1", group);
    if (!write_line("/proc/self/gid_map", map)) return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int64_t size_of_tree(const char *path)
{
    char command[FAULT_TEXT], text[64] = "";
    fault_text(command, "du -sk '%s'", path);
    FILE *in = popen(command, "r");
    if (!in || !fgets(text, sizeof text, in)) abort();
    pclose(in);
    return strtoll(text, NULL, 10);
}

/* Between what the inputs take and what everything takes. */
static bool small_disk(const fault_job *j)
{
    static fault_end end;
    const fault_plan plan = {.preload = true};
    char options[64];
    fault_job_begin(j, work, true);
    const int64_t low = size_of_tree(work);
    const int64_t high = size_of_tree(fault_path("want-%s", j->name)) + 64;
    for (int i = 0; i < steps; i++) {
        const int64_t size = low + 4 + (high - low) * i / steps;
        fault_remove_tree(work);
        if (mkdir(work, 0777) != 0) abort();
        snprintf(options, sizeof options, "size=%lldk", (long long)size);
        if (mount("tmpfs", work, "tmpfs", 0, options) != 0) return false;
        fault_fill_job(j, work, true);
        fault_run(work, j->words, &plan, &end);
        if (mount(NULL, work, NULL, MS_REMOUNT, "size=64m") != 0) return false;
        judge(j, &plan, options, &end);
        if (umount2(work, MNT_DETACH) != 0) return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *seed = fault_option(argc, argv, "--seed");
    const bool thorough = fault_option(argc, argv, "--long") != NULL;
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    const double began = fault_now();
    const char *disk = "";
    chance = first;
    steps = thorough ? 60 : 3;
    fault_text(work, "%s", fault_path("work"));
    fault_jobs_prepare();
    for (int i = 0; i < fault_jobs_count; i++) {
        const fault_job *j = &fault_jobs[i];
        full_stdout(j);
        if (!j->train && !j->outputs[0]) continue;
        limited_files(j);
        writes_fail(j);
    }
    if (enter_namespace()) {
        for (int i = 0; i < fault_jobs_count; i++)
            if ((fault_jobs[i].train || fault_jobs[i].outputs[0]) && !small_disk(&fault_jobs[i]))
                disk = ", a tmpfs could not be mounted (skipped)";
    } else {
        disk = ", no mount namespaces here: no small tmpfs (skipped)";
    }
    printf("full disk: %d runs, %d refused, %d wrong%s, seed %llu, %.0f s\n", runs, refused, wrong,
           disk, (unsigned long long)first, fault_now() - began);
    return wrong > 0;
}
