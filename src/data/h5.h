/* SPDX-License-Identifier: MIT */
/* h5.h: one way into HDF5 for the whole process.
 *
 * A build of HDF5 need not be safe for threads. So every call of it in these programs stands
 * between rmx_h5_begin and rmx_h5_end, which hold one mutex. The mutex is recursive. The first
 * begin switches off HDF5's atexit handler (after a failed write it can crash in exit()) and its
 * printing to stderr. So the caller must close everything, on every path. */
#ifndef RMX_DATA_H5_H
#define RMX_DATA_H5_H

#include "core/error.h"

void rmx_h5_begin(void);
void rmx_h5_end(void);

/* RMX_ERR_DATA. Where HDF5's last failure came from the system, the error is that of
 * rmx_fail_system: "data.h5: cannot write: No space left on device". Otherwise HDF5's own
 * innermost reason follows in parentheses. Call it between begin and end, before the next HDF5
 * call. */
rmx_status rmx_h5_fail(rmx_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* RMX_DATA_H5_H */
