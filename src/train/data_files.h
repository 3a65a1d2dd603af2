/* SPDX-License-Identifier: MIT */
/* data_files.h: the files that a run reads: those of [data], or generated ones. */
#ifndef RMX_TRAIN_DATA_FILES_H
#define RMX_TRAIN_DATA_FILES_H

#include "data/schema.h"
#include "train/config.h"
#include "train/describe.h"

typedef struct rmx_data_files {
    bool synthetic;
    char train[4300], valid[4300], test[4300]; /* "": none */
} rmx_data_files;

/* Names the files and reads the schema from the training file or from [synthetic]; writes nothing.
 * A given path that is no readable data set is RMX_ERR_DATA with its place in the config. Generated
 * files are in DIR/data. Their names hold a checksum of [synthetic], so a changed section makes new
 * files and never uses others. */
RMX_NODISCARD rmx_status rmx_data_files_find(const rmx_config *config, rmx_data_files *out,
                                             rmx_schema *schema, rmx_error *error);
/* Generates the files that are missing. Also returns RMX_OK after a stop signal: see
 * rmx_stop_requested. */
RMX_NODISCARD rmx_status rmx_data_files_make(const rmx_config *config, const rmx_data_files *files,
                                             rmx_progress *progress, rmx_error *error);
/* Whether rmx_data_files_make gives such a name to a file in DIR/data. */
bool rmx_data_files_made(const char *name);

#endif /* RMX_TRAIN_DATA_FILES_H */
