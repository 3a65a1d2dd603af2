/* SPDX-License-Identifier: MIT */
/* fingerprint.c: one number that stands for a dataset's content.
 *
 *   rows hash    XXH3-64 of each array's little-endian bytes, row after row
 *   schema hash  XXH3-64 over 8-byte words: what there is, the encoding hash, task names, keys
 *   fingerprint  XXH3-64 of {schema hash, the six rows hashes (of no bytes where absent), rows}
 *
 * Neither blocks nor the source nor the way of writing matter: equal content has an equal
 * fingerprint. */
#include <string.h>
#include <xxhash.h>

#include "data/dataset_file.h"

static uint64_t chain_text(uint64_t hash, const char *text)
{
    const uint64_t words[2] = {hash, XXH3_64bits(text, strlen(text))};
    return XXH3_64bits(words, sizeof words);
}

uint64_t rmx_schema_hash(const rmx_schema *schema)
{
    uint64_t ceiling = 0; /* any NaN counts as unknown */
    if (schema->ceiling_auc == schema->ceiling_auc)
        memcpy(&ceiling, &schema->ceiling_auc, sizeof ceiling);
    const uint64_t words[9] = {(uint64_t)schema->sparse_fields,
                               (uint64_t)schema->dense_fields,
                               (uint64_t)schema->tasks,
                               schema->has_label,
                               schema->has_group,
                               schema->has_row,
                               (uint64_t)schema->text_columns,
                               ceiling,
                               rmx_schema_encoding_hash(schema)};
    uint64_t hash = XXH3_64bits(words, sizeof words);
    for (int32_t i = 0; i < schema->tasks; i++) hash = chain_text(hash, schema->task_names[i]);
    for (int32_t i = 0; i < schema->text_columns; i++)
        hash = chain_text(hash, schema->text_names[i]);
    return hash;
}

uint64_t rmx_fingerprint(uint64_t schema_hash, const uint64_t rows_hash[RMX_SETS], int64_t rows)
{
    uint64_t words[2 + RMX_SETS];
    words[0] = schema_hash;
    memcpy(&words[1], rows_hash, RMX_SETS * sizeof *rows_hash);
    words[1 + RMX_SETS] = (uint64_t)rows;
    return XXH3_64bits(words, sizeof words);
}
