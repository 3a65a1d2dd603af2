/* SPDX-License-Identifier: MIT */
/* column_stats.h: whether the values of a dense column have a form that a model can use. */
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
/* A warning about the column called name. Free it. NULL: there is none, or *failed: out of memory.
 * zscore and log: the column has them. */
char *rmx_stats_warning(const rmx_column_stats *stats, const char *name, bool zscore, bool log,
                        bool *failed);
void rmx_stats_free(rmx_column_stats *stats);

#endif /* RMX_DATA_COLUMN_STATS_H */
