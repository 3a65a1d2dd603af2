/* SPDX-License-Identifier: MIT */
/* preload_fail.h: what a driver and the preloaded library of preload_fail.c tell each other.
 *
 * The library counts calls by class and lets call number `at` of one class fail, or every one from
 * there on. The environment says which:
 *   RMX_FAIL_REPORT  a file of at least sizeof(fail_report) bytes, mapped by both; required
 *   RMX_FAIL_CLASS   a name of fail_class_names; without it calls are counted only
 *   RMX_FAIL_AT      number of the call, from 1
 *   RMX_FAIL_HOW     an errno as a number, "short" (half of a read or write) or "kill" (SIGKILL
 *                    before the call)
 *   RMX_FAIL_ON      1: all later calls of the class fail too
 * Children of the program run undisturbed. */
#ifndef RMX_PRELOAD_FAIL_H
#define RMX_PRELOAD_FAIL_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

typedef enum fail_class {
    FAIL_OPEN,    /* open, fopen, opendir, mkstemp, mkdir */
    FAIL_READ,    /* read, pread, readdir, of streams too */
    FAIL_WRITE,   /* write, pwrite, ftruncate, fallocate, of streams and of stdout too */
    FAIL_SYNC,    /* fsync, fdatasync */
    FAIL_RENAME,  /* rename, link, symlink */
    FAIL_REMOVE,  /* unlink, rmdir */
    FAIL_CLOSE,   /* close: it is closed and an error is returned; streams too */
    FAIL_LOOK,    /* stat, statvfs, lseek, access, flock, fcntl, realpath, getcwd, readlink */
    FAIL_MEMORY,  /* malloc and its kin, mmap; those of HDF5 and its libraries are not counted */
    FAIL_PROCESS, /* pthread_create, fork, posix_spawn, popen, pipe */
    FAIL_CLASSES
} fail_class;

#define FAIL_CLASS_NAMES                                                                          \
    {                                                                                             \
        "open", "read", "write", "sync", "rename", "remove", "close", "look", "memory", "process" \
    }

typedef struct fail_report {
    _Atomic uint64_t calls[FAIL_CLASSES];
    _Atomic uint64_t hits;  /* calls that failed */
    char call[32];          /* the first of them: its name */
    _Atomic uint64_t place; /* and the address that called, from its file's start (addr2line) */
    char file[128];         /* that file */
} fail_report;

/* ---- inside the library ------------------------------------------------------------------- */

enum { FAIL_SHORT = -1, FAIL_KILL = -2 };

/* Counts a call. 0: go on; FAIL_SHORT: do half; an errno, which is also set: fail. */
int fail_strike(fail_class class, const char *call, const void *caller);
/* The real open, and a stream over counted calls. */
int fail_plain_open(int folder, const char *path, int flags, unsigned mode);
FILE *fail_stream_on(int fd, const char *mode);

#define FAIL_SHOWN __attribute__((visibility("default")))
#define FAIL_CALLER __builtin_return_address(0)
#define FAIL_IF(class, name, value)                                    \
    do {                                                               \
        if (fail_strike(class, name, FAIL_CALLER) > 0) return (value); \
    } while (0)
/* The real call, found once. */
#define FAIL_NEXT(type, name, ...)    \
    static type (*next)(__VA_ARGS__); \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, #name)

#endif /* RMX_PRELOAD_FAIL_H */
