/* SPDX-License-Identifier: MIT */
/* value_table.h: counts the values of a sparse column, then numbers them.
 *
 * A value is known by its XXH3-64 alone, so a table takes 8 bytes a value in the file. Two values
 * with one hash share an id; among 10 million values this happens once in 370,000 tables. */
#ifndef RMX_DATA_VALUE_TABLE_H
#define RMX_DATA_VALUE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RMX_VALUES_MAX ((int64_t)1 << 27) /* 128 million: 4 GiB while counting */

typedef struct rmx_value_table {
    uint64_t *hash;   /* [slots], 0: free */
    uint32_t *number; /* [slots]: a count, then an id; saturates */
    int64_t slots, used;
} rmx_value_table;

uint64_t rmx_value_hash(const char *value, size_t bytes); /* never 0 */

/* A zeroed table is empty. false: out of memory or more than RMX_VALUES_MAX values. */
bool rmx_value_count(rmx_value_table *table, uint64_t hash);
/* The hashes of values that occur min_count times or more, the commonest first, ties by hash; at
 * most `most` of them (0: all). *out is to be freed. false: out of memory. */
bool rmx_value_rank(const rmx_value_table *table, int64_t min_count, int64_t most, uint64_t **out,
                    int64_t *count);
/* Fills an empty table so that list[i] has id i + 1. false: out of memory (slots stays 0), or a
 * hash is there twice or is 0. */
bool rmx_value_number(rmx_value_table *table, const uint64_t *list, int64_t count);
/* Starts to load the place of the hash from memory, so that the next call with it need not
 * wait. */
void rmx_value_prefetch(const rmx_value_table *table, uint64_t hash);
/* The id, or 0 for a value that is not in the table. */
uint32_t rmx_value_id(const rmx_value_table *table, uint64_t hash);
void rmx_value_free(rmx_value_table *table);

#endif /* RMX_DATA_VALUE_TABLE_H */
