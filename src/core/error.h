/* SPDX-License-Identifier: MIT */
/* error.h: why something failed, in words, for code that has no context at hand.
 *
 * Functions of src/data and src/train return rmx_status and take an rmx_error as their last
 * argument; it may be NULL. The text names the file or value and says what to do. It is written
 * on failure only. */
#ifndef RMX_CORE_ERROR_H
#define RMX_CORE_ERROR_H

#include "rankmixer/status.h"

typedef struct rmx_error {
    char text[1024];  /* one line, no newline at its end; longer texts are cut */
    int system_error; /* errno where the system failed; 0: the content or the caller is at fault */
} rmx_error;

/* Formats the text (where error is not NULL) and returns status:
 *     return rmx_fail(error, RMX_ERR_DATA, "%s: no such file", path);
 * An argument may point into error->text itself: the text is built aside first. */
rmx_status rmx_fail(rmx_error *error, rmx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The system refused: the text, ": ", what number (an errno) means and, where a limit was met, how
 * to raise it. Sets system_error, so that nobody takes a file that could not be read for a damaged
 * one. Returns RMX_ERR_MEMORY for ENOMEM, else RMX_ERR_DATA:
 *     return rmx_fail_system(error, errno, "%s: cannot open", path); */
rmx_status rmx_fail_system(rmx_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* RMX_CORE_ERROR_H */
