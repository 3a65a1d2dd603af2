/* SPDX-License-Identifier: MIT */
/* fingerprint.c: one number that stands for a dataset's content.
 *
 *   rows hash    XXH3-64 of each dataset's little-endian bytes, row after row
 *   schema hash  XXH3-64 of counts, vocabularies, names, texts and ceiling, written one after
 *                another, numbers as 8 little-endian bytes, texts with their final zero
 *   fingerprint  XXH3-64 of {schema hash, the four rows hashes (of no bytes where absent), rows}
 *
 * Neither chunks nor the way of writing matter: equal content has an equal fingerprint. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/dataset_file.h"

struct rmx_rows_hash {
    XXH3_state_t *state[RMX_SETS];
};

rmx_status rmx_rows_hash_create(rmx_rows_hash **out, rmx_error *error)
{
    *out = calloc(1, sizeof **out);
    bool good = *out != NULL;
    for (int set = 0; set < RMX_SETS && good; set++) {
        (*out)->state[set] = XXH3_createState();
        good = (*out)->state[set] && XXH3_64bits_reset((*out)->state[set]) == XXH_OK;
    }
    if (good) return RMX_OK;
    rmx_rows_hash_destroy(*out);
    *out = NULL;
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a checksum");
}

void rmx_rows_hash_destroy(rmx_rows_hash *hash)
{
    if (!hash) return;
    for (int set = 0; set < RMX_SETS; set++) XXH3_freeState(hash->state[set]);
    free(hash);
}

void rmx_rows_hash_add(rmx_rows_hash *hash, const rmx_schema *schema, const rmx_rows *rows,
                       int64_t count)
{
    for (int set = 0; set < RMX_SETS; set++) {
        const int64_t bytes = rmx_set_columns(schema, set) * rmx_set_value_bytes(set) * count;
        if (bytes > 0)
            (void)XXH3_64bits_update(hash->state[set], rmx_rows_pointer(rows, set), (size_t)bytes);
    }
}

void rmx_rows_hash_read(const rmx_rows_hash *hash, uint64_t out[RMX_SETS])
{
    for (int set = 0; set < RMX_SETS; set++) out[set] = XXH3_64bits_digest(hash->state[set]);
}

static void add_number(XXH3_state_t *state, uint64_t value)
{
    (void)XXH3_64bits_update(state, &value, sizeof value);
}

static void add_text(XXH3_state_t *state, const char *text)
{
    (void)XXH3_64bits_update(state, text, strlen(text) + 1);
}

rmx_status rmx_schema_hash(const rmx_schema *schema, uint64_t *out, rmx_error *error)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_64bits_reset(state) != XXH_OK) {
        XXH3_freeState(state);
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a checksum");
    }
    add_number(state, (uint64_t)schema->sparse_fields);
    add_number(state, (uint64_t)schema->dense_fields);
    add_number(state, (uint64_t)schema->tasks);
    add_number(state, schema->has_group ? 1 : 0);
    for (int32_t f = 0; f < schema->sparse_fields; f++)
        add_number(state, (uint64_t)schema->vocabulary[f]);
    for (int32_t i = 0; i < schema->sparse_fields + schema->dense_fields; i++)
        add_text(state, schema->names[i]);
    for (int32_t i = 0; i < schema->tasks; i++) add_text(state, schema->task_names[i]);
    add_text(state, schema->transform);
    add_text(state, schema->source);
    uint64_t ceiling = 0; /* any NaN counts as unknown */
    if (schema->ceiling_auc == schema->ceiling_auc)
        memcpy(&ceiling, &schema->ceiling_auc, sizeof ceiling);
    add_number(state, ceiling);
    *out = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return RMX_OK;
}

uint64_t rmx_fingerprint(uint64_t schema_hash, const uint64_t rows_hash[RMX_SETS], int64_t rows)
{
    uint64_t words[2 + RMX_SETS];
    words[0] = schema_hash;
    memcpy(&words[1], rows_hash, RMX_SETS * sizeof *rows_hash);
    words[1 + RMX_SETS] = (uint64_t)rows;
    return XXH3_64bits(words, sizeof words);
}
