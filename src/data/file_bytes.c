/* SPDX-License-Identifier: MIT */
/* file_bytes.c: see file_bytes.h. */
#include "data/file_bytes.h"

#include <errno.h>
#include <unistd.h>

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
