/* SPDX-License-Identifier: MIT */
/* standard_streams.h: descriptors 0 to 2, as a program finds and leaves them. */
#ifndef RMX_DATA_STANDARD_STREAMS_H
#define RMX_DATA_STANDARD_STREAMS_H

/* The first call of main. Opens /dev/null on those of descriptors 0, 1 and 2 that are closed: else
 * the next file opened would get such a number, and messages would be written into it.
 * From then on the process's end, by return or by exit, looks whether all of the standard output
 * arrived: where it did not, one line on stderr says so, and exit code 0 becomes 1. That holds for
 * --help and --version too. program stands in the message. */
void rmx_streams_begin(const char *program);

#endif /* RMX_DATA_STANDARD_STREAMS_H */
