/* SPDX-License-Identifier: MIT */
/* utf8.h: the characters of UTF-8, as names and texts that stand in JSON have to be. */
#ifndef RMX_DATA_UTF8_H
#define RMX_DATA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at text[0], 1 .. 4 (*valid); or of what stands in place of one: the
 * longest beginning of a character that is cut, else one byte. Overlong forms, surrogates and what
 * is beyond U+10FFFF are not valid. A zero byte ends every sequence, so where the text ends in one,
 * bytes may be RMX_UTF8_MAX. 0 where bytes is 0. */
#define RMX_UTF8_MAX 4
size_t rmx_utf8_scan(const char *text, size_t bytes, bool *valid);
/* The same, but 0 for what is not valid. */
size_t rmx_utf8_length(const char *text, size_t bytes);
/* Likewise, and the character, of a text that ends in a zero byte. */
size_t rmx_utf8_character(const char *text, uint32_t *character);
bool rmx_utf8_valid(const char *text, size_t bytes);
/* Every byte that is not valid becomes '?', and so, on demand, do those of control characters. */
void rmx_utf8_mend(char *text, bool controls);
/* Whether a terminal would take the character for a command. */
bool rmx_utf8_control(uint32_t character);

#endif /* RMX_DATA_UTF8_H */
