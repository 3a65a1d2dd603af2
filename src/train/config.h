/* SPDX-License-Identifier: MIT */
/* config.h: the configuration of a training run. The table of keys in config_keys.c gives the
 * section, name, type, default, range and meaning of each key. Reading, checking, printing,
 * completion and the documentation follow from it. */
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

/* inih holds a line of 200 bytes with its end. Longer lines are refused, never cut. */
#define RMX_CONFIG_LINE 199
#define RMX_CONFIG_KEYS_MAX 96
#define RMX_CONFIG_TOKENS_MAX 1024

/* The text of a value; shorter than a line. */
typedef char rmx_config_text[RMX_CONFIG_LINE + 1];

/* The section [synthetic]; rmx_config_synthetic_of makes the generator's struct of it. */
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
        rmx_config_text train, valid, test; /* "": generated, or none */
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
        /* NaN stands for auto: the value of the optimiser; for the tables, that of the others */
        double momentum, beta1, beta2, eps, initial_sum;
        double embedding_momentum, embedding_beta1, embedding_beta2, embedding_eps,
            embedding_initial_sum;
        int32_t schedule; /* rmx_schedule_kind */
        int64_t warmup;
        double weight_decay, clip;
        int32_t precision; /* 0: fp32 */
        int64_t log_every, eval_every, save_every, keep;
    } train;

    /* [tokenizer] t0, t1, ...: the fields of each token as written; NULL: not given. */
    char *group[RMX_CONFIG_TOKENS_MAX];

    /* Where each value comes from, for messages: a line of the file, -1: --set, 0: the default. */
    int32_t group_line[RMX_CONFIG_TOKENS_MAX];
    int32_t line[RMX_CONFIG_KEYS_MAX]; /* in the order of the table */
} rmx_config;

/* Reads `path`, applies sets[0 .. count-1], each "section.key=value", and checks the result. These
 * are refused with file:line (or --set) and a way to mend them: a file that cannot be read or is
 * over 1 MiB, lines over RMX_CONFIG_LINE bytes, control bytes, continuation lines, text before the
 * first section, a line without '=', unknown sections and keys, repeated keys, values of the wrong
 * type or out of range, and keys that contradict each other. Returns RMX_OK; RMX_ERR_ARGUMENT;
 * RMX_ERR_MEMORY. On failure *out is empty. */
RMX_NODISCARD rmx_status rmx_config_read(const char *path, const char *const *sets, int32_t count,
                                         rmx_config *out, rmx_error *error);
/* The same for a text in memory. name stands for the file in messages. */
RMX_NODISCARD rmx_status rmx_config_parse(const char *name, const char *text, size_t bytes,
                                          const char *const *sets, int32_t count, rmx_config *out,
                                          rmx_error *error);
/* Frees what the config holds. A zeroed config is allowed. */
void rmx_config_destroy(rmx_config *config);

/* Replaces auto where its value follows from the config alone: the settings of the optimisers and
 * the number of heads. A setting that no optimiser reads stays auto. Given values stay, so the
 * result computes the same numbers. *out borrows from config and is not destroyed. */
void rmx_config_resolve(const rmx_config *config, rmx_config *out);
/* Writes the complete, resolved config, with comments or without. It reads back as the same values.
 * Values that depend on the machine or the data stay as written: device, threads, micro_batch,
 * steps. */
void rmx_config_print(const rmx_config *config, bool comments, FILE *out);
/* Writes the table of keys in Markdown. A test compares it with docs/training.md. */
void rmx_config_print_keys(FILE *out);
/* Returns the text of rmx_config_print, which the caller frees, or NULL: out of memory. */
char *rmx_config_to_text(const rmx_config *config, bool comments);

/* Writes into text, separated by ", ", the keys whose resolved values differ and change what is
 * computed: "train.lr (0.1, was 0.2)". Returns how many. */
int32_t rmx_config_differences(const rmx_config *was, const rmx_config *is, char *text,
                               size_t bytes);
rmx_synthetic_config rmx_config_synthetic_of(const rmx_config *config);
/* Writes where the value of a key comes from: "FILE:LINE", "--set" or "FILE". */
void rmx_config_where(const rmx_config *config, const char *section, const char *name, char *out,
                      size_t bytes);

#endif /* RMX_TRAIN_CONFIG_H */
