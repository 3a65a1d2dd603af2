/* SPDX-License-Identifier: MIT */
/* spec_column.h: the lines of [columns]; for src/data/spec*.c only. */
#ifndef RMX_DATA_SPEC_COLUMN_H
#define RMX_DATA_SPEC_COLUMN_H

#include "data/spec.h"
#include "data/spec_line.h"

/* I1..I13 or C01..C26. */
typedef struct rmx_spec_range {
    int prefix;          /* bytes of the name before the number */
    int width;           /* digits with leading zeros; 0: as many as the number has */
    int64_t first, last; /* first > last: no range */
} rmx_spec_range;

/* What a name without quotes stands for: several columns, a pattern, itself. */
RMX_NODISCARD rmx_status rmx_spec_range_read(const rmx_spec_line *line, const char *name,
                                             rmx_spec_range *out);
bool rmx_spec_is_pattern(const char *name);
/* Reads the value; out has no name. The caller frees it in any case. */
RMX_NODISCARD rmx_status rmx_spec_column_read(rmx_spec_line *line, rmx_column *out);

#endif /* RMX_DATA_SPEC_COLUMN_H */
