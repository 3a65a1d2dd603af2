/* SPDX-License-Identifier: MIT */
/* standard_streams.h: descriptors 0 to 2 at the start and at the end of a program. */
#ifndef RMX_DATA_STANDARD_STREAMS_H
#define RMX_DATA_STANDARD_STREAMS_H

/* Call it first in main. program stands in messages.
 *
 * Descriptors 0, 1 and 2 that are closed are opened on /dev/null. Otherwise the next file would
 * get such a number, and messages would be written into it.
 *
 * At the end of the process, by return or by exit, it checks that all of the standard output was
 * written. If not, it prints one line on stderr, and exit code 0 becomes 1. This covers --help and
 * --version, too. */
void rmx_streams_begin(const char *program);

#endif /* RMX_DATA_STANDARD_STREAMS_H */
