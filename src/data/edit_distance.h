/* SPDX-License-Identifier: MIT */
/* edit_distance.h: how far a misspelt word is from a known one. */
#ifndef RMX_DATA_EDIT_DISTANCE_H
#define RMX_DATA_EDIT_DISTANCE_H

#include <stdint.h>

/* Smallest number of single-letter insertions, deletions, changes and swaps of neighbours; of the
 * first 63 bytes. */
int32_t rmx_edit_distance(const char *a, const char *b);

#endif /* RMX_DATA_EDIT_DISTANCE_H */
