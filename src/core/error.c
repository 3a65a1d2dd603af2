/* SPDX-License-Identifier: MIT */
/* error.c: texts of errors (error.h). */
#include "core/error.h"

#include <errno.h>
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
    error->system_error = 0;
    return status;
}

static const char *advice(int number)
{
    switch (number) {
    case EMFILE: return "; raise the limit of open files (ulimit -n)";
    case ENFILE: return "; the machine has too many files open";
    case EFBIG: return "; raise the limit of file sizes (ulimit -f)";
    case EDQUOT:
    case ENOSPC: return "; free some space";
    default: return "";
    }
}

rmx_status rmx_fail_system(rmx_error *error, int number, const char *format, ...)
{
    const rmx_status status = number == ENOMEM ? RMX_ERR_MEMORY : RMX_ERR_DATA;
    if (!error) return status;
    char text[sizeof error->text], buffer[128];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
    va_end(args);
    rmx_fail(error, status, "%.700s: %s%s", text, strerror_r(number, buffer, sizeof buffer),
             advice(number));
    error->system_error = number;
    return status;
}
