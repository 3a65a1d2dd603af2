/* SPDX-License-Identifier: MIT */
/* text_encoding.h: which encoding a byte order mark tells, and UTF-16 as UTF-8. */
#ifndef RMX_DATA_TEXT_ENCODING_H
#define RMX_DATA_TEXT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Writes the piece as UTF-8 and returns how many bytes that is. Half a surrogate pair, as texts
 * that were cut have them, becomes the three bytes that its number has: no two texts become one. */
size_t rmx_utf16_decode(rmx_utf16 *state, const unsigned char *piece, size_t bytes, char *out);
/* The rest, at the end; false where the text ends within a unit. */
bool rmx_utf16_finish(rmx_utf16 *state, char *out, size_t *written);

#endif /* RMX_DATA_TEXT_ENCODING_H */
