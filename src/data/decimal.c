/* SPDX-License-Identifier: MIT */
/* decimal.c: see decimal.h.
 *
 * Up to 19 digits are gathered in an integer m, with a power of ten e. Where m <= 2^53 and
 * |e| <= 22 both m and 10^|e| are doubles, so one multiplication or division rounds m 10^e
 * correctly (Clinger 1990). All other numbers are left to strtod, which rounds correctly too. */
#include "data/decimal.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool blank(char c) { return c == ' ' || c == '\t'; }

typedef struct scan {
    uint64_t digits;  /* m */
    int32_t count;    /* digits of m */
    int32_t exponent; /* e */
    bool any, cut;    /* a digit was seen; there are more digits than m holds */
} scan;

/* Digits from *at on; `each` is added to the exponent for every digit that m takes or loses. */
static const char *take_digits(const char *at, scan *s, int32_t taken, int32_t lost)
{
    for (; digit(*at); at++) {
        s->any = true;
        if (s->count < 19) {
            s->digits = s->digits * 10 + (uint64_t)(*at - '0');
            s->count += s->digits != 0;
            s->exponent += taken;
        } else {
            s->cut = true;
            s->exponent += lost;
        }
    }
    return at;
}

static const char *take_exponent(const char *at, int32_t *exponent)
{
    const bool minus = at[1] == '-';
    const char *from = at + 1 + (at[1] == '-' || at[1] == '+');
    int32_t value = 0;
    if (!digit(*from)) return at; /* "e" alone is left over: no number */
    for (at = from; digit(*at); at++)
        if (value < 100000) value = value * 10 + (*at - '0');
    *exponent += minus ? -value : value;
    return at;
}

static bool by_library(const char *start, size_t bytes, bool comma, double *out)
{
    char copy[RMX_DECIMAL_BYTES + 1];
    if (bytes > RMX_DECIMAL_BYTES) return false;
    memcpy(copy, start, bytes);
    copy[bytes] = '\0';
    char *point = comma ? strchr(copy, ',') : NULL;
    if (point) *point = '.';
    *out = strtod(copy, NULL);
    return true;
}

bool rmx_decimal_parse(const char *text, bool comma, double *out)
{
    scan s = {0, 0, 0, false, false};
    while (blank(*text)) text++;
    const char *start = text;
    const bool minus = *text == '-';
    if (*text == '-' || *text == '+') text++;
    text = take_digits(text, &s, 0, 1);
    if (*text == (comma ? ',' : '.')) text = take_digits(text + 1, &s, -1, 0);
    if (!s.any) return false;
    if (*text == 'e' || *text == 'E') text = take_exponent(text, &s.exponent);
    const char *end = text;
    while (blank(*text)) text++;
    if (*text != '\0') return false;
    if (s.cut || s.digits > (uint64_t)1 << 53 || s.exponent < -22 || s.exponent > 22)
        return by_library(start, (size_t)(end - start), comma, out);
    const double m = (double)s.digits;
    const double x = s.exponent < 0 ? m / powers[-s.exponent] : m * powers[s.exponent];
    *out = minus ? -x : x;
    return true;
}
