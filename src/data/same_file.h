/* SPDX-License-Identifier: MIT */
/* same_file.h: an output must not be an input, whatever its name looks like. */
#ifndef RMX_DATA_SAME_FILE_H
#define RMX_DATA_SAME_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* True where both paths lead to one file. Files that exist are compared by device and inode, so
 * hard links, symbolic links and other spellings are seen. A file that does not exist yet is known
 * by its folder's device and inode and its name. */
bool rmx_files_same(const char *a, const char *b);

/* RMX_ERR_ARGUMENT where an output is one of the inputs or another output. NULL entries are passed
 * over; "-" as an input is the standard input. */
RMX_NODISCARD rmx_status rmx_outputs_check(const char *const *output, int32_t outputs,
                                           const char *const *input, int32_t inputs,
                                           rmx_error *error);

#endif /* RMX_DATA_SAME_FILE_H */
