/* SPDX-License-Identifier: MIT */
/* config_suggest.c: suggests the key, section or value that a person may have meant. */
#include <string.h>

#include "data/edit_distance.h"
#include "train/config_keys.h"

/* Whether the words differ by a typing error: one letter in three, and one at least. */
static bool near(const char *written, const char *known, int32_t *best)
{
    const size_t a = strlen(written), b = strlen(known);
    const int32_t length = (int32_t)(a < b ? a : b);
    const int32_t distance = rmx_edit_distance(written, known);
    if (distance > (length < 3 ? 1 : length / 3) || distance >= *best) return false;
    *best = distance;
    return true;
}

static void suggest_section(const char *name, char *text, size_t bytes)
{
    int32_t best = 1000;
    const char *found = NULL;
    for (int32_t i = 0; i < rmx_section_count; i++)
        if (near(name, rmx_sections[i].name, &best)) found = rmx_sections[i].name;
    if (found)
        snprintf(text, bytes, "; did you mean [%s]?", found);
    else
        snprintf(text, bytes, "; sections:");
    for (int32_t i = 0; !found && i < rmx_section_count; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, bytes - used, " [%s]", rmx_sections[i].name);
    }
}

void rmx_key_suggest(const char *section, const char *name, char *text, size_t bytes)
{
    int32_t best = 1000;
    const char *found = NULL, *longer = NULL, *elsewhere = NULL;
    text[0] = '\0';
    if (!section) {
        suggest_section(name, text, bytes);
        return;
    }
    for (int32_t i = 0; i < rmx_key_count; i++) {
        const rmx_key *key = &rmx_keys[i];
        if (!strcmp(key->section, section)) {
            if (near(name, key->name, &best)) found = key->name;
            if (!longer && strlen(name) > 2 && strstr(key->name, name)) longer = key->name;
        } else if (!strcmp(key->name, name))
            elsewhere = key->section;
    }
    if (!found) found = longer;
    if (elsewhere)
        snprintf(text, bytes, "; '%s' belongs to [%s]", name, elsewhere);
    else if (found)
        snprintf(text, bytes, "; did you mean '%s'?", found);
}

void rmx_choice_suggest(const rmx_key *key, const char *word, char *text, size_t bytes)
{
    text[0] = '\0';
    for (int32_t i = 0; i < rmx_key_count; i++) {
        const rmx_key *other = &rmx_keys[i];
        if (other->type != RMX_KEY_CHOICE || strcmp(other->section, key->section)) continue;
        if (rmx_choice_place(other->choices, word) < 0) continue;
        snprintf(text, bytes, "; %s.%s takes it", other->section, other->name);
        return;
    }
}
