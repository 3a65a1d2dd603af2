/* SPDX-License-Identifier: MIT */
/* column_label.h: which values of a label column are positive and which are negative, and which of
 * them the table has. */
#ifndef RMX_DATA_COLUMN_LABEL_H
#define RMX_DATA_COLUMN_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "data/spec.h"

#define RMX_LABEL_OTHERS 16      /* values beside the alternatives that are counted */
#define RMX_LABEL_OTHER_BYTES 40 /* kept of each */

typedef struct rmx_label_alternative {
    const char *text; /* of the spec */
    double number;    /* NaN: the text is no number */
    bool positive;
    int64_t seen;
} rmx_label_alternative;

typedef struct rmx_label_values {
    const rmx_column *column;
    const rmx_spec *spec;
    rmx_label_alternative *alternative; /* those of positive=, then those of negative= */
    int32_t alternatives;
    struct {
        char text[RMX_LABEL_OTHER_BYTES];
        int64_t seen;
    } other[RMX_LABEL_OTHERS];
    int32_t others;
    bool more_others; /* than there is room for */
} rmx_label_values;

typedef enum rmx_label_kind {
    RMX_LABEL_NEGATIVE,
    RMX_LABEL_POSITIVE,
    RMX_LABEL_MISSING,
    RMX_LABEL_UNKNOWN /* neither positive nor negative */
} rmx_label_kind;

/* RMX_ERR_ARGUMENT where a value is positive and negative. spec and column are borrowed. */
RMX_NODISCARD rmx_status rmx_label_create(rmx_label_values *out, const rmx_spec *spec,
                                          const rmx_column *column, rmx_error *error);
void rmx_label_free(rmx_label_values *values);   /* zeros are fine */
void rmx_label_forget(rmx_label_values *values); /* counts nothing seen so far */

/* Values are compared as numbers where both are numbers, else as texts. A value that the spec
 * names is never missing. */
rmx_label_kind rmx_label_read(rmx_label_values *values, const char *value);

/* A sentence with the alternatives that never occurred and the values that occurred most. Free it.
 * NULL where all alternatives occurred. NULL also where positive= and negative= both occurred and
 * the table has no other values: then the absent spellings are those of other files. *failed: out
 * of memory. */
char *rmx_label_warning(const rmx_label_values *values, bool *failed);

#endif /* RMX_DATA_COLUMN_LABEL_H */
