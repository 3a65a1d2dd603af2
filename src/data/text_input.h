/* SPDX-License-Identifier: MIT */
/* text_input.h: the bytes of an open file or pipe, decompressed where they are gzip or zstd. */
#ifndef RMX_DATA_TEXT_INPUT_H
#define RMX_DATA_TEXT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

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

#endif /* RMX_DATA_TEXT_INPUT_H */
