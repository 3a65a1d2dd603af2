/* SPDX-License-Identifier: MIT */
/* column_stats.c: see column_stats.h. */
#include "data/column_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/numerics.h"

/* A table uses the low bits of a hash, and the high bits of a product are the best mixed, so they
 * change places. Different words have different products: only 0 shares its hash with another
 * word. */
static bool note(rmx_value_table *seen, uint64_t word)
{
    const uint64_t product = word * 0x9e3779b97f4a7c15u, hash = product << 24 | product >> 40;
    return rmx_value_count(seen, hash ? hash : 1);
}

static void sample(rmx_column_stats *s, double input, float value)
{
    const int64_t before = s->in.used;
    uint64_t word;
    memcpy(&word, &input, sizeof word);
    if (!note(&s->in, word) || (s->in.used > before && !note(&s->out, rmx_float_bits(value))))
        s->full = true; /* out of memory */
    if (s->in.used >= RMX_STATS_SAMPLE || s->count >= RMX_STATS_VALUES) s->full = true;
}

void rmx_stats_add(rmx_column_stats *s, double input, float value)
{
    const float absolute = value < 0.0f ? -value : value;
    if (s->count++ == 0) s->shift = (double)value;
    const double away = (double)value - s->shift;
    s->sum += away;
    s->squares += away * away;
    s->largest = absolute > s->largest ? absolute : s->largest;
    if (!s->full) sample(s, input, value);
}

char *rmx_stats_warning(const rmx_column_stats *s, const char *name, bool zscore, bool log,
                        bool *failed)
{
    const char *advice = !zscore ? "add zscore to its line in the column spec"
                         : !log  ? "add log to its line in the column spec"
                                 : "look at its values";
    const int64_t in = s->in.used, out = s->out.used;
    if (s->count == 0) return NULL;
    const double mean = s->sum / (double)s->count;
    const double variance = s->squares / (double)s->count - mean * mean;
    const double deviation = variance > 0.0 ? rmx_sqrtd(variance) : 0.0;
    char *text = NULL;
    int done = 0;
    if ((in - out) * 100 > in)
        done = asprintf(&text,
                        "dense column '%s': %lld different values became %lld, as a float has 24 "
                        "bits: %s",
                        name, (long long)in, (long long)out, advice);
    else if (s->largest > 100.0f)
        done =
            asprintf(&text, "dense column '%s': its largest value has size %.3g, far from 1: %s",
                     name, (double)s->largest, advice);
    else if (deviation > 0.0 && deviation < 1e-3)
        done = asprintf(&text, "dense column '%s': its standard deviation is %.2g, far from 1: %s",
                        name, deviation, advice);
    if (done >= 0) return text;
    *failed = true;
    return NULL;
}

void rmx_stats_free(rmx_column_stats *s)
{
    rmx_value_free(&s->in);
    rmx_value_free(&s->out);
    memset(s, 0, sizeof *s);
}
