/* SPDX-License-Identifier: MIT */
/* spec_file.h: the lines of [file]; for src/data/spec*.c only. */
#ifndef RMX_DATA_SPEC_FILE_H
#define RMX_DATA_SPEC_FILE_H

#include "data/spec.h"
#include "data/spec_line.h"

#define RMX_SPEC_FILE_KEYS 9

typedef struct rmx_spec_file {
    int32_t line[RMX_SPEC_FILE_KEYS]; /* where each key stands; 0: nowhere */
    bool quotes_known;                /* not auto */
} rmx_spec_file;

/* Takes the value of line->key into out. */
RMX_NODISCARD rmx_status rmx_spec_file_read(rmx_spec_line *line, rmx_spec_file *file,
                                            rmx_spec *out);
/* Resolves quotes = auto; what does not go together is refused. line: source and error. */
RMX_NODISCARD rmx_status rmx_spec_file_complete(rmx_spec_line line, const rmx_spec_file *file,
                                                rmx_spec *out);
/* "tab" for "\t" and so on, else NULL. */
const char *rmx_spec_separator_word(const char *separator);

#endif /* RMX_DATA_SPEC_FILE_H */
