/* SPDX-License-Identifier: MIT */
/* job_testing.c: see job_testing.h. */
#include "job_testing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing.h"

static char folder[64];

void job_begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_job.XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) != 0) abort();
}

void job_end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (chdir("/") != 0 || system(command) != 0) abort();
}

void job_put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) abort();
}

int job_run(const char *format, ...)
{
    char line[2048], whole[6500];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "PATH=%s:$PATH; (%s) >out 2>err </dev/null", testing_programs(),
             line);
    const int status = system(whole);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

const char *job_text(const char *name)
{
    static char texts[2][1 << 17];
    static int next;
    char *text = texts[next++ % 2];
    FILE *file = fopen(name, "r");
    if (!file) {
        fprintf(stderr, "there is no %s\n", name);
        abort();
    }
    text[fread(text, 1, sizeof texts[0] - 1, file)] = '\0';
    fclose(file);
    return text;
}

bool job_said(const char *words)
{
    const char *text = job_text("err");
    if (strstr(text, words)) return true;
    fprintf(stderr, "'%s' is not in: %s\n", words, text);
    return false;
}

const char *job_params(char out[17])
{
    static const char key[] = "\"params_xxh3\":\"";
    const char *at = strstr(job_text("out"), key);
    if (!at) {
        fprintf(stderr, "no results: %s\n", job_text("err"));
        abort();
    }
    snprintf(out, 17, "%s", at + strlen(key));
    return out;
}
