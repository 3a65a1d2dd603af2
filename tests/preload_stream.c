/* SPDX-License-Identifier: MIT */
/* preload_stream.c: streams, made anew over counted calls (fopencookie), as the C library's own do
 * not go through names that can be taken over; see preload_fail.h. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload_fail.h"

enum { STREAMS = 256 };

/* ---- streams ------------------------------------------------------------------------------ */

static struct stream {
    _Atomic(FILE *) stream;
    int fd;
} streams[STREAMS];

static int fd_of(void *cookie) { return (int)((intptr_t)cookie - 1); }

static ssize_t stream_read(void *cookie, char *to, size_t n)
{
    const int struck = fail_strike(FAIL_READ, "read of a stream", FAIL_CALLER);
    if (struck > 0) return -1;
    if (struck == FAIL_SHORT && n > 1) n /= 2;
    return syscall(SYS_read, fd_of(cookie), to, n);
}

/* The C library's own streams go on after a short write: here a part is written, then the rest. */
static ssize_t stream_write(void *cookie, const char *from, size_t n)
{
    const int struck = fail_strike(FAIL_WRITE, "write of a stream", FAIL_CALLER);
    size_t done = 0, part = struck == FAIL_SHORT && n > 1 ? n / 2 : n;
    if (struck > 0) return 0;
    while (done < n) {
        const ssize_t written = syscall(SYS_write, fd_of(cookie), from + done, part);
        if (written <= 0) return (ssize_t)done; /* fewer than n is an error to fopencookie */
        done += (size_t)written;
        part = n - done;
    }
    return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int from)
{
    const off64_t now = syscall(SYS_lseek, fd_of(cookie), *at, from);
    if (now < 0) return -1;
    *at = now;
    return 0;
}

static int stream_close(void *cookie)
{
    const int struck = fail_strike(FAIL_CLOSE, "close of a stream", FAIL_CALLER),
              fd = fd_of(cookie);
    for (int i = 0; i < STREAMS; i++)
        if (atomic_load(&streams[i].stream) && streams[i].fd == fd)
            atomic_store(&streams[i].stream, NULL);
    const int result = (int)syscall(SYS_close, fd);
    if (struck <= 0) return result;
    errno = struck;
    return -1;
}

FILE *fail_stream_on(int fd, const char *mode)
{
    const cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
    FILE *stream = fopencookie((void *)((intptr_t)fd + 1), mode, calls);
    for (int i = 0; stream && i < STREAMS; i++) {
        if (atomic_load(&streams[i].stream)) continue;
        streams[i].fd = fd;
        atomic_store(&streams[i].stream, stream);
        break;
    }
    return stream;
}

FAIL_SHOWN int fileno(FILE *stream)
{
    for (int i = 0; i < STREAMS; i++)
        if (atomic_load(&streams[i].stream) == stream) return streams[i].fd;
    FAIL_NEXT(int, fileno, FILE *);
    return next(stream);
}
FAIL_SHOWN int fileno_unlocked(FILE *stream) { return fileno(stream); }

static FILE *open_stream(const char *path, const char *mode)
{
    int flags = mode[0] == 'r'   ? O_RDONLY
                : mode[0] == 'w' ? O_WRONLY | O_CREAT | O_TRUNC
                                 : O_WRONLY | O_CREAT | O_APPEND;
    if (strchr(mode, '+')) flags = (flags & ~O_WRONLY) | O_RDWR;
    if (strchr(mode, 'e')) flags |= O_CLOEXEC;
    if (strchr(mode, 'x')) flags |= O_EXCL;
    const int fd = fail_plain_open(AT_FDCWD, path, flags, 0666);
    if (fd < 0) return NULL;
    FILE *stream = fail_stream_on(fd, mode);
    if (!stream) syscall(SYS_close, fd);
    return stream;
}

FAIL_SHOWN FILE *fopen(const char *restrict path, const char *restrict mode)
{
    FAIL_IF(FAIL_OPEN, "fopen", NULL);
    return open_stream(path, mode);
}
FAIL_SHOWN FILE *fopen64(const char *restrict path, const char *restrict mode)
{
    FAIL_IF(FAIL_OPEN, "fopen", NULL);
    return open_stream(path, mode);
}
FAIL_SHOWN FILE *fdopen(int fd, const char *mode)
{
    FAIL_IF(FAIL_OPEN, "fdopen", NULL);
    return fail_stream_on(fd, mode);
}
