/* SPDX-License-Identifier: MIT */
/* column_time.c: see column_time.h. The time functions of the C library are not used: they depend
 * on the time zone of the machine. */
#include "data/column_time.h"

#include <string.h>

#include "data/decimal.h"

#define DAY 86400
#define FIRST_SECOND (-62135596800) /* of year 1 */
#define LAST_SECOND 253402300799    /* of year 9999 */

static const char no_time[] = "is no time: neither ISO 8601 nor a number";
static const char no_date[] = "is a date or time of day that does not exist";
static const char two_things[] =
    "could be a date or a number of seconds: add unit=s, ms, us or ns";
static const char too_far[] = "is not within the years 1 to 9999: is unit= right?";

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t floor_mod(int64_t a, int64_t b) { return a - floor_div(a, b) * b; }

uint32_t rmx_time_hour(int64_t seconds) { return (uint32_t)(floor_mod(seconds, DAY) / 3600); }

uint32_t rmx_time_weekday(int64_t seconds)
{
    return 1 + (uint32_t)floor_mod(floor_div(seconds, DAY) + 3, 7); /* 1970 began on a Thursday */
}

/* ---- Calendar ------------------------------------------------------------------------------- */

typedef struct moment {
    int32_t year, month, day, hour, minute, second;
} moment;

static bool exists(const moment *t)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int32_t y = t->year;
    if (y < 1 || t->month < 1 || t->month > 12 || t->day < 1) return false;
    const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (t->day > days[t->month - 1] + (leap && t->month == 2)) return false;
    if (t->hour == 24) return t->minute == 0 && t->second == 0; /* the end of the day */
    return t->hour < 24 && t->minute < 60 && t->second <= 60;   /* 60: a leap second */
}

static int64_t seconds_of(const moment *t)
{
    static const int16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const int64_t y = t->year, past = t->month > 2 ? y : y - 1; /* years whose February is over */
    const int64_t leaps = past / 4 - past / 100 + past / 400;
    const int64_t days = 365 * (y - 1) + leaps + before[t->month - 1] + t->day - 1 - 719162;
    return days * DAY + t->hour * 3600 + t->minute * 60 + t->second;
}

/* ---- ISO 8601 ------------------------------------------------------------------------------- */

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* n digits at *at. */
static bool take(const char **at, int n, int32_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (!digit(**at)) return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool skip(const char **at, char c)
{
    if (**at != c) return false;
    (*at)++;
    return true;
}

/* [:SS[.digits]] */
static bool take_seconds(const char **at, bool colons, moment *t, double *part)
{
    if (!(colons ? skip(at, ':') : digit(**at))) return true;
    if (!take(at, 2, &t->second)) return false;
    if (**at != '.' && **at != ',') return true;
    double scale = 1.0, value = 0.0;
    const char *from = ++*at;
    for (; digit(**at); (*at)++)
        if (*at - from < 15) {
            value = value * 10.0 + (double)(**at - '0');
            scale *= 10.0;
        }
    *part = value / scale;
    return *at > from;
}

/* Z, UTC, GMT, +HH, +HHMM or +HH:MM; nothing: UTC. */
static bool take_offset(const char *at, int32_t *seconds)
{
    int32_t hours, minutes = 0;
    *seconds = 0;
    if (*at == ' ') at++;
    if (!*at || strcmp(at, "Z") == 0 || strcmp(at, "z") == 0 || strcmp(at, "UTC") == 0 ||
        strcmp(at, "GMT") == 0)
        return true;
    if (*at != '+' && *at != '-') return false;
    const int32_t sign = *at++ == '-' ? -1 : 1;
    if (!take(&at, 2, &hours)) return false;
    const bool more = skip(&at, ':') || *at;
    if (more && !take(&at, 2, &minutes)) return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return !*at && hours < 24 && minutes < 60;
}

/* False where the text does not look like a date at all. */
static bool iso(const char *at, rmx_time *out, const char **why)
{
    moment t = {0, 0, 0, 0, 0, 0};
    int32_t offset = 0;
    double part = 0.0;
    if (!take(&at, 4, &t.year)) return false;
    const bool dashes = skip(&at, '-');
    if (!take(&at, 2, &t.month) || (dashes && !skip(&at, '-')) || !take(&at, 2, &t.day))
        return false;
    if (!dashes && *at != 'T') return false;
    if (*at) {
        if (!skip(&at, 'T') && !skip(&at, 't') && !skip(&at, ' ')) return false;
        if (!take(&at, 2, &t.hour)) return false;
        const bool colons = skip(&at, ':');
        if (!take(&at, 2, &t.minute) || !take_seconds(&at, colons, &t, &part) ||
            !take_offset(at, &offset))
            return false;
    }
    *why = exists(&t) ? NULL : no_date;
    if (*why) return true;
    *out = (rmx_time){seconds_of(&t) - offset, part};
    return true;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

/* Digits that are a date: YYYYMMDD[HH[MM[SS]]]. 10 digits are seconds since 1970 as well. */
static bool compact(const char *at, rmx_time *out, const char **why)
{
    moment t = {0, 0, 0, 0, 0, 0};
    const size_t n = strspn(at, "0123456789");
    if (at[n] || (n != 8 && n != 10 && n != 12 && n != 14)) return false;
    (void)take(&at, 4, &t.year);
    (void)take(&at, 2, &t.month);
    (void)take(&at, 2, &t.day);
    if (n > 8) (void)take(&at, 2, &t.hour);
    if (n > 10) (void)take(&at, 2, &t.minute);
    if (n > 12) (void)take(&at, 2, &t.second);
    const bool date = t.year >= 1900 && t.year < 2100 && exists(&t);
    *why = n == 10 || !date ? two_things : NULL;
    *out = (rmx_time){date ? seconds_of(&t) : 0, 0.0};
    return date || n == 8; /* 8 digits: seconds in 1970 or YYMMDDHH */
}

static bool whole(const char *text, int64_t *out)
{
    const char *at = text + (*text == '-');
    const size_t n = strspn(at, "0123456789");
    if (n < 1 || n > 18 + (at[0] < '9') || at[n]) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) value = value * 10 + (uint64_t)(at[i] - '0');
    *out = *text == '-' ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Units of a second. */
static int64_t units(rmx_time_unit unit, double size)
{
    if (unit == RMX_TIME_AUTO)
        unit = size < 1e11   ? RMX_TIME_S
               : size < 1e14 ? RMX_TIME_MS
               : size < 1e17 ? RMX_TIME_US
                             : RMX_TIME_NS;
    return unit == RMX_TIME_S    ? 1
           : unit == RMX_TIME_MS ? 1000
           : unit == RMX_TIME_US ? 1000000
                                 : 1000000000;
}

static const char *number(const char *text, rmx_time_unit unit, bool comma, rmx_time *out)
{
    int64_t count;
    double x;
    if (whole(text, &count)) {
        const int64_t n = units(unit, count < 0 ? -(double)count : (double)count);
        *out = (rmx_time){floor_div(count, n), (double)floor_mod(count, n) / (double)n};
        return NULL;
    }
    if (!rmx_decimal_parse(text, comma, &x)) return no_time;
    const double seconds = x / (double)units(unit, x < 0.0 ? -x : x);
    if (!(seconds >= (double)FIRST_SECOND && seconds <= (double)LAST_SECOND)) return too_far;
    out->seconds = (int64_t)seconds;
    if ((double)out->seconds > seconds) out->seconds--;
    out->part = seconds - (double)out->seconds;
    return NULL;
}

const char *rmx_time_parse(const char *text, rmx_time_unit unit, bool comma, rmx_time *out)
{
    char copy[64];
    const char *why = NULL;
    while (*text == ' ' || *text == '\t') text++;
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    if (n >= sizeof copy) return no_time;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (!iso(copy, out, &why) && !(unit == RMX_TIME_AUTO && compact(copy, out, &why)))
        why = number(copy, unit, comma, out);
    if (why) return why;
    return out->seconds < FIRST_SECOND || out->seconds > LAST_SECOND ? too_far : NULL;
}
