/* SPDX-License-Identifier: MIT */
/* faulting_files.c: files and folders of faulting.h. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faulting.h"

static char own_folder[FAULT_TEXT];
static long owner;

static void clean_up(void)
{
    if (own_folder[0] && owner == (long)getpid() && !getenv("RMX_KEEP"))
        fault_remove_tree(own_folder);
}

const char *fault_folder(void)
{
    const char *base = getenv("TMPDIR");
    if (own_folder[0]) return own_folder;
    fault_text(own_folder, "%s/rmx-fault-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(own_folder)) {
        perror(own_folder);
        exit(1);
    }
    owner = (long)getpid();
    atexit(clean_up);
    return own_folder;
}

const char *fault_path(const char *format, ...)
{
    static char path[8][FAULT_TEXT];
    static int next;
    char *out = path[next++ % 8];
    const int n = snprintf(out, sizeof path[0], "%s/", fault_folder());
    va_list args;
    va_start(args, format);
    vsnprintf(out + n, sizeof path[0] - (size_t)n, format, args);
    va_end(args);
    return out;
}

void fault_text(char out[FAULT_TEXT], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, FAULT_TEXT, format, args);
    va_end(args);
}

char *fault_read(const char *path, size_t *bytes)
{
    struct stat info;
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    if (fstat(fileno(f), &info) != 0) abort();
    char *out = malloc((size_t)info.st_size + 1);
    if (!out) abort();
    *bytes = fread(out, 1, (size_t)info.st_size, f);
    out[*bytes] = 0;
    fclose(f);
    return out;
}

void fault_write(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0) return;
    perror(path);
    abort();
}

void fault_make_folder_of(const char *path)
{
    char folder[FAULT_TEXT];
    fault_text(folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) abort();
}

void fault_copy_tree(const char *from, const char *to)
{
    char a[FAULT_TEXT], b[FAULT_TEXT], target[FAULT_TEXT];
    struct stat info;
    DIR *folder = opendir(from);
    if (!folder || (mkdir(to, 0777) != 0 && errno != EEXIST)) {
        perror(to);
        abort();
    }
    for (const struct dirent *e; (e = readdir(folder));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        fault_text(a, "%s/%s", from, e->d_name);
        fault_text(b, "%s/%s", to, e->d_name);
        if (lstat(a, &info) != 0) abort();
        if (S_ISDIR(info.st_mode)) {
            fault_copy_tree(a, b);
        } else if (S_ISLNK(info.st_mode)) {
            const ssize_t n = readlink(a, target, sizeof target - 1);
            if (n < 0) abort();
            target[n] = 0;
            if (symlink(target, b) != 0) abort();
        } else {
            size_t n;
            char *bytes = fault_read(a, &n);
            if (!bytes) abort();
            fault_write(b, bytes, n);
            free(bytes);
        }
    }
    closedir(folder);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void fault_remove_tree(const char *path)
{
    for (int i = 0; i < 50; i++) { /* a child that outlived its killed parent may still write */
        if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return;
        usleep(20000);
    }
    perror(path);
    abort();
}

static const char *name_wanted;
static char *name_found;
static int names_found;

static int look_at_name(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    if (!strstr(path + at->base, name_wanted)) return 0;
    names_found++;
    snprintf(name_found, 512, "%s", path);
    return 0;
}

int fault_count_names(const char *path, const char *text, char *name)
{
    name_wanted = text;
    name_found = name;
    name[0] = 0;
    names_found = 0;
    (void)nftw(path, look_at_name, 16, FTW_PHYS);
    return names_found;
}

bool fault_same_file(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *x = fault_read(a, &n), *y = fault_read(b, &m);
    const bool same = x && y ? n == m && memcmp(x, y, n) == 0 : !x && !y;
    free(x);
    free(y);
    return same;
}

void fault_strip_clocks(char *text)
{
    static const char *const clocks[] = {"seconds\":", "examples_per_s\":", "_ms\":", "time\":"};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
        for (char *at = text; (at = strstr(at, clocks[i]));) {
            at += strlen(clocks[i]);
            const size_t n = strspn(at, " +-.0123456789e");
            if (n == 0) continue;
            memmove(at, at + n, strlen(at + n) + 1);
        }
}
