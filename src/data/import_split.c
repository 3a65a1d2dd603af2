/* SPDX-License-Identifier: MIT */
/* import_split.c: see import_split.h. */
#include "data/import_split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/column_time.h"
#include "data/decimal.h"
#include "data/list.h"
#include "data/missing.h"

/* The first column with this name, or the group where name is NULL; -1: there is none. */
static int32_t find_column(const rmx_spec *spec, const char *name)
{
    for (int32_t i = 0; i < spec->columns; i++)
        if (name ? strcmp(spec->column[i].name, name) == 0 : spec->column[i].group) return i;
    return -1;
}

rmx_status rmx_split_create(rmx_split *out, const rmx_import_options *o, const rmx_spec *spec,
                            rmx_error *error)
{
    *out = (rmx_split){.by = o->split_by,
                       .off = !o->split_output,
                       .fraction = o->split_fraction,
                       .seed = o->split_seed,
                       .spec = spec,
                       .column = -1};
    const bool group = o->split_by == RMX_SPLIT_GROUP;
    if (out->off || o->split_by == RMX_SPLIT_HASH || o->split_by == RMX_SPLIT_TAIL) return RMX_OK;
    const char *name = group ? NULL : o->split_column ? o->split_column : "";
    out->column = find_column(spec, name);
    if (out->column >= 0) return RMX_OK;
    if (group)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "--split-by group needs a group in the column spec (user = group, or "
                        "user = sparse group)");
    return rmx_fail(error, RMX_ERR_ARGUMENT,
                    "the column to split by, '%.100s', is not in the column spec: name it with "
                    "--split-column, and add '%.100s = skip' to the spec where it is no feature",
                    name, name);
}

void rmx_split_free(rmx_split *split)
{
    free(split->time);
    memset(split, 0, sizeof *split);
}

bool rmx_split_counts(const rmx_split *s)
{
    return !s->off && (s->by == RMX_SPLIT_TAIL || s->by == RMX_SPLIT_TIME);
}

/* ---- Times ---------------------------------------------------------------------------------- */

/* A time. In a column of another kind it may be any number. NaN: missing. */
static const char *time_of(const rmx_split *s, const char *value, double *out)
{
    const rmx_column *c = &s->spec->column[s->column];
    rmx_time time;
    *out = (double)NAN;
    if (!value || rmx_missing(s->spec, value)) return NULL;
    if (c->kind != RMX_COLUMN_TIME && rmx_decimal_parse(value, s->spec->decimal_comma, out))
        return NULL;
    const char *why = rmx_time_parse(value, c->unit, s->spec->decimal_comma, &time);
    *out = why ? (double)NAN : (double)time.seconds + time.part;
    return why;
}

rmx_status rmx_split_count(rmx_split *s, char *const *value, rmx_error *error)
{
    if (s->by != RMX_SPLIT_TIME) return RMX_OK;
    double *grown = rmx_list_grow(s->time, s->times, sizeof *grown);
    if (!grown)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the times of %lld rows",
                        (long long)s->times + 1);
    s->time = grown;
    double time = (double)NAN;
    if (value) (void)time_of(s, value[s->column], &time);
    if (!isnan(time)) s->time[s->times++] = time;
    return RMX_OK;
}

/* Hoare's quickselect: the value that is at `at` in the sorted list. */
static double select_value(double *list, int64_t count, int64_t at)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const double pivot = list[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (list[i] < pivot) i++;
            while (list[j] > pivot) j--;
            if (i > j) break;
            const double kept = list[i];
            list[i++] = list[j];
            list[j--] = kept;
        }
        if (at <= j)
            high = j;
        else if (at >= i)
            low = i;
        else
            break;
    }
    return list[at];
}

void rmx_split_settle(rmx_split *s, int64_t rows)
{
    s->first = rows - (int64_t)((double)rows * s->fraction);
    if (s->by != RMX_SPLIT_TIME || s->times == 0) return;
    int64_t stay = s->times - (int64_t)((double)s->times * s->fraction);
    if (stay >= s->times) stay = s->times - 1;
    s->latest = select_value(s->time, s->times, stay);
    s->has_latest = true;
    free(s->time);
    s->time = NULL;
    s->times = 0;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static bool chosen(const rmx_split *s, uint64_t hash)
{
    return (double)(hash >> 11) * 0x1p-53 < s->fraction;
}

static bool by_row(const rmx_split *s, int64_t row)
{
    const uint64_t words[2] = {(uint64_t)row, s->seed};
    return chosen(s, XXH3_64bits(words, sizeof words));
}

/* All rows with one value go to one output. A row without a value is placed by its number. */
static bool by_value(const rmx_split *s, int64_t row, const char *value)
{
    if (!value || rmx_missing_value(s->spec, value) ||
        (s->by == RMX_SPLIT_GROUP && rmx_missing_word(value)))
        return by_row(s, row);
    return chosen(s, XXH3_64bits_withSeed(value, strlen(value), s->seed));
}

bool rmx_split_place(const rmx_split *s, int64_t row, char *const *value, bool *away, rmx_bad *bad)
{
    double time;
    *away = false;
    if (s->off) return true;
    switch (s->by) {
    case RMX_SPLIT_HASH: *away = by_row(s, row); return true;
    case RMX_SPLIT_TAIL: *away = row >= s->first; return true;
    case RMX_SPLIT_GROUP:
    case RMX_SPLIT_COLUMN: *away = by_value(s, row, value[s->column]); return true;
    case RMX_SPLIT_TIME: break;
    }
    const char *why = time_of(s, value[s->column], &time);
    if (why) {
        *bad = rmx_bad_of(RMX_BAD_TIME, s->column, s->spec->column[s->column].name,
                          value[s->column], why);
        return false;
    }
    *away = s->has_latest && time >= s->latest; /* a row without a time stays */
    return true;
}
