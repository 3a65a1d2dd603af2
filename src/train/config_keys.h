/* SPDX-License-Identifier: MIT */
/* config_keys.h: the table of keys. */
#ifndef RMX_TRAIN_CONFIG_KEYS_H
#define RMX_TRAIN_CONFIG_KEYS_H

#include "train/config.h"

typedef enum rmx_key_type {
    RMX_KEY_TEXT,  /* rmx_config_text */
    RMX_KEY_INT,   /* int64_t within [low, high] */
    RMX_KEY_REAL,  /* double within [low, high]; "auto" (NaN) where the default is auto */
    RMX_KEY_CHOICE /* int32_t: the index of the word in choices, "a|b|c" */
} rmx_key_type;

typedef struct rmx_key {
    const char *section, *name;
    size_t offset; /* in rmx_config */
    rmx_key_type type;
    const char *standard; /* the default, as written in a config */
    double low, high;
    const char *choices; /* an empty word: its index is not a choice */
    bool free;        /* may differ when a run resumes: the parameters' bits do not depend on it */
    const char *help; /* one line */
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
/* The index of `name` in the choices "a|b|c", or -1. */
int32_t rmx_choice_place(const char *choices, const char *name);

/* Writes the value as it is written in a config. */
void rmx_key_format(const rmx_key *key, const rmx_config *config, rmx_config_text out);
/* Writes what the key accepts: "0 .. 64", "token | attention | none", "text". */
void rmx_key_values(const rmx_key *key, char *out, size_t bytes);

/* Writes "; did you mean 'x'?", another hint or "" into text. section NULL: name is a section. */
void rmx_key_suggest(const char *section, const char *name, char *text, size_t bytes);
/* Writes "; train.embedding_optimizer takes it" into text, or "" where no other key takes the
 * word. */
void rmx_choice_suggest(const rmx_key *key, const char *word, char *text, size_t bytes);

#endif /* RMX_TRAIN_CONFIG_KEYS_H */
