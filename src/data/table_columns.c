/* SPDX-License-Identifier: MIT */
/* table_columns.c: see table_columns.h. */
#include "data/table_columns.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/decimal.h"
#include "data/double_log.h"
#include "data/missing_words.h"

static rmx_status create_fit(rmx_column_fit *fit, const rmx_spec *spec, const rmx_column *c,
                             rmx_error *error)
{
    if (c->kind == RMX_COLUMN_LABEL) return rmx_label_create(&fit->label, spec, c, error);
    if (c->kind == RMX_COLUMN_TIME) {
        const bool all = !c->hour && !c->weekday && !c->seconds;
        fit->hour = all || c->hour;
        fit->weekday = all || c->weekday;
        fit->seconds = all || c->seconds;
    }
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

static bool bad_value(rmx_bad *bad, rmx_bad_kind kind, int32_t column, const char *name,
                      const char *value, const char *why)
{
    *bad = (rmx_bad){.kind = kind, .column = column, .name = name, .value = value};
    snprintf(bad->why, sizeof bad->why, "%s", why);
    return false;
}

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

static bool read_dense(const rmx_columns *columns, int32_t i, const char *value, rmx_bad *bad)
{
    const rmx_spec *spec = columns->spec;
    const rmx_column *c = &spec->column[i];
    rmx_cell *cell = &columns->cell[i];
    double x;
    const bool number = rmx_decimal_parse(value, spec->decimal_comma, &x);
    cell->missing =
        !value[0] || (spec->missing.count > 0 && (rmx_texts_have(&spec->missing, value) ||
                                                  (number && among(&columns->fit[i], x))));
    if (!cell->missing && !number) cell->missing = rmx_missing_word(value);
    cell->value = 0.0f; /* with zscore: the mean */
    if (cell->missing) return true;
    if (!number) return bad_value(bad, RMX_BAD_NUMBER, i, c->name, value, "is no number");
    const double y = c->log && x > 0.0 ? rmx_log1pd(x) : x;
    cell->raw = x;
    cell->number = y;
    const double z = columns->fitted ? scaled(c, y) : y;
    if (!fits_float(x) || !fits_float(z))
        return bad_value(bad, RMX_BAD_RANGE, i, c->name, value, "is too large a number");
    cell->value = (float)z;
    return true;
}

static bool read_time(const rmx_columns *columns, int32_t i, const char *value, rmx_bad *bad)
{
    const rmx_spec *spec = columns->spec;
    const rmx_column *c = &spec->column[i];
    rmx_cell *cell = &columns->cell[i];
    cell->missing = !value[0] || rmx_texts_have(&spec->missing, value) || rmx_missing_word(value);
    cell->value = 0.0f;
    if (cell->missing) return true;
    rmx_time time;
    const char *why = rmx_time_parse(value, c->unit, spec->decimal_comma, &time);
    if (why) return bad_value(bad, RMX_BAD_TIME, i, c->name, value, why);
    cell->second = time.seconds;
    cell->raw = (double)time.seconds + time.part;
    cell->number = cell->raw;
    const double z = columns->fitted ? scaled(c, cell->number) : cell->number;
    if (!fits_float(z))
        return bad_value(bad, RMX_BAD_RANGE, i, c->name, value, "is too far from the mean");
    cell->value = (float)z;
    return true;
}

static bool read_label(const rmx_columns *columns, int32_t i, const char *value, rmx_bad *bad)
{
    const rmx_column *c = &columns->spec->column[i];
    switch (rmx_label_read(&columns->fit[i].label, value)) {
    case RMX_LABEL_NEGATIVE: columns->cell[i].label = 0; return true;
    case RMX_LABEL_POSITIVE: columns->cell[i].label = 1; return true;
    case RMX_LABEL_MISSING:
        columns->cell[i].label = RMX_LABEL_MASKED;
        return c->masked || bad_value(bad, RMX_BAD_NO_LABEL, i, c->name, value,
                                      "is a missing label; 'masked' in the column's line keeps "
                                      "such rows");
    default:
        return bad_value(bad, RMX_BAD_LABEL, i, c->name, value,
                         "is neither a positive nor a negative label");
    }
}

static uint64_t hash_of(const rmx_column *c, const char *value)
{
    size_t n = strlen(value);
    if (c->last > 0 && n > (size_t)c->last) {
        value += n - (size_t)c->last;
        n = (size_t)c->last;
    }
    return rmx_value_hash(value, n);
}

static void read_sparse(const rmx_columns *columns, int32_t i, const char *value)
{
    const rmx_column *c = &columns->spec->column[i];
    rmx_cell *cell = &columns->cell[i];
    cell->hash = hash_of(c, value);
    if (c->buckets > 0)
        cell->missing = !value[0] || rmx_texts_have(&columns->spec->missing, value);
    else
        rmx_value_prefetch(&columns->fit[i].table, cell->hash);
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
            if (columns->labelled) good = read_label(columns, i, value[i], bad);
            break;
        case RMX_COLUMN_DENSE: good = read_dense(columns, i, value[i], bad); break;
        case RMX_COLUMN_TIME: good = read_time(columns, i, value[i], bad); break;
        case RMX_COLUMN_SPARSE: read_sparse(columns, i, value[i]); break;
        case RMX_COLUMN_SKIP: break;
        }
        if (good && (c->group || c->key) && strlen(value[i]) > RMX_TEXT_VALUE_MAX)
            good = bad_value(bad, RMX_BAD_KEY, i, c->name, value[i],
                             "is a key or group of more than 255 bytes");
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
        if (c->kind == RMX_COLUMN_DENSE || c->kind == RMX_COLUMN_TIME) {
            if (c->zscore && !cell->missing) observe_number(fit, cell->number);
        } else if (c->kind == RMX_COLUMN_SPARSE && c->buckets == 0 &&
                   !rmx_value_count(&fit->table, cell->hash)) {
            return rmx_fail(error, RMX_ERR_MEMORY,
                            "column '%.60s' has too many different values for the memory or for "
                            "2^27: use buckets=N for it",
                            c->name);
        }
    }
    return RMX_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static uint32_t sparse_id(const rmx_columns *columns, int32_t i, int64_t *unknown)
{
    const rmx_column *c = &columns->spec->column[i];
    const rmx_cell *cell = &columns->cell[i];
    if (c->buckets > 0)
        return cell->missing ? 0 : 1 + (uint32_t)(cell->hash % (uint64_t)c->buckets);
    const uint32_t id = rmx_value_id(&columns->fit[i].table, cell->hash);
    *unknown += id == 0;
    return id;
}

/* The key or group as written; a missing one is empty. */
static void write_text(const rmx_columns *columns, const char *value, const rmx_block *block,
                       int64_t place)
{
    char *to = block->text_bytes + place * (RMX_TEXT_VALUE_MAX + 1);
    const bool missing = rmx_texts_have(&columns->spec->missing, value);
    snprintf(to, RMX_TEXT_VALUE_MAX + 1, "%s", missing ? "" : value); /* read_row: it fits */
    block->text[place] = to;
}

static uint64_t group_of(const rmx_columns *columns, const char *value)
{
    if (!value[0] || rmx_texts_have(&columns->spec->missing, value) || rmx_missing_word(value))
        return 0;
    return rmx_value_hash(value, strlen(value));
}

static void count_label(rmx_label_count *count, uint8_t label)
{
    count->positive += label == 1;
    count->negative += label == 0;
    count->masked += label == RMX_LABEL_MASKED;
}

typedef struct place {
    int64_t sparse, dense, task, text; /* where the next value goes */
    int64_t first_sparse, first_task;
} place;

static void write_value(rmx_columns *columns, int32_t i, const rmx_block *block, place *p,
                        rmx_column_counts *counts, bool statistics)
{
    const rmx_column *c = &columns->spec->column[i];
    rmx_column_fit *fit = &columns->fit[i];
    const rmx_cell *cell = &columns->cell[i];
    const bool number = c->kind == RMX_COLUMN_DENSE || c->kind == RMX_COLUMN_TIME;
    if (number) {
        counts->missing += cell->missing;
        if (statistics && !cell->missing && (c->kind == RMX_COLUMN_DENSE || fit->seconds))
            rmx_stats_add(&fit->stats, cell->raw, cell->value);
    }
    switch (c->kind) {
    case RMX_COLUMN_LABEL:
        if (!columns->labelled) break;
        count_label(&counts->label[p->task - p->first_task], cell->label);
        block->label[p->task++] = cell->label;
        break;
    case RMX_COLUMN_DENSE:
        block->dense[p->dense++] = cell->value;
        if (c->flag) block->dense[p->dense++] = cell->missing ? 1.0f : 0.0f;
        break;
    case RMX_COLUMN_SPARSE:
        block->sparse[p->sparse] =
            sparse_id(columns, i, &counts->unknown[p->sparse - p->first_sparse]);
        p->sparse++;
        break;
    case RMX_COLUMN_TIME:
        if (fit->hour)
            block->sparse[p->sparse++] = cell->missing ? 0 : 1 + rmx_time_hour(cell->second);
        if (fit->weekday)
            block->sparse[p->sparse++] = cell->missing ? 0 : rmx_time_weekday(cell->second);
        if (fit->seconds) block->dense[p->dense++] = cell->value;
        break;
    case RMX_COLUMN_SKIP: break;
    }
}

void rmx_columns_convert(rmx_columns *columns, char *const *value, const rmx_schema *schema,
                         const rmx_block *block, int64_t at, rmx_column_counts *counts,
                         bool statistics)
{
    place p = {.sparse = at * schema->sparse_fields,
               .dense = at * schema->dense_fields,
               .task = at * schema->tasks,
               .text = at * schema->text_columns};
    p.first_sparse = p.sparse;
    p.first_task = p.task;
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        if (!value[i]) continue;
        write_value(columns, i, block, &p, counts, statistics);
        if (c->group) {
            block->group[at] = group_of(columns, value[i]);
            counts->rows_without_group += block->group[at] == 0;
        }
        if (c->group || c->key) write_text(columns, value[i], block, p.text++);
    }
}
