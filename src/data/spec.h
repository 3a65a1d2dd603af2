/* SPDX-License-Identifier: MIT */
/* spec.h: what each column of a text table becomes. docs/data.md describes the language. A section
 * [fitted] stands in stored specs only: centre and factor of each column with zscore. */
#ifndef RMX_DATA_SPEC_H
#define RMX_DATA_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

#define RMX_SPEC_COLUMNS_MAX 65536
#define RMX_SPEC_TEXT_MAX (16 << 20) /* bytes of a spec, what is fitted included */

typedef enum rmx_column_kind {
    RMX_COLUMN_SKIP,  /* no feature; it may still be group or key */
    RMX_COLUMN_LABEL, /* a task */
    RMX_COLUMN_DENSE,
    RMX_COLUMN_SPARSE,
    RMX_COLUMN_TIME /* sparse NAME_hour (24) and NAME_weekday (7), dense NAME_seconds */
} rmx_column_kind;

typedef enum rmx_header { RMX_HEADER_NO, RMX_HEADER_YES, RMX_HEADER_FIRST } rmx_header;

typedef enum rmx_time_unit {
    RMX_TIME_AUTO, /* ISO 8601, or a number whose size tells the unit */
    RMX_TIME_S,
    RMX_TIME_MS,
    RMX_TIME_US,
    RMX_TIME_NS
} rmx_time_unit;

/* A list of texts, such as the values that mean "missing". */
typedef struct rmx_texts {
    char **text;
    int32_t count;
} rmx_texts;

typedef struct rmx_column {
    char *name;
    rmx_column_kind kind;
    bool group, key;              /* besides: the GAUC group; a key that goes to predictions */
    bool pattern;                 /* name is a glob over the header ("C*"); gone after resolve */
    rmx_texts positive, negative; /* label; negative empty: all other values but missing ones */
    bool masked;                  /* label: a missing one hides the row from this task */
    bool log, flag;               /* dense: log first; flag: a field NAME_missing */
    bool zscore;                  /* dense, and seconds of a time */
    double centre, factor;        /* of zscore: (x - centre) * factor; else 0 and 1 */
    bool fitted;                  /* centre and factor are known */
    int64_t min_count, most;      /* sparse with a table; most values kept, 0: all */
    int64_t buckets;              /* sparse: ids by hashing; 0: a table */
    int64_t last;                 /* sparse: only the last n bytes; 0: all */
    bool hour, weekday, seconds;  /* time: which fields it becomes; all true where none is given */
    rmx_time_unit unit;           /* time */
} rmx_column;

typedef struct rmx_spec {
    char *separator; /* 1 .. 8 bytes */
    rmx_header header;
    bool trim, quotes, pad; /* quotes: resolved from auto */
    rmx_texts missing;      /* without the empty one */
    bool decimal_comma;
    char *comment; /* "": no comments */
    int64_t skip_lines;
    rmx_column *column;
    int32_t columns;
} rmx_spec;

/* name stands in errors: a path or "the stored spec of ...". Ranges (I1..I13) become their
 * columns; a pattern stays one column with `pattern` set. RMX_ERR_ARGUMENT with name:line and what
 * to write. */
RMX_NODISCARD rmx_status rmx_spec_parse(const char *name, const char *text, rmx_spec *out,
                                        rmx_error *error);
RMX_NODISCARD rmx_status rmx_spec_load(const char *path, rmx_spec *out, rmx_error *error);
void rmx_spec_free(rmx_spec *spec); /* leaves zeros; zeros are fine */
/* A text that rmx_spec_parse reads to the same spec, with what was fitted. Free it. NULL: out of
 * memory. */
char *rmx_spec_print(const rmx_spec *spec);
/* Replaces each pattern, where it stands, by columns for the names of a header that it matches, in
 * the order of the header. The first pattern that matches a name has it. A name that no line
 * covers is an error, and so is a feature's pattern without a match. Names that a pattern of kind
 * skip matches get no column. On failure the spec is as before. A spec without patterns stays as
 * it is: the columns of a header are found by name, so a header may have more names. */
RMX_NODISCARD rmx_status rmx_spec_resolve(rmx_spec *spec, const char *name, char *const *header,
                                          int32_t count, rmx_error *error);
/* Takes the fitted numbers of a stored spec. Both must have the same features with the same
 * meaning. Labels, group, key, skipped columns and [file] may differ. min_count and most come from
 * `fitted`, too, because its tables are used. On failure the spec is as before. */
RMX_NODISCARD rmx_status rmx_spec_adopt(rmx_spec *spec, const rmx_spec *fitted, const char *name,
                                        rmx_error *error);
bool rmx_spec_equal(const rmx_spec *a, const rmx_spec *b);
extern const char *const rmx_time_unit_words[]; /* "auto", "s", ...: of rmx_time_unit */
bool rmx_texts_have(const rmx_texts *texts, const char *value);
/* Takes text over: the list frees it, or this call where memory is out. False: that, or NULL. */
bool rmx_texts_add(rmx_texts *texts, char *text);
void rmx_texts_free(rmx_texts *texts); /* leaves zeros */
/* The built-in spec of "criteo" or "avazu", else NULL. */
const char *rmx_spec_preset(const char *format);

/* What a column becomes. */
static inline bool rmx_column_is_feature(const rmx_column *c)
{
    return c->kind == RMX_COLUMN_DENSE || c->kind == RMX_COLUMN_SPARSE ||
           c->kind == RMX_COLUMN_TIME;
}

static inline int32_t rmx_column_sparse_fields(const rmx_column *c)
{
    return c->kind == RMX_COLUMN_TIME ? c->hour + c->weekday : c->kind == RMX_COLUMN_SPARSE;
}

static inline int32_t rmx_column_dense_fields(const rmx_column *c)
{
    if (c->kind == RMX_COLUMN_TIME) return c->seconds;
    return c->kind == RMX_COLUMN_DENSE ? 1 + c->flag : 0;
}

/* Its values get ids by a table. */
static inline bool rmx_column_has_table(const rmx_column *c)
{
    return c->kind == RMX_COLUMN_SPARSE && c->buckets == 0;
}

#endif /* RMX_DATA_SPEC_H */
