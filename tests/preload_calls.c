/* SPDX-License-Identifier: MIT */
/* preload_calls.c: calls on files and folders; see preload_fail.h. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload_fail.h"

/* ---- names -------------------------------------------------------------------------------- */

int fail_plain_open(int folder, const char *path, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? (mode_t)va_arg(args, int) : 0;
}

#define OPEN(name, parameters, folder, last)              \
    FAIL_SHOWN int name parameters                        \
    {                                                     \
        va_list args;                                     \
        FAIL_IF(FAIL_OPEN, #name, -1);                    \
        va_start(args, last);                             \
        const mode_t mode = mode_of(last, args);          \
        va_end(args);                                     \
        return fail_plain_open(folder, path, last, mode); \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD, flags)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, flags)
OPEN(openat, (int folder, const char *path, int flags, ...), folder, flags)
OPEN(openat64, (int folder, const char *path, int flags, ...), folder, flags)

FAIL_SHOWN int creat(const char *path, mode_t mode)
{
    FAIL_IF(FAIL_OPEN, "creat", -1);
    return fail_plain_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* A function that fails with -1 and else is the real one. */
#define CALL(class, name, parameters, types, ...)             \
    FAIL_SHOWN int name parameters                            \
    {                                                         \
        FAIL_IF(class, #name, -1);                            \
        static int(*next) types;                              \
        if (!next) *(void **)&next = dlsym(RTLD_NEXT, #name); \
        return next(__VA_ARGS__);                             \
    }
#define ONE_PATH (const char *path), (const char *), path
#define TWO_PATHS (const char *from, const char *to), (const char *, const char *), from, to
#define CALL_WITH(class, name, ...) CALL(class, name, __VA_ARGS__)

CALL(FAIL_OPEN, mkstemp, (char *path), (char *), path)
CALL(FAIL_OPEN, mkdir, (const char *path, mode_t mode), (const char *, mode_t), path, mode)
CALL(FAIL_OPEN, dup, (int fd), (int), fd)
CALL(FAIL_OPEN, dup2, (int fd, int to), (int, int), fd, to)
CALL_WITH(FAIL_RENAME, rename, TWO_PATHS)
CALL_WITH(FAIL_RENAME, link, TWO_PATHS)
CALL_WITH(FAIL_RENAME, symlink, TWO_PATHS)
CALL(FAIL_RENAME, renameat, (int a, const char *from, int b, const char *to),
     (int, const char *, int, const char *), a, from, b, to)
CALL(FAIL_RENAME, linkat, (int a, const char *from, int b, const char *to, int flags),
     (int, const char *, int, const char *, int), a, from, b, to, flags)
CALL_WITH(FAIL_REMOVE, unlink, ONE_PATH)
CALL_WITH(FAIL_REMOVE, rmdir, ONE_PATH)
CALL_WITH(FAIL_REMOVE, remove, ONE_PATH)
CALL(FAIL_REMOVE, unlinkat, (int folder, const char *path, int flags), (int, const char *, int),
     folder, path, flags)
CALL(FAIL_LOOK, access, (const char *path, int mode), (const char *, int), path, mode)
CALL(FAIL_LOOK, flock, (int fd, int what), (int, int), fd, what)
CALL(FAIL_LOOK, stat, (const char *path, struct stat *out), (const char *, struct stat *), path,
     out)
CALL(FAIL_LOOK, lstat, (const char *path, struct stat *out), (const char *, struct stat *), path,
     out)
CALL(FAIL_LOOK, fstat, (int fd, struct stat *out), (int, struct stat *), fd, out)
CALL(FAIL_LOOK, stat64, (const char *path, struct stat64 *out), (const char *, struct stat64 *),
     path, out)
CALL(FAIL_LOOK, lstat64, (const char *path, struct stat64 *out), (const char *, struct stat64 *),
     path, out)
CALL(FAIL_LOOK, fstat64, (int fd, struct stat64 *out), (int, struct stat64 *), fd, out)
CALL(FAIL_LOOK, fstatat, (int folder, const char *path, struct stat *out, int flags),
     (int, const char *, struct stat *, int), folder, path, out, flags)
CALL(FAIL_LOOK, statvfs, (const char *path, struct statvfs *out), (const char *, struct statvfs *),
     path, out)
CALL(FAIL_LOOK, fstatvfs, (int fd, struct statvfs *out), (int, struct statvfs *), fd, out)
CALL(FAIL_SYNC, fsync, (int fd), (int), fd)
CALL(FAIL_SYNC, fdatasync, (int fd), (int), fd)
CALL(FAIL_PROCESS, pipe, (int fd[2]), (int *), fd)
CALL(FAIL_PROCESS, pipe2, (int fd[2], int flags), (int *, int), fd, flags)
CALL(FAIL_PROCESS, fork, (void), (void))

FAIL_SHOWN int fcntl(int fd, int command, ...)
{
    va_list args;
    FAIL_IF(FAIL_LOOK, "fcntl", -1);
    va_start(args, command);
    void *value = va_arg(args, void *);
    va_end(args);
    return (int)syscall(SYS_fcntl, fd, command, value);
}

FAIL_SHOWN off_t lseek(int fd, off_t at, int from)
{
    FAIL_IF(FAIL_LOOK, "lseek", -1);
    return (off_t)syscall(SYS_lseek, fd, at, from);
}
FAIL_SHOWN off64_t lseek64(int fd, off64_t at, int from)
{
    FAIL_IF(FAIL_LOOK, "lseek", -1);
    return (off64_t)syscall(SYS_lseek, fd, at, from);
}

FAIL_SHOWN char *realpath(const char *restrict path, char *restrict out)
{
    FAIL_IF(FAIL_LOOK, "realpath", NULL);
    FAIL_NEXT(char *, realpath, const char *, char *);
    return next(path, out);
}

FAIL_SHOWN char *getcwd(char *out, size_t bytes)
{
    FAIL_IF(FAIL_LOOK, "getcwd", NULL);
    FAIL_NEXT(char *, getcwd, char *, size_t);
    return next(out, bytes);
}

FAIL_SHOWN ssize_t readlink(const char *restrict path, char *restrict out, size_t bytes)
{
    FAIL_IF(FAIL_LOOK, "readlink", -1);
    return syscall(SYS_readlink, path, out, bytes);
}

FAIL_SHOWN DIR *opendir(const char *path)
{
    FAIL_IF(FAIL_OPEN, "opendir", NULL);
    FAIL_NEXT(DIR *, opendir, const char *);
    return next(path);
}
FAIL_SHOWN struct dirent *readdir(DIR *folder)
{
    FAIL_IF(FAIL_READ, "readdir", NULL);
    FAIL_NEXT(struct dirent *, readdir, DIR *);
    return next(folder);
}

/* ---- bytes -------------------------------------------------------------------------------- */

#define TRANSFER(class, name, parameters, bytes, ...)              \
    FAIL_SHOWN ssize_t name parameters                             \
    {                                                              \
        const int struck = fail_strike(class, #name, FAIL_CALLER); \
        if (struck > 0) return -1;                                 \
        if (struck == FAIL_SHORT && bytes > 1) bytes /= 2;         \
        return syscall(__VA_ARGS__);                               \
    }
TRANSFER(FAIL_READ, read, (int fd, void *to, size_t n), n, SYS_read, fd, to, n)
TRANSFER(FAIL_READ, pread, (int fd, void *to, size_t n, off_t at), n, SYS_pread64, fd, to, n, at)
TRANSFER(FAIL_READ, pread64, (int fd, void *to, size_t n, off64_t at), n, SYS_pread64, fd, to, n,
         at)
TRANSFER(FAIL_WRITE, write, (int fd, const void *from, size_t n), n, SYS_write, fd, from, n)
TRANSFER(FAIL_WRITE, pwrite, (int fd, const void *from, size_t n, off_t at), n, SYS_pwrite64, fd,
         from, n, at)
TRANSFER(FAIL_WRITE, pwrite64, (int fd, const void *from, size_t n, off64_t at), n, SYS_pwrite64,
         fd, from, n, at)

FAIL_SHOWN ssize_t writev(int fd, const struct iovec *piece, int pieces)
{
    FAIL_IF(FAIL_WRITE, "writev", -1);
    return syscall(SYS_writev, fd, piece, pieces);
}

CALL(FAIL_WRITE, ftruncate, (int fd, off_t size), (int, off_t), fd, size)
CALL(FAIL_WRITE, ftruncate64, (int fd, off64_t size), (int, off64_t), fd, size)
CALL(FAIL_WRITE, fallocate, (int fd, int mode, off_t at, off_t n), (int, int, off_t, off_t), fd,
     mode, at, n)
FAIL_SHOWN int posix_fallocate(int fd, off_t at, off_t n)
{
    FAIL_IF(FAIL_WRITE, "posix_fallocate", errno);
    FAIL_NEXT(int, posix_fallocate, int, off_t, off_t);
    return next(fd, at, n);
}

FAIL_SHOWN int close(int fd)
{
    const int struck = fail_strike(FAIL_CLOSE, "close", FAIL_CALLER);
    const int result = (int)syscall(SYS_close, fd);
    if (struck <= 0) return result;
    errno = struck;
    return -1;
}
