/* SPDX-License-Identifier: MIT */
/* text_source.h: the files of a text table, each as bytes of UTF-8 that can be read again.
 *
 * A plain file is read where it lies, and must stay as it was found: the table is read more than
 * once, and passes over different rows would give a wrong data set. Everything else is copied once
 * to one temporary file without a name. */
#ifndef RMX_DATA_TEXT_SOURCE_H
#define RMX_DATA_TEXT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "core/error.h"
#include "data/spool.h"
#include "data/text_rows.h"

typedef struct rmx_text_source {
    const char *path;   /* as given */
    const char *name;   /* for people: the path, or "standard input" */
    bool copied;        /* the bytes are in the temporary file, else in the file itself */
    int64_t begin, end; /* where, without a byte order mark */
    struct stat found;  /* the file at the first look */
} rmx_text_source;

typedef struct rmx_text_sources {
    rmx_text_source *source;
    int32_t count;
    rmx_spool copy; /* the temporary file */
    int file;       /* the plain file that is read; -1: none */
} rmx_text_sources;

/* As rmx_text_open says. The paths are borrowed. */
RMX_NODISCARD rmx_status rmx_text_sources_open(const char *const *paths, int32_t count,
                                               const rmx_text_format *format,
                                               rmx_text_sources *out, rmx_error *error);
void rmx_text_sources_close(rmx_text_sources *sources);
/* RMX_ERR_DATA where a plain file is not as it was found. */
RMX_NODISCARD rmx_status rmx_text_sources_same(const rmx_text_sources *sources, rmx_error *error);

/* One source after the other: begin, read from `begin` on to `end`, and finish, which says whether
 * the file is still as it was found. *got is 0 at its end only. */
RMX_NODISCARD rmx_status rmx_text_source_begin(rmx_text_sources *sources, int32_t i,
                                               rmx_error *error);
RMX_NODISCARD rmx_status rmx_text_source_read(rmx_text_sources *sources, int32_t i, int64_t offset,
                                              char *out, size_t bytes, size_t *got,
                                              rmx_error *error);
RMX_NODISCARD rmx_status rmx_text_source_finish(rmx_text_sources *sources, int32_t i,
                                                rmx_error *error);

#endif /* RMX_DATA_TEXT_SOURCE_H */
