/* SPDX-License-Identifier: MIT */
/* text_parts.h: what the files of the text reader share; for src/data/text_*.c only. */
#ifndef RMX_DATA_TEXT_PARTS_H
#define RMX_DATA_TEXT_PARTS_H

#include <sys/stat.h>

#include "data/spool.h"
#include "data/text_rows.h"

/* ---- Bytes of a file, decompressed (text_input.c) ------------------------------------------- */

typedef enum rmx_packing { RMX_PACKED_NOT, RMX_PACKED_GZIP, RMX_PACKED_ZSTD } rmx_packing;

typedef struct rmx_text_input rmx_text_input;

/* Reads from the descriptor's place on; name stands in errors; both are borrowed. The packing is
 * told by the first bytes. RMX_ERR_DATA also where this build cannot decompress. */
RMX_NODISCARD rmx_status rmx_text_input_open(const char *name, int descriptor,
                                             rmx_text_input **out, rmx_error *error);
void rmx_text_input_close(rmx_text_input *input); /* NULL is fine; the descriptor stays open */
rmx_packing rmx_text_input_packing(const rmx_text_input *input);
/* Fills `out` unless the text ends: *got < bytes only there. Data that is damaged, cut short or
 * followed by something else is RMX_ERR_DATA. */
RMX_NODISCARD rmx_status rmx_text_input_read(rmx_text_input *input, void *out, size_t bytes,
                                             size_t *got, rmx_error *error);
/* "" or " (compressed with gzip)", for errors. */
const char *rmx_packing_note(rmx_packing packing);

/* ---- Encodings (text_encoding.c) ------------------------------------------------------------ */

typedef enum rmx_text_encoding {
    RMX_TEXT_UTF8, /* or another one that has ASCII's bytes for ASCII's characters */
    RMX_TEXT_UTF16_LE,
    RMX_TEXT_UTF16_BE
} rmx_text_encoding;

/* mark_bytes: of the byte order mark, 0 where there is none. */
rmx_text_encoding rmx_text_encoding_of(const unsigned char *head, size_t bytes,
                                       size_t *mark_bytes);

/* What is left over between pieces; zeros at the start. */
typedef struct rmx_utf16 {
    bool big;      /* the high byte comes first */
    bool has_half; /* a piece ended within a unit */
    unsigned char half;
    uint32_t high; /* the first half of a surrogate pair, or 0 */
} rmx_utf16;

#define RMX_UTF16_ROOM(bytes) (3 * ((bytes) / 2 + 2)) /* of what a piece becomes, at most */

/* Writes the piece as UTF-8 and returns how many bytes that is. Half a surrogate pair, as in a
 * text that was cut, becomes three bytes, so that different texts stay different. */
size_t rmx_utf16_decode(rmx_utf16 *state, const unsigned char *piece, size_t bytes, char *out);
/* The rest, at the end; false where the text ends within a unit. */
bool rmx_utf16_finish(rmx_utf16 *state, char *out, size_t *written);

/* ---- What is no table (text_kind.c, text_shape.c) ------------------------------------------- */

#define RMX_TEXT_HEAD_BYTES (64 << 10) /* of a file are looked at */

typedef struct rmx_text_kind {
    const char *name;   /* "a zip archive" */
    const char *advice; /* "unpack it first, ..." */
} rmx_text_kind;

/* By the first bytes; NULL: no binary format is known by them, and they look like text. */
const rmx_text_kind *rmx_binary_kind(const unsigned char *head, size_t bytes);
/* Text that is no table, by its first lines: libsvm, libffm, JSON, ... Lines that the format
 * leaves out do not count. A format is named only where all lines have its shape and the separator
 * does not make a table of them, so that no table is taken for something else. whole: head is all
 * of the file. */
const rmx_text_kind *rmx_text_shape(const char *head, size_t bytes, bool whole,
                                    const rmx_text_format *format);

/* ---- Files as UTF-8 that can be read again (text_source.c) ---------------------------------- */

/* A plain file is read where it lies. It must stay as it was found: the table is read more than
 * once, and passes over different rows would give a wrong data set. Everything else is copied once
 * to one temporary file without a name. */
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

/* Read one source after the other: begin, read from `begin` to `end`, finish. finish says whether
 * the file is still as it was found. *got is 0 only at the end. */
RMX_NODISCARD rmx_status rmx_text_source_begin(rmx_text_sources *sources, int32_t i,
                                               rmx_error *error);
RMX_NODISCARD rmx_status rmx_text_source_read(rmx_text_sources *sources, int32_t i, int64_t offset,
                                              char *out, size_t bytes, size_t *got,
                                              rmx_error *error);
RMX_NODISCARD rmx_status rmx_text_source_finish(rmx_text_sources *sources, int32_t i,
                                                rmx_error *error);

/* ---- A row as values (text_cut.c) ----------------------------------------------------------- */

/* The values of the last row, and the format. */
typedef struct rmx_text_cutter {
    char separator[8];
    size_t separator_bytes;
    bool quotes, trim;
    char *text;     /* the values' bytes */
    char **value;   /* [RMX_TEXT_COLUMNS_MAX] */
    int32_t values; /* RMX_TEXT_COLUMNS_MAX + 1 where there are more */
} rmx_text_cutter;

RMX_NODISCARD rmx_status rmx_text_cutter_open(const rmx_text_format *format, rmx_text_cutter *out,
                                              rmx_error *error);
void rmx_text_cutter_close(rmx_text_cutter *cutter); /* zeros are fine */

/* A whole row, of at most RMX_TEXT_LINE_MAX bytes, in which no quote has a meaning. */
void rmx_text_cut_plain(rmx_text_cutter *cutter, const char *row, size_t bytes);

typedef enum rmx_text_cut {
    RMX_TEXT_CUT,      /* used: bytes of the row, without its line end */
    RMX_TEXT_MORE,     /* the row goes on after these bytes; never where they are the last */
    RMX_TEXT_NO_END,   /* a quote has no end; only where they are the last */
    RMX_TEXT_AFTER_END /* something other than a separator follows a quote's end */
} rmx_text_cut;

/* A row with quotes, which may cover several lines. last: the text ends after these bytes. They
 * are at most RMX_TEXT_LINE_MAX + RMX_TEXT_CUT_EXTRA. */
#define RMX_TEXT_CUT_EXTRA 16
rmx_text_cut rmx_text_cut_quoted(rmx_text_cutter *cutter, const char *row, size_t bytes, bool last,
                                 size_t *used);

#endif /* RMX_DATA_TEXT_PARTS_H */
