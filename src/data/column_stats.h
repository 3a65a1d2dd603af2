/* SPDX-License-Identifier: MIT */
/* column_stats.h: whether a dense column came through in a form that a model can use. */
#ifndef RMX_DATA_COLUMN_STATS_H
#define RMX_DATA_COLUMN_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/value_table.h"

#define RMX_STATS_SAMPLE 65536     /* different inputs that are compared, at most */
#define RMX_STATS_VALUES (1 << 18) /* values that are looked at for that */

typedef struct rmx_column_stats {
    int64_t count;
    double shift, sum, squares; /* of value - shift, the first value */
    float largest;              /* absolute value */
    rmx_value_table in, out;    /* inputs as read, and what became of them */
    bool full;                  /* the sample is complete, or memory is out */
} rmx_column_stats;

/* input: the value as read; value: as written. */
void rmx_stats_add(rmx_column_stats *stats, double input, float value);
/* The sentence of a warning about the column called name, to be freed; NULL: nothing to say, or
 * *failed: out of memory. zscore and log: what the column has already. */
char *rmx_stats_warning(const rmx_column_stats *stats, const char *name, bool zscore, bool log,
                        bool *failed);
void rmx_stats_free(rmx_column_stats *stats);

#endif /* RMX_DATA_COLUMN_STATS_H */
