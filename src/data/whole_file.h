/* SPDX-License-Identifier: MIT */
/* whole_file.h: files that appear under their names whole or not at all, their folders, and pieces
 * of files that are read or written whole. */
#ifndef RMX_DATA_WHOLE_FILE_H
#define RMX_DATA_WHOLE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* path: of the file, for errors. A file that is too short is RMX_ERR_DATA. */
RMX_NODISCARD rmx_status rmx_read_fully(int fd, const char *path, void *out, int64_t bytes,
                                        int64_t offset, rmx_error *error);
/* offset -1: where the file stands. */
RMX_NODISCARD rmx_status rmx_write_fully(int fd, const char *path, const void *from, int64_t bytes,
                                         int64_t offset, rmx_error *error);

/* The folder of path, which need not exist. Free it. NULL: out of memory. */
char *rmx_folder_of(const char *path);

/* PATH.tmp.PID. Free it; NULL: out of memory. A program that was killed leaves such a file. Those
 * of path whose process is gone are removed here. */
char *rmx_temporary_name(const char *path);

/* fsyncs temporary, renames it to path, fsyncs the folder. The temporary file stays on failure. */
RMX_NODISCARD rmx_status rmx_put_in_place(const char *temporary, const char *path,
                                          rmx_error *error);

/* Removes the leftovers of every NAME in a folder that is ours(NAME). alone: a lock keeps other
 * processes from writing here, so all such files are leftovers, even if another process has the
 * number now. */
void rmx_remove_leftovers_in(const char *folder, bool (*ours)(const char *name), bool alone);

/* A whole small file: written to PATH.tmp.PID, then put in place. */
RMX_NODISCARD rmx_status rmx_write_whole(const char *path, const char *text, rmx_error *error);

/* mkdir -p, of a folder, and of the one that a file is to lie in. */
RMX_NODISCARD rmx_status rmx_make_folder(const char *path, rmx_error *error);
RMX_NODISCARD rmx_status rmx_make_folder_of(const char *file, rmx_error *error);

#endif /* RMX_DATA_WHOLE_FILE_H */
