/* SPDX-License-Identifier: MIT */
/* spec_text.h: small things that the parts of the spec language share; for src/data/spec*.c. */
#ifndef RMX_DATA_SPEC_TEXT_H
#define RMX_DATA_SPEC_TEXT_H

#include <stddef.h>

#include "data/spec.h"

/* Like rmx_fail. What a terminal or JSON would trip over (control characters, invalid UTF-8)
 * becomes '?', as names and values come from outside. */
rmx_status rmx_spec_fail(rmx_error *error, rmx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
rmx_status rmx_spec_no_memory(rmx_error *error);

/* NULL, or why this cannot be the name of a column or of the field NAME plus suffix. */
const char *rmx_spec_name_fault(const char *name, const char *suffix);

/* The word of `known` that `written` may be a slip of, else NULL. */
const char *rmx_spec_suggest(const char *written, const char *const *known, int32_t count);

/* "a, b and c" of `known`. */
void rmx_spec_join(char *out, size_t bytes, const char *const *known, int32_t count,
                   const char *last);

/* False: out of memory; then out holds nothing. */
bool rmx_column_copy(rmx_column *out, const rmx_column *from, const char *name);
void rmx_column_free(rmx_column *column);
/* Adds text, which is handed over; freed on failure. */
bool rmx_texts_add(rmx_texts *texts, char *text);
void rmx_texts_free(rmx_texts *texts);

/* Bytes of a column's value as printed, 0: out of memory. */
size_t rmx_column_size(const rmx_column *column);
/* Bytes that rmx_spec_print can write once all is fitted, 0: out of memory. */
size_t rmx_spec_size(const rmx_spec *spec);

/* What has to hold for all columns together: no name twice, neither of columns nor of the fields
 * that they become, one group at most, features, counts and sizes in range. line: of each column
 * in the spec, or NULL. */
RMX_NODISCARD rmx_status rmx_spec_check(const rmx_spec *spec, const char *name,
                                        const int32_t *line, rmx_error *error);

#endif /* RMX_DATA_SPEC_TEXT_H */
