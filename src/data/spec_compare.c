/* SPDX-License-Identifier: MIT */
/* spec_compare.c: whether two specs are equal, and whether they make the same of each feature. */
#include <string.h>

#include "data/spec_text.h"

/* ---- The same spec -------------------------------------------------------------------------- */

static bool same_texts(const rmx_texts *a, const rmx_texts *b)
{
    bool same = a->count == b->count;
    for (int32_t i = 0; same && i < a->count; i++) same = strcmp(a->text[i], b->text[i]) == 0;
    return same;
}

/* What makes another number of the same value, whatever table there is. */
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

/* The place of the first feature from `at` on; columns where there is none. */
static int32_t next_feature(const rmx_spec *s, int32_t at)
{
    while (at < s->columns && s->column[at].kind != RMX_COLUMN_DENSE &&
           s->column[at].kind != RMX_COLUMN_SPARSE && s->column[at].kind != RMX_COLUMN_TIME)
        at++;
    return at;
}

static rmx_status refuse(const rmx_spec *spec, int32_t i, const rmx_spec *fitted, int32_t k,
                         const char *name, rmx_error *error)
{
    static const char fix[] = "leave --spec out to use the spec that is stored in it";
    const char *here = i < spec->columns ? spec->column[i].name : NULL;
    const char *there = k < fitted->columns ? fitted->column[k].name : NULL;
    if (here && there && strcmp(here, there) == 0)
        return rmx_spec_fail(
            error, RMX_ERR_ARGUMENT,
            "%.300s was imported with other columns: '%.130s' had another kind or "
            "other options; %s",
            name, here, fix);
    return rmx_spec_fail(
        error, RMX_ERR_ARGUMENT,
        "%.300s was imported with other columns: where it has %s%.130s%s the spec "
        "has %s%.130s%s; %s",
        name, there ? "'" : "", there ? there : "no more features", there ? "'" : "",
        here ? "'" : "", here ? here : "no more features", here ? "'" : "", fix);
}

static rmx_status compare_features(const rmx_spec *spec, const rmx_spec *fitted, const char *name,
                                   rmx_error *error)
{
    int32_t i = next_feature(spec, 0), k = next_feature(fitted, 0);
    for (; i < spec->columns || k < fitted->columns;
         i = next_feature(spec, i + 1), k = next_feature(fitted, k + 1)) {
        if (i >= spec->columns || k >= fitted->columns ||
            !same_meaning(&spec->column[i], &fitted->column[k]))
            return refuse(spec, i, fitted, k, name, error);
        if (fitted->column[k].zscore && !fitted->column[k].fitted)
            return rmx_spec_fail(error, RMX_ERR_DATA,
                                 "%.300s has no centre and factor of '%.130s': import it anew",
                                 name, fitted->column[k].name);
    }
    return RMX_OK;
}

rmx_status rmx_spec_adopt(rmx_spec *spec, const rmx_spec *fitted, const char *name,
                          rmx_error *error)
{
    const rmx_status status = compare_features(spec, fitted, name, error);
    if (status != RMX_OK) return status;
    int32_t k = 0;
    for (int32_t i = next_feature(spec, 0); i < spec->columns; i = next_feature(spec, i + 1)) {
        k = next_feature(fitted, k);
        spec->column[i].centre = fitted->column[k].centre;
        spec->column[i].factor = fitted->column[k].factor;
        spec->column[i].fitted = fitted->column[k].fitted;
        spec->column[i].min_count = fitted->column[k].min_count; /* those of the table */
        spec->column[i].most = fitted->column[k].most;
        k++;
    }
    return RMX_OK;
}
