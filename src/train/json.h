/* SPDX-License-Identifier: MIT */
/* json.h: writes parts of JSON to a stream. The output is valid for any input. */
#ifndef RMX_TRAIN_JSON_H
#define RMX_TRAIN_JSON_H

#include <stdint.h>
#include <stdio.h>

/* ,"key":value, or null where the value is not finite; with as many of 17 digits as it needs. The
 * key is written as it is, so it must be one of ours. */
void rmx_json_number(FILE *out, const char *key, double value);
/* Writes a quoted and escaped string. Each sequence of bytes that is not UTF-8 becomes U+FFFD. */
void rmx_json_string(FILE *out, const char *text);
/* ,"key":value */
void rmx_json_integer(FILE *out, const char *key, int64_t value);
/* ,"key":"0123456789abcdef" */
void rmx_json_hash(FILE *out, const char *key, uint64_t value);
/* ,"key":"text" */
void rmx_json_text(FILE *out, const char *key, const char *text);

#endif /* RMX_TRAIN_JSON_H */
