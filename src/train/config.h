/* SPDX-License-Identifier: MIT */
/* config.h: what a person writes to train a model, read with every mistake named.
 *
 * One table of keys (config_keys.c) says section, name, type, default, range and meaning of each
 * key; reading, checking, printing and the documentation are derived from it. */
#ifndef RMX_TRAIN_CONFIG_H
#define RMX_TRAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"
#include "data/synthetic.h"
#include "rankmixer/context.h"
#include "rankmixer/status.h"

/* inih holds a line in 200 bytes, its end included; longer lines are refused, never cut. */
#define RMX_CONFIG_LINE 199
#define RMX_CONFIG_KEYS_MAX 96
#define RMX_CONFIG_TOKENS_MAX 1024

/* A value as written, shorter than a line. */
typedef char rmx_config_text[RMX_CONFIG_LINE + 1];

/* [synthetic] as read; rmx_config_synthetic_of makes the generator's own struct of it. */
typedef struct rmx_config_synthetic {
    int64_t seed, rows_train, rows_valid, rows_test;
    int64_t sparse_fields, dense_fields, vocabulary, groups;
    double zipf, base_rate, strength, noise;
} rmx_config_synthetic;

typedef struct rmx_config {
    rmx_config_text file; /* its name, for messages */

    struct {
        rmx_config_text dir;
        int64_t seed, threads;
        int32_t device; /* rmx_device */
    } run;
    struct {
        rmx_config_text train, valid, test; /* "": generated (train, valid), none (test) */
    } data;
    rmx_config_synthetic synthetic;
    struct {
        int64_t tokens, width, heads, layers, expansion;
        int32_t mixer, ffn, norm, gelu; /* the enums of rankmixer/model.h */
        double dropout;
        int64_t embedding_width;
        int32_t tokenizer; /* 0: auto, 1: groups */
    } model;
    struct {
        int64_t batch, micro_batch, epochs, steps;
        int32_t optimizer, embedding_optimizer; /* rmx_optimizer */
        double lr, embedding_lr;
        /* NaN: of the tables, as the others'; of the others, the optimiser's own */
        double momentum, beta1, beta2, eps, initial_sum;
        double embedding_momentum, embedding_beta1, embedding_beta2, embedding_eps,
            embedding_initial_sum;
        int32_t schedule; /* rmx_schedule_kind */
        int64_t warmup;
        double weight_decay, clip;
        int32_t precision; /* 0: fp32 */
        int64_t log_every, eval_every, save_every, keep;
    } train;

    /* [tokenizer] t0, t1, ...: the fields of each token as written; NULL where not given. */
    char *group[RMX_CONFIG_TOKENS_MAX];

    /* Where each value comes from, for messages: a line of the file, -1: --set, 0: the default. */
    int32_t group_line[RMX_CONFIG_TOKENS_MAX];
    int32_t line[RMX_CONFIG_KEYS_MAX]; /* in the order of the table */
} rmx_config;

/* Reads `path`, then applies sets[0 .. count-1], each "section.key=value", then checks the whole.
 * Refused, each with file:line (or --set) and a way to mend it: a file that cannot be read or is
 * over 1 MiB, lines over RMX_CONFIG_LINE bytes, NUL and other control bytes, continuation lines,
 * text before the first section, a line without '=', unknown or repeated sections' keys, values
 * of the wrong type or out of range, and keys that contradict each other.
 * Returns RMX_OK; RMX_ERR_ARGUMENT; RMX_ERR_MEMORY. On failure *out is empty. */
RMX_NODISCARD rmx_status rmx_config_read(const char *path, const char *const *sets, int32_t count,
                                         rmx_config *out, rmx_error *error);
/* The same from text in memory; name stands for the file in messages. */
RMX_NODISCARD rmx_status rmx_config_parse(const char *name, const char *text, size_t bytes,
                                          const char *const *sets, int32_t count, rmx_config *out,
                                          rmx_error *error);
/* Frees what the config holds; an empty (zeroed) config is fine. */
void rmx_config_destroy(rmx_config *config);

/* Fills in what "auto" means where that depends on nothing but the config: the optimisers' own
 * settings, the number of heads. A setting that no optimiser reads stays auto. What was given keeps
 * its value, so the same numbers are computed. *out borrows from config and is not destroyed. */
void rmx_config_resolve(const rmx_config *config, rmx_config *out);
/* Writes a complete config, resolved, which reads back as the same values; with comments or bare.
 * What depends on the machine or the data stays as written: device, threads, micro_batch, steps. */
void rmx_config_print(const rmx_config *config, bool comments, FILE *out);
/* The table of keys as Markdown; docs/training.md holds it and a test compares. */
void rmx_config_print_keys(FILE *out);
/* What rmx_config_print writes as a string to free, or NULL: out of memory. */
char *rmx_config_to_text(const rmx_config *config, bool comments);

/* Writes into text, separated by ", ", the keys whose resolved values differ and change what is
 * computed: "train.lr (0.1, was 0.2)". Returns how many. */
int32_t rmx_config_differences(const rmx_config *was, const rmx_config *is, char *text,
                               size_t bytes);
rmx_synthetic_config rmx_config_synthetic_of(const rmx_config *config);
/* "FILE:LINE", "--set" or "FILE": where a key's value came from. */
void rmx_config_where(const rmx_config *config, const char *section, const char *name, char *out,
                      size_t bytes);

#endif /* RMX_TRAIN_CONFIG_H */
