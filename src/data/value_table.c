/* SPDX-License-Identifier: MIT */
/* value_table.c: open addressing with linear probing, at most half full. */
#include "data/value_table.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

uint64_t rmx_value_hash(const char *value, size_t bytes)
{
    const uint64_t hash = XXH3_64bits(value, bytes);
    return hash ? hash : 1;
}

static int64_t find(const rmx_value_table *t, uint64_t hash)
{
    int64_t at = (int64_t)(hash & (uint64_t)(t->slots - 1));
    while (t->hash[at] != 0 && t->hash[at] != hash) at = (at + 1) & (t->slots - 1);
    return at;
}

static bool resize(rmx_value_table *t, int64_t slots)
{
    rmx_value_table grown = {calloc((size_t)slots, sizeof *t->hash),
                             calloc((size_t)slots, sizeof *t->number), slots, t->used};
    if (!grown.hash || !grown.number) {
        rmx_value_free(&grown);
        return false;
    }
    for (int64_t i = 0; i < t->slots; i++)
        if (t->hash[i]) {
            const int64_t at = find(&grown, t->hash[i]);
            grown.hash[at] = t->hash[i];
            grown.number[at] = t->number[i];
        }
    rmx_value_free(t);
    *t = grown;
    return true;
}

bool rmx_value_count(rmx_value_table *t, uint64_t hash)
{
    if (t->used * 2 >= t->slots && !resize(t, t->slots ? t->slots * 2 : 64)) return false;
    const int64_t at = find(t, hash);
    if (!t->hash[at]) {
        if (t->used == RMX_VALUES_MAX) return false;
        t->hash[at] = hash;
        t->used++;
    }
    if (t->number[at] < UINT32_MAX) t->number[at]++;
    return true;
}

typedef struct counted {
    uint64_t hash;
    uint32_t count;
} counted;

static int commonest_first(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

bool rmx_value_rank(const rmx_value_table *t, int64_t min_count, int64_t most, uint64_t **out,
                    int64_t *count)
{
    int64_t kept = 0;
    counted *list = malloc((size_t)t->used * sizeof *list + 1);
    if (!list) return false;
    for (int64_t i = 0; i < t->slots; i++)
        if (t->hash[i] && t->number[i] >= min_count)
            list[kept++] = (counted){t->hash[i], t->number[i]};
    qsort(list, (size_t)kept, sizeof *list, commonest_first);
    if (most > 0 && kept > most) kept = most;
    *out = malloc((size_t)kept * sizeof **out + 1);
    for (int64_t i = 0; *out && i < kept; i++) (*out)[i] = list[i].hash;
    free(list);
    *count = kept;
    return *out != NULL;
}

bool rmx_value_number(rmx_value_table *t, const uint64_t *list, int64_t count)
{
    int64_t slots = 64;
    while (slots < count * 2) slots *= 2;
    if (!resize(t, slots)) return false;
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = find(t, list[i]);
        if (list[i] == 0 || t->hash[at]) return false;
        t->hash[at] = list[i];
        t->number[at] = (uint32_t)(i + 1);
        t->used++;
    }
    return true;
}

void rmx_value_prefetch(const rmx_value_table *t, uint64_t hash)
{
    if (t->slots == 0) return;
    const int64_t at = (int64_t)(hash & (uint64_t)(t->slots - 1));
    __builtin_prefetch(&t->hash[at]);
    __builtin_prefetch(&t->number[at]);
}

uint32_t rmx_value_id(const rmx_value_table *t, uint64_t hash)
{
    return t->slots ? t->number[find(t, hash)] : 0;
}

void rmx_value_free(rmx_value_table *t)
{
    free(t->hash);
    free(t->number);
    memset(t, 0, sizeof *t);
}
