/* SPDX-License-Identifier: MIT */
/* error.h: why something failed, in words, for code that has no context.
 *
 * A function of src/data and src/train returns an rmx_status and takes an rmx_error as its last
 * argument, which may be NULL. The text names the file or value and says what to do. The function
 * writes it on failure only. */
#ifndef RMX_CORE_ERROR_H
#define RMX_CORE_ERROR_H

#include "rankmixer/status.h"

typedef struct rmx_error {
    char text[1024];  /* one line without a newline at its end; a longer text is cut */
    int system_error; /* errno if a system call failed; 0 if the content or the caller is wrong */
} rmx_error;

/* Formats the text, if error is not NULL, and returns status:
 *     return rmx_fail(error, RMX_ERR_DATA, "%s: no such file", path);
 * An argument may point into error->text, because the new text is first built elsewhere. */
rmx_status rmx_fail(rmx_error *error, rmx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For a system call that failed with this errno. The text gets ": ", what the number means and,
 * for a limit, how to raise it. system_error is set, so that nobody takes a file that could not be
 * read for a damaged one. Returns RMX_ERR_MEMORY for ENOMEM, else RMX_ERR_DATA:
 *     return rmx_fail_system(error, errno, "%s: cannot open", path); */
rmx_status rmx_fail_system(rmx_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* RMX_CORE_ERROR_H */
