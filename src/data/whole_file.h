/* SPDX-License-Identifier: MIT */
/* whole_file.h: a file appears under its name whole, or not at all; and the folder for it. */
#ifndef RMX_DATA_WHOLE_FILE_H
#define RMX_DATA_WHOLE_FILE_H

#include "core/error.h"

/* PATH.tmp.PID, to be freed; NULL where memory is out. */
char *rmx_temporary_name(const char *path);

/* fsyncs temporary, renames it to path, fsyncs the folder. The temporary file stays on failure. */
RMX_NODISCARD rmx_status rmx_put_in_place(const char *temporary, const char *path,
                                          rmx_error *error);

/* mkdir -p, of a folder, and of the one that a file is to lie in. */
RMX_NODISCARD rmx_status rmx_make_folder(const char *path, rmx_error *error);
RMX_NODISCARD rmx_status rmx_make_folder_of(const char *file, rmx_error *error);

#endif /* RMX_DATA_WHOLE_FILE_H */
