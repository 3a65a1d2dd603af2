/* SPDX-License-Identifier: MIT */
/* model_setup.c: see model_setup.h. */
#include "train/model_setup.h"

#include <stdlib.h>
#include <string.h>

#include "data/edit_distance.h"
#include "train/config_optimizers.h"

/* ---- tokens ------------------------------------------------------------------------------- */

/* Suggests the field whose name is nearest to a misspelt one. */
static void suggest_field(const rmx_schema *schema, const char *name, char *hint, size_t bytes)
{
    int32_t best = (int32_t)strlen(name) / 3 + 1;
    hint[0] = '\0';
    for (int32_t f = 0; f < schema->sparse_fields + schema->dense_fields; f++) {
        const int32_t distance = rmx_edit_distance(name, schema->names[f]);
        if (distance > best) continue;
        best = distance - 1;
        snprintf(hint, bytes, "; did you mean '%s'?", schema->names[f]);
    }
}

/* Places one field of a line. token_of_field holds -1 where a field has no token yet. */
static rmx_status place_field(const rmx_config *config, const rmx_schema *schema, int32_t token,
                              const char *name, int32_t *token_of_field, rmx_error *error)
{
    char where[256], key[16], hint[192];
    snprintf(key, sizeof key, "t%d", token);
    rmx_config_where(config, "tokenizer", key, where, sizeof where);
    const int32_t field = rmx_schema_find(schema, name);
    if (field < 0) {
        suggest_field(schema, name, hint, sizeof hint);
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%s: tokenizer.t%d: the data has no field '%s'%s",
                        where, token, name, hint);
    }
    if (token_of_field[field] >= 0)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "%s: tokenizer.t%d: field '%s' is already in t%d; a field has one token",
                        where, token, name, token_of_field[field]);
    token_of_field[field] = token;
    return RMX_OK;
}

static rmx_status place_line(const rmx_config *config, const rmx_schema *schema, int32_t token,
                             int32_t *token_of_field, rmx_error *error)
{
    const char *at = config->group[token];
    for (;;) {
        rmx_config_text name;
        at += strspn(at, " \t");
        size_t length = strcspn(at, ",");
        const char *next = at + length;
        while (length && (at[length - 1] == ' ' || at[length - 1] == '\t')) length--;
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        const rmx_status status = place_field(config, schema, token, name, token_of_field, error);
        if (status != RMX_OK || !*next) return status;
        at = next + 1;
    }
}

static rmx_status place_all(const rmx_config *config, const rmx_schema *schema,
                            int32_t *token_of_field, rmx_error *error)
{
    const int32_t fields = schema->sparse_fields + schema->dense_fields;
    char where[256];
    for (int32_t f = 0; f < fields; f++) token_of_field[f] = -1;
    for (int32_t t = 0; t < (int32_t)config->model.tokens; t++) {
        const rmx_status status = place_line(config, schema, t, token_of_field, error);
        if (status != RMX_OK) return status;
    }
    rmx_config_where(config, "model", "tokenizer", where, sizeof where);
    for (int32_t f = 0; f < fields; f++)
        if (token_of_field[f] < 0)
            return rmx_fail(error, RMX_ERR_ARGUMENT,
                            "%s: field '%s' of the data is in no token; add it to a line of "
                            "[tokenizer]",
                            where, schema->names[f]);
    return RMX_OK;
}

int32_t rmx_model_setup_cut_fields(const rmx_model_setup *setup, int32_t *field)
{
    const rmx_model_config *m = &setup->model;
    const int64_t width = m->embedding_width;
    const int64_t columns = m->sparse_fields * width + m->dense_fields;
    const int64_t slice = (columns + m->tokens - 1) / m->tokens;
    int32_t count = 0;
    *field = -1;
    if (slice * (m->tokens - 1) >= columns) return 0; /* whole fields are dealt to the tokens */
    for (int32_t f = 0; !setup->token_of_field && f < m->sparse_fields; f++) {
        if (f * width / slice == ((f + 1) * width - 1) / slice) continue;
        if (*field < 0) *field = f;
        count++;
    }
    return count;
}

/* ---- the model ------------------------------------------------------------------------------- */

rmx_status rmx_model_setup_make(const rmx_config *config, const rmx_schema *schema,
                                rmx_model_setup *out, rmx_error *error)
{
    const int32_t fields = schema->sparse_fields + schema->dense_fields;
    rmx_config resolved;
    rmx_config_resolve(config, &resolved);
    memset(out, 0, sizeof *out);
    out->unknown = calloc((size_t)schema->sparse_fields + 1, sizeof *out->unknown);
    if (!out->unknown) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    for (int32_t f = 0; f < schema->sparse_fields; f++)
        out->unknown[f] = schema->encoding[f].unknown;
    if (config->model.tokenizer) {
        out->token_of_field = malloc(((size_t)fields + 1) * sizeof(int32_t));
        const rmx_status status = out->token_of_field
                                      ? place_all(config, schema, out->token_of_field, error)
                                      : rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
        if (status != RMX_OK) {
            rmx_model_setup_free(out);
            return status;
        }
    }
    out->model = (rmx_model_config){
        .tokens = (int32_t)config->model.tokens,
        .width = (int32_t)config->model.width,
        .heads = (int32_t)config->model.heads,
        .layers = (int32_t)config->model.layers,
        .expansion = (int32_t)config->model.expansion,
        .mixer = (rmx_mixer)config->model.mixer,
        .ffn = (rmx_feed_forward_kind)config->model.ffn,
        .norm_place = (rmx_norm_place)config->model.norm,
        .activation = config->model.gelu ? RMX_ACTIVATION_GELU_TANH : RMX_ACTIVATION_GELU_ERF,
        .dropout = (float)config->model.dropout,
        .embedding_width = (int32_t)config->model.embedding_width,
        .sparse_fields = schema->sparse_fields,
        .vocabulary = schema->vocabulary,
        .unknown = out->unknown,
        .dense_fields = schema->dense_fields,
        .field_names = (const char *const *)schema->names,
        .token_of_field = out->token_of_field,
        .tasks = schema->tasks,
        .batch = config->train.batch,
        .micro_batch = config->train.micro_batch,
        .seed = (uint64_t)config->run.seed,
    };
    out->training = (rmx_model_training){
        .dense = rmx_config_optimizer(&resolved, false),
        .embedding = rmx_config_optimizer(&resolved, true),
        .clip = (float)config->train.clip,
    };
    return RMX_OK;
}

void rmx_model_setup_free(rmx_model_setup *setup)
{
    free(setup->token_of_field);
    free(setup->unknown);
    memset(setup, 0, sizeof *setup);
}
