/* SPDX-License-Identifier: MIT */
/* text_encoding.c: see text_parts.h. */
#include "data/text_parts.h"

#include <string.h>

rmx_text_encoding rmx_text_encoding_of(const unsigned char *head, size_t bytes, size_t *mark_bytes)
{
    *mark_bytes = 0;
    if (bytes >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0)) {
        *mark_bytes = 2;
        return head[0] == 0xff ? RMX_TEXT_UTF16_LE : RMX_TEXT_UTF16_BE;
    }
    if (bytes >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) *mark_bytes = 3;
    return RMX_TEXT_UTF8;
}

static size_t put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static size_t put_unit(rmx_utf16 *state, uint32_t unit, char *out)
{
    size_t n = 0;
    if (state->high && unit >= 0xdc00 && unit <= 0xdfff) {
        n = put(out, 0x10000 + ((state->high - 0xd800) << 10) + (unit - 0xdc00));
        state->high = 0;
        return n;
    }
    if (state->high) n = put(out, state->high);
    state->high = unit >= 0xd800 && unit <= 0xdbff ? unit : 0;
    return state->high ? n : n + put(out + n, unit);
}

size_t rmx_utf16_decode(rmx_utf16 *state, const unsigned char *piece, size_t bytes, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (!state->has_half) {
            state->half = piece[i];
            state->has_half = true;
            continue;
        }
        const uint32_t a = state->half, b = piece[i];
        state->has_half = false;
        n += put_unit(state, state->big ? a << 8 | b : b << 8 | a, out + n);
    }
    return n;
}

bool rmx_utf16_finish(rmx_utf16 *state, char *out, size_t *written)
{
    *written = state->high ? put(out, state->high) : 0;
    state->high = 0;
    return !state->has_half;
}
