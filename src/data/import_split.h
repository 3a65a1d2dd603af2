/* SPDX-License-Identifier: MIT */
/* import_split.h: which rows of a table go to the second output; for src/data only. */
#ifndef RMX_DATA_IMPORT_SPLIT_H
#define RMX_DATA_IMPORT_SPLIT_H

#include "data/bad_rows.h"
#include "data/import.h"
#include "data/spec.h"

typedef struct rmx_split {
    rmx_split_by by;
    bool off; /* there is no second output */
    double fraction;
    uint64_t seed;
    const rmx_spec *spec;
    int32_t column; /* of group, time and column; else -1 */
    int64_t first;  /* tail: the first row that is split off */
    double *time;   /* [times] of all rows, until they are settled; NaN: it has none */
    int64_t times;
    double latest; /* time: rows from then on are split off */
    bool has_latest;
} rmx_split;

/* RMX_ERR_ARGUMENT where the spec has no such column. */
RMX_NODISCARD rmx_status rmx_split_create(rmx_split *out, const rmx_import_options *options,
                                          const rmx_spec *spec, rmx_error *error);
void rmx_split_free(rmx_split *split); /* zeros are fine */

/* Whether a pass over all rows must come before the first row can be placed. */
bool rmx_split_counts(const rmx_split *split);
/* Call it in that pass for each row. value: [columns] in the spec's order, NULL for a bad row. */
RMX_NODISCARD rmx_status rmx_split_count(rmx_split *split, char *const *value, rmx_error *error);
/* After that pass. */
void rmx_split_settle(rmx_split *split, int64_t rows);

/* *away: the row goes to the second output. False: it has no time where it needs one, and *bad
 * says so. */
bool rmx_split_place(const rmx_split *split, int64_t row, char *const *value, bool *away,
                     rmx_bad *bad);

#endif /* RMX_DATA_IMPORT_SPLIT_H */
