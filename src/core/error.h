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
    char text[1024]; /* one line, no newline at its end; longer texts are cut */
} rmx_error;

/* Formats the text (where error is not NULL) and returns status:
 *     return rmx_fail(error, RMX_ERR_DATA, "%s: no such file", path);
 * An argument may point into error->text itself: the text is built aside first. */
rmx_status rmx_fail(rmx_error *error, rmx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* RMX_CORE_ERROR_H */
