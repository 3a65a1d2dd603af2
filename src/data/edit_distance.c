/* SPDX-License-Identifier: MIT */
/* edit_distance.c: see edit_distance.h. */
#include "data/edit_distance.h"

#include <string.h>

enum { LONGEST = 63 };

int32_t rmx_edit_distance(const char *a, const char *b)
{
    const size_t rows = strnlen(a, LONGEST), cols = strnlen(b, LONGEST);
    int32_t before[LONGEST + 1], last[LONGEST + 1], now[LONGEST + 1];
    for (size_t j = 0; j <= cols; j++) before[j] = last[j] = (int32_t)j;
    for (size_t i = 1; i <= rows; i++) {
        now[0] = (int32_t)i;
        for (size_t j = 1; j <= cols; j++) {
            int32_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        memcpy(before, last, sizeof before);
        memcpy(last, now, sizeof last);
    }
    return last[cols];
}
