/* SPDX-License-Identifier: MIT */
/* What a person sees on a terminal: the live line fits, says per cent and time left first, and is
 * gone before anything else is printed and at the end. */
#include <criterion/criterion.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/progress_line.h"
#include "job_testing.h"
#include "testing.h"

static const char clear[] = "\r\033[K";
static char seen[1 << 20];

/* Runs a shell line on a terminal of so many columns; its output is in seen. Exit code. */
static int run(unsigned short width, const char *line)
{
    const struct winsize size = {.ws_row = 24, .ws_col = width};
    char whole[2048];
    int terminal, status;
    size_t length = 0;
    ssize_t got;
    snprintf(whole, sizeof whole, "PATH=%s:$PATH; %s", testing_programs(), line);
    const pid_t child = forkpty(&terminal, NULL, NULL, &size);
    cr_assert(child >= 0);
    if (child == 0) {
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
        execl("/bin/sh", "sh", "-c", whole, (char *)NULL);
        _exit(99);
    }
    while (length + 1 < sizeof seen &&
           (got = read(terminal, seen + length, sizeof seen - 1 - length)) > 0)
        length += (size_t)got;
    seen[length] = '\0';
    close(terminal);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether text begins as a live line does: " 42 %  ETA 0:07". */
static bool per_cent_first(const char *text)
{
    int share, minutes, seconds, end = 0;
    return sscanf(text, "%d %% ETA %d:%2d%n", &share, &minutes, &seconds, &end) == 3 && end > 0 &&
           share >= 0 && share <= 100;
}

/* Looks at every live line; returns how many. Each ends with the next clear, never with a new
 * line, and the last one is empty. */
static int look_at_live_lines(size_t width)
{
    int lines = 0;
    for (const char *at = strstr(seen, clear); at;) {
        const char *text = at + strlen(clear), *next = strstr(text, clear);
        size_t length = strcspn(text, "\r\n");
        if (next && (size_t)(next - text) == length && length > 0) {
            cr_expect_lt(length, width, "'%.*s' is as wide as the terminal", (int)length, text);
            cr_expect(length < 12 || per_cent_first(text), "'%.*s'", (int)length, text);
            lines++;
        } else if (!next || (size_t)(next - text) > length) {
            cr_expect(!per_cent_first(text), "left behind: '%.*s'", (int)length, text);
        }
        at = next;
    }
    return lines;
}

TestSuite(terminal, .init = job_begin, .fini = job_end, .timeout = 300);

Test(terminal, the_live_line_fits_and_is_cleared)
{
    static const unsigned short widths[] = {200, 18};
    const char *job =
        "printf '[run]\\ndir = run\\ndevice = cpu\\n[synthetic]\\nrows_train = 60000\\n"
        "rows_valid = 20000\\n[train]\\neval_every = 50\\n' > c.ini; "
        "rmx-train c.ini --resume never";
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        cr_assert_eq(run(widths[i], job), 0, "%s", seen);
        cr_expect_gt(look_at_live_lines(widths[i]), 2, "%d columns: %s", widths[i], seen);
        cr_expect(strstr(seen, "{\"steps\":"), "%s", seen);
    }
    cr_assert_eq(run(80, "rmx-predict run/checkpoints/best.h5 run/data/*-train.h5 -o p.csv"), 0);
    cr_expect(strstr(seen, "scoring"), "%s", seen);
    look_at_live_lines(80);
    cr_assert_eq(run(80, "rmx-data generate --rows-train 200000 --rows-valid 0"), 0, "%s", seen);
    cr_expect_gt(look_at_live_lines(80), 0, "%s", seen);
    cr_expect(strstr(seen, "of 200000 rows") && strstr(seen, "train.h5: 200000 rows"), "%s", seen);
}

Test(terminal, a_signal_leaves_no_live_line)
{
    const int code =
        run(80, "rmx-data generate --rows-train 100000000 & sleep 0.6; kill -TERM $!; "
                "wait $!");
    cr_expect_eq(code, 143, "%s", seen);
    cr_expect_gt(look_at_live_lines(80), 0, "%s", seen);
    cr_expect(strstr(seen, "stopped; nothing unfinished was left behind"), "%s", seen);
}

Test(terminal, cuts_between_characters)
{
    const struct {
        const char *text;
        int32_t columns;
        const char *cut;
    } cases[] = {{"plain text", 5, "plain"},
                 {"plain", 80, "plain"},
                 {"", 3, ""},
                 {"abc", 0, ""},
                 {"na\xc3\xafve", 3, "na\xc3\xaf"},
                 {"na\xc3\xafve", 2, "na"},
                 {"\xe6\x95\xb0\xe6\x8d\xae", 2, "\xe6\x95\xb0"},
                 {"\xe6\x95\xb0\xe6\x8d\xae", 3, "\xe6\x95\xb0"},
                 {"a\xf0\x9f\x98\x80z", 3, "a\xf0\x9f\x98\x80"},
                 {"a\xff\x80z", 9, "a??z"},
                 {"a\xe6\x95", 9, "a??"},
                 {"a\tb\033[2Jc\x7f", 20, "a?b?[2Jc?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].text);
        rmx_progress_cut(text, cases[i].columns);
        cr_expect_str_eq(text, cases[i].cut, "case %zu", i);
    }
}
