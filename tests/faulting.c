/* SPDX-License-Identifier: MIT */
/* faulting.c: see faulting.h. Runs a program and watches its end. */
#include "faulting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testing.h"

static const char *const class_names[] = FAIL_CLASS_NAMES;

double fault_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint64_t fault_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

const char *fault_option(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return i + 1 < argc ? argv[i + 1] : "";
    return NULL;
}

/* ---- running ------------------------------------------------------------------------------ */

static void how_text(int how, char out[16])
{
    if (how > 0)
        snprintf(out, 16, "%d", how);
    else
        snprintf(out, 16, "%s", how == FAIL_KILL ? "kill" : "short");
}

static void set_environment(const fault_plan *plan)
{
    char text[32];
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    if (!plan->preload) return;
    setenv("RMX_FAIL_REPORT", fault_path("report"), 1);
    setenv("LD_PRELOAD", RMX_PRELOAD_FAIL, 1);
    if (plan->at == 0) return;
    setenv("RMX_FAIL_CLASS", class_names[plan->class], 1);
    snprintf(text, sizeof text, "%llu", (unsigned long long)plan->at);
    setenv("RMX_FAIL_AT", text, 1);
    how_text(plan->how, text);
    setenv("RMX_FAIL_HOW", text, 1);
    if (plan->onwards) setenv("RMX_FAIL_ON", "1", 1);
}

static void redirect(const char *path, int fd)
{
    const int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (to < 0 || dup2(to, fd) < 0) _exit(99);
    close(to);
}

static _Noreturn void become(const char *folder, const char *const *words, const fault_plan *plan)
{
    char program[4096], *argv[FAULT_WORDS + 1] = {NULL};
    snprintf(program, sizeof program, "%s/%s", testing_programs(), words[0]);
    for (int i = 0; i < FAULT_WORDS && words[i]; i++) argv[i] = (char *)(uintptr_t)words[i];
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    redirect(plan->full_stdout ? "/dev/full" : fault_path("stdout"), 1);
    redirect(fault_path("stderr"), 2);
    if (plan->file_bytes > 0) {
        const struct rlimit size = {(rlim_t)plan->file_bytes, (rlim_t)plan->file_bytes};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &size);
    }
    set_environment(plan);
    if (chdir(folder) != 0) _exit(98);
    execv(program, argv);
    _exit(97);
}

/* Waits for the child's end, and ends it where the plan or the limit says so. */
static int watch(pid_t child, const fault_plan *plan, fault_end *end)
{
    const double began = fault_now();
    const struct timespec moment = {0, 50000};
    bool killed = plan->kill_after <= 0;
    int status;
    while (waitpid(child, &status, WNOHANG) != child) {
        end->seconds = fault_now() - began;
        if (!killed && end->seconds >= plan->kill_after) {
            killed = true;
            kill(child, SIGKILL);
        }
        if (end->seconds > FAULT_SECONDS) {
            end->hung = true;
            kill(child, SIGKILL);
        }
        nanosleep(&moment, NULL);
    }
    end->seconds = fault_now() - began;
    return status;
}

static void take_text(const char *path, char *out, size_t room)
{
    size_t n;
    char *text = fault_read(path, &n);
    snprintf(out, room, "%s", text ? text : "");
    free(text);
}

static void clear_report(void)
{
    static const char zeros[sizeof(fail_report)];
    fault_write(fault_path("report"), zeros, sizeof zeros);
}

static void take_report(fail_report *out)
{
    size_t n;
    char *bytes = fault_read(fault_path("report"), &n);
    if (!bytes || n < sizeof *out) abort();
    memcpy((void *)out, bytes, sizeof *out);
    free(bytes);
}

void fault_run(const char *folder, const char *const *words, const fault_plan *plan,
               fault_end *end)
{
    memset((void *)end, 0, sizeof *end);
    clear_report();
    fault_write(fault_path("stdout"), "", 0);
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) {
        perror("fork");
        abort();
    }
    if (child == 0) become(folder, words, plan);
    const int status = watch(child, plan, end);
    end->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (end->code >= 97 && end->code <= 99) {
        fprintf(stderr, "cannot run %s: is it built?\n", words[0]);
        abort();
    }
    take_text(fault_path("stdout"), end->out, sizeof end->out);
    take_text(fault_path("stderr"), end->err, sizeof end->err);
    take_report(&end->report);
}

void fault_must_run(const char *folder, const char *const *words, fault_end *end)
{
    const fault_plan undisturbed = {.preload = true};
    fault_run(folder, words, &undisturbed, end);
    if (end->code == 0) return;
    fprintf(stderr, "undisturbed, and yet exit %d, signal %d: %s\n", end->code, end->signal,
            end->err);
    fault_print_command(folder, words, &undisturbed);
    exit(1);
}

void fault_print_command(const char *folder, const char *const *words, const fault_plan *plan)
{
    char how[16];
    how_text(plan->how, how);
    printf("    cd %s && ", folder);
    if (plan->file_bytes > 0)
        printf("(trap '' XFSZ; ulimit -f %lld; ", (long long)plan->file_bytes / 1024);
    if (plan->preload && plan->at > 0) {
        printf("truncate -s 0 report && truncate -s 4096 report && RMX_FAIL_REPORT=report "
               "LD_PRELOAD=%s RMX_FAIL_CLASS=%s RMX_FAIL_AT=%llu RMX_FAIL_HOW=%s %s",
               RMX_PRELOAD_FAIL, class_names[plan->class], (unsigned long long)plan->at, how,
               plan->onwards ? "RMX_FAIL_ON=1 " : "");
    }
    printf("%s/", testing_programs());
    for (int i = 0; i < FAULT_WORDS && words[i]; i++) printf("%s ", words[i]);
    if (plan->kill_after > 0) printf(" # killed after %.4f s", plan->kill_after);
    printf("%s%s\n", plan->full_stdout ? "> /dev/full" : "", plan->file_bytes > 0 ? ")" : "");
}
