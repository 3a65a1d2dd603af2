/* SPDX-License-Identifier: MIT */
/* model_setup.h: the model and its training that a config and the schema of the data ask for. */
#ifndef RMX_TRAIN_MODEL_SETUP_H
#define RMX_TRAIN_MODEL_SETUP_H

#include "data/schema.h"
#include "rankmixer/model.h"
#include "train/config.h"

typedef struct rmx_model_setup {
    rmx_model_config model; /* borrows names and vocabularies from the schema */
    rmx_model_training training;
    int32_t *token_of_field; /* NULL: auto */
    bool *unknown;           /* [sparse_fields], from the encodings */
} rmx_model_setup;

/* Resolves [tokenizer]: every field in exactly one token. RMX_ERR_ARGUMENT names the line and
 * the field that is unknown (did you mean), used twice or left out. The schema has to outlive
 * *out, which rmx_model_setup_free frees. */
RMX_NODISCARD rmx_status rmx_model_setup_make(const rmx_config *config, const rmx_schema *schema,
                                              rmx_model_setup *out, rmx_error *error);
void rmx_model_setup_free(rmx_model_setup *setup);

/* With tokenizer = auto: how many fields lie in two tokens or more; the first into *field
 * (-1: none). */
int32_t rmx_model_setup_cut_fields(const rmx_model_setup *setup, int32_t *field);

#endif /* RMX_TRAIN_MODEL_SETUP_H */
