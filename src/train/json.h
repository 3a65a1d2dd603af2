/* SPDX-License-Identifier: MIT */
/* json.h: pieces of JSON on a stream. Whatever goes in, what comes out is valid. */
#ifndef RMX_TRAIN_JSON_H
#define RMX_TRAIN_JSON_H

#include <stdint.h>
#include <stdio.h>

/* ,"key":value, or null where the value is not finite; with all 17 digits that a double may need.
 * The key is one of ours: it is written as it is. */
void rmx_json_number(FILE *out, const char *key, double value);
/* A string with what JSON asks to be escaped. Bytes that are not UTF-8 become U+FFFD, one for each
 * sequence that ends too early or must not be. */
void rmx_json_string(FILE *out, const char *text);
/* ,"key":value */
void rmx_json_integer(FILE *out, const char *key, int64_t value);
/* ,"key":"0123456789abcdef" */
void rmx_json_hash(FILE *out, const char *key, uint64_t value);
/* ,"key":"text" */
void rmx_json_text(FILE *out, const char *key, const char *text);

#endif /* RMX_TRAIN_JSON_H */
