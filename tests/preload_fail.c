/* SPDX-License-Identifier: MIT */
/* preload_fail.c: a library for LD_PRELOAD that lets chosen calls of a program fail; see
 * preload_fail.h. Here: what is wanted, the decision, memory, threads and processes. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "preload_fail.h"

enum { RANGES = 32 };

static fail_report *report;
static fail_class wanted = FAIL_CLASSES;
static uint64_t wanted_at;
static int how;
static bool onwards;

/* ---- whose memory ------------------------------------------------------------------------- */

static struct range {
    uintptr_t low, high;
} ours[RANGES];
static int ranges;

static int add_range(struct dl_phdr_info *info, size_t size, void *user)
{
    const char *name = info->dlpi_name;
    (void)size;
    (void)user;
    if (name[0] && !strstr(name, "/libc.so") && !strstr(name, "/libinih")) return 0;
    for (int i = 0; i < info->dlpi_phnum && ranges < RANGES; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
        ours[ranges].low = (uintptr_t)info->dlpi_addr + p->p_vaddr;
        ours[ranges].high = ours[ranges].low + p->p_memsz;
        ranges++;
    }
    return 0;
}

static bool is_ours(const void *caller)
{
    const uintptr_t at = (uintptr_t)caller;
    for (int i = 0; i < ranges; i++)
        if (at >= ours[i].low && at < ours[i].high) return true;
    return false;
}

/* ---- the decision ------------------------------------------------------------------------- */

static void remember(const char *call, const void *caller)
{
    Dl_info where;
    size_t n = strlen(call);
    if (n > sizeof report->call - 1) n = sizeof report->call - 1;
    memcpy(report->call, call, n);
    if (!dladdr(caller, &where) || !where.dli_fname) return;
    atomic_store(&report->place, (uint64_t)((const char *)caller - (const char *)where.dli_fbase));
    n = strlen(where.dli_fname);
    if (n > sizeof report->file - 1) n = sizeof report->file - 1;
    memcpy(report->file, where.dli_fname, n);
}

/* 0: go on; FAIL_SHORT: do half; an errno, which is also set: fail. */
int fail_strike(fail_class class, const char *call, const void *caller)
{
    if (!report || (class == FAIL_MEMORY && !is_ours(caller))) return 0;
    const uint64_t n = atomic_fetch_add(&report->calls[class], 1) + 1;
    if (class != wanted || n < wanted_at || (n > wanted_at && !onwards)) return 0;
    if (n == wanted_at) remember(call, caller);
    atomic_fetch_add(&report->hits, 1);
    if (how == FAIL_KILL) {
        kill(getpid(), SIGKILL);
        pause();
    }
    if (how > 0) errno = how;
    return how;
}

/* ---- memory ------------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t),
    *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

#define ALLOCATION(name, parameters, call) \
    FAIL_SHOWN void *name parameters       \
    {                                      \
        FAIL_IF(FAIL_MEMORY, #name, NULL); \
        return call;                       \
    }
ALLOCATION(malloc, (size_t n), __libc_malloc(n))
ALLOCATION(calloc, (size_t n, size_t size), __libc_calloc(n, size))
ALLOCATION(realloc, (void *p, size_t n), __libc_realloc(p, n))
ALLOCATION(aligned_alloc, (size_t a, size_t n), __libc_memalign(a, n))
ALLOCATION(memalign, (size_t a, size_t n), __libc_memalign(a, n))

FAIL_SHOWN void *reallocarray(void *p, size_t n, size_t size)
{
    FAIL_IF(FAIL_MEMORY, "reallocarray", NULL);
    if (size && n > SIZE_MAX / size) return errno = ENOMEM, NULL;
    return __libc_realloc(p, n * size);
}

FAIL_SHOWN int posix_memalign(void **out, size_t a, size_t n)
{
    FAIL_IF(FAIL_MEMORY, "posix_memalign", ENOMEM);
    void *p = __libc_memalign(a, n);
    if (p) *out = p;
    return p ? 0 : ENOMEM;
}

/* The C library's own calls of malloc, in what HDF5 called, would count as ours. */
static char *copy_text(const char *text, size_t n)
{
    char *copy = __libc_malloc(n + 1);
    if (!copy) return NULL;
    copy[n] = '\0';
    return memcpy(copy, text, n);
}
#undef strdup
#undef strndup
FAIL_SHOWN char *strdup(const char *text)
{
    FAIL_IF(FAIL_MEMORY, "strdup", NULL);
    return copy_text(text, strlen(text));
}
FAIL_SHOWN char *strndup(const char *text, size_t n)
{
    FAIL_IF(FAIL_MEMORY, "strndup", NULL);
    return copy_text(text, strnlen(text, n));
}
FAIL_SHOWN int vasprintf(char **restrict out, const char *restrict format, va_list args)
{
    va_list again;
    FAIL_IF(FAIL_MEMORY, "vasprintf", -1);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    *out = n < 0 ? NULL : __libc_malloc((size_t)n + 1);
    return *out ? vsnprintf(*out, (size_t)n + 1, format, args) : -1;
}

FAIL_SHOWN void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    FAIL_IF(FAIL_MEMORY, "mmap", MAP_FAILED);
    FAIL_NEXT(void *, mmap, void *, size_t, int, int, int, off_t);
    return next(at, n, protection, flags, fd, offset);
}
FAIL_SHOWN void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset)
{
    FAIL_IF(FAIL_MEMORY, "mmap", MAP_FAILED);
    FAIL_NEXT(void *, mmap64, void *, size_t, int, int, int, off64_t);
    return next(at, n, protection, flags, fd, offset);
}

/* ---- clocks ------------------------------------------------------------------------------- */

/* The clock of HDF5, which writes it into files, stands still: equal content is equal bytes. */
FAIL_SHOWN int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    FAIL_NEXT(int, gettimeofday, struct timeval *, void *);
    const int result = next(out, zone);
    if (report && !is_ours(FAIL_CALLER)) out->tv_sec = 1700000000;
    return result;
}
FAIL_SHOWN time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (report && !is_ours(FAIL_CALLER)) now.tv_sec = 1700000000;
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

/* ---- threads and processes ---------------------------------------------------------------- */

FAIL_SHOWN int pthread_create(pthread_t *out, const pthread_attr_t *how_to, void *(*run)(void *),
                              void *user)
{
    FAIL_IF(FAIL_PROCESS, "pthread_create", EAGAIN);
    FAIL_NEXT(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    return next(out, how_to, run, user);
}

FAIL_SHOWN FILE *popen(const char *command, const char *mode)
{
    FAIL_IF(FAIL_PROCESS, "popen", NULL);
    FAIL_NEXT(FILE *, popen, const char *, const char *);
    return next(command, mode);
}

FAIL_SHOWN int posix_spawnp(pid_t *restrict out, const char *restrict file,
                            const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *restrict attributes, char *const argv[],
                            char *const environment[])
{
    FAIL_IF(FAIL_PROCESS, "posix_spawnp", EAGAIN);
    FAIL_NEXT(int, posix_spawnp, pid_t *, const char *, const posix_spawn_file_actions_t *,
              const posix_spawnattr_t *, char *const[], char *const[]);
    return next(out, file, actions, attributes, argv, environment);
}

/* ---- what is wanted ----------------------------------------------------------------------- */

static void read_wishes(void)
{
    static const char *const names[] = FAIL_CLASS_NAMES;
    const char *class = getenv("RMX_FAIL_CLASS"), *at = getenv("RMX_FAIL_AT"),
               *what = getenv("RMX_FAIL_HOW");
    for (int i = 0; class && i < FAIL_CLASSES; i++)
        if (strcmp(class, names[i]) == 0) wanted = (fail_class)i;
    wanted_at = at ? strtoull(at, NULL, 10) : 0;
    how = !what                        ? EIO
          : strcmp(what, "short") == 0 ? FAIL_SHORT
          : strcmp(what, "kill") == 0  ? FAIL_KILL
                                       : atoi(what);
    onwards = getenv("RMX_FAIL_ON") != NULL;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("RMX_FAIL_REPORT");
    const int fd = path ? fail_plain_open(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (page == MAP_FAILED) return;
    read_wishes();
    unsetenv("LD_PRELOAD");
    dl_iterate_phdr(add_range, NULL);
    FILE *out = fail_stream_on(1, "w");
    if (out) stdout = out;
    report = page;
}
