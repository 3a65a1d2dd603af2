/* SPDX-License-Identifier: MIT */
/* config_keys.c: the table of keys and the functions that look into it. */
#include "train/config_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rankmixer/model.h"
#include "rankmixer/schedule.h"

#define BIG 9.0e15 /* the table's doubles hold whole numbers exactly up to here */

/* A key's section, name, and place in rmx_config, where it has to be of this type. */
#define PLACE(type, s, n) \
#s, #n, offsetof(rmx_config, s.n) + 0 * _Generic(((rmx_config *)0)->s.n, type : 1)
#define TEXT(s, n, standard, free, help)                                    \
    {                                                                       \
        PLACE(char *, s, n), RMX_KEY_TEXT, standard, 0, 0, NULL, free, help \
    }
#define WHOLE(s, n, standard, low, high, free, help)                             \
    {                                                                            \
        PLACE(int64_t, s, n), RMX_KEY_INT, standard, low, high, NULL, free, help \
    }
#define REAL(s, n, standard, low, high, free, help)                              \
    {                                                                            \
        PLACE(double, s, n), RMX_KEY_REAL, standard, low, high, NULL, free, help \
    }
#define CHOICE(s, n, standard, choices, free, help)                               \
    {                                                                             \
        PLACE(int32_t, s, n), RMX_KEY_CHOICE, standard, 0, 0, choices, free, help \
    }

/* The words have the order of the enums. */
#define OPTIMIZERS "sgd|rmsprop|adagrad|rowwise_adagrad|adamw"
#define DENSE_OPTIMIZERS "sgd|rmsprop|adagrad||adamw" /* only tables have one sum a row */
_Static_assert(RMX_OPTIMIZER_SGD == 0 && RMX_OPTIMIZER_RMSPROP == 1 &&
                   RMX_OPTIMIZER_ADAGRAD == 2 && RMX_OPTIMIZER_ROWWISE_ADAGRAD == 3 &&
                   RMX_OPTIMIZER_ADAMW == 4,
               "OPTIMIZERS");
_Static_assert(RMX_MIXER_TOKEN == 0 && RMX_MIXER_ATTENTION == 1 && RMX_MIXER_NONE == 2, "mixer");
_Static_assert(RMX_FEED_FORWARD_PER_TOKEN == 0 && RMX_FEED_FORWARD_SHARED == 1, "ffn");
_Static_assert(RMX_NORM_PLACE_POST == 0 && RMX_NORM_PLACE_PRE == 1, "norm");
_Static_assert(RMX_DEVICE_AUTO == 0 && RMX_DEVICE_CPU == 1 && RMX_DEVICE_CUDA == 2, "device");

const rmx_key rmx_keys[] = {
    TEXT(run, dir, "runs/base", true, "folder of everything the run writes; made if missing"),
    WHOLE(run, seed, "1", 0, BIG, false, "of the first parameters, dropout and shuffling"),
    WHOLE(run, threads, "0", 0, 1024, true, "CPU threads; 0: one a core"),
    CHOICE(run, device, "auto", "auto|cpu|cuda", true, "where it runs; auto: a GPU if one works"),

    TEXT(data, train, "", true, "HDF5 file to train on; empty: generated from [synthetic]"),
    TEXT(data, valid, "", true, "HDF5 file to evaluate on; empty: none, or generated with train"),
    TEXT(data, test, "", true, "HDF5 file for the last evaluation; empty: none, or generated"),

    WHOLE(synthetic, seed, "1", 0, BIG, false, "of the planted model and the rows"),
    WHOLE(synthetic, rows_train, "300000", 1, 1099511627776.0, false, "examples to train on"),
    WHOLE(synthetic, rows_valid, "40000", 0, 1099511627776.0, false, "to evaluate on; 0: none"),
    WHOLE(synthetic, rows_test, "0", 0, 1099511627776.0, false, "to test on; 0: none"),
    WHOLE(synthetic, sparse_fields, "30", 2, 4096, false, "fields of ids"),
    WHOLE(synthetic, dense_fields, "8", 0, 4096, false, "fields of numbers"),
    WHOLE(synthetic, vocabulary, "50", 2, 16777216, false, "ids of each field"),
    WHOLE(synthetic, groups, "1000", 0, 4294967295.0, false, "users, for GAUC; 0: none"),
    REAL(synthetic, zipf, "0", 0, 4, false, "skew of the ids; 0: uniform"),
    REAL(synthetic, base_rate, "0.4", 0.01, 0.99, false, "mean click probability"),
    REAL(synthetic, strength, "3", 0.1, 20, false, "deviation of the planted logit"),
    REAL(synthetic, noise, "0", 0, 20, false, "deviation of what no feature shows"),

    WHOLE(model, tokens, "8", 1, RMX_CONFIG_TOKENS_MAX, false, "tokens T"),
    WHOLE(model, width, "32", 1, 65536, false, "token width D"),
    WHOLE(model, heads, "0", 0, 65536, false, "mixing heads H, a divisor of width; 0: as tokens"),
    WHOLE(model, layers, "2", 0, 255, false, "blocks L"),
    WHOLE(model, expansion, "2", 1, 64, false, "hidden width of a feed-forward over D"),
    CHOICE(model, mixer, "token", "token|attention|none", false, "how tokens meet"),
    CHOICE(model, ffn, "per_token", "per_token|shared", false, "feed-forward weights"),
    CHOICE(model, norm, "post", "post|pre", false, "where the layer norm stands"),
    CHOICE(model, gelu, "erf", "erf|tanh", false, "exact, or by tanh"),
    REAL(model, dropout, "0", 0, 0.99, false, "share of hidden activations dropped in training"),
    WHOLE(model, embedding_width, "16", 1, 4096, false, "width E of every embedding table"),
    CHOICE(model, tokenizer, "auto", "auto|groups", false,
           "auto: equal slices, or whole features; groups: as [tokenizer] says"),

    WHOLE(train, batch, "512", 1, 1 << 24, false, "examples of one update"),
    WHOLE(train, micro_batch, "0", 0, 1 << 24, true,
          "examples of one pass, a multiple of 128; 0: chosen"),
    WHOLE(train, epochs, "1", 1, 100000, true, "passes over the training data"),
    WHOLE(train, steps, "0", 0, BIG, true, "stop after this many updates; 0: after epochs"),
    CHOICE(train, optimizer, "adamw", DENSE_OPTIMIZERS, false, "of everything but the embeddings"),
    REAL(train, lr, "0.001", 0, 1e30, false, "its peak rate"),
    CHOICE(train, embedding_optimizer, "adagrad", OPTIMIZERS, false, "of the embedding tables"),
    REAL(train, embedding_lr, "0.05", 0, 1e30, false, "its peak rate"),
    REAL(train, momentum, "auto", 0, 0.9999, false, "sgd; auto: 0"),
    REAL(train, beta1, "auto", 0, 0.9999, false, "adamw; auto: 0.9"),
    REAL(train, beta2, "auto", 0, 0.99999, false, "adamw, rmsprop; auto: 0.999, 0.99"),
    REAL(train, eps, "auto", 1e-30, 1, false, "added to a square root; auto: the optimiser's"),
    REAL(train, initial_sum, "auto", 0, 1e6, false, "adagrad's first sum; auto: 0"),
    REAL(train, embedding_momentum, "auto", 0, 0.9999, false, "of the tables; auto: as momentum"),
    REAL(train, embedding_beta1, "auto", 0, 0.9999, false, "of the tables; auto: as beta1"),
    REAL(train, embedding_beta2, "auto", 0, 0.99999, false, "of the tables; auto: as beta2"),
    REAL(train, embedding_eps, "auto", 1e-30, 1, false, "of the tables; auto: as eps"),
    REAL(train, embedding_initial_sum, "auto", 0, 1e6, false,
         "of the tables; auto: as initial_sum"),
    CHOICE(train, schedule, "constant", "constant|warmup|cosine", false, "of both rates"),
    WHOLE(train, warmup, "0", 0, BIG, false, "updates of linear rise (warmup, cosine)"),
    REAL(train, weight_decay, "0", 0, 1, false, "decoupled, on matrices only"),
    REAL(train, clip, "0", 0, 1e30, false, "largest gradient norm; 0: no clipping"),
    CHOICE(train, precision, "fp32", "fp32", false, "of the computation"),
    WHOLE(train, log_every, "20", 1, BIG, true, "updates from one line of metrics to the next"),
    WHOLE(train, eval_every, "0", 0, BIG, true, "updates between evaluations; 0: each epoch"),
    WHOLE(train, save_every, "0", 0, BIG, true, "updates between checkpoints; 0: each epoch"),
    WHOLE(train, keep, "2", 1, 1000, true, "newest checkpoints kept, besides the best by AUC"),
};
const int32_t rmx_key_count = (int32_t)(sizeof rmx_keys / sizeof rmx_keys[0]);
_Static_assert(sizeof rmx_keys / sizeof rmx_keys[0] <= RMX_CONFIG_KEYS_MAX, "line[] is too small");

const rmx_section rmx_sections[] = {
    {"run", "where and how it runs"},
    {"data", "files in the format of docs/data.md; all empty: made from [synthetic]"},
    {"synthetic", "click data from a planted model, made when [data] names no files"},
    {"model", "what is trained"},
    {"tokenizer", "with model.tokenizer = groups: tN = the fields of token N, by commas"},
    {"train", "how it is trained"},
};
const int32_t rmx_section_count = (int32_t)(sizeof rmx_sections / sizeof rmx_sections[0]);

const rmx_key *rmx_key_find(const char *section, const char *name)
{
    for (int32_t i = 0; i < rmx_key_count; i++)
        if (!strcmp(rmx_keys[i].section, section) && !strcmp(rmx_keys[i].name, name))
            return &rmx_keys[i];
    return NULL;
}

bool rmx_section_known(const char *name)
{
    for (int32_t i = 0; i < rmx_section_count; i++)
        if (!strcmp(rmx_sections[i].name, name)) return true;
    return false;
}

int32_t rmx_choice_place(const char *choices, const char *name)
{
    const size_t length = strlen(name);
    for (int32_t place = 0; length; place++) {
        const size_t word = strcspn(choices, "|");
        if (word == length && !memcmp(choices, name, length)) return place;
        if (!choices[word]) break;
        choices += word + 1;
    }
    return -1;
}

static void choice_word(const char *choices, int32_t place, rmx_config_text out)
{
    for (; place > 0 && *choices; place--) {
        choices += strcspn(choices, "|");
        choices += *choices == '|';
    }
    snprintf(out, sizeof(rmx_config_text), "%.*s", (int)strcspn(choices, "|"), choices);
}

void rmx_key_format(const rmx_key *key, const rmx_config *config, rmx_config_text out)
{
    const void *value = (const char *)config + key->offset;
    const size_t bytes = sizeof(rmx_config_text);
    switch (key->type) {
    case RMX_KEY_TEXT: snprintf(out, bytes, "%s", (const char *)value); break;
    case RMX_KEY_INT: snprintf(out, bytes, "%lld", (long long)*(const int64_t *)value); break;
    case RMX_KEY_CHOICE: choice_word(key->choices, *(const int32_t *)value, out); break;
    case RMX_KEY_REAL: {
        const double real = *(const double *)value;
        snprintf(out, bytes, "%.15g", real);
        if (strtod(out, NULL) != real) snprintf(out, bytes, "%.17g", real);
        if (isnan(real)) snprintf(out, bytes, "auto");
        break;
    }
    }
}

void rmx_key_values(const rmx_key *key, char *out, size_t bytes)
{
    size_t used = 0;
    switch (key->type) {
    case RMX_KEY_TEXT: snprintf(out, bytes, "text"); break;
    case RMX_KEY_INT:
        if (key->high >= BIG)
            snprintf(out, bytes, "%.0f or more", key->low);
        else
            snprintf(out, bytes, "%.0f .. %.0f", key->low, key->high);
        break;
    case RMX_KEY_REAL:
        snprintf(out, bytes, "%g .. %g%s", key->low, key->high,
                 strcmp(key->standard, "auto") ? "" : ", auto");
        break;
    case RMX_KEY_CHOICE:
        for (const char *c = key->choices; *c && used + 4 < bytes; c++) {
            if (*c == '|' && c[1] == '|') continue; /* skip a word that this key does not take */
            if (*c == '|') {
                memcpy(out + used, " | ", 3);
                used += 3;
            } else
                out[used++] = *c;
        }
        out[used] = '\0';
        break;
    }
}
