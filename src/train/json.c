/* SPDX-License-Identifier: MIT */
/* json.c: see json.h. */
#include "train/json.h"

#include <math.h>
#include <stdlib.h>

#include "data/utf8.h"

void rmx_json_number(FILE *out, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.12g", value);
    if (strtod(text, NULL) != value) snprintf(text, sizeof text, "%.17g", value);
    fprintf(out, ",\"%s\":%s", key, isfinite(value) ? text : "null");
}

void rmx_json_integer(FILE *out, const char *key, int64_t value)
{
    fprintf(out, ",\"%s\":%lld", key, (long long)value);
}

void rmx_json_hash(FILE *out, const char *key, uint64_t value)
{
    fprintf(out, ",\"%s\":\"%016llx\"", key, (unsigned long long)value);
}

void rmx_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c;) {
        bool valid;
        const size_t bytes = rmx_utf8_scan(c, RMX_UTF8_MAX, &valid);
        if (!valid)
            fputs("\xEF\xBF\xBD", out);
        else if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if ((unsigned char)*c < ' ' || *c == 0x7F)
            fprintf(out, "\\u%04x", *c);
        else
            fwrite(c, 1, bytes, out);
        c += bytes;
    }
    fputc('"', out);
}

void rmx_json_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, ",\"%s\":", key);
    rmx_json_string(out, text);
}
