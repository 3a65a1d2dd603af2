/* SPDX-License-Identifier: MIT */
/* utf8.c: see utf8.h; table 3-7 of the Unicode Standard. */
#include "data/utf8.h"

#include <string.h>

size_t rmx_utf8_scan(const char *text, size_t bytes, bool *valid)
{
    const unsigned char *c = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    *valid = false;
    if (bytes == 0) return 0;
    *valid = c[0] < 0x80;
    if (c[0] < 0xc2 || c[0] > 0xf4) return 1;
    const size_t n = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (c[0] == 0xe0) low = 0xa0;
    if (c[0] == 0xed) high = 0x9f;
    if (c[0] == 0xf0) low = 0x90;
    if (c[0] == 0xf4) high = 0x8f;
    for (size_t i = 1; i < n; i++) {
        if (i == bytes || c[i] < low || c[i] > high) return i;
        low = 0x80;
        high = 0xbf;
    }
    *valid = true;
    return n;
}

size_t rmx_utf8_length(const char *text, size_t bytes)
{
    bool valid;
    const size_t n = rmx_utf8_scan(text, bytes, &valid);
    return valid ? n : 0;
}

size_t rmx_utf8_character(const char *text, uint32_t *character)
{
    const size_t n = rmx_utf8_length(text, RMX_UTF8_MAX);
    const unsigned char *c = (const unsigned char *)text;
    *character = n < 2 ? c[0] : c[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) *character = *character << 6 | (c[i] & 0x3fu);
    return n;
}

bool rmx_utf8_valid(const char *text, size_t bytes)
{
    bool valid = true;
    for (size_t at = 0; at < bytes && valid;) at += rmx_utf8_scan(text + at, bytes - at, &valid);
    return valid;
}

bool rmx_utf8_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f);
}

void rmx_utf8_mend(char *text, bool controls)
{
    while (*text) {
        uint32_t character;
        const size_t n = rmx_utf8_character(text, &character), bytes = n ? n : 1;
        if (n == 0 || (controls && rmx_utf8_control(character))) memset(text, '?', bytes);
        text += bytes;
    }
}
