/* SPDX-License-Identifier: MIT */
/* table_columns.c: see table_columns.h. */
#include "data/table_columns.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/column_time.h"
#include "data/decimal.h"
#include "data/double_log.h"
#include "data/missing.h"

static rmx_status create_fit(rmx_column_fit *fit, const rmx_spec *spec, const rmx_column *c,
                             rmx_error *error)
{
    if (c->kind == RMX_COLUMN_LABEL) return rmx_label_create(&fit->label, spec, c, error);
    if (c->kind != RMX_COLUMN_DENSE) return RMX_OK;
    fit->missing = calloc((size_t)spec->missing.count + 1, sizeof *fit->missing);
    if (!fit->missing) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for missing values");
    for (int32_t i = 0; i < spec->missing.count; i++)
        if (rmx_decimal_parse(spec->missing.text[i], spec->decimal_comma,
                              &fit->missing[fit->missings]))
            fit->missings++;
    return RMX_OK;
}

rmx_status rmx_columns_create(rmx_columns *out, rmx_spec *spec, bool labelled, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->spec = spec;
    out->labelled = labelled;
    out->fit = calloc((size_t)spec->columns + 1, sizeof *out->fit);
    out->cell = calloc((size_t)spec->columns + 1, sizeof *out->cell);
    rmx_status status = RMX_OK;
    if (!out->fit || !out->cell)
        status =
            rmx_fail(error, RMX_ERR_MEMORY, "out of memory for %d columns", (int)spec->columns);
    for (int32_t i = 0; i < spec->columns && status == RMX_OK; i++)
        status = create_fit(&out->fit[i], spec, &spec->column[i], error);
    if (status != RMX_OK) rmx_columns_free(out);
    return status;
}

void rmx_columns_free(rmx_columns *columns)
{
    for (int32_t i = 0; columns->fit && i < columns->spec->columns; i++) {
        rmx_value_free(&columns->fit[i].table);
        rmx_label_free(&columns->fit[i].label);
        rmx_stats_free(&columns->fit[i].stats);
        free(columns->fit[i].list);
        free(columns->fit[i].missing);
    }
    free(columns->fit);
    free(columns->cell);
    memset(columns, 0, sizeof *columns);
}

void rmx_columns_forget_labels(rmx_columns *columns)
{
    for (int32_t i = 0; i < columns->spec->columns; i++) rmx_label_forget(&columns->fit[i].label);
}

/* ---- Reading -------------------------------------------------------------------------------- */

static bool fits_float(double x) { return x >= -(double)FLT_MAX && x <= (double)FLT_MAX; }

/* The value as it is written: centred and scaled in double, rounded once. */
static double scaled(const rmx_column *c, double x)
{
    return c->zscore ? (x - c->centre) * c->factor : x;
}

static bool among(const rmx_column_fit *fit, double x)
{
    for (int32_t i = 0; i < fit->missings; i++)
        if (fit->missing[i] == x) return true;
    return false;
}

static bool refuse(const rmx_columns *columns, int32_t i, const char *value, rmx_bad_kind kind,
                   const char *why, rmx_bad *bad)
{
    *bad = rmx_bad_of(kind, i, columns->spec->column[i].name, value, why);
    return false;
}

static bool read_dense(const rmx_columns *columns, int32_t i, const char *value, rmx_bad *bad)
{
    const rmx_spec *spec = columns->spec;
    const rmx_column *c = &spec->column[i];
    rmx_cell *cell = &columns->cell[i];
    double x;
    const bool number = rmx_decimal_parse(value, spec->decimal_comma, &x);
    cell->missing = rmx_missing_value(spec, value) ||
                    (number ? among(&columns->fit[i], x) : rmx_missing_word(value));
    cell->value = 0.0f; /* with zscore: the mean */
    if (cell->missing) return true;
    if (!number) return refuse(columns, i, value, RMX_BAD_NUMBER, "is no number", bad);
    const double y = c->log && x > 0.0 ? rmx_log1pd(x) : x;
    cell->raw = x;
    cell->number = y;
    const double z = columns->fitted ? scaled(c, y) : y;
    if (!fits_float(x) || !fits_float(z))
        return refuse(columns, i, value, RMX_BAD_RANGE, "is too large a number", bad);
    cell->value = (float)z;
    return true;
}

static bool read_time(const rmx_columns *columns, int32_t i, const char *value, rmx_bad *bad)
{
    const rmx_spec *spec = columns->spec;
    const rmx_column *c = &spec->column[i];
    rmx_cell *cell = &columns->cell[i];
    cell->missing = rmx_missing(spec, value);
    cell->value = 0.0f;
    if (cell->missing) return true;
    rmx_time time;
    const char *why = rmx_time_parse(value, c->unit, spec->decimal_comma, &time);
    if (why) return refuse(columns, i, value, RMX_BAD_TIME, why, bad);
    cell->second = time.seconds;
    cell->raw = cell->number = (double)time.seconds + time.part;
    const double z = columns->fitted ? scaled(c, cell->number) : cell->number;
    if (!fits_float(z))
        return refuse(columns, i, value, RMX_BAD_RANGE, "is too far from the mean", bad);
    cell->value = (float)z;
    return true;
}

static bool read_label(const rmx_columns *columns, int32_t i, const char *value, rmx_bad *bad)
{
    const rmx_label_kind kind = rmx_label_read(&columns->fit[i].label, value);
    columns->cell[i].label = kind == RMX_LABEL_MISSING ? RMX_LABEL_MASKED : (uint8_t)kind;
    if (kind == RMX_LABEL_UNKNOWN)
        return refuse(columns, i, value, RMX_BAD_LABEL,
                      "is neither a positive nor a negative label", bad);
    return kind != RMX_LABEL_MISSING || columns->spec->column[i].masked ||
           refuse(columns, i, value, RMX_BAD_NO_LABEL,
                  "is a missing label; 'masked' in the column's line keeps such rows", bad);
}

static void read_sparse(const rmx_columns *columns, int32_t i, const char *value)
{
    const rmx_column *c = &columns->spec->column[i];
    rmx_cell *cell = &columns->cell[i];
    const size_t n = strlen(value), last = c->last > 0 ? (size_t)c->last : n;
    const size_t cut = n > last ? n - last : 0;
    cell->hash = rmx_value_hash(value + cut, n - cut);
    if (rmx_column_has_table(c))
        rmx_value_prefetch(&columns->fit[i].table, cell->hash);
    else
        cell->missing = rmx_missing_value(columns->spec, value);
}

bool rmx_columns_read(rmx_columns *columns, char *const *value, rmx_bad *bad)
{
    const rmx_spec *spec = columns->spec;
    bool good = true;
    bad->kind = RMX_BAD_NONE;
    for (int32_t i = 0; i < spec->columns && good; i++) {
        const rmx_column *c = &spec->column[i];
        if (!value[i]) continue;
        switch (c->kind) {
        case RMX_COLUMN_LABEL:
            good = !columns->labelled || read_label(columns, i, value[i], bad);
            break;
        case RMX_COLUMN_DENSE: good = read_dense(columns, i, value[i], bad); break;
        case RMX_COLUMN_TIME: good = read_time(columns, i, value[i], bad); break;
        case RMX_COLUMN_SPARSE: read_sparse(columns, i, value[i]); break;
        case RMX_COLUMN_SKIP: break;
        }
        if (good && (c->group || c->key) && strlen(value[i]) > RMX_TEXT_VALUE_MAX)
            good = refuse(columns, i, value[i], RMX_BAD_KEY,
                          "is a key or group of more than 255 bytes", bad);
    }
    return good;
}

static void observe_number(rmx_column_fit *fit, double x)
{
    const double away = x - fit->mean;
    fit->count++;
    fit->mean += away / (double)fit->count;
    fit->squares += away * (x - fit->mean);
}

rmx_status rmx_columns_observe(rmx_columns *columns, char *const *value, rmx_error *error)
{
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        rmx_column_fit *fit = &columns->fit[i];
        const rmx_cell *cell = &columns->cell[i];
        if (!value[i]) continue;
        if (c->zscore && !cell->missing) observe_number(fit, cell->number);
        if (rmx_column_has_table(c) && !rmx_value_count(&fit->table, cell->hash))
            return rmx_fail(error, RMX_ERR_MEMORY,
                            "column '%.60s' has too many different values for the memory or for "
                            "2^27: use buckets=N for it",
                            c->name);
    }
    return RMX_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Where the next value of the row goes. */
typedef struct cursor {
    uint8_t *label;
    float *dense;
    uint32_t *sparse;
    int64_t *unknown;
    int64_t text;
} cursor;

static uint32_t sparse_id(const rmx_columns *columns, int32_t i, int64_t *unknown)
{
    const rmx_column *c = &columns->spec->column[i];
    const rmx_cell *cell = &columns->cell[i];
    if (!rmx_column_has_table(c))
        return cell->missing ? 0 : 1 + (uint32_t)(cell->hash % (uint64_t)c->buckets);
    const uint32_t id = rmx_value_id(&columns->fit[i].table, cell->hash);
    *unknown += id == 0;
    return id;
}

static void write_value(const rmx_columns *columns, int32_t i, cursor *to)
{
    const rmx_column *c = &columns->spec->column[i];
    const rmx_cell *cell = &columns->cell[i];
    switch (c->kind) {
    case RMX_COLUMN_LABEL:
        if (columns->labelled) *to->label++ = cell->label;
        break;
    case RMX_COLUMN_DENSE:
        *to->dense++ = cell->value;
        if (c->flag) *to->dense++ = cell->missing ? 1.0f : 0.0f;
        break;
    case RMX_COLUMN_SPARSE: *to->sparse++ = sparse_id(columns, i, to->unknown++); break;
    case RMX_COLUMN_TIME:
        if (c->hour) *to->sparse++ = cell->missing ? 0 : 1 + rmx_time_hour(cell->second);
        if (c->weekday) *to->sparse++ = cell->missing ? 0 : rmx_time_weekday(cell->second);
        if (c->seconds) *to->dense++ = cell->value;
        to->unknown += c->hour + c->weekday;
        break;
    case RMX_COLUMN_SKIP: break;
    }
}

void rmx_columns_write(rmx_columns *columns, char *const *value, const rmx_schema *schema,
                       rmx_block *block, int64_t at, bool statistics)
{
    const rmx_spec *spec = columns->spec;
    const rmx_rows row = rmx_rows_at(schema, &block->rows, at);
    cursor to = {row.label, row.dense, row.sparse, block->unknown, at * schema->text_columns};
    for (int32_t i = 0; i < spec->columns; i++) {
        const rmx_column *c = &spec->column[i];
        const rmx_cell *cell = &columns->cell[i];
        if (!value[i]) continue;
        write_value(columns, i, &to);
        if (c->kind == RMX_COLUMN_DENSE || c->kind == RMX_COLUMN_TIME) {
            block->missing += cell->missing;
            if (statistics && !cell->missing && rmx_column_dense_fields(c) > 0)
                rmx_stats_add(&columns->fit[i].stats, cell->raw, cell->value);
        }
        if (c->group)
            *row.group =
                rmx_missing(spec, value[i]) ? 0 : rmx_value_hash(value[i], strlen(value[i]));
        if (!c->group && !c->key) continue;
        /* the text as it is written, or "" for a missing one; rmx_columns_read has checked its
         * length */
        char *text = block->text_bytes[to.text];
        snprintf(text, sizeof *block->text_bytes, "%s",
                 rmx_missing_value(spec, value[i]) ? "" : value[i]);
        block->text[to.text++] = text;
    }
}
