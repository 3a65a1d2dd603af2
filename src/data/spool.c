/* SPDX-License-Identifier: MIT */
/* spool.c: see spool.h. */
#include "data/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/whole_file.h"

/* O_TMPFILE where the file system has it; else a name that is removed at once. */
static int open_nameless(const char *folder)
{
    char *name;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL))
        return fd;
    if (asprintf(&name, "%s/.spool-XXXXXX", folder) < 0) return -1;
    fd = mkostemp(name, O_CLOEXEC);
    const int reason = errno;
    if (fd >= 0) (void)unlink(name);
    free(name);
    errno = reason;
    return fd;
}

rmx_status rmx_spool_open(const char *near, rmx_spool *out, rmx_error *error)
{
    char *folder = rmx_folder_of(near);
    *out = (rmx_spool){.fd = -1};
    if (!folder) return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", near);
    out->fd = open_nameless(folder);
    const int reason = errno;
    free(folder);
    if (out->fd >= 0) return RMX_OK;
    return rmx_fail_system(error, reason, "%.300s: its folder cannot be written to", near);
}

rmx_status rmx_spool_write(rmx_spool *spool, const char *name, const void *from, int64_t bytes,
                           rmx_error *error)
{
    const rmx_status status = rmx_write_fully(spool->fd, name, from, bytes, -1, error);
    if (status != RMX_OK) return status;
    spool->bytes += bytes;
    return RMX_OK;
}

void rmx_spool_close(rmx_spool *spool)
{
    if (spool->fd >= 0) (void)close(spool->fd);
    *spool = (rmx_spool){.fd = -1};
}
