/* SPDX-License-Identifier: MIT */
/* status.h: what every public function returns. */
#ifndef RANKMIXER_STATUS_H
#define RANKMIXER_STATUS_H

#if defined(__GNUC__)
#define RMX_API __attribute__((visibility("default")))
#define RMX_NODISCARD __attribute__((warn_unused_result))
#else
#define RMX_API
#define RMX_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Checks come before any work: on anything but RMX_OK from a check, no output was written.
 * The text with the values and the way to mend them is in rmx_last_error(ctx). */
typedef enum rmx_status {
    RMX_OK = 0,
    RMX_ERR_ARGUMENT = 1,  /* NULL, a size, shape, stride or option out of range, an overlap */
    RMX_ERR_WORKSPACE = 2, /* the workspace handed in is too small or misaligned */
    RMX_ERR_MEMORY = 3,    /* out of host or device memory */
    RMX_ERR_DEVICE = 4,    /* no usable device, a launch refused, a device lost */
    RMX_ERR_DATA = 5,      /* a file is missing, damaged, hostile or does not fit */
    RMX_ERR_NUMERIC = 6,   /* a NaN or an infinity where none may be */
    RMX_ERR_INTERNAL = 7   /* a bug of ours; please report it */
} rmx_status;

/* "ok", "argument", ...: a short fixed name, never NULL. */
RMX_API const char *rmx_status_name(rmx_status status);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_STATUS_H */
