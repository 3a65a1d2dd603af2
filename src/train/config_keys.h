/* SPDX-License-Identifier: MIT */
/* config_keys.h: the table from which everything about the config is derived. */
#ifndef RMX_TRAIN_CONFIG_KEYS_H
#define RMX_TRAIN_CONFIG_KEYS_H

#include "train/config.h"

typedef enum rmx_key_type {
    RMX_KEY_TEXT,  /* rmx_config_text */
    RMX_KEY_INT,   /* int64_t within [low, high] */
    RMX_KEY_REAL,  /* double within [low, high]; "auto" (NaN) where the default is auto */
    RMX_KEY_CHOICE /* int32_t, the place of the word in choices, "a|b|c" */
} rmx_key_type;

typedef struct rmx_key {
    const char *section, *name;
    size_t offset; /* in rmx_config */
    rmx_key_type type;
    const char *standard; /* the default, as it would be written */
    double low, high;
    const char *choices; /* an empty word: its place is not to be chosen */
    bool free;           /* may differ when a run is resumed: no effect on the parameters' bits */
    const char *help;    /* one line */
} rmx_key;

extern const rmx_key rmx_keys[];
extern const int32_t rmx_key_count;

typedef struct rmx_section {
    const char *name, *help;
} rmx_section;
extern const rmx_section rmx_sections[];
extern const int32_t rmx_section_count;

const rmx_key *rmx_key_find(const char *section, const char *name);
bool rmx_section_known(const char *name);
/* The place of `name` in a choice list "a|b|c", or -1. */
int32_t rmx_choice_place(const char *choices, const char *name);

/* The value as it would be written. */
void rmx_key_format(const rmx_key *key, const rmx_config *config, rmx_config_text out);
/* "0 .. 64", "token | attention | none", "text". */
void rmx_key_values(const rmx_key *key, char *out, size_t bytes);

/* "; did you mean 'x'?", or another hint, or "", into text; section NULL: name is a section. */
void rmx_key_suggest(const char *section, const char *name, char *text, size_t bytes);
/* "; train.embedding_optimizer takes it" where another key does, or "", into text. */
void rmx_choice_suggest(const rmx_key *key, const char *word, char *text, size_t bytes);

#endif /* RMX_TRAIN_CONFIG_KEYS_H */
