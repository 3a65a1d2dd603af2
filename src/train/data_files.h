/* SPDX-License-Identifier: MIT */
/* data_files.h: which files a run reads: those of [data], or synthetic ones made for it. */
#ifndef RMX_TRAIN_DATA_FILES_H
#define RMX_TRAIN_DATA_FILES_H

#include "data/schema.h"
#include "train/config.h"
#include "train/describe.h"

typedef struct rmx_data_files {
    bool synthetic;
    char train[4300], valid[4300], test[4300]; /* "": none */
} rmx_data_files;

/* Names the files and, without writing, learns the schema: from the training file, or from
 * [synthetic]. A path that is given but is no readable dataset is RMX_ERR_DATA with its place in
 * the config. Synthetic files lie in DIR/data, their names hold a checksum of [synthetic]: a
 * changed section makes new files and never reuses others. */
RMX_NODISCARD rmx_status rmx_data_files_find(const rmx_config *config, rmx_data_files *out,
                                             rmx_schema *schema, rmx_error *error);
/* Makes the synthetic files that are missing. RMX_OK also where a stop signal came: look at
 * rmx_stop_requested. */
RMX_NODISCARD rmx_status rmx_data_files_make(const rmx_config *config, const rmx_data_files *files,
                                             rmx_progress *progress, rmx_error *error);
/* Whether a file in DIR/data has a name that rmx_data_files_make gives. */
bool rmx_data_files_made(const char *name);

#endif /* RMX_TRAIN_DATA_FILES_H */
