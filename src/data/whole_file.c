/* SPDX-License-Identifier: MIT */
/* whole_file.c: see whole_file.h. */
#include "data/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *rmx_temporary_name(const char *path)
{
    char *name;
    return asprintf(&name, "%s.tmp.%ld", path, (long)getpid()) < 0 ? NULL : name;
}

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

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int sync_folder_of(const char *path)
{
    char *folder = folder_of(path);
    if (!folder) return -1;
    const int result = sync_path(folder, O_RDONLY | O_DIRECTORY);
    free(folder);
    return result;
}

rmx_status rmx_put_in_place(const char *temporary, const char *path, rmx_error *error)
{
    if (sync_path(temporary, O_RDWR) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: cannot be written to the disk: %s", path,
                        strerror(errno));
    if (rename(temporary, path) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: cannot take its place: %s", path,
                        strerror(errno));
    if (sync_folder_of(path) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: its folder cannot be synced: %s", path,
                        strerror(errno));
    return RMX_OK;
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
        return rmx_fail(error, RMX_ERR_DATA, "%s: cannot make the folder: %s", part,
                        strerror(errno));
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode) && access(path, W_OK) == 0) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA, "%s: not a folder that can be written to", path);
}

rmx_status rmx_make_folder_of(const char *file, rmx_error *error)
{
    char *folder = folder_of(file);
    if (!folder) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    const rmx_status status = rmx_make_folder(folder, error);
    free(folder);
    return status;
}
