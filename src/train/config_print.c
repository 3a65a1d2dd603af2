/* SPDX-License-Identifier: MIT */
/* config_print.c: writes a config as text, replaces auto by numbers, and compares two configs. */
#include <stdlib.h>
#include <string.h>

#include "rankmixer/model.h"
#include "train/config_keys.h"
#include "train/config_optimizers.h"

void rmx_config_resolve(const rmx_config *config, rmx_config *out)
{
    *out = *config;
    rmx_config_resolve_optimizers(out);
    if (!out->model.heads && out->model.mixer != RMX_MIXER_NONE)
        out->model.heads = out->model.tokens;
}

static void print_groups(const rmx_config *config, FILE *out)
{
    for (int32_t t = 0; t < RMX_CONFIG_TOKENS_MAX; t++)
        if (config->group[t]) fprintf(out, "t%d = %s\n", t, config->group[t]);
}

void rmx_config_print(const rmx_config *given, bool comments, FILE *out)
{
    rmx_config resolved;
    rmx_config_resolve(given, &resolved);
    const rmx_config *config = &resolved;
    for (int32_t s = 0; s < rmx_section_count; s++) {
        const rmx_section *section = &rmx_sections[s];
        fprintf(out, "%s[%s]", s ? "\n" : "", section->name);
        fprintf(out, comments ? " ; %s\n" : "\n", section->help);
        if (!strcmp(section->name, "tokenizer")) print_groups(config, out);
        for (int32_t i = 0; i < rmx_key_count; i++) {
            const rmx_key *key = &rmx_keys[i];
            rmx_config_text value;
            char values[128];
            if (strcmp(key->section, section->name)) continue;
            rmx_key_format(key, config, value);
            rmx_key_values(key, values, sizeof values);
            if (comments) fprintf(out, "; %s [%s]\n", key->help, values);
            fprintf(out, "%s =%s%s\n", key->name, *value ? " " : "", value);
        }
    }
}

void rmx_config_print_keys(FILE *out)
{
    fputs("| key | values | default | meaning |\n|---|---|---|---|\n", out);
    for (int32_t i = 0; i < rmx_key_count; i++) {
        const rmx_key *key = &rmx_keys[i];
        char values[128];
        rmx_key_values(key, values, sizeof values);
        fprintf(out, "| `%s.%s` | ", key->section, key->name);
        for (const char *c = values; *c; c++) fprintf(out, *c == '|' ? "\\|" : "%c", *c);
        fprintf(out, " | %s | %s |\n", *key->standard ? key->standard : "(empty)", key->help);
    }
}

char *rmx_config_to_text(const rmx_config *config, bool comments)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    rmx_config_print(config, comments, out);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

static void add_difference(char *text, size_t bytes, int32_t *found, const char *name,
                           const char *is, const char *was)
{
    const size_t used = strlen(text);
    snprintf(text + used, bytes - used, "%s%s (%s, was %s)", *found ? ", " : "", name,
             *is ? is : "empty", *was ? was : "empty");
    ++*found;
}

/* Heads that follow the tokens differ whenever the tokens do; the tokens are reported already. */
static bool follows_tokens(const rmx_key *key, const rmx_config *was, const rmx_config *is)
{
    return key->offset == offsetof(rmx_config, model.heads) &&
           was->model.heads == was->model.tokens && is->model.heads == is->model.tokens;
}

int32_t rmx_config_differences(const rmx_config *before, const rmx_config *now_given, char *text,
                               size_t bytes)
{
    rmx_config resolved[2];
    int32_t found = 0;
    char name[64];
    rmx_config_resolve(before, &resolved[0]);
    rmx_config_resolve(now_given, &resolved[1]);
    const rmx_config *was = &resolved[0], *is = &resolved[1];
    text[0] = '\0';
    for (int32_t i = 0; i < rmx_key_count; i++) {
        const rmx_key *key = &rmx_keys[i];
        rmx_config_text old, now;
        if (key->free || (!strcmp(key->section, "synthetic") && is->data.train[0]) ||
            follows_tokens(key, was, is))
            continue;
        rmx_key_format(key, was, old);
        rmx_key_format(key, is, now);
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        if (strcmp(old, now)) add_difference(text, bytes, &found, name, now, old);
    }
    for (int32_t t = 0; t < RMX_CONFIG_TOKENS_MAX; t++) {
        const char *old = was->group[t] ? was->group[t] : "";
        const char *now = is->group[t] ? is->group[t] : "";
        snprintf(name, sizeof name, "tokenizer.t%d", t);
        if (strcmp(old, now)) add_difference(text, bytes, &found, name, now, old);
    }
    return found;
}

rmx_synthetic_config rmx_config_synthetic_of(const rmx_config *config)
{
    const rmx_config_synthetic *s = &config->synthetic;
    return (rmx_synthetic_config){
        .seed = (uint64_t)s->seed,
        .rows_train = s->rows_train,
        .rows_valid = s->rows_valid,
        .rows_test = s->rows_test,
        .sparse_fields = (int32_t)s->sparse_fields,
        .dense_fields = (int32_t)s->dense_fields,
        .vocabulary = s->vocabulary,
        .groups = s->groups,
        .zipf = s->zipf,
        .base_rate = s->base_rate,
        .strength = s->strength,
        .noise = s->noise,
    };
}
