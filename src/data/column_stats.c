/* SPDX-License-Identifier: MIT */
/* column_stats.c: see column_stats.h. */
#include "data/column_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/numerics.h"

/* ---- Sets of words -------------------------------------------------------------------------- */

static int32_t find(const rmx_word_set *set, uint64_t word)
{
    const uint32_t mask = (uint32_t)set->slots - 1;
    uint32_t at = (uint32_t)((word * 0x9e3779b97f4a7c15u) >> 40) & mask;
    while (set->word[at] && set->word[at] != word) at = (at + 1) & mask;
    return (int32_t)at;
}

static bool grow(rmx_word_set *set)
{
    rmx_word_set grown = {NULL, set->slots ? set->slots * 2 : 64, set->used, set->zero};
    grown.word = calloc((size_t)grown.slots, sizeof *grown.word);
    if (!grown.word) return false;
    for (int32_t i = 0; i < set->slots; i++)
        if (set->word[i]) grown.word[find(&grown, set->word[i])] = set->word[i];
    free(set->word);
    *set = grown;
    return true;
}

/* 1: the word is new; 0: it was there; -1: out of memory. */
static int add(rmx_word_set *set, uint64_t word)
{
    if (word == 0) {
        const int fresh = !set->zero;
        set->zero = true;
        return fresh;
    }
    if (set->used * 2 >= set->slots && !grow(set)) return -1;
    const int32_t at = find(set, word);
    if (set->word[at]) return 0;
    set->word[at] = word;
    set->used++;
    return 1;
}

static int64_t size(const rmx_word_set *set) { return set->used + (set->zero ? 1 : 0); }

/* ---- Values --------------------------------------------------------------------------------- */

static void sample(rmx_column_stats *s, double input, float value)
{
    uint64_t word;
    memcpy(&word, &input, sizeof word);
    const int fresh = add(&s->in, word);
    if (fresh < 0 || (fresh && add(&s->out, rmx_float_bits(value)) < 0)) s->full = true;
    if (size(&s->in) >= RMX_STATS_SAMPLE || s->count >= RMX_STATS_VALUES) s->full = true;
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
    const int64_t in = size(&s->in), out = size(&s->out);
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
    free(s->in.word);
    free(s->out.word);
    memset(s, 0, sizeof *s);
}
