/* SPDX-License-Identifier: MIT */
/* help_option.h: -h, which argp does not know. */
#ifndef RMX_DATA_HELP_OPTION_H
#define RMX_DATA_HELP_OPTION_H

/* Makes "-h" among the arguments, up to "--", into "--help". */
void rmx_help_option(int argc, char **argv);

#endif /* RMX_DATA_HELP_OPTION_H */
