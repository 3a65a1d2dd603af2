/* SPDX-License-Identifier: MIT */
/* faulting.h: programs under trouble, and what they leave behind; for tests/fault_*.c. */
#ifndef RMX_FAULTING_H
#define RMX_FAULTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload_fail.h"

/* What goes wrong: nothing where all is zero. */
typedef struct fault_plan {
    bool preload;       /* count calls */
    fail_class class;   /* of the calls that fail, where at > 0 */
    uint64_t at;        /* number of the first */
    int how;            /* an errno, FAIL_SHORT or FAIL_KILL */
    bool onwards;       /* all later ones too */
    double kill_after;  /* seconds to SIGKILL */
    int64_t file_bytes; /* no file may grow larger, RLIMIT_FSIZE */
    bool full_stdout;   /* stdout is /dev/full */
} fault_plan;

typedef struct fault_end {
    int code;   /* exit status, -1 where it was ended by a signal */
    int signal; /* that signal */
    bool hung;  /* it was ended as it took over FAULT_SECONDS */
    double seconds;
    char out[8192], err[8192]; /* the first bytes of stdout and stderr */
    fail_report report;
} fault_end;

enum { FAULT_SECONDS = 60, FAULT_WORDS = 24, FAULT_TEXT = 2048 };

/* Runs words[0], a program of ours, in a folder; its stdout and stderr go to files beside it. */
void fault_run(const char *folder, const char *const *words, const fault_plan *plan,
               fault_end *end);
/* The same, and aborts with what it said unless it exits 0. */
void fault_must_run(const char *folder, const char *const *words, fault_end *end);
/* How a person repeats a run: a shell command. */
void fault_print_command(const char *folder, const char *const *words, const fault_plan *plan);

/* ---- files -------------------------------------------------------------------------------- */

/* A folder of this process, removed at its end unless RMX_KEEP is set in the environment. */
const char *fault_folder(void);
/* FORMAT under that folder; good until the eighth call from here. */
const char *fault_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Formats into out. */
void fault_text(char out[FAULT_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The whole file with a zero behind it, to be freed; NULL where there is none. */
char *fault_read(const char *path, size_t *bytes);
void fault_write(const char *path, const void *bytes, size_t size);
void fault_make_folder_of(const char *path); /* the last folder of a file's path */
void fault_copy_tree(const char *from, const char *to);
void fault_remove_tree(const char *path);
/* How many names below path hold the text; the last of them into name [512]. */
int fault_count_names(const char *path, const char *text, char *name);
/* Files of equal bytes, both absent included. */
bool fault_same_file(const char *a, const char *b);
/* The same, or whole data sets of equal content. */
bool fault_same_set(const char *a, const char *b);
/* Removes the numbers of all clocks from a JSON text, in place. */
void fault_strip_clocks(char *text);

/* ---- chance and figures ------------------------------------------------------------------- */

uint64_t fault_random(uint64_t *state);
double fault_now(void);
/* --long, --seed N, and what else a program knows: the value of an option, or NULL. */
const char *fault_option(int argc, char **argv, const char *name);

/* ---- jobs --------------------------------------------------------------------------------- */

/* A command line, and what it makes in a folder that fault_job_begin fills. */
typedef struct fault_job {
    const char *name;
    const char *words[FAULT_WORDS];
    const char *outputs[2];
    bool train;    /* run/ is its output, and the command can be given again */
    bool begun;    /* run/ holds a run that stopped in the middle */
    bool costly;   /* too slow for each of very many calls */
    fault_end end; /* of the undisturbed run; its stdout without clocks */
} fault_job;

extern fault_job fault_jobs[];
extern const int fault_jobs_count;
fault_job *fault_job_called(const char *name); /* NULL: none */

/* Makes the inputs and runs every job undisturbed; ends the program where one fails. */
void fault_jobs_prepare(void);
/* A fresh folder with a job's inputs; old: outputs of other inputs lie there too. */
void fault_job_begin(const fault_job *job, const char *folder, bool old);
void fault_fill_job(const fault_job *job, const char *folder, bool old); /* an empty folder */
/* NULL, or what is wrong, after an end with exit 0; end->out loses its clocks. */
const char *fault_job_done(const fault_job *job, const char *folder, fault_end *end);
/* NULL, or what is wrong, after any other end: outputs are old or whole (or absent, where allowed),
 * checkpoints and generated sets are whole. */
const char *fault_job_whole(const fault_job *job, const char *folder, bool absent);
/* The same for a program that refused: it said why, and a training command that is given again
 * ends as if nothing had been. */
const char *fault_job_refused(const fault_job *job, const char *folder, const fault_end *end);

/* NULL if run/ under both folders is the same finished run, but for clocks; else the reason. */
const char *fault_compare_runs(const char *is, const char *want);
/* NULL where no name of a temporary file is below the folder; else the reason. */
const char *fault_leftover(const char *folder);
/* NULL if every checkpoint and generated set under its own name in FOLDER/run is whole. */
const char *fault_check_run(const char *folder);

#endif /* RMX_FAULTING_H */
