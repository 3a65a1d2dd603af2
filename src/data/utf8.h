/* SPDX-License-Identifier: MIT */
/* utf8.h: the characters of UTF-8, as names and texts that stand in JSON have to be. */
#ifndef RMX_DATA_UTF8_H
#define RMX_DATA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at text[0], 1 .. 4; *valid: it is one. Where it is not, the bytes of what
 * stands there: the longest beginning of a character, else one byte. Overlong forms, surrogates
 * and numbers above U+10FFFF are not valid. A zero byte ends every sequence, so for a text with
 * one at its end bytes may be RMX_UTF8_MAX. 0 where bytes is 0. */
#define RMX_UTF8_MAX 4
size_t rmx_utf8_scan(const char *text, size_t bytes, bool *valid);
/* The same, but 0 for what is not valid. */
size_t rmx_utf8_length(const char *text, size_t bytes);
/* The same and the character itself, of a text that ends in a zero byte. */
size_t rmx_utf8_character(const char *text, uint32_t *character);
bool rmx_utf8_valid(const char *text, size_t bytes);
/* Every byte that is not valid becomes '?'. controls: so does every byte of a control
 * character. */
void rmx_utf8_mend(char *text, bool controls);
/* Whether a terminal would take the character for a command. */
bool rmx_utf8_control(uint32_t character);

#endif /* RMX_DATA_UTF8_H */
