/* SPDX-License-Identifier: MIT */
/* column_label.c: see column_label.h. */
#include "data/column_label.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/decimal.h"
#include "data/missing.h"

/* The number in a text of the table or of the spec. In a spec a point is a decimal point, too. */
static double number_of(const rmx_spec *spec, const char *text)
{
    double x;
    if (rmx_decimal_parse(text, spec->decimal_comma, &x) || rmx_decimal_parse(text, false, &x))
        return x;
    return (double)NAN;
}

static bool means(const rmx_label_alternative *a, const char *value, double number)
{
    return strcmp(a->text, value) == 0 || a->number == number; /* a NaN equals nothing */
}

rmx_status rmx_label_create(rmx_label_values *out, const rmx_spec *spec, const rmx_column *column,
                            rmx_error *error)
{
    memset(out, 0, sizeof *out);
    const int32_t n = column->positive.count + column->negative.count;
    out->column = column;
    out->spec = spec;
    out->alternative = calloc((size_t)n + 1, sizeof *out->alternative);
    if (!out->alternative) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for labels");
    for (int32_t i = 0; i < n; i++) {
        const bool positive = i < column->positive.count;
        const char *text = positive ? column->positive.text[i]
                                    : column->negative.text[i - column->positive.count];
        out->alternative[i] = (rmx_label_alternative){text, number_of(spec, text), positive, 0};
        for (int32_t j = 0; !positive && j < column->positive.count; j++)
            if (means(&out->alternative[j], text, out->alternative[i].number)) {
                const char *other = out->alternative[j].text;
                rmx_label_free(out);
                return rmx_fail(error, RMX_ERR_ARGUMENT,
                                "column '%.100s': positive=%.60s and negative=%.60s are the same "
                                "value: take it out of one",
                                column->name, other, text);
            }
    }
    out->alternatives = n;
    return RMX_OK;
}

void rmx_label_free(rmx_label_values *values)
{
    free(values->alternative);
    memset(values, 0, sizeof *values);
}

void rmx_label_forget(rmx_label_values *values)
{
    for (int32_t i = 0; i < values->alternatives; i++) values->alternative[i].seen = 0;
    values->others = 0;
    values->more_others = false;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static void count_other(rmx_label_values *v, const char *value)
{
    for (int32_t i = 0; i < v->others; i++)
        if (strncmp(v->other[i].text, value, RMX_LABEL_OTHER_BYTES - 1) == 0) {
            v->other[i].seen++;
            return;
        }
    if (v->others == RMX_LABEL_OTHERS) {
        v->more_others = true;
        return;
    }
    snprintf(v->other[v->others].text, RMX_LABEL_OTHER_BYTES, "%s", value);
    v->other[v->others++].seen = 1;
}

static rmx_label_kind take(rmx_label_alternative *a)
{
    a->seen++;
    return a->positive ? RMX_LABEL_POSITIVE : RMX_LABEL_NEGATIVE;
}

rmx_label_kind rmx_label_read(rmx_label_values *v, const char *value)
{
    for (int32_t i = 0; i < v->alternatives; i++)
        if (strcmp(v->alternative[i].text, value) == 0) return take(&v->alternative[i]);
    double number;
    if (rmx_decimal_parse(value, v->spec->decimal_comma, &number))
        for (int32_t i = 0; i < v->alternatives; i++)
            if (v->alternative[i].number == number) return take(&v->alternative[i]);
    if (rmx_missing(v->spec, value)) return RMX_LABEL_MISSING;
    count_other(v, value);
    return v->column->negative.count > 0 ? RMX_LABEL_UNKNOWN : RMX_LABEL_NEGATIVE;
}

/* ---- What never occurred -------------------------------------------------------------------- */

typedef struct occurrence {
    const char *text;
    int64_t seen;
} occurrence;

static int most_seen_first(const void *a, const void *b)
{
    const occurrence *x = a, *y = b;
    return x->seen != y->seen ? (x->seen > y->seen ? -1 : 1) : strcmp(x->text, y->text);
}

static void say_most_seen(FILE *out, const rmx_label_values *v, occurrence *list)
{
    int32_t n = 0;
    for (int32_t i = 0; i < v->alternatives; i++)
        if (v->alternative[i].seen > 0)
            list[n++] = (occurrence){v->alternative[i].text, v->alternative[i].seen};
    for (int32_t i = 0; i < v->others; i++)
        list[n++] = (occurrence){v->other[i].text, v->other[i].seen};
    if (n == 0) return;
    qsort(list, (size_t)n, sizeof *list, most_seen_first);
    fprintf(out, "; the values that occur are");
    for (int32_t i = 0; i < n && i < 5; i++)
        fprintf(out, "%s '%.40s' (%lld)", i ? "," : "", list[i].text, (long long)list[i].seen);
    if (n > 5 || v->more_others) fprintf(out, ", ...");
}

char *rmx_label_warning(const rmx_label_values *v, bool *failed)
{
    int32_t absent = 0;
    bool seen[2] = {v->column->negative.count == 0, false}; /* of negative= and of positive= */
    for (int32_t i = 0; i < v->alternatives; i++) {
        const bool occurs = v->alternative[i].seen > 0;
        absent += !occurs;
        seen[v->alternative[i].positive] |= occurs;
    }
    if (absent == 0 || (seen[0] && seen[1] && v->others == 0)) return NULL;
    char *text = NULL;
    size_t bytes;
    occurrence *list = malloc((size_t)(v->alternatives + RMX_LABEL_OTHERS) * sizeof *list);
    FILE *out = list ? open_memstream(&text, &bytes) : NULL;
    if (out) {
        fprintf(out, "label '%s':", v->column->name);
        for (int32_t i = 0, said = 0; i < v->alternatives && said < 8; i++)
            if (v->alternative[i].seen == 0)
                fprintf(out, "%s %s%.60s", said++ ? "," : "",
                        v->alternative[i].positive ? "positive=" : "negative=",
                        v->alternative[i].text);
        fprintf(out, "%s never occur%s", absent > 8 ? ", ..." : "", absent == 1 ? "s" : "");
        say_most_seen(out, v, list);
    }
    if (!out || ferror(out) || fclose(out) != 0) {
        *failed = true;
        free(text);
        text = NULL;
    }
    free(list);
    return text;
}
