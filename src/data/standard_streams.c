/* SPDX-License-Identifier: MIT */
/* standard_streams.c: see standard_streams.h. */
#include "data/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_LOST_OUTPUT = 1 };

/* Some file systems report a failed write at close only. By then the reason of an earlier failed
 * write is lost. Writing one more byte, to an output that is broken anyway, brings it back. */
static void check_output(int code, void *program)
{
    const int lost = ferror(stdout);
    errno = 0;
    if (lost && write(STDOUT_FILENO, "\n", 1) == 1) errno = 0;
    const int why = errno, failed = fclose(stdout);
    if (!lost && failed == 0) return;
    const int number = why ? why : failed ? errno : 0;
    fprintf(stderr, "%s: cannot write to the standard output%s%s\n", (const char *)program,
            number ? ": " : "", number ? strerror(number) : "");
    fflush(stderr);
    _exit(code == 0 ? EXIT_LOST_OUTPUT : code);
}

void rmx_streams_begin(const char *program)
{
    /* open takes the lowest free number, so the loop leaves no gap behind */
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        if (open("/dev/null", O_RDWR) != fd) _exit(EXIT_LOST_OUTPUT);
    }
    if (on_exit(check_output, (void *)program) != 0) {
        fprintf(stderr, "%s: out of memory\n", program);
        _exit(EXIT_LOST_OUTPUT);
    }
}
