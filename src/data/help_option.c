/* SPDX-License-Identifier: MIT */
/* help_option.c: see help_option.h. */
#include "data/help_option.h"

#include <string.h>

void rmx_help_option(int argc, char **argv)
{
    static char whole[] = "--help";
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "-h")) argv[i] = whole;
}
