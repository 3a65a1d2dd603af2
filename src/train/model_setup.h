/* SPDX-License-Identifier: MIT */
/* model_setup.h: the model and training that a config and the schema of the data describe. */
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

/* Fills *out. With [tokenizer] every field has to be in exactly one token: RMX_ERR_ARGUMENT names
 * the line and the field that is unknown, used twice or left out. The schema has to outlive *out.
 * Free it with rmx_model_setup_free. */
RMX_NODISCARD rmx_status rmx_model_setup_make(const rmx_config *config, const rmx_schema *schema,
                                              rmx_model_setup *out, rmx_error *error);
void rmx_model_setup_free(rmx_model_setup *setup);

/* With tokenizer = auto: the number of fields that are cut into two tokens or more. *field is the
 * first of them, or -1. */
int32_t rmx_model_setup_cut_fields(const rmx_model_setup *setup, int32_t *field);

#endif /* RMX_TRAIN_MODEL_SETUP_H */
