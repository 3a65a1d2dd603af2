/* SPDX-License-Identifier: MIT */
/* column_time.h: a time as people write it in tables, as seconds since 1970 in UTC. */
#ifndef RMX_DATA_COLUMN_TIME_H
#define RMX_DATA_COLUMN_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "data/spec.h"

typedef struct rmx_time {
    int64_t seconds; /* rounded down */
    double part;     /* of a second, in [0, 1) */
} rmx_time;

/* Reads ISO 8601 (2026-11-27, 2026-11-27T10:00, 2026-11-27 10:00:00.25+01:00, 20261127T100000Z;
 * UTC where no offset is given) or a number of units since 1970. comma: a comma is the decimal
 * point. The years are 1 to 9999. Returns NULL, or what is wrong with the text.
 *
 * RMX_TIME_AUTO finds the unit by the size of the number: below 10^11 seconds, below 10^14 ms,
 * below 10^17 us, else ns. It takes 8, 12 and 14 digits for a date if they are one: 20261127,
 * 202611271000, 20261127100000. It refuses a text that could mean two things. */
const char *rmx_time_parse(const char *text, rmx_time_unit unit, bool comma, rmx_time *out);

uint32_t rmx_time_hour(int64_t seconds);    /* 0 .. 23 */
uint32_t rmx_time_weekday(int64_t seconds); /* 1: Monday, ..., 7: Sunday */

#endif /* RMX_DATA_COLUMN_TIME_H */
