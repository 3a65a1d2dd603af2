/* SPDX-License-Identifier: MIT */
/* spec_adopt.c: whether two specs are equal, and whether they make the same of each feature. */
#include <string.h>

#include "data/spec_parts.h"

/* ---- The same spec -------------------------------------------------------------------------- */

static bool same_texts(const rmx_texts *a, const rmx_texts *b)
{
    bool same = a->count == b->count;
    for (int32_t i = 0; same && i < a->count; i++) same = strcmp(a->text[i], b->text[i]) == 0;
    return same;
}

/* Whether a value becomes the same number under both, given the same table. */
static bool same_meaning(const rmx_column *a, const rmx_column *b)
{
    return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->log == b->log &&
           a->flag == b->flag && a->zscore == b->zscore && a->buckets == b->buckets &&
           a->last == b->last && a->hour == b->hour && a->weekday == b->weekday &&
           a->seconds == b->seconds && a->unit == b->unit;
}

static bool same_column(const rmx_column *a, const rmx_column *b)
{
    return same_meaning(a, b) && a->group == b->group && a->key == b->key &&
           a->pattern == b->pattern && a->masked == b->masked &&
           same_texts(&a->positive, &b->positive) && same_texts(&a->negative, &b->negative) &&
           a->min_count == b->min_count && a->most == b->most && a->fitted == b->fitted &&
           !(a->centre < b->centre || a->centre > b->centre) &&
           !(a->factor < b->factor || a->factor > b->factor);
}

bool rmx_spec_equal(const rmx_spec *a, const rmx_spec *b)
{
    bool same = strcmp(a->separator, b->separator) == 0 && a->header == b->header &&
                a->trim == b->trim && a->quotes == b->quotes && a->pad == b->pad &&
                same_texts(&a->missing, &b->missing) && a->decimal_comma == b->decimal_comma &&
                strcmp(a->comment, b->comment) == 0 && a->skip_lines == b->skip_lines &&
                a->columns == b->columns;
    for (int32_t i = 0; same && i < a->columns; i++)
        same = same_column(&a->column[i], &b->column[i]);
    return same;
}

/* ---- The same features ---------------------------------------------------------------------- */

/* The first feature from place *at on, which moves behind it; NULL where there is none. */
static rmx_column *next_feature(const rmx_spec *s, int32_t *at)
{
    while (*at < s->columns)
        if (rmx_column_is_feature(&s->column[(*at)++])) return &s->column[*at - 1];
    return NULL;
}

static rmx_status refuse(const rmx_column *here, const rmx_column *there, const char *name,
                         rmx_error *error)
{
    static const char fix[] = "leave --spec out to use the spec that is stored in it";
    if (here && there && strcmp(here->name, there->name) == 0)
        return rmx_spec_fail(error,
                             "%.300s was imported with other columns: '%.130s' had another kind "
                             "or other options; %s",
                             name, here->name, fix);
    return rmx_spec_fail(error,
                         "%.300s was imported with other columns: where it has %s%.130s%s the "
                         "spec has %s%.130s%s; %s",
                         name, there ? "'" : "", there ? there->name : "no more features",
                         there ? "'" : "", here ? "'" : "", here ? here->name : "no more features",
                         here ? "'" : "", fix);
}

static rmx_status compare_features(const rmx_spec *spec, const rmx_spec *fitted, const char *name,
                                   rmx_error *error)
{
    for (int32_t i = 0, k = 0;;) {
        const rmx_column *here = next_feature(spec, &i), *there = next_feature(fitted, &k);
        if (!here && !there) return RMX_OK;
        if (!here || !there || !same_meaning(here, there)) return refuse(here, there, name, error);
        if (there->zscore && !there->fitted)
            return rmx_fail(error, RMX_ERR_DATA,
                            "%.300s has no centre and factor of '%.130s': import it anew", name,
                            there->name);
    }
}

rmx_status rmx_spec_adopt(rmx_spec *spec, const rmx_spec *fitted, const char *name,
                          rmx_error *error)
{
    const rmx_status status = compare_features(spec, fitted, name, error);
    int32_t i = 0, k = 0;
    for (rmx_column *here; status == RMX_OK && (here = next_feature(spec, &i));) {
        const rmx_column *there = next_feature(fitted, &k);
        here->centre = there->centre;
        here->factor = there->factor;
        here->fitted = there->fitted;
        here->min_count = there->min_count; /* those of the table */
        here->most = there->most;
    }
    return status;
}
