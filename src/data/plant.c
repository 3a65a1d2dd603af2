/* SPDX-License-Identifier: MIT */
/* plant.c: see plant.h. */
#include "data/plant.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/philox.h"

/* Steps of the generator's random words; the numbers are part of what a seed means. */
enum {
    STEP_LATENT = 0,
    STEP_MAIN = 1,
    STEP_PAIR = 2,
    STEP_DENSE = 3,
    STEP_GROUP = 4,
    STEP_ROWS = 16
};

static uint32_t word_of(const rmx_synthetic *s, uint64_t step, uint64_t element)
{
    return rmx_random_word(s->config.seed, RMX_RANDOM_SYNTHETIC, step, element);
}

/* 0 .. n-1; off by less than n / 2^32 from uniform */
static uint32_t scaled(uint32_t word, int64_t n)
{
    return (uint32_t)(((uint64_t)word * (uint64_t)n) >> 32);
}

static float sign_of(uint32_t word) { return word & 1 ? 1.0f : -1.0f; }

/* ---- The model ------------------------------------------------------------------------------ */

static void make_ladder(rmx_synthetic *s)
{
    const int64_t n = s->config.vocabulary;
    const float slope = (float)-s->config.zipf;
    double total = 0.0, sum = 0.0;
    for (int64_t k = 0; k < n; k++)
        total += (double)rmx_expf(rmx_mulf(slope, rmx_logf((float)(k + 1))));
    for (int64_t k = 0; k < n - 1; k++) {
        sum += (double)rmx_expf(rmx_mulf(slope, rmx_logf((float)(k + 1))));
        const double step = sum / total * 0x1p32;
        s->ladder[k] = step < 0x1p32 ? (uint32_t)step : UINT32_MAX;
    }
}

/* Ids 2i and 2i+1 get opposite signs. */
static void make_latents(rmx_synthetic *s)
{
    const int64_t n = s->config.vocabulary;
    for (int32_t f = 0; f < s->config.sparse_fields; f++)
        for (int64_t k = 0; k < n; k++) {
            const uint32_t word = word_of(s, STEP_LATENT, (uint64_t)f << 32 | (uint64_t)(k / 2));
            s->latent[f * n + k] = ((word & 1) != 0) == ((k & 1) != 0) ? 1 : -1;
        }
}

static bool pair_known(const rmx_synthetic *s, int32_t count, int32_t f, int32_t g)
{
    for (int32_t i = 0; i < count; i++)
        if (s->pair[i].f == f && s->pair[i].g == g) return true;
    return false;
}

static void make_pairs(rmx_synthetic *s)
{
    const int32_t fs = s->config.sparse_fields, fd = s->config.dense_fields;
    uint64_t element = 0;
    for (int32_t i = 0; i < s->pairs;) {
        const int32_t a = (int32_t)scaled(word_of(s, STEP_PAIR, element), fs);
        const int32_t b = (int32_t)scaled(word_of(s, STEP_PAIR, element + 1), fs);
        const float sign = sign_of(word_of(s, STEP_PAIR, element + 2));
        element += 4;
        const int32_t f = a < b ? a : b, g = a < b ? b : a;
        if (f == g || (fs > 2 && f / 2 == g / 2) || pair_known(s, i, f, g)) continue;
        s->pair[i++] = (rmx_pair){f, g, sign};
    }
    for (int32_t j = 0; j < fd; j++) {
        const uint64_t e = (uint64_t)j * 4;
        const int32_t f = (int32_t)scaled(word_of(s, STEP_DENSE, e), fs);
        s->pair[s->pairs + j] = (rmx_pair){f, j, sign_of(word_of(s, STEP_DENSE, e + 1))};
    }
    for (int32_t f = 0; f < fs; f++) s->main_sign[f] = sign_of(word_of(s, STEP_MAIN, (uint64_t)f));
}

/* At most half of the possible pairs, so that few draws hit a known pair. */
static int32_t pair_count(int64_t fs)
{
    if (fs == 2) return 1;
    const int64_t possible = fs * (fs - 1) / 2 - fs / 2;
    const int64_t most = possible / 2 > 0 ? possible / 2 : 1;
    return (int32_t)(3 * fs / 2 < most ? 3 * fs / 2 : most);
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static uint64_t row_stride(const rmx_synthetic_config *c)
{
    return ((uint64_t)c->sparse_fields + (uint64_t)c->dense_fields + 6 + 3) / 4 * 4;
}

static uint32_t climb(const rmx_synthetic *s, uint32_t word)
{
    int64_t low = 0, high = s->config.vocabulary - 1; /* the number of steps at or below word */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (s->ladder[middle] <= word)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

static float planted_logit(const rmx_synthetic *s, const uint32_t *id, const float *x)
{
    const int64_t n = s->config.vocabulary;
    float main = 0.0f, cross = 0.0f;
    for (int32_t f = 0; f < s->config.sparse_fields; f++)
        main = rmx_addf(main, rmx_mulf(s->main_sign[f], (float)s->latent[f * n + id[f]]));
    for (int32_t i = 0; i < s->pairs; i++) {
        const rmx_pair *p = &s->pair[i];
        const int both = s->latent[p->f * n + id[p->f]] * s->latent[p->g * n + id[p->g]];
        cross = rmx_addf(cross, rmx_mulf(p->sign, (float)both));
    }
    for (int32_t j = 0; j < s->config.dense_fields; j++) {
        const rmx_pair *p = &s->pair[s->pairs + j];
        const float a = rmx_mulf(p->sign, (float)s->latent[p->f * n + id[p->f]]);
        cross = rmx_fmaf(x[j], a, cross);
    }
    return rmx_fmaf(s->main_scale, main, rmx_fmaf(s->cross_scale, cross, s->base));
}

/* About N(0, 1): the sum of eight uniforms of 16 bits, centred and scaled. */
static float noise_of(const uint32_t word[4])
{
    int32_t sum = -4 * 65535;
    for (int i = 0; i < 4; i++) sum += (int32_t)(word[i] & 0xffffu) + (int32_t)(word[i] >> 16);
    return rmx_mulf((float)sum, 0x1.3988e2p-16f); /* sqrt(12 / 8) / 65536 */
}

typedef struct row_words {
    const rmx_synthetic *s;
    uint64_t step, next; /* the next element */
    uint32_t word[4];
} row_words;

static uint32_t next_word(row_words *w)
{
    if (w->next % 4 == 0)
        rmx_random_words4(w->s->config.seed, RMX_RANDOM_SYNTHETIC, w->step, w->next / 4, w->word);
    return w->word[w->next++ % 4];
}

static void one_row(const rmx_synthetic *s, rmx_synthetic_split split, uint64_t row,
                    uint8_t *label, float *x, uint32_t *id, uint64_t *group, float *logit)
{
    const rmx_synthetic_config *c = &s->config;
    row_words w = {s, STEP_ROWS + (uint64_t)split, row * row_stride(c), {0, 0, 0, 0}};
    for (int32_t f = 0; f < c->sparse_fields; f++) id[f] = climb(s, next_word(&w));
    for (int32_t j = 0; j < c->dense_fields; j++) /* uniform with variance 1 */
        x[j] = rmx_fmaf(rmx_uniformf(next_word(&w)), 0x1.bb67aep+1f, -0x1.bb67aep+0f);
    const uint32_t group_word = next_word(&w), click = next_word(&w);
    if (c->groups > 0) {
        const uint64_t user = scaled(group_word, c->groups);
        id[0] = climb(s, word_of(s, STEP_GROUP, user)); /* a group has one id of field 0 */
        *group = user + 1;                              /* 0 means none */
    }
    *logit = planted_logit(s, id, x);
    float shown = *logit;
    if (c->noise > 0.0) {
        uint32_t noise[4];
        for (int i = 0; i < 4; i++) noise[i] = next_word(&w);
        shown = rmx_fmaf((float)c->noise, noise_of(noise), shown);
    }
    *label = rmx_uniformf(click) < rmx_sigmoidf(shown) ? 1 : 0;
}

void rmx_synthetic_rows(const rmx_synthetic *s, rmx_synthetic_split split, int64_t first,
                        int64_t rows, uint8_t *label, float *dense, uint32_t *sparse,
                        uint64_t *group, float *logit)
{
    const int32_t fs = s->config.sparse_fields, fd = s->config.dense_fields;
    for (int64_t r = 0; r < rows; r++)
        one_row(s, split, (uint64_t)(first + r), label + r, fd > 0 ? dense + r * fd : NULL,
                sparse + r * fs, s->config.groups > 0 ? group + r : NULL, logit + r);
}

/* ---- Life ----------------------------------------------------------------------------------- */

/* Bisection. logit[] has base 0 and no noise: noise hardly moves the mean. */
static float find_base(const float *logit, int64_t rows, double base_rate)
{
    float low = -64.0f, high = 64.0f;
    for (int step = 0; step < 40; step++) {
        const float middle = rmx_mulf(0.5f, rmx_addf(low, high));
        double mean = 0.0;
        for (int64_t r = 0; r < rows; r++)
            mean += (double)rmx_sigmoidf(rmx_addf(logit[r], middle));
        if (mean < base_rate * (double)rows)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool calibrate(rmx_synthetic *s)
{
    const int64_t rows = RMX_PLANT_CALIBRATION_ROWS;
    const size_t fs = (size_t)s->config.sparse_fields, fd = (size_t)s->config.dense_fields;
    uint8_t label;
    uint64_t group;
    float *x = malloc((fd + 1) * sizeof *x), *logit = malloc((size_t)rows * sizeof *logit);
    uint32_t *id = malloc(fs * sizeof *id);
    const bool good = x && logit && id;
    if (good) {
        for (int64_t r = 0; r < rows; r++)
            rmx_synthetic_rows(s, RMX_SYNTHETIC_TRAIN, r, 1, &label, x, id, &group, &logit[r]);
        s->base = find_base(logit, rows, s->config.base_rate);
    }
    free(x);
    free(logit);
    free(id);
    return good;
}

rmx_status rmx_synthetic_create(const rmx_synthetic_config *config, rmx_synthetic **out,
                                rmx_error *error)
{
    *out = NULL;
    const rmx_status status = rmx_synthetic_check(config, error);
    if (status != RMX_OK) return status;
    rmx_synthetic *s = calloc(1, sizeof *s);
    if (!s) goto out_of_memory;
    const size_t fs = (size_t)config->sparse_fields, fd = (size_t)config->dense_fields;
    const size_t vocabulary = (size_t)config->vocabulary;
    s->config = *config;
    s->pairs = pair_count(config->sparse_fields);
    s->ladder = malloc(vocabulary * sizeof *s->ladder);
    s->latent = malloc(fs * vocabulary);
    s->main_sign = malloc(fs * sizeof *s->main_sign);
    s->pair = malloc(((size_t)s->pairs + fd) * sizeof *s->pair);
    if (!s->ladder || !s->latent || !s->main_sign || !s->pair) goto out_of_memory;
    make_ladder(s);
    make_latents(s);
    make_pairs(s);
    const float strength = (float)config->strength;
    s->main_scale = rmx_divf(rmx_mulf(strength, 0.7f), rmx_sqrtf((float)fs));
    s->cross_scale =
        rmx_divf(rmx_mulf(strength, rmx_sqrtf(0.51f)), rmx_sqrtf((float)((size_t)s->pairs + fd)));
    if (!calibrate(s)) goto out_of_memory;
    *out = s;
    return RMX_OK;
out_of_memory:
    rmx_synthetic_destroy(s);
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a planted model of %d fields",
                    (int)config->sparse_fields);
}

void rmx_synthetic_destroy(rmx_synthetic *s)
{
    if (!s) return;
    free(s->ladder);
    free(s->latent);
    free(s->main_sign);
    free(s->pair);
    free(s);
}
