/* SPDX-License-Identifier: MIT */
/* whole_file.c: see whole_file.h. */
#include "data/whole_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- pieces --------------------------------------------------------------------------------- */

rmx_status rmx_read_fully(int fd, const char *path, void *out, int64_t bytes, int64_t offset,
                          rmx_error *error)
{
    for (int64_t done = 0; done < bytes;) {
        const ssize_t n = pread(fd, (char *)out + done, (size_t)(bytes - done), offset + done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rmx_fail_system(error, errno, "%.400s: cannot be read", path);
        if (n == 0)
            return rmx_fail(error, RMX_ERR_DATA, "%.400s: has become shorter while it was read",
                            path);
        done += n;
    }
    return RMX_OK;
}

rmx_status rmx_write_fully(int fd, const char *path, const void *from, int64_t bytes,
                           int64_t offset, rmx_error *error)
{
    for (int64_t done = 0; done < bytes;) {
        const char *at = (const char *)from + done;
        const size_t left = (size_t)(bytes - done);
        const ssize_t n = offset < 0 ? write(fd, at, left) : pwrite(fd, at, left, offset + done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return rmx_fail_system(error, n < 0 ? errno : ENOSPC, "%.400s: cannot write", path);
        done += n;
    }
    return RMX_OK;
}

/* ---- files that appear whole ---------------------------------------------------------------- */

static int sync_path(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = fsync(fd);
    if (result != 0 && (flags & O_DIRECTORY) && errno == EINVAL)
        result = 0; /* some file systems cannot sync a folder */
    if (close(fd) != 0) result = -1;
    return result;
}

char *rmx_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int sync_folder_of(const char *path)
{
    char *folder = rmx_folder_of(path);
    if (!folder) return -1;
    const int result = sync_path(folder, O_RDONLY | O_DIRECTORY);
    free(folder);
    return result;
}

rmx_status rmx_put_in_place(const char *temporary, const char *path, rmx_error *error)
{
    if (sync_path(temporary, O_RDWR) != 0)
        return rmx_fail_system(error, errno, "%.400s: cannot be written to the disk", path);
    if (rename(temporary, path) != 0)
        return rmx_fail_system(error, errno, "%.400s: cannot take its place", path);
    if (sync_folder_of(path) != 0)
        return rmx_fail_system(error, errno, "%.400s: its folder cannot be synced", path);
    return RMX_OK;
}

/* ---- what killed programs left -------------------------------------------------------------- */

/* The length of NAME in NAME.tmp.PID and in NAME.tmp.PID.old, the second name of an older output.
 * 0: it is another name. */
static size_t leftover_length(const char *name, long *pid)
{
    static const char mark[] = ".tmp.", old[] = ".old";
    const char *end = name + strlen(name), *digits;
    if (end - name > (ptrdiff_t)strlen(old) && !strcmp(end - strlen(old), old)) end -= strlen(old);
    digits = end;
    while (digits > name && digits[-1] >= '0' && digits[-1] <= '9') digits--;
    const size_t before = (size_t)(digits - name), length = strlen(mark);
    if (digits == end || before <= length || strncmp(digits - length, mark, length)) return 0;
    *pid = strtol(digits, NULL, 10);
    return before - length;
}

static bool process_gone(long pid)
{
    return pid > 0 && pid <= INT_MAX && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* name: removes the leftovers of this one; NULL: of those that are ours(). */
static void remove_leftovers(const char *folder, const char *name, bool (*ours)(const char *),
                             bool alone)
{
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char stem[NAME_MAX + 1];
        long pid = 0;
        const size_t length = leftover_length(entry->d_name, &pid);
        if (length == 0 || length >= sizeof stem) continue;
        memcpy(stem, entry->d_name, length);
        stem[length] = '\0';
        if (name ? strcmp(stem, name) != 0 : !ours(stem)) continue;
        if (alone || process_gone(pid)) (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

char *rmx_temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = rmx_folder_of(path), *name;
    if (folder) remove_leftovers(folder, slash ? slash + 1 : path, NULL, false);
    free(folder);
    return asprintf(&name, "%s.tmp.%ld", path, (long)getpid()) < 0 ? NULL : name;
}

void rmx_remove_leftovers_in(const char *folder, bool (*ours)(const char *name), bool alone)
{
    remove_leftovers(folder, NULL, ours, alone);
}

/* ---- small files and folders ---------------------------------------------------------------- */

static rmx_status write_text(const char *temporary, const char *path, const char *text,
                             rmx_error *error)
{
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return rmx_fail_system(error, errno, "%.400s: cannot write", path);
    rmx_status status = rmx_write_fully(fd, path, text, (int64_t)strlen(text), -1, error);
    if (close(fd) != 0 && status == RMX_OK)
        status = rmx_fail_system(error, errno, "%.400s: cannot write", path);
    return status;
}

rmx_status rmx_write_whole(const char *path, const char *text, rmx_error *error)
{
    char *temporary = rmx_temporary_name(path);
    if (!temporary) return rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory", path);
    rmx_status status = write_text(temporary, path, text, error);
    if (status == RMX_OK) status = rmx_put_in_place(temporary, path, error);
    if (status != RMX_OK) (void)unlink(temporary);
    free(temporary);
    return status;
}

rmx_status rmx_make_folder(const char *path, rmx_error *error)
{
    char part[4300];
    struct stat info;
    const size_t length = strlen(path);
    if (length >= sizeof part) return rmx_fail(error, RMX_ERR_DATA, "%.80s...: too long", path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0777) == 0 || errno == EEXIST) continue;
        return rmx_fail_system(error, errno, "%.700s: cannot make the folder", part);
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode) && access(path, W_OK) == 0) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA, "%s: not a folder that can be written to", path);
}

rmx_status rmx_make_folder_of(const char *file, rmx_error *error)
{
    char *folder = rmx_folder_of(file);
    if (!folder) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    const rmx_status status = rmx_make_folder(folder, error);
    free(folder);
    return status;
}
