/* SPDX-License-Identifier: MIT */
/* h5.c: see h5.h. */
#include "data/h5.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t h5_mutex;
static pthread_once_t h5_once = PTHREAD_ONCE_INIT;

static void h5_start(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&h5_mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    (void)H5dont_atexit(); /* HDF5 wants this before any other call */
    (void)H5open();
}

/* Why the last call failed. HDF5 forgets it at its next call, which often is a close on the way
 * out, so the reason is copied when the call fails. The mutex guards it. */
static char reason[500];

/* The walk goes from the innermost record outwards; the first one says why. */
static herr_t take_first(unsigned n, const H5E_error2_t *record, void *user)
{
    (void)user;
    if (n != 0 || !record->desc) return 0;
    snprintf(reason, sizeof reason, "%s", record->desc);
    for (char *c = reason; *c; c++)
        if (*c == '\n') *c = ' ';
    return 0;
}

static herr_t take_reason(hid_t stack, void *user)
{
    return H5Ewalk2(stack, H5E_WALK_UPWARD, take_first, user);
}

void rmx_h5_begin(void)
{
    pthread_once(&h5_once, h5_start);
    pthread_mutex_lock(&h5_mutex);
    /* in a build with threads each thread has an error stack of its own, so this is done each
     * time */
    (void)H5Eset_auto2(H5E_DEFAULT, take_reason, NULL);
    reason[0] = '\0';
}

void rmx_h5_end(void) { pthread_mutex_unlock(&h5_mutex); }

/* HDF5 writes "errno = 28, error message = '...'" into the reasons that come from the system. */
static int system_error(void)
{
    const char *at = strstr(reason, "errno = ");
    return at ? (int)strtol(at + strlen("errno = "), NULL, 10) : 0;
}

rmx_status rmx_h5_fail(rmx_error *error, const char *format, ...)
{
    char what[sizeof error->text];
    va_list args;
    va_start(args, format);
    if (vsnprintf(what, sizeof what, format, args) < 0) what[0] = '\0';
    va_end(args);
    const int number = system_error();
    const rmx_status status = number ? rmx_fail_system(error, number, "%s", what)
                              : *reason
                                  ? rmx_fail(error, RMX_ERR_DATA, "%.500s (%s)", what, reason)
                                  : rmx_fail(error, RMX_ERR_DATA, "%s", what);
    reason[0] = '\0';
    return status;
}
