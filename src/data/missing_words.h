/* SPDX-License-Identifier: MIT */
/* missing_words.h: the words that tables have for "there is no value". */
#ifndef RMX_DATA_MISSING_WORDS_H
#define RMX_DATA_MISSING_WORDS_H

#include <stdbool.h>
#include <string.h>
#include <strings.h>

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

#endif /* RMX_DATA_MISSING_WORDS_H */
