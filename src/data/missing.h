/* SPDX-License-Identifier: MIT */
/* missing.h: which values of a table mean "there is no value". */
#ifndef RMX_DATA_MISSING_H
#define RMX_DATA_MISSING_H

#include <string.h>
#include <strings.h>

#include "data/spec.h"

/* The empty value and those of missing = in the spec. */
static inline bool rmx_missing_value(const rmx_spec *spec, const char *value)
{
    return !value[0] || (spec->missing.count > 0 && rmx_texts_have(&spec->missing, value));
}

/* \N, and in any case of letters NULL, NA, N/A, #N/A, <NA>, NaN, -NaN, NaT, None. They are no
 * numbers, so no column of numbers or times can mean anything else by them. */
static inline bool rmx_missing_word(const char *value)
{
    static const char *const words[] = {"\\N",  "NULL", "NA",   "N/A", "#N/A",
                                        "<NA>", "NaN",  "-NaN", "NaT", "None"};
    if (!strchr("\\NnAa#<-", value[0]) || strlen(value) > 4) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], value) == 0) return true;
    return false;
}

/* Either of them. */
static inline bool rmx_missing(const rmx_spec *spec, const char *value)
{
    return rmx_missing_value(spec, value) || rmx_missing_word(value);
}

#endif /* RMX_DATA_MISSING_H */
