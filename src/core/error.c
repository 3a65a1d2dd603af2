/* SPDX-License-Identifier: MIT */
/* error.c: see error.h. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

rmx_status rmx_fail(rmx_error *error, rmx_status status, const char *format, ...)
{
    if (!error) return status;
    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
    va_end(args);
    memcpy(error->text, text, strlen(text) + 1);
    return status;
}
